"""Puts the tables of the newest results of each machine into the README, between its two markers."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- begin: made by benchmarks/readme.py -->", "<!-- end -->"


def speed(side, rounds):
    spread = f" ± {side['spread'] / 2:.0%}" if rounds > 1 else ""
    return f"{side['tokens_per_second']:.0f}{spread}"


def training_table(results):
    machine, rounds = results["machine"], results["rounds"]
    how = f"medians of {rounds} alternating rounds" if rounds > 1 else "one round"
    lines = [
        f"{machine['machine']}, {machine['threads']} threads, {machine['instruction_set']}, multiply-add peak "
        f"{machine['peak_gflops']:.0f} GFLOP/s; PyTorch {results['torch']}; {results['date']}, commit {results['commit']}, "
        f"{how}:",
        "",
        "| context | LongLens tok/s | of peak | memory | PyTorch tok/s | memory | speed ratio | memory ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["contexts"]:
        own, peer = row["longlens"], row["pytorch"]
        lines.append(
            f"| {row['context']:,} | {speed(own, rounds)} | {row['peak_fraction']:.0%} "
            f"| {own['peak_rss_bytes'] / 1e9:.2f} GB | {speed(peer, rounds)} "
            f"| {peer['peak_rss_bytes'] / 1e9:.2f} GB | {row['ratio']:.2f}x "
            f"| {own['peak_rss_bytes'] / peer['peak_rss_bytes']:.2f} |"
        )
    return "\n".join(lines)


def update():
    newest = {}
    for path in sorted((HERE / "results").glob("training-*.json")):
        results = json.loads(path.read_text())
        newest[results["machine"]["machine"], results["machine"]["instruction_set"]] = results
    tables = "\n\n".join(training_table(results) for results in newest.values())
    before, rest = README.read_text().split(BEGIN)
    README.write_text(before + BEGIN + "\n" + tables + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    update()
