"""Makes Tests/LensScoringTests/Fixtures/longppl.json: LongPPL as its authors' code computes it, with transformers in float64.

PYTHON make_longppl_fixture.py DOCUMENTS.jsonl
DOCUMENTS are those of `longlens generate --documents 4 --words 700 --seed 5`; the model is models/recall-1m, which is its own evaluator.
The short context slides (find_key_token in github.com/PKU-ML/LongPPL): a window of K + d tokens gives the losses of its last d,
and tokens before K have none. Lengths are K plus a multiple of d, so that no window is cut short. Of each document: its `tokens`,
the losses of tokens 1, 2, … under the `long` and the `short` context (null before K), the predictions that are `key`, and its
`longppl` (null without key tokens) and `perplexity`. The losses are rounded before anything is computed from them, and none is
so close to a threshold that float32 could take the other side.
"""

import json
import math
import os
import sys

import torch
import transformers
from oracle import KeepDouble, load, token_losses

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MODEL = os.path.join(ROOT, "models", "recall-1m")
K, D = 48, 16
ALPHA, BETA = 2.0, -2.0
LENGTHS = [800, 480, 64, 40]


def losses(model, tokens):
    return [round(loss, 6) for loss in token_losses(model, tokens).tolist()]


def short_losses(model, tokens):
    result = [None] * (len(tokens) - 1)
    for start in range(0, len(tokens) - K, D):
        window = losses(model, tokens[start : start + K + D])
        for place in range(K, K + D):
            result[start + place - 1] = window[place - 1]
    return result


def measured(documents):
    """Over all key tokens: what weighs a document's LongPPL by how many it has."""
    losses = [loss for document in documents for loss in document["long"]]
    key = [document["long"][i] for document in documents for i in document["key"]]
    return {
        "perplexity": math.exp(sum(losses) / len(losses)),
        "longppl": math.exp(sum(key) / len(key)) if key else None,
        "share": len(key) / len(losses),
    }


def main():
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    texts = [json.loads(line)["text"] for line in open(sys.argv[1])]
    documents = []
    with KeepDouble(), torch.no_grad():
        model = load(MODEL, double=True)
        for number, (text, length) in enumerate(zip(texts, LENGTHS)):
            tokens = tokenizer(text, add_special_tokens=False)["input_ids"][:length]
            assert len(tokens) == length
            document = {"id": f"d{number}", "tokens": tokens}
            document["long"], document["short"] = losses(model, tokens), short_losses(model, tokens)
            document["key"] = []
            for i, (long, short) in enumerate(zip(document["long"], document["short"])):
                if short is None:
                    continue
                assert min(abs(short - long - ALPHA), abs(long + BETA)) > 1e-4
                if short - long > ALPHA and -long > BETA:
                    document["key"].append(i)
            documents.append(document | measured([document]))
            print(document["id"], len(tokens), len(document["key"]), documents[-1]["longppl"])
    assert sum(document["longppl"] is None for document in documents) in (1, 2)
    fixture = {"context": K + D, "stride": D, "alpha": ALPHA, "beta": BETA, "documents": documents, "all": measured(documents)}
    path = os.path.join(ROOT, "Tests", "LensScoringTests", "Fixtures", "longppl.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(fixture, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
