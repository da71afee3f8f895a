"""Makes the tiny models of Tests/LensModelsTests/Fixtures with what they must give, by transformers in float64.

Each folder is a random-weight Hugging Face model (float32) with
  expected.json          tokens, per-token weights; nll, weighted loss, logits of a few positions
  gradients.safetensors  the gradient of that loss with respect to every parameter, under the parameter's name
  curve.json             ten AdamW steps: settings, sequences, loss and gradient norm of each step, norms of the result
Run: PYTHON scripts/oracle/make_model_fixtures.py [FOLDER]
"""

import copy
import json
import os
import sys

import torch
import transformers
from oracle import TRAINING, KeepDouble, build, dense_self_weights, digits, token_losses, train
from safetensors.torch import save_file as save_safetensors

LENGTH = 48  # tokens of a sequence
BOS = 1

# Sizes are odd on purpose: no vocabulary, feed-forward width or head size here is a multiple of a SIMD tile.
# Configurations are written as they appear in config.json: rotary keys in the new spelling for some, in the old for others.
MODELS = {
    "llama": dict(  # grouped-query attention, untied head, new rotary keys
        model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=32, intermediate_size=44, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, vocab_size=67, rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0}, tie_word_embeddings=False),
    "llama-tied-rope3": dict(  # one key/value head, tied head, old keys with llama3 scaling, no head_dim key
        model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=36, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=3, num_key_value_heads=1, vocab_size=93, rms_norm_eps=1e-5, rope_theta=500.0,
        rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                      "original_max_position_embeddings": 128},
        max_position_embeddings=1024, tie_word_embeddings=True),
    "qwen2": dict(  # biases of q, k, v; old keys
        model_type="qwen2", architectures=["Qwen2ForCausalLM"], hidden_size=32, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=1, vocab_size=61, rms_norm_eps=1e-6, rope_theta=1000000.0,
        use_sliding_window=False, tie_word_embeddings=False),
    "qwen3": dict(  # norms of q and k, a head size of its own (4 * 12 != 32), tied head; an epsilon that shows
        model_type="qwen3", architectures=["Qwen3ForCausalLM"], hidden_size=32, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=12, vocab_size=61, rms_norm_eps=1e-2,
        rope_parameters={"rope_type": "default", "rope_theta": 20000.0}, attention_bias=False, use_sliding_window=False,
        tie_word_embeddings=True),
    "mistral": dict(  # llama with a sliding window in every layer, shorter than the sequences
        model_type="mistral", architectures=["MistralForCausalLM"], hidden_size=32, intermediate_size=44,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, vocab_size=61, rms_norm_eps=1e-5,
        rope_theta=5000.0, sliding_window=11, tie_word_embeddings=False),
    "qwen3-windows": dict(  # a window in the second layer of three
        model_type="qwen3", architectures=["Qwen3ForCausalLM"], hidden_size=32, intermediate_size=40, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=12, vocab_size=61, rms_norm_eps=1e-2, rope_theta=20000.0,
        attention_bias=False, use_sliding_window=True, sliding_window=7, max_window_layers=1,
        layer_types=["full_attention", "sliding_attention", "full_attention"], tie_word_embeddings=True),
}  # fmt: skip
COMMON = dict(
    hidden_act="silu", max_position_embeddings=64, bos_token_id=BOS, eos_token_id=2, attention_dropout=0.0,
    initializer_range=0.02, dtype="float32", use_cache=True,
)  # fmt: skip

# Rotary variants of the llama fixture: its weights, another `rope_parameters`. Its four wavelengths are 6, 53, 444 and 3737
# tokens: original lengths are chosen such that each ramp has frequencies before, inside and behind it.
ROPE_VARIANTS = {
    "theta": {"rope_type": "default", "rope_theta": 123456.0},
    "linear": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "rope_theta": 5000.0, "factor": 2.0},
    "yarn": {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 4096},
    "yarn-untruncated": {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 4096,
                         "truncate": False},
    "yarn-betas": {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 8.0, "original_max_position_embeddings": 2048,
                   "beta_fast": 64.0, "beta_slow": 2.0, "truncate": False},
    "yarn-mscale": {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 4096,
                    "mscale": 1.0, "mscale_all_dim": 0.5},
    "yarn-attention-factor": {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0,
                              "original_max_position_embeddings": 4096, "attention_factor": 1.5},
    "llama3": {"rope_type": "llama3", "rope_theta": 5000.0, "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 512},
    "longrope": {"rope_type": "longrope", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 16,
                 "short_factor": [1.0, 1.01, 1.2, 1.5], "long_factor": [1.0, 1.5, 2.5, 4.0]},
    "longrope-short": {"rope_type": "longrope", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 64,
                       "short_factor": [1.0, 1.01, 1.2, 1.5], "long_factor": [1.0, 1.5, 2.5, 4.0]},
}  # fmt: skip
VARIANT_POSITIONS = {"dynamic": 16, "longrope": 64, "longrope-short": 256}  # max_position_embeddings; otherwise 16384


