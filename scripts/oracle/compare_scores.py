"""How far two score files of the same tokens are apart.

PYTHON compare_scores.py A.jsonl B.jsonl [--limit X]      exit status 1 when the largest difference exceeds X
"""

import argparse
import json
import sys


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--limit", type=float, help="largest absolute difference that is accepted")
    options = parser.parse_args()
    first, second = rows(options.a), rows(options.b)
    if len(first) != len(second) or not first:
        sys.exit(f"{options.a} has {len(first)} rows, {options.b} has {len(second)}")
    largest = total = signed = 0.0
    sums, count, place = [0.0, 0.0], 0, None
    for number, (a, b) in enumerate(zip(first, second)):
        if a["tokens"] != b["tokens"]:
            pairs = list(zip(a["tokens"], b["tokens"]))
            where = next((i for i, (x, y) in enumerate(pairs) if x != y), len(pairs))
            sys.exit(f"row {number}: the tokens differ from index {where} on ({len(a['tokens'])} and {len(b['tokens'])} tokens)")
        for name, row in ((options.a, a), (options.b, b)):
            if len(row["nll"]) != len(row["tokens"]) - 1:
                sys.exit(f"{name}, row {number}: {len(row['nll'])} losses for {len(row['tokens'])} tokens, expected one fewer")
        for i, (x, y) in enumerate(zip(a["nll"], b["nll"])):
            if not abs(x - y) <= largest:  # also catches NaN
                largest, place = abs(x - y), (number, i, x, y)
            total, signed, count = total + abs(x - y), signed + (x - y), count + 1
            sums = [sums[0] + x, sums[1] + y]
    print(f"losses {count}, mean A {sums[0] / count:.7f}, mean B {sums[1] / count:.7f}, mean A - B {signed / count:+.3e}")
    print(f"absolute difference: mean {total / count:.3e}, max {largest:.3e}" + (
        f" at row {place[0]}, loss {place[1]}: {place[2]:.7f} and {place[3]:.7f}" if place else ""))  # fmt: skip
    if options.limit is not None and not largest <= options.limit:
        sys.exit(1)


if __name__ == "__main__":
    main()
