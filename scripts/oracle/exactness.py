"""How far the losses of quantized files are from those of their dequantized weights: LongLens in int8, and llama.cpp.

PYTHON exactness.py --longlens LONGLENS --text BOOK.txt --keep FOLDER MODEL.TYPE.gguf… [--only f32,int8,llama.cpp]
    [--table docs/scores.md]
The reference is `longlens score --compute f32` of the same file, which losses.py checks. Score lines go to
FOLDER/FILE.{f32,int8,llama.cpp}.jsonl and are used again where they are there: delete what is to be computed anew.
llama.cpp needs the two variables that llama_cpp_losses.py names; its attention is the exact one, with a cache in float32.
--table puts the result between the markers of a document. A side without lines shows no figures.
"""

import argparse
import os
import subprocess
import sys

from compare_scores import rows

SIDES = ("f32", "int8", "llama.cpp")
BEGIN, END = "<!-- begin: exactness, made by scripts/oracle/exactness.py -->", "<!-- end -->"


def lines_of(options, file, side):
    """Where the score lines of a side are; computes them where they are missing and asked for. None: not there."""
    stem = os.path.join(options.keep, os.path.basename(file).removesuffix(".gguf"))
    path = f"{stem}.{side}.jsonl"
    if os.path.exists(path):
        return path
    if side not in options.only:
        return None
    part = path + ".partial"
    if side == "llama.cpp":
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp_losses.py")
        command = [sys.executable, script, file, f"{stem}.f32.jsonl", "--threads", str(options.threads)]
    else:
        context = str(options.context)
        command = [
            options.longlens, "score", "--model", file, "--context", context, "--chunk", context, "--compute", side,
            "--threads", str(options.threads), "--quiet", options.text]  # fmt: skip
    print("+", " ".join([*options.under, *command]), file=sys.stderr, flush=True)
    with open(part, "w") as output:
        subprocess.run([*options.under, *command], check=True, stdout=output)
    os.replace(part, path)
    return path


def difference(path, reference):
    """Losses less the reference's: mean, mean of the absolute value, largest absolute value, and how many."""
    differences = []
    for a, b in zip(rows(path), rows(reference), strict=True):
        if a["tokens"] != b["tokens"]:
            sys.exit(f"{path} and {reference} are of different tokens")
        differences += [x - y for x, y in zip(a["nll"], b["nll"], strict=True)]
    sizes = [abs(value) for value in differences]
    return {
        "mean": sum(differences) / len(differences), "of a token": sum(sizes) / len(sizes), "at most": max(sizes),
        "losses": len(sizes),
    }  # fmt: skip


def mean(path):
    losses = [value for row in rows(path) for value in row["nll"]]
    return sum(losses) / len(losses)


def section(found, options):
    cells = [
        ["file", "mean loss, f32", "int8: mean", "of a token", "at most", "llama.cpp: mean", "of a token", "at most"],
        ["---"] * 8,
    ]
    for name, result in found.items():
        row = [name, f"{result['f32']:.4f}"]
        for side in SIDES[1:]:
            values = result.get(side)
            row += (
                [f"{values['mean']:+.4f}", f"{values['of a token']:.3f}", f"{values['at most']:.2f}"] if values else [""] * 3
            )
        cells.append(row)
    counts = {values["losses"] for result in found.values() for side, values in result.items() if side != "f32"}
    count = " or ".join(f"{count:,}" for count in sorted(counts)) or "no"
    head = f"{os.path.basename(options.text)}, context {options.context:,}, {count} losses compared:"
    return head + "\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in cells)


def put(path, text):
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + text + "\n" + END + rest.split(END, 1)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--keep", required=True, help="folder of the score lines")
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--only", default=",".join(SIDES), help="the sides to compute where lines are missing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--under", default="", help="a command that each program runs under, such as `flock FILE`")
    parser.add_argument("--table", help="the document to write the result into")
    options = parser.parse_args()
    options.only, options.under = options.only.split(","), options.under.split()
    os.makedirs(options.keep, exist_ok=True)
    found = {}
    for file in options.files:
        paths = {side: lines_of(options, file, side) for side in SIDES}
        if not paths["f32"]:
            sys.exit(f"{file}: no reference; --only leaves f32 out")
        found[os.path.basename(file).removesuffix(".gguf")] = {"f32": mean(paths["f32"])} | {
            side: difference(paths[side], paths["f32"]) for side in SIDES[1:] if paths[side]
        }
    text = section(found, options)
    print(text)
    if options.table:
        put(options.table, text)


main()
