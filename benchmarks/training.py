"""Training steps of LongLens and PyTorch on the same model and machine, alternating: tokens per second and memory.

Called by `training`, which builds what it needs. Each round runs each side in a process of its own, so that the peak
resident memory is of that side and context alone. Writes results/training-DATE.json and prints a Markdown table of
medians.
"""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent


def json_output(command):
    print("+", " ".join(map(str, command)), file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def longlens(options, context):
    report = json.loads(json_output([
        options.longlens, "bench", "train", "--model", options.model, "--context", str(context), "--repeats", "2",
        "--threads", str(options.threads), "--quiet", "--json"]))  # fmt: skip
    return report["rows"][0], report["machine"]


def pytorch(options, context):
    lines = json_output([
        sys.executable, HERE.parent / "scripts/oracle/train_step.py", options.model, "--context", str(context),
        "--steps", "1", "--threads", str(options.threads)]).splitlines()  # fmt: skip
    return json.loads(lines[-1])


def summary(rows):
    speeds = [row["tokens_per_second"] for row in rows]
    return {
        "tokens_per_second": statistics.median(speeds),
        "spread": (max(speeds) - min(speeds)) / statistics.median(speeds),
        "peak_rss_bytes": max(row["peak_rss_bytes"] for row in rows),
    }


def table(results):
    print("| context | LongLens tok/s | of peak | memory | PyTorch tok/s | memory | ratio | memory ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for row in results["contexts"]:
        own, peer = row["longlens"], row["pytorch"]
        print(
            f"| {row['context']:,} | {own['tokens_per_second']:.0f} ± {own['spread'] / 2:.0%} | {row['peak_fraction']:.0%} "
            f"| {own['peak_rss_bytes'] / 1e9:.2f} GB | {peer['tokens_per_second']:.0f} ± {peer['spread'] / 2:.0%} "
            f"| {peer['peak_rss_bytes'] / 1e9:.2f} GB | {own['tokens_per_second'] / peer['tokens_per_second']:.1f}x "
            f"| {own['peak_rss_bytes'] / peer['peak_rss_bytes']:.2f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file or a Hugging Face folder")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--contexts", default="1024,4096")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, stdout=subprocess.PIPE, text=True)
    results = {
        "date": datetime.date.today().isoformat(), "commit": commit.stdout.strip(), "model": Path(options.model).name,
        "torch": version("torch"), "transformers": version("transformers"), "rounds": options.rounds, "contexts": [],
    }  # fmt: skip
    for context in map(int, options.contexts.split(",")):
        own, peer = [], []
        for _ in range(options.rounds):
            row, results["machine"] = longlens(options, context)
            own.append(row)
            peer.append(pytorch(options, context))
        results["contexts"].append({
            "context": context, "longlens": summary(own), "pytorch": summary(peer),
            "peak_fraction": statistics.median(row["peak_fraction"] for row in own),
        })  # fmt: skip
    path = HERE / "results" / f"training-{results['date']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"wrote {path}", file=sys.stderr)
    table(results)


main()
