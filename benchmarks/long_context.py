"""Training steps at long contexts within a memory limit: planned and measured memory, speed, share of the machine's peak.

Called by `long-context`, which builds what it needs. A step is a whole one of `longlens train`: forward, the model's own scorer,
dense weights, backward, update; its output goes to a temporary folder. Writes results/long-context-DATE-MACHINE.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from common import output_of, save, stamp, tokens


def run(options, context, limit, spills):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        spill = ["--spill-folder", folder] if spills else []
        plan = json.loads(output_of([
            options.longlens, "plan", "--model", options.model, "--context", context, "--memory-limit", limit, "--json", *spill]))  # fmt: skip
        command = [
            options.longlens, "train", "--model", options.model, "--data", options.text, "--context", context, "--output",
            f"{folder}/out", "--scheme", "dense:lambda=0.75", "--scorer", "self", "--rope-theta", "1000000", "--steps", "1",
            "--warmup", "0", "--memory-limit", limit, *spill]  # fmt: skip
        print("+", *command, file=sys.stderr, flush=True)
        said = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr
        print(said, file=sys.stderr, flush=True)
        step = json.loads(Path(folder, "out", "metrics.jsonl").read_text().splitlines()[0])
    return {
        "context": tokens(context), "memory_limit": limit, "policy": plan["recompute"], "planned_bytes": plan["bytes"],
        "disk_bytes": plan.get("disk_bytes", 0), "planned_seconds": plan.get("step_seconds"),
        "peak_rss_bytes": step["peak_rss_bytes"], "step_seconds": step["step_seconds"],
        "scorer_seconds": step["scorer_seconds"], "tokens_per_second": step["tokens_per_second"], "said": said.splitlines(),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("runs", nargs="*", default=["8k:3GB", "32k:4GB", "64k:5GB"])
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--folder", default="/var/tmp", help="on a disk, for outputs and what is spilled")
    options = parser.parse_args()
    bench = json.loads(output_of([
        options.longlens, "bench", "kernels", "--square", "512", "--repeats", "3", "--quiet", "--json"]))  # fmt: skip
    rows = []
    for item in options.runs:
        context, limit, *spills = item.split(":")
        rows.append(run(options, context, limit, bool(spills)))
        save("long-context", {**stamp(), "machine": bench["machine"], "model": Path(options.model).name, "rows": rows})


if __name__ == "__main__":
    main()
