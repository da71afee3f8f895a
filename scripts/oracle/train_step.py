"""Speed and memory of a training step in PyTorch as people usually write it, for a comparison on the same machine.

PYTHON train_step.py MODEL --context 4096 [--steps 2] [--tokens TOKENS]
float32, transformers' `sdpa` attention, gradient checkpointing, per-token weighted loss over whole logits, AdamW.
Prints one JSON line a step: seconds, tokens/s, and the process's peak resident memory. The first step is a warm-up: it
makes the optimizer's state; the line before it gives the peak that loading alone reached. Run it alone on the machine.
"""

import argparse
import json
import resource
import time

import torch
from oracle import TRAINING, adamw, clip, load, read_sequences, token_losses


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts kilobytes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--steps", type=int, default=2, help="after the warm-up")
    parser.add_argument("--tokens", help="JSON or JSON lines with `tokens` (default: random ids)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-checkpointing", action="store_true")
    parser.add_argument("--chunked-loss", action="store_true", help="head and loss in chunks of 512 tokens: less memory")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = load(options.model).train()
    if not options.no_checkpointing:
        model.activation_checkpointing_enable()
    optimizer = adamw(model, TRAINING)
    if options.tokens:
        tokens = [t for row in read_sequences(options.tokens) for t in row["tokens"]][: options.context]
        if len(tokens) < options.context:
            parser.error(f"{options.tokens} has {len(tokens)} tokens, fewer than the context")
    else:
        tokens = torch.randint(model.config.vocab_size, (options.context,)).tolist()
    weights = torch.rand(options.context - 1) * 2
    print(json.dumps({"step": "load", "peak_rss_bytes": peak_memory()}), flush=True)
    for step in range(options.steps + 1):
        begin = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        losses = chunked_losses(model, tokens) if options.chunked_loss else token_losses(model, tokens, len(tokens))
        loss = (weights * losses).mean()
        loss.backward()
        norm = clip(model, TRAINING["clip"])
        optimizer.step()
        seconds = time.monotonic() - begin
        print(json.dumps({
            "step": "warm-up" if step == 0 else step, "context": options.context, "loss": loss.item(), "grad_norm": norm,
            "step_seconds": round(seconds, 3), "tokens_per_second": round(options.context / seconds, 2),
            "peak_rss_bytes": peak_memory(),
        }), flush=True)  # fmt: skip


def chunked_losses(model, tokens):
    """`token_losses` with each chunk's logits computed again in the backward pass instead of kept."""
    ids = torch.as_tensor(tokens, dtype=torch.long)
    hidden = model.model(input_ids=ids[None], use_cache=False).last_hidden_state[0, :-1]

    def part(rows, targets):
        return torch.nn.functional.cross_entropy(model.lm_head(rows), targets, reduction="none")

    return torch.cat([
        torch.utils.checkpoint.checkpoint(part, rows, targets, use_reentrant=False)
        for rows, targets in zip(hidden.split(512), ids[1:].split(512))
    ])  # fmt: skip


if __name__ == "__main__":
    main()
