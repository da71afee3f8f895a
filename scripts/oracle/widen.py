"""A llama model whose rows are longer, with the same function: for checks of formats that want rows of 256.

PYTHON widen.py FOLDER OUTPUT --hidden 768        both Hugging Face folders
A random map with orthonormal columns takes the residual stream from its d dimensions to D. Root mean squares change by
√(d/D), which the norms' weights make up for; their own weights go into the matrices behind them, so that embedding and head
are no longer one. Heads of zeros fill the attention's output up to D. Losses are the narrow model's but for rounding.
"""

import argparse
import json
import os
import shutil

import numpy as np
from safetensors.numpy import load_file, save_file


def widen(config, tensors, hidden, seed=0):
    narrow, size = config["hidden_size"], config["head_dim"]
    group = config["num_attention_heads"] // config["num_key_value_heads"]
    heads = hidden // size // group * group
    if heads * size != hidden:
        raise SystemExit(f"{hidden} is no multiple of {group} heads of {size}")
    tensors = {name: value.astype(np.float64) for name, value in tensors.items()}
    r, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((hidden, narrow)))

    def pad(matrix, rows, columns):
        return np.pad(matrix, ((0, rows - matrix.shape[0]), (0, columns - matrix.shape[1])))

    wide = {"model.norm.weight": np.full(hidden, np.sqrt(narrow / hidden))}
    embedding = tensors["model.embed_tokens.weight"]
    wide["model.embed_tokens.weight"] = embedding @ r.T
    wide["lm_head.weight"] = (tensors.get("lm_head.weight", embedding) * tensors["model.norm.weight"]) @ r.T
    for layer in range(config["num_hidden_layers"]):
        name = lambda part: f"model.layers.{layer}.{part}.weight"
        for norm, parts in (
            ("input_layernorm", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")),
            ("post_attention_layernorm", ("mlp.gate_proj", "mlp.up_proj")),
        ):
            wide[name(norm)] = wide["model.norm.weight"]
            for part in parts:
                wide[name(part)] = (tensors[name(part)] * tensors[name(norm)]) @ r.T
        for part, count in (("q", heads), ("k", heads // group), ("v", heads // group)):
            wide[name(f"self_attn.{part}_proj")] = pad(wide[name(f"self_attn.{part}_proj")], count * size, hidden)
        wide[name("self_attn.o_proj")] = pad(r @ tensors[name("self_attn.o_proj")], hidden, hidden)
        wide[name("mlp.down_proj")] = r @ tensors[name("mlp.down_proj")]
    config = config | {
        "hidden_size": hidden, "num_attention_heads": heads, "num_key_value_heads": heads // group,
        "rms_norm_eps": config["rms_norm_eps"] * narrow / hidden, "tie_word_embeddings": False,
    }  # fmt: skip
    return config, {name: np.ascontiguousarray(value.astype(np.float32)) for name, value in wide.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("output")
    parser.add_argument("--hidden", type=int, required=True)
    options = parser.parse_args()
    with open(os.path.join(options.folder, "config.json")) as file:
        config = json.load(file)
    if config["model_type"] != "llama":
        raise SystemExit(f"{options.folder}: {config['model_type']}, expected llama")
    config, tensors = widen(config, load_file(os.path.join(options.folder, "model.safetensors")), options.hidden)
    os.makedirs(options.output, exist_ok=True)
    save_file(tensors, os.path.join(options.output, "model.safetensors"), {"format": "pt"})
    with open(os.path.join(options.output, "config.json"), "w") as file:
        json.dump(config, file, indent=1)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(options.folder, name), options.output)


main()
