"""Puts the tables of the newest results of each machine into the README, between its markers."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"


def speed(side, rounds):
    spread = f" ± {side['spread'] / 2:.0%}" if rounds > 1 else ""
    return f"{side['tokens_per_second']:.0f}{spread}"


def memory(side):
    return f"{side['peak_rss_bytes'] / 1e9:.2f} GB"


def heading(results, peer):
    machine, rounds = results["machine"], results["rounds"]
    how = f"medians of {rounds} alternating rounds" if rounds > 1 else "one round"
    return (
        f"{machine['machine']}, {machine['threads']} threads, {machine['instruction_set']}, multiply-add peak "
        f"{machine['peak_gflops']:.0f} GFLOP/s; {peer}; {results['date']}, commit {results['commit']}, {how}:"
    )


def table(columns, rows):
    cells = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def training_table(results):
    rounds = results["rounds"]
    rows = []
    for row in results["contexts"]:
        own, peer = row["longlens"], row["pytorch"]
        rows.append([
            f"{row['context']:,}", speed(own, rounds), f"{row['peak_fraction']:.0%}", memory(own), speed(peer, rounds),
            memory(peer), f"{row['ratio']:.2f}x", f"{own['peak_rss_bytes'] / peer['peak_rss_bytes']:.2f}"])  # fmt: skip
    columns = ["context", "LongLens tok/s", "of peak", "memory", "PyTorch tok/s", "memory", "speed ratio", "memory ratio"]
    return heading(results, f"PyTorch {results['torch']}") + "\n\n" + table(columns, rows)


def scoring_tables(found):
    """One table for all models of a machine that were measured at one commit on one day."""
    groups = {}
    for results in found:
        machine = results["machine"]
        key = machine["machine"], machine["instruction_set"], results["date"], results["commit"], results["rounds"]
        groups.setdefault(key, []).append(results)
    return map(scoring_table, groups.values())


def scoring_table(group):
    peers = list(dict.fromkeys(peer for results in group for row in results["contexts"] for peer in row["peers"]))
    columns = ["file", "context", "LongLens tok/s", "of peak", "memory", "loss", "in f32"]
    for peer in peers:
        columns += [f"{peer} tok/s", "ratio", "memory"]
    rows = []
    for results in group:
        for row in results["contexts"]:
            own, loss = row["longlens"], row.get("loss", {})
            share = f"{own['peak_fraction']:.0%}" if "peak_fraction" in own else ""
            cells = [results["model"], f"{row['context']:,}", speed(own, results["rounds"]), share, memory(own)]
            cells += [f"{loss[compute]:.4f}" if loss else "" for compute in ("auto", "f32")]
            for peer in peers:
                side = row["peers"].get(peer)
                ratio = f"{own['tokens_per_second'] / side['tokens_per_second']:.2f}x" if side else ""
                cells += [speed(side, results["rounds"]), ratio, memory(side)] if side else [""] * 3
            rows.append(cells)
    machine = group[0]["machine"]
    computed = f"LongLens in {machine['compute']}, "
    if machine["compute"] == "int8":
        computed += f"peak of products of bytes {machine['int8_peak_gops']:.0f} GOP/s, "
    versions = ", ".join(f"{peer} {text}" for peer, text in group[0]["versions"].items())
    return computed + heading(group[0], versions) + "\n\n" + table(columns, rows)


def newest(kind, *keys):
    """The last results of each machine and, in their order, of what else `keys` tell apart."""
    found = {}
    for path in sorted((HERE / "results").glob(kind + "-*.json")):
        results = json.loads(path.read_text())
        machine = results["machine"]
        found[machine["machine"], machine["instruction_set"], *(results[key] for key in keys)] = results
    return found.values()


def put(text, kind, tables):
    begin, end = f"<!-- begin: {kind}, made by benchmarks/readme.py -->", "<!-- end -->"
    before, rest = text.split(begin)
    return before + begin + "\n" + "\n\n".join(tables) + "\n" + end + rest.split(end, 1)[1]


def update():
    text = put(README.read_text(), "training", map(training_table, newest("training")))
    README.write_text(put(text, "scoring", scoring_tables(newest("scoring", "model"))))


if __name__ == "__main__":
    update()
