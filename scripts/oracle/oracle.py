"""What the oracle scripts share: models in float64 or float32, per-token losses, token files.

The oracle is the unmodified model code of `transformers`. It computes norms, softmax and rotary angles in float32 whatever
the model's type; `KeepDouble` turns those requests into float64, so that a result is exact to about 1e-13.
"""

import json
import os
import struct
import sys

import numpy as np
import torch
import transformers
from torch.overrides import TorchFunctionMode

transformers.logging.set_verbosity_error()


class KeepDouble(TorchFunctionMode):
    """Inside it, every request for float32 gets float64: `x.float()`, `x.to(torch.float32)`, `dtype=torch.float32`."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.view:  # of other bits: how files are read
            return function(*args, **(kwargs or {}))
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        args = tuple(torch.float64 if a is torch.float32 else a for a in args)
        kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in (kwargs or {}).items()}
        return function(*args, **kwargs)


def build(config, tensors, double=False):
    """A causal language model with exactly these tensors (name -> torch tensor); `lm_head.weight` may be absent if tied.

    Call it, and everything that uses the model, inside `KeepDouble` when `double`: the rotary table is made here.
    """
    config._attn_implementation = "eager" if double else "sdpa"
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    try:
        # Double models are built on the CPU directly, so that the rotary buffers are computed in double too.
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.get_default_dtype())
    finally:
        torch.set_default_dtype(before)
    missing, unexpected = model.load_state_dict({k: v.to(model.dtype) for k, v in tensors.items()}, strict=False)
    tied = ["lm_head.weight"] if config.tie_word_embeddings else []
    if [name for name in missing if name not in tied] or unexpected:
        raise SystemExit(f"tensors do not fit the model: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def token_losses(model, tokens, chunk=512):
    """nll[i] = -log p(tokens[i+1] | tokens[..i]), a tensor of len(tokens) - 1 that carries the gradient.

    The head runs on `chunk` tokens at a time, so that long documents need no matrix of tokens x vocabulary.
    """
    ids = torch.as_tensor(tokens, dtype=torch.long)
    hidden = model.model(input_ids=ids[None], use_cache=False).last_hidden_state[0, :-1]
    return torch.cat([
        torch.nn.functional.cross_entropy(model.lm_head(part), target, reduction="none")
        for part, target in zip(hidden.split(chunk), ids[1:].split(chunk))
    ])  # fmt: skip


def windowed_losses(model, tokens, context, stride, bos=None):
    """Losses under at most `context` tokens: window k starts at k * stride and gives its last `stride` losses.

    The first token of a window is replaced by `bos` when the document begins with it; window 0 gives all of its losses;
    what remains at the end is scored by one window that ends there.
    """
    if len(tokens) <= context:
        return token_losses(model, tokens)
    losses = [token_losses(model, tokens[:context])]
    done, start = context, stride  # tokens scored so far; where the next window starts
    while done < len(tokens):
        start = min(start, len(tokens) - context)
        window = list(tokens[start : start + context])
        if bos is not None and tokens[0] == bos:
            window[0] = bos
        losses.append(token_losses(model, window)[done - start - 1 :])
        done, start = start + context, start + stride
    return torch.cat(losses)


def load(path, double=False, rope_theta=None):
    """A model from a Hugging Face folder, a `.gguf` file or a llama2.c `.bin` file; `rope_theta` replaces its own."""
    if os.path.isdir(path):
        config, tensors = read_folder(path)
    elif path.endswith(".gguf"):
        config, tensors = read_gguf(path)
    elif path.endswith(".bin"):
        config, tensors = read_llama2c(path)
    else:
        raise SystemExit(f"{path}: neither a Hugging Face folder nor a .gguf or .bin file")
    if rope_theta is not None:
        config.rope_parameters["rope_theta"] = rope_theta
    factors = tensors.pop("rope_freqs", None)
    model = build(config, tensors, double)
    if factors is not None:  # GGUF holds llama3 scaling as one divisor per frequency
        model.model.rotary_emb.inv_freq = model.model.rotary_emb.inv_freq / factors.to(model.dtype)
    return model


def read_folder(path):
    from safetensors.torch import load_file

    files = [name for name in sorted(os.listdir(path)) if name.endswith(".safetensors") and name.startswith("model")]
    tensors = {}
    for name in files:
        tensors.update(load_file(os.path.join(path, name)))
    return transformers.AutoConfig.from_pretrained(path), tensors


def unpermute(weight, heads):
    """Rows of an interleaved-rotary projection (pairs 2i, 2i+1) -> the half-split order of transformers (i, i + d/2)."""
    rows = weight.shape[0]
    return weight.reshape(heads, rows // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


GGUF_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def read_gguf(path):
    """Configuration and dequantized tensors of a GGUF file of a llama, qwen2 or qwen3 model."""
    import gguf

    reader = gguf.GGUFReader(path)

    def value(key, default=None):
        field = reader.fields.get(key)
        return default if field is None else field.contents()

    family = value("general.architecture")
    if family not in ("llama", "qwen2", "qwen3"):
        raise SystemExit(f"{path}: architecture {family} is not supported here")
    key = lambda name, default=None: value(f"{family}.{name}", default)
    heads = key("attention.head_count")
    kv_heads = key("attention.head_count_kv", heads)
    tensors = {}
    for tensor in reader.tensors:
        data = torch.from_numpy(np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
        name = tensor.name
        if name == "rope_freqs.weight":
            tensors["rope_freqs"] = data
            continue
        if name in ("token_embd.weight", "output_norm.weight", "output.weight"):
            names = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
            tensors[names[name[:-7]] + ".weight"] = data
            continue
        _, layer, part, kind = name.split(".")
        if family == "llama" and part in ("attn_q", "attn_k"):
            data = unpermute(data, heads if part == "attn_q" else kv_heads)
        tensors[f"model.layers.{layer}.{GGUF_NAMES[part]}.{kind}"] = data
    rope = {"rope_type": "default", "rope_theta": key("rope.freq_base", 10000.0)}
    scaling = key("rope.scaling.type", "none")
    if scaling != "none":
        rope.update(rope_type=scaling, factor=key("rope.scaling.factor"))
        if key("rope.scaling.original_context_length"):
            rope["original_max_position_embeddings"] = key("rope.scaling.original_context_length")
    hidden = key("embedding_length")
    config = transformers.AutoConfig.for_model(
        family, vocab_size=tensors["model.embed_tokens.weight"].shape[0], hidden_size=hidden,
        intermediate_size=key("feed_forward_length"), num_hidden_layers=key("block_count"),
        num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=key("attention.key_length", hidden // heads),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"), max_position_embeddings=key("context_length"),
        rope_parameters=rope, tie_word_embeddings="lm_head.weight" not in tensors,
        bos_token_id=value("tokenizer.ggml.bos_token_id"), eos_token_id=value("tokenizer.ggml.eos_token_id"),
    )  # fmt: skip
    return config, tensors


def read_llama2c(path):
    """Configuration and tensors of a llama2.c file (version 0: seven int32, then float32 tensors grouped by kind)."""
    with open(path, "rb") as file:
        raw = file.read()
    dim, hidden, layers, heads, kv_heads, vocab, length = struct.unpack("<7i", raw[:28])
    tied, vocab = vocab > 0, abs(vocab)
    head = dim // heads
    data = torch.from_numpy(np.frombuffer(raw, dtype="<f4", offset=28).copy())
    tensors, position = {}, 0

    def take(*shape):
        nonlocal position
        count = int(np.prod(shape))
        position += count
        return data[position - count : position].reshape(shape)

    def per_layer(name, *shape, rotary_heads=None):
        for layer in range(layers):
            weight = take(*shape)
            if rotary_heads:
                weight = unpermute(weight, rotary_heads)
            tensors[f"model.layers.{layer}.{name}.weight"] = weight

    tensors["model.embed_tokens.weight"] = take(vocab, dim)
    per_layer("input_layernorm", dim)
    per_layer("self_attn.q_proj", dim, dim, rotary_heads=heads)
    per_layer("self_attn.k_proj", kv_heads * head, dim, rotary_heads=kv_heads)
    per_layer("self_attn.v_proj", kv_heads * head, dim)
    per_layer("self_attn.o_proj", dim, dim)
    per_layer("post_attention_layernorm", dim)
    per_layer("mlp.gate_proj", hidden, dim)
    per_layer("mlp.down_proj", dim, hidden)
    per_layer("mlp.up_proj", hidden, dim)
    tensors["model.norm.weight"] = take(dim)
    take(2, length, head // 2)  # rotary tables of old exports, which every reader skips
    if not tied:
        tensors["lm_head.weight"] = take(vocab, dim)
    if position != data.numel():
        raise SystemExit(f"{path}: {data.numel()} floats, but its header describes {position}")
    config = transformers.LlamaConfig(
        vocab_size=vocab, hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, rms_norm_eps=1e-5, max_position_embeddings=length, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return config, tensors


def read_sequences(path):
    """Rows with `tokens` of a JSON or JSON-lines file (`-`: stdin): a list, an object, or one object a line."""
    text = sys.stdin.read() if path == "-" else open(path, encoding="utf-8").read()
    try:
        whole = json.loads(text)
        rows = whole if isinstance(whole, list) else [whole]
        if rows and isinstance(rows[0], int):
            rows = [{"tokens": rows}]
    except json.JSONDecodeError:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    for number, row in enumerate(rows):
        if "tokens" not in row:
            raise SystemExit(f"{path}: row {number} has no `tokens`")
    return rows


def dense_self_weights(model, tokens, context, stride, blend, bos=None):
    """Weights of scheme `dense:lambda=blend` whose short losses are the model's own in windows of `context` tokens."""
    with torch.no_grad():
        long = token_losses(model, tokens)
        short = windowed_losses(model, tokens, context, stride, bos)
        short[: context - 1] = long[: context - 1]  # tokens 1 ... context - 1 see all of their past: score 0
        score = (long - short).abs()
        total = score.sum()
        share = score.numel() * score / total if total > 0 else torch.ones_like(score)
        return blend + (1 - blend) * share


