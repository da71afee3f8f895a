"""The metrics that training of a model over given sequences must give, by transformers and torch's AdamW.

PYTHON loss_curve.py MODEL TOKENS --steps 10 > curve.jsonl
PYTHON loss_curve.py MODEL TOKENS --steps 10 --compare OUTPUT/metrics.jsonl      largest differences from a run of longlens
MODEL: a Hugging Face folder, a .gguf (dequantized), a llama2.c .bin. TOKENS: JSON or JSON lines with `tokens` and, for
`--scheme given`, `weights` (one fewer than tokens). Sequences are taken in order (`longlens train --shuffle false`).
"""

import argparse
import contextlib
import json
import sys

import torch
from oracle import TRAINING, KeepDouble, dense_self_weights, load, read_sequences, train


def compare(lines, path):
    with open(path, encoding="utf-8") as file:
        other = [json.loads(line) for line in file if line.strip()]
    if len(other) < len(lines):
        sys.exit(f"{path} has {len(other)} steps, expected {len(lines)}")
    for key in ("loss", "nll", "weight_std", "grad_norm", "learning_rate"):
        pairs = [(a[key], b[key]) for a, b in zip(lines, other)]
        worst = max(range(len(pairs)), key=lambda i: abs(pairs[i][0] - pairs[i][1]))
        ours, theirs = pairs[worst]
        relative = abs(ours - theirs) / max(abs(ours), 1e-30)
        print(f"{key:14} largest difference {abs(ours - theirs):.2e} ({relative:.1e} of it) at step {worst + 1}: {ours:.8g}, {theirs:.8g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--scheme", choices=("uniform", "given", "dense-self"), default="uniform")
    parser.add_argument("--lambda", dest="blend", type=float, default=0.75, help="of dense-self")
    parser.add_argument("--scorer-context", type=int, help="of dense-self")
    parser.add_argument("--scorer-stride", type=int, help="of dense-self; default: 3/4 of the context")
    parser.add_argument("--bos", type=int, help="default: the model's")
    for name, value in TRAINING.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    parser.add_argument("--rope-theta", type=float, help="instead of the model's")
    parser.add_argument("--double", action="store_true", help="float64 throughout (default: float32)")
    parser.add_argument("--compare", metavar="METRICS.jsonl")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = read_sequences(options.tokens)
    settings = {name: getattr(options, name) for name in TRAINING}
    with KeepDouble() if options.double else contextlib.nullcontext():
        model = load(options.model, options.double, options.rope_theta)
        bos = options.bos if options.bos is not None else model.config.bos_token_id
        weigh = None
        if options.scheme == "given":
            weigh = lambda model, row: row["weights"]
        elif options.scheme == "dense-self":
            if not options.scorer_context:
                parser.error("--scheme dense-self needs --scorer-context")
            context = options.scorer_context
            stride = options.scorer_stride or context // 4 * 3
            weigh = lambda model, row: dense_self_weights(model, row["tokens"], context, stride, options.blend, bos)
        lines = []
        for line in train(model, rows, settings, options.steps, weigh):
            lines.append(line)
            print(json.dumps(line), flush=True)
    if options.compare:
        compare(lines, options.compare)


if __name__ == "__main__":
    main()
