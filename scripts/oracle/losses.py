"""Per-token losses of token sequences by transformers, as score lines (the format of `longlens score`).

PYTHON losses.py MODEL TOKENS > scores.jsonl
MODEL: a Hugging Face folder, a .gguf (dequantized), a llama2.c .bin. TOKENS: JSON or JSON lines with `tokens`.
"""

import argparse
import contextlib
import json
import os
import sys
import time

import torch
from oracle import KeepDouble, load, read_sequences, windowed_losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("--double", action="store_true", help="float64 throughout (default: float32)")
    parser.add_argument("--context", type=int, help="at most so many tokens of context (default: the whole sequence)")
    parser.add_argument("--stride", type=int, help="default: 3/4 of the context")
    parser.add_argument("--bos", type=int, help="id that begins each window of a document that begins with it (default: the model's)")
    parser.add_argument("--first", type=int, help="only the first so many tokens of each sequence")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with torch.no_grad(), KeepDouble() if options.double else contextlib.nullcontext():
        model = load(options.model, options.double)
        bos = options.bos if options.bos is not None else model.config.bos_token_id
        for number, row in enumerate(read_sequences(options.tokens)):
            tokens = row["tokens"][: options.first]
            context = options.context or len(tokens)
            stride = options.stride or context // 4 * 3
            begin = time.monotonic()
            nll = windowed_losses(model, tokens, context, stride, bos).tolist()
            print(json.dumps({
                "document": row.get("document", row.get("id", str(number))), "sequence": row.get("sequence", 0),
                "tokens": tokens, "nll": nll, "context": context, "stride": stride,
                "model": os.path.basename(os.path.normpath(options.model)),
            }), flush=True)  # fmt: skip
            seconds = time.monotonic() - begin
            print(f"sequence {number}: {len(tokens)} tokens, mean {sum(nll) / len(nll):.6f}, {seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