def decays(parameter):
    """Weight decay reaches matrices; normalization weights and biases are vectors and are left alone."""
    return parameter.ndim >= 2


def adamw(model, settings):
    groups = [
        {"params": [p for p in model.parameters() if decays(p)], "weight_decay": settings["weight_decay"]},
        {"params": [p for p in model.parameters() if not decays(p)], "weight_decay": 0.0},
    ]
    betas = (settings["beta1"], settings["beta2"])
    return torch.optim.AdamW(groups, lr=settings["learning_rate"], betas=betas, eps=settings["epsilon"], foreach=False)


def clip(model, limit):
    """Scales the gradients by limit / (norm + 1e-6) when the global norm exceeds `limit`; gives the norm before that."""
    gradients = [p.grad for p in model.parameters()]
    norm = torch.sqrt(sum((g.double() ** 2).sum() for g in gradients)).item()
    if norm > limit:
        for g in gradients:
            g.mul_(limit / (norm + 1e-6))
    return norm


TRAINING = dict(
    learning_rate=1e-3, warmup=0, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.01, clip=1.0, accumulate=2
)  # fmt: skip


def train(model, rows, settings, steps, weigh=None):
    """Yields one line of metrics for each update; row i of the data is used in order, and again when all were.

    The loss of a sequence is the mean over its predictions of weight * loss, an update's the mean over its sequences.
    `weigh(model, row)` gives the weights (none: all 1).
    """
    optimizer = adamw(model, settings)
    count = settings["accumulate"]
    for n in range(1, steps + 1):
        optimizer.zero_grad()
        line = dict(step=n, loss=0.0, nll=0.0, weight_std=0.0)
        for i in range((n - 1) * count, n * count):
            row = rows[i % len(rows)]
            losses = token_losses(model, row["tokens"])
            weights = torch.as_tensor(weigh(model, row), dtype=losses.dtype) if weigh else torch.ones_like(losses)
            loss = (weights * losses).mean() / count
            loss.backward()
            line["loss"] += loss.item()
            line["nll"] += losses.mean().item() / count
            line["weight_std"] += weights.std().item() / count  # the sample's (n - 1)
        line["grad_norm"] = clip(model, settings["clip"])
        warm = min(1.0, n / settings["warmup"]) if settings["warmup"] else 1.0
        line["learning_rate"] = settings["learning_rate"] * warm
        for group in optimizer.param_groups:
            group["lr"] = line["learning_rate"]
        optimizer.step()
        yield line


def digits(values, count=9):
    """Floats cut to `count` significant digits, so that the committed JSON stays small."""
    return [float(f"{v:.{count}g}") for v in values]