def random_tensors(model, generator):
    """Weights large enough for gradients that tell; float32 values."""
    tensors = {}
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        if "norm" in name:
            value = 1 + 0.3 * noise
        elif parameter.ndim == 1:
            value = 0.3 * noise
        elif "embed_tokens" in name and not model.config.tie_word_embeddings:
            value = 0.7 * noise
        else:
            value = 1.5 * noise / parameter.shape[1] ** 0.5
        tensors[name] = value.to(torch.float32)
    return tensors


def random_sequence(vocabulary, generator):
    """BOS, then a walk in which some tokens repeat what stood 7 before, so that there is something to learn."""
    tokens = [BOS]
    for i in range(1, LENGTH):
        draw, coin = torch.randint(3, vocabulary, (2,), generator=generator).tolist()
        tokens.append(tokens[i - 7] if i > 7 and coin % 3 == 0 else draw)
    return tokens


def random_weights(generator):
    """Multiples of 1/64 with a quarter of zeros: exact in float32 and in JSON."""
    score = torch.randn(LENGTH - 1, generator=generator).abs()
    score[torch.rand(LENGTH - 1, generator=generator) < 0.25] = 0
    return (torch.round(score / score.mean() * 64) / 64).tolist()


def curve(config, tensors, sequences, weigh=None):
    """Ten AdamW steps of two sequences each, in float64."""
    model = build(config, tensors, double=True)
    rows = [{"tokens": tokens} for tokens in sequences]
    steps = list(train(model, rows, TRAINING, len(rows) // TRAINING["accumulate"], weigh))
    norms = {name: parameter.detach().norm().item() for name, parameter in model.named_parameters()}
    return dict(settings=TRAINING, steps=steps, final_norms=norms)


def save_file(tensors, path, metadata=None):
    """Safetensors, readable by everyone like any other file of the repository (the package makes them private)."""
    save_safetensors(tensors, path, metadata=metadata)
    os.chmod(path, 0o644)


def write_json(path, value):
    """JSON with arrays on one line each."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}\n")


def check(model, tensors, config, tokens, weights, loss):
    """Doubts the oracle: plain float32 transformers must agree, and finite differences must match the gradients."""
    plain = token_losses(build(copy.deepcopy(config), tensors), tokens)
    error = ((plain.double() * weights).mean() - loss).abs().item()
    worst = 0.0
    with KeepDouble(), torch.no_grad():
        for parameter in model.parameters():
            index = parameter.grad.abs().flatten().argmax()
            flat, step = parameter.data.view(-1), 1e-5
            values = []
            for sign in (1, -2):
                flat[index] += sign * step
                values.append((token_losses(model, tokens) * weights).mean())
            flat[index] += step
            numeric = (values[0] - values[1]) / (2 * step)
            worst = max(worst, (numeric / parameter.grad.flatten()[index] - 1).abs().item())
    print(f"  float32 loss differs by {error:.1e}; finite differences by {worst:.1e}")
    assert error < 1e-5 and worst < 1e-5


def make(name, folder):
    print(name)
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    generator = torch.Generator().manual_seed(20250309 + list(MODELS).index(name))
    settings = {**COMMON, **MODELS[name]}
    write_json(os.path.join(path, "config.json"), settings)
    config = transformers.AutoConfig.from_pretrained(path)
    vocabulary = config.vocab_size
    tensors = random_tensors(transformers.AutoModelForCausalLM.from_config(config), generator)
    save_file(tensors, os.path.join(path, "model.safetensors"), metadata={"format": "pt"})

    tokens = random_sequence(vocabulary, generator)
    weights = random_weights(generator)
    with KeepDouble():
        model = build(config, tensors, double=True)
        w = torch.tensor(weights, dtype=torch.float64)
        losses = token_losses(model, tokens)
        loss = (w * losses).mean()
        loss.backward()
        positions = [0, 1, 17, LENGTH - 1]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([tokens])).logits[0, positions]
    assert loss.dtype == logits.dtype == torch.float64
    gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
    save_file({n: g.to(torch.float32).contiguous() for n, g in gradients.items()}, os.path.join(path, "gradients.safetensors"))
    write_json(os.path.join(path, "expected.json"), {
        "tokens": tokens, "weights": weights, "nll": digits(losses.tolist()), "loss": loss.item(),
        "positions": positions, "logits": [digits(row) for row in logits.tolist()],
    })  # fmt: skip
    check(model, tensors, config, tokens, w, loss.detach())

    sequences = [random_sequence(vocabulary, generator) for _ in range(20)]
    with KeepDouble():
        result = {"sequences": sequences, "uniform": curve(config, tensors, sequences)}
        if name == "llama":
            blend, context, stride = 0.75, 12, 9
            scorer = dict(scheme=f"dense:lambda={blend}", scorer="self", context=context, stride=stride, bos=BOS)
            weigh = lambda model, row: dense_self_weights(model, row["tokens"], context, stride, blend, BOS)
            with torch.no_grad():
                first = weigh(build(config, tensors, double=True), {"tokens": sequences[0]})
            result["dense_self"] = {**scorer, "first_weights": digits(first.tolist()), **curve(config, tensors, sequences, weigh)}
    write_json(os.path.join(path, "curve.json"), result)
    print("  losses", " ".join(f"{s['loss']:.4f}" for s in result["uniform"]["steps"]))
    return settings, config, tensors, tokens


def explicit_mask(lengths, window):
    """0 where a token sees another, of its own document, itself or before, within the window; else the lowest number."""
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    place = torch.arange(sum(lengths))
    distance = place[:, None] - place[None, :]
    sees = (document[:, None] == document[None, :]) & (distance >= 0) & (distance < (window or len(place)))
    return torch.zeros(sees.shape, dtype=torch.float64).masked_fill(~sees, torch.finfo(torch.float64).min)[None, None]


def packed(config, tensors, tokens, lengths, positions):
    """Losses and gradients of packed documents: every mask and position is written out."""
    windows = {"full_attention": None, "sliding_attention": getattr(config, "sliding_window", None)}
    masks = {kind: explicit_mask(lengths, window) for kind, window in windows.items()}
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if windows["sliding_attention"] else "full_attention"])
    mask = masks if config.model_type.startswith("qwen") else masks[kinds.pop()]
    ends = torch.tensor(lengths).cumsum(0)[:-1] - 1  # predictions of what begins a document
    weights = torch.arange(len(tokens) - 1, dtype=torch.float64) % 5 / 2
    weights[ends] = 0
    with KeepDouble():
        model = build(copy.deepcopy(config), tensors, double=True)
        ids = torch.tensor(tokens)
        hidden = model.model(
            input_ids=ids[None], attention_mask=mask, position_ids=torch.tensor([positions]), use_cache=False
        ).last_hidden_state[0, :-1]
        losses = torch.nn.functional.cross_entropy(model.lm_head(hidden), ids[1:], reduction="none")
        loss = (weights * losses).sum() / (len(tokens) - len(lengths))
        loss.backward()
    losses = losses.detach()
    losses[ends] = 0
    gradients = {name: digits(parameter.grad.flatten()[::7].tolist()) for name, parameter in model.named_parameters()}
    return dict(lengths=lengths, positions=positions, weights=weights.tolist(), nll=digits(losses.tolist()), loss=loss.item(), gradients=gradients)


def make_packed(folder, name, config, tensors, tokens):
    """Packed documents whose positions restart, run on, and skip."""
    lengths = [17, 1, 3, 27]
    restart = [position for length in lengths for position in range(length)]
    skip = [i if i < 13 else i + 5 if i < 30 else i + 900 for i in range(LENGTH)]
    write_json(os.path.join(folder, name, "packed.json"), {
        "restart": packed(config, tensors, tokens, lengths, restart),
        "run-on": packed(config, tensors, tokens, lengths, list(range(LENGTH))),
        "skipping": packed(config, tensors, tokens, [LENGTH], skip),
    })  # fmt: skip


def make_rope_variants(folder, config, tensors, tokens):
    """Losses of the llama fixture under other rotary scalings, and the frequencies that give them."""
    variants = {}
    for name, rope in ROPE_VARIANTS.items():
        settings = {**config.to_dict(), "rope_parameters": dict(rope)}
        settings["max_position_embeddings"] = VARIANT_POSITIONS.get(name, 16384)
        with KeepDouble(), torch.no_grad():
            model = build(transformers.LlamaConfig(**copy.deepcopy(settings)), tensors, double=True)
            losses = token_losses(model, tokens)
            rotary = model.model.rotary_emb
            frequencies = rotary.inv_freq.tolist()  # after the pass: those of this length
        variants[name] = dict(
            rope_parameters=rope, max_position_embeddings=settings["max_position_embeddings"],
            inv_freq=digits(frequencies, 12), attention_factor=float(rotary.attention_scaling), nll=digits(losses.tolist()),
        )  # fmt: skip
    write_json(os.path.join(folder, "llama", "rope_variants.json"), variants)


def make_shards(folder, settings, tensors):
    """The llama fixture once more, its tensors in two files under an index."""
    path = os.path.join(folder, "llama-sharded")
    os.makedirs(path, exist_ok=True)
    write_json(os.path.join(path, "config.json"), settings)
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[: len(names) // 2], "model-00002-of-00002.safetensors": names[len(names) // 2 :]}
    for file, part in shards.items():
        save_file({n: tensors[n] for n in part}, os.path.join(path, file), metadata={"format": "pt"})
    write_json(os.path.join(path, "model.safetensors.index.json"), {
        "metadata": {"total_size": sum(4 * t.numel() for t in tensors.values())},
        "weight_map": {n: file for file, part in shards.items() for n in part},
    })  # fmt: skip


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../../Tests/LensModelsTests/Fixtures")
    torch.set_num_threads(1)
    made = {name: make(name, folder) for name in MODELS}
    settings, config, tensors, tokens = made["llama"]
    make_rope_variants(folder, config, tensors, tokens)
    make_shards(folder, settings, tensors)
    for name in ["qwen2", "mistral", "qwen3-windows"]:
        _, config, tensors, tokens = made[name]
        make_packed(folder, name, config, tensors, tokens)


if __name__ == "__main__":
    main()
