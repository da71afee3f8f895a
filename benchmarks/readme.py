"""Puts the tables of the newest results of each machine into the README, between its two markers."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- begin: made by benchmarks/readme.py -->", "<!-- end -->"


def training_table(results):
    machine = results["machine"]
    lines = [
        f"{machine['machine']}, {machine['threads']} threads, {machine['instruction_set']}, multiply-add peak "
        f"{machine['peak_gflops']:.0f} GFLOP/s; PyTorch {results['torch']}; {results['date']}, commit {results['commit']}, "
        f"medians of {results['rounds']} alternating rounds:",
        "",
        "| context | LongLens tok/s | of peak | memory | PyTorch tok/s | memory | speed ratio | memory ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["contexts"]:
        own, peer = row["longlens"], row["pytorch"]
        lines.append(
            f"| {row['context']:,} | {own['tokens_per_second']:.0f} ± {own['spread'] / 2:.0%} | {row['peak_fraction']:.0%} "
            f"| {own['peak_rss_bytes'] / 1e9:.2f} GB | {peer['tokens_per_second']:.0f} ± {peer['spread'] / 2:.0%} "
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
