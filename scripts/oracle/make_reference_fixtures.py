"""Makes Tests/LensModelsTests/Fixtures/{stories260k,smollm2}.json: real text, its tokens, losses by transformers in float64.

PYTHON make_reference_fixtures.py STORIES_FOLDER SMOLLM2.gguf MOBY_DICK.txt LLAMA_TOKENIZE [FOLDER]
The models are not committed; tests run where they find them. STORIES_FOLDER holds stories260K.bin, tok512.model and
stories260K.md. SMOLLM2.gguf is SmolLM2-135M-Instruct (Q4_1; its dequantized weights are what the losses belong to).
LLAMA_TOKENIZE is llama.cpp's tool of that name, an independent tokenizer.
"""

import json
import os
import subprocess
import sys
import tempfile

import sentencepiece
import torch
from make_model_fixtures import write_json
from oracle import KeepDouble, digits, load, token_losses


def reference(path, text, tokens):
    with KeepDouble(), torch.no_grad():
        model = load(path, double=True)
        nll = token_losses(model, tokens)
    with torch.no_grad():
        plain = token_losses(load(path), tokens).double()
    mean = nll.mean().item()
    print(f"{os.path.basename(path)}: {len(tokens)} tokens, mean {mean:.9f}, float32 differs by at most {(plain - nll).abs().max():.1e}")
    return {"model": os.path.basename(path), "text": text, "tokens": tokens, "nll": digits(nll.tolist()), "mean": mean}


def stories(folder):
    text = open(os.path.join(folder, "stories260K.md"), encoding="utf-8").read()
    text = text[text.index("Once upon a time") :]
    text = text[: text.index("\n```")]
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tok512.model"))
    tokens = [tokenizer.bos_id(), *tokenizer.encode(text)][:200]
    return reference(os.path.join(folder, "stories260K.bin"), tokenizer.decode(tokens), tokens)


def smollm2(model, book, tool):
    text = open(book, encoding="utf-8").read()
    text = text[text.index("Call me Ishmael.") :][:4000]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        output = subprocess.run(
            [tool, "-m", model, "--ids", "-f", file.name, "--no-bos", "--log-disable"], capture_output=True, check=True, text=True
        ).stdout
    tokens = json.loads(output)
    assert len(tokens) > 512
    return reference(model, text, tokens[:512])


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[5] if len(sys.argv) > 5 else os.path.join(here, "../../Tests/LensModelsTests/Fixtures")
    write_json(os.path.join(folder, "stories260k.json"), stories(sys.argv[1]))
    write_json(os.path.join(folder, "smollm2.json"), smollm2(*sys.argv[2:5]))


if __name__ == "__main__":
    main()
