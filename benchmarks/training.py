"""Training steps of LongLens and PyTorch on the same model and machine, alternating: tokens per second and memory.

Called by `training`, which builds what it needs. Each round runs each side in a process of its own, so that the peak
resident memory is of that side and context alone. From 4,096 tokens up LongLens may take half of what PyTorch took.
Writes results/training-DATE-MACHINE.json and puts the table into the README.
"""

import argparse
import json
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

import readme
from common import HERE, output_of, save, stamp, summary, tokens

LIMITED_FROM = 4096
LONG_FROM = 8192  # steps of minutes: one is measured after the warm-up


def longlens(options, context, limit):
    limits = ["--memory-limit", str(limit)] if limit else []
    report = json.loads(output_of([
        options.longlens, "bench", "train", "--model", options.model, "--context", str(context), "--repeats",
        "2" if context < LONG_FROM else "1",
        "--threads", str(options.threads), "--quiet", "--json", *limits]))  # fmt: skip
    return report["rows"][0], report["machine"]


def pytorch(options, context):
    lines = output_of([
        sys.executable, HERE.parent / "scripts/oracle/train_step.py", options.model, "--context", str(context),
        "--steps", "1", "--threads", str(options.threads)]).splitlines()  # fmt: skip
    return json.loads(lines[-1])


def compare(options, context):
    own, peer, machine = [], [], None
    for _ in range(options.rounds):
        peer.append(pytorch(options, context))
        limit = peer[0]["peak_rss_bytes"] // 2 if context >= LIMITED_FROM else None
        row, machine = longlens(options, context, limit)
        own.append(row)
    ratios = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(own, peer)]
    return machine, {
        "context": context,
        "longlens": summary(own),
        "pytorch": summary(peer),
        "ratio": round(statistics.median(ratios), 3),
        "peak_fraction": round(statistics.median(row["peak_fraction"] for row in own), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file or a Hugging Face folder")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--contexts", default="1k,4k,8k,16k")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    results = stamp() | {
        "model": Path(options.model).name, "torch": version("torch"), "transformers": version("transformers"),
        "rounds": options.rounds, "contexts": [],
    }  # fmt: skip
    for context in map(tokens, options.contexts.split(",")):
        results["machine"], row = compare(options, context)
        results["contexts"].append(row)
        save("training", results)
    readme.update()
    print(readme.training_table(results))


main()
