"""Scoring of LongLens and llama.cpp on the same GGUF file and machine, alternating: tokens per second and memory.

Called by `scoring`, which builds both. LongLens gives the loss of every token of a context (`bench score`); llama.cpp's
`llama-perplexity` that of the second half of each window, the least it can be asked for, with flash attention or without,
whichever is faster. Each run is a process of its own.
Writes results/scoring-DATE-MACHINE-MODEL.json and puts the table into the README.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import readme
from common import output_of, save, stamp, summary, tokens

MEASURED_TOKENS = 4096


def longlens(options, context):
    report = json.loads(output_of([
        options.longlens, "bench", "score", "--model", options.model, "--context", str(context), "--threads",
        str(options.threads), "--quiet", "--json"]))  # fmt: skip
    return report["rows"][0], report["machine"]


def seconds_of(line):
    """llama.cpp's time stamps: minutes.seconds.milliseconds.microseconds since its start."""
    minutes, seconds, milli, micro = map(int, line.split()[0].split("."))
    return 60 * minutes + seconds + 1e-3 * milli + 1e-6 * micro


def llama(options, context):
    runs = [llama_once(options, context, flash_attention) for flash_attention in ("on", "off")]
    return max(runs, key=lambda run: run["tokens_per_second"])


def llama_once(options, context, flash_attention):
    windows = max(2, MEASURED_TOKENS // context)
    command = [
        options.llama + "/llama-perplexity", "-m", options.model, "-f", options.text, "-c", str(context), "-b",
        str(context), "--chunks", str(windows), "-t", str(options.threads), "-fa", flash_attention]  # fmt: skip
    print("+", " ".join(command), file=sys.stderr, flush=True)
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        lines = log.read().splitlines()
    begin = [line for line in lines if "calculating perplexity over" in line]
    end = [line for line in lines if "Final estimate" in line]
    if process.returncode != 0 or not begin or not end:
        sys.exit("llama-perplexity failed:\n" + "\n".join(lines[-20:]))
    done = int(re.search(r"over (\d+) chunks", begin[0])[1])
    return {
        "tokens_per_second": done * context / (seconds_of(end[0]) - seconds_of(begin[0])),
        "peak_rss_bytes": usage.ru_maxrss * 1024,
    }


def compare(options, context):
    own, peer, machine = [], [], None
    for _ in range(options.rounds):
        peer.append(llama(options, context))
        row, machine = longlens(options, context)
        own.append(row)
    return machine, {"context": context, "longlens": summary(own), "peer": summary(peer)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("text", help="a text file of at least two windows")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--llama", required=True, help="the folder of llama.cpp's programs")
    parser.add_argument("--contexts", default="512,4k")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    version = re.search(r"llama-cpp-[\d.]+\d", options.llama)
    model = Path(options.model).stem
    results = stamp() | {
        "model": model, "peer": version[0].replace("llama-cpp-", "llama.cpp of llama-cpp-python ") if version else "llama.cpp",
        "rounds": options.rounds, "contexts": [],
    }  # fmt: skip
    for context in map(tokens, options.contexts.split(",")):
        results["machine"], row = compare(options, context)
        results["contexts"].append(row)
        save("scoring", results, model)
    readme.update()
    print(readme.scoring_table(results))


main()
