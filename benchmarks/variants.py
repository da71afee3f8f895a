"""Two builds of LongLens alternating on one machine: the speed of each row of a `longlens bench`, and their ratio.

Called by `variants`, which builds the two. The ratio is the median over the rounds, the spread that of the ratios. With
--name writes results/variants-DATE-MACHINE-NAME.json.
"""

import argparse
import json
import statistics
import sys

from common import output_of, save, stamp


def run(program, arguments):
    report = json.loads(output_of([program, "bench", *arguments, "--json", "--quiet"]))
    rows = {}
    for row in report["rows"]:
        name = f"{row['kernel']} {row['shape']}" if "kernel" in row else f"context {row['context']}"
        rows[name] = row["gflops"]
    return report["machine"], rows


def summary(before, after):
    ratios = [b / a for a, b in zip(before, after)]
    return {
        "before": round(statistics.median(before), 1),
        "after": round(statistics.median(after), 1),
        "ratio": round(statistics.median(ratios), 4),
        "spread": round((max(ratios) - min(ratios)) / statistics.median(ratios), 4),
    }


def main():
    own, _, arguments = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True)
    parser.add_argument("--after", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--name")
    options = parser.parse_args(own.split())
    arguments = arguments.split()
    if not arguments:
        parser.error("what to measure comes after --, such as: -- train --shape smollm2-135m --context 1k")
    before, after, machine = {}, {}, None
    for _ in range(options.rounds):
        for program, speeds in ((options.before, before), (options.after, after)):
            machine, rows = run(program, arguments)
            for name, speed in rows.items():
                speeds.setdefault(name, []).append(speed)
    table = {name: summary(before[name], after[name]) for name in after if name in before}
    print("| row | before, GFLOP/s | after | ratio | spread of the ratio |")
    print("|---|---|---|---|---|")
    for name, row in table.items():
        print(f"| {name} | {row['before']} | {row['after']} | {row['ratio']:.3f} | {row['spread']:.1%} |")
    if options.name:
        results = stamp() | {
            "before": options.commit, "rounds": options.rounds, "arguments": arguments, "machine": machine, "rows": table,
        }  # fmt: skip
        save("variants", results, options.name)


main()
