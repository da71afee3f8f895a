"""Makes Tests/LensModelsTests/Fixtures/greedy.json: what `generate` of transformers, in float64, adds to a prompt greedily.

PYTHON make_generation_fixtures.py STORIES260K.bin SMOLLM2.gguf
The tiny models of make_model_fixtures.py, models/recall-1m, and two real models that are not committed (SmolLM2-135M-Instruct in
Q4_1: its dequantized weights). Each entry has the tokens of the `prompt`, those that follow (`tokens`, never cut at an end
token), and `margin`: by how much the taken logit was ahead of the next one where that was least. It must be
well above what float32 rounds, or the tokens say nothing.
"""

import json
import os
import sys

import torch
from oracle import KeepDouble, load

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FIXTURES = os.path.join(ROOT, "Tests", "LensModelsTests", "Fixtures")
TINY = ["llama", "llama-tied-rope3", "qwen2", "qwen3", "mistral", "qwen3-windows"]


def greedy(path, prompt, count):
    """The tokens that follow, and the least margin."""
    results = []
    for double in (True, False):
        with KeepDouble() if double else torch.no_grad(), torch.no_grad():
            model = load(path, double=double)
            model.generation_config.eos_token_id = None
            output = model.generate(
                torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), max_new_tokens=count,
                do_sample=False, return_dict_in_generate=True, output_logits=True, pad_token_id=0,
            )  # fmt: skip
        tokens = output.sequences[0, len(prompt) :].tolist()
        best = torch.stack(output.logits)[:, 0].topk(2).values
        results.append((tokens, (best[:, 0] - best[:, 1]).min().item()))
    (tokens, margin), (plain, _) = results
    print(f"{os.path.basename(path)}: {len(tokens)} tokens, margin {margin:.1e}")
    assert len(tokens) == count and plain == tokens and margin > 1e-3
    return {"prompt": prompt, "tokens": tokens, "margin": round(margin, 6)}


def main():
    stories, smollm2 = sys.argv[1:]
    result = {}
    for name in TINY:
        folder = os.path.join(FIXTURES, name)
        with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
            prompt = json.load(file)["tokens"][:23]
        result[name] = greedy(folder, prompt, 40)
    # A rule of small numbers: any prompt will do.
    result["recall-1m"] = greedy(os.path.join(ROOT, "models", "recall-1m"), [0] + [i * i % 1000 + 2 for i in range(299)], 100)
    for name, path, count in [("stories260k", stories, 200), ("smollm2", smollm2, 64)]:
        with open(os.path.join(FIXTURES, name + ".json"), encoding="utf-8") as file:
            prompt = json.load(file)["tokens"][:40]
        result[name] = greedy(path, prompt, count)
    with open(os.path.join(FIXTURES, "greedy.json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in result.items()) + "\n}\n")


main()
