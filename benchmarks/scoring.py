"""Scoring of LongLens, llama.cpp and ik_llama.cpp on the same GGUF files and machine, alternating.

Called by `scoring`, which builds what it needs. LongLens gives the loss of every token of a context (`bench score`); the
peers' `llama-perplexity` that of the second half of each window, the least it can be asked for. A peer runs in each of its
settings in the first round, and in the fastest of them from then on. Each run is a process of its own: tokens per second
while it scores, peak resident memory. The mean loss of the text is LongLens's, as it computed and in fp32 of the same weights.
Writes results/scoring-DATE-MACHINE-MODEL.json for each model, and puts tables of the newest results into the README.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import readme
from common import output_of, save, stamp, summary, tokens

MEASURED_TOKENS = 4096  # at least, and at least two windows
LOSS_TOKENS = 8192
FLASH_ATTENTION = (["-fa", "on"], ["-fa", "off"])
SETTINGS = {
    "llama.cpp": FLASH_ATTENTION,
    "ik_llama.cpp": [[*flags, *repack] for flags in FLASH_ATTENTION for repack in ([], ["-rtr"])],  # repacked at load
}


def longlens(options, model, context):
    report = json.loads(output_of([
        *options.under, options.longlens, "bench", "score", "--model", model, "--context", str(context), "--threads",
        str(options.threads), "--quiet", "--json"]))  # fmt: skip
    return report["rows"][0], report["machine"]


def mean_loss(options, model, context, compute):
    report = json.loads(output_of([
        options.longlens, "evaluate", "--model", model, "--context", str(context), "--compute", compute, "--sequences",
        str(LOSS_TOKENS // context), "--threads", str(options.threads), "--quiet", "--json", options.text,
    ]))  # fmt: skip
    return report["loss"]


def perplexity(options, program, model, context, flags):
    """A run of a `llama-perplexity`: from the line that begins its windows to the one that ends them."""
    windows = max(2, MEASURED_TOKENS // context)
    command = [
        *options.under, "stdbuf", "-oL", program, "-m", model, "-f", options.text, "-c", str(context),
        "-b", str(context), "--chunks", str(windows), "-t", str(options.threads), *flags]  # fmt: skip
    print("+", " ".join(command), file=sys.stderr, flush=True)
    lines, begin, end, done = [], None, None, 0
    with tempfile.TemporaryDirectory() as folder:  # where it may leave its log
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"calculating perplexity over (\d+) chunks", line):
                begin, done = time.monotonic(), int(found[1])
            if "Final estimate" in line:
                end = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not begin or not end:
        sys.exit("llama-perplexity failed:\n" + "".join(lines[-20:]))
    return {"tokens_per_second": done * context / (end - begin), "peak_rss_bytes": usage.ru_maxrss * 1024}


def version(program):
    """Such as llama.cpp 0.5.0-dev (build 1, commit 0c1e570)."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return re.search(r"version: (.*)", said.stdout + said.stderr)[1]


def fastest(runs):
    return max(runs, key=lambda flags: runs[flags][0]["tokens_per_second"])


def compare(options, model, context):
    own, machine = [], None
    runs = {peer: {} for peer in options.peers}  # peer: flags: runs
    for number in range(options.rounds):
        for peer, program in options.peers.items():
            for flags in SETTINGS[peer] if number == 0 else [fastest(runs[peer]).split()]:
                run = perplexity(options, program, model, context, flags)
                runs[peer].setdefault(" ".join(flags), []).append(run)
        row, machine = longlens(options, model, context)
        own.append(row)
    peers = {}
    for peer, settings in runs.items():
        best = fastest(settings)
        peers[peer] = summary(settings[best]) | {"flags": best}
    shares = [row["peak_fraction"] for row in own]
    losses = {compute: round(mean_loss(options, model, context, compute), 6) for compute in ("auto", "f32")}
    return machine, {
        "context": context,
        "longlens": summary(own) | {"peak_fraction": round(statistics.median(shares), 4)},
        "peers": peers,
        "loss": losses,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", help="a text file of at least two windows")
    parser.add_argument("models", nargs="+", help="GGUF files")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--llama", required=True, help="the folder of llama.cpp's programs")
    parser.add_argument("--ik", help="the folder of ik_llama.cpp's programs")
    parser.add_argument("--contexts", default="512,2k,4k")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--under", default="", help="a command that each process runs under, such as `flock FILE`")
    options = parser.parse_args()
    options.under = options.under.split()
    options.text = os.path.abspath(options.text)
    folders = {"llama.cpp": options.llama, "ik_llama.cpp": options.ik}
    options.peers = {peer: os.path.abspath(folder) + "/llama-perplexity" for peer, folder in folders.items() if folder}
    shared = stamp() | {
        "rounds": options.rounds, "text": Path(options.text).name,
        "versions": {peer: version(program) for peer, program in options.peers.items()},
    }  # fmt: skip
    for model in map(os.path.abspath, options.models):
        results = shared | {"model": Path(model).stem, "contexts": []}
        for context in map(tokens, options.contexts.split(",")):
            results["machine"], row = compare(options, model, context)
            results["contexts"].append(row)
            save("scoring", results, results["model"])
        readme.update()
    print("\n\n".join(readme.scoring_tables(readme.newest("scoring", "model"))))


main()
