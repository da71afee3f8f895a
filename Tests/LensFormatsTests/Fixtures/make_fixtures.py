#!/usr/bin/env python3
"""Makes the fixtures in this folder with the reference implementations of the formats.

Needs the packages numpy, torch, transformers, safetensors and gguf; run it in this folder.
"""

import json
import os
import shutil

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf import quants
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen3Config

BOTH_WAYS = [Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]
READ_ONLY = [Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K,
             Type.IQ4_NL, Type.IQ4_XS, Type.IQ3_S, Type.TQ1_0, Type.TQ2_0, Type.MXFP4]


def quantization():
    """`X.bytes` with `X.dequantized`, and `source` with `X.quantized`."""
    rng = np.random.default_rng(1)
    tensors = {}
    source = rng.standard_normal((6, 256)).astype(np.float32)
    source[1] *= 1e-4
    source[2] *= 300
    source[3, :64] = 0
    source[3, 64:128] = 1
    source[3, 128:] = np.round(source[3, 128:] * 4) / 4  # ties
    source[4] = np.abs(source[4])
    source[5] = -np.abs(source[5]) * 1e-7  # scales that are subnormal in fp16
    tensors["source"] = torch.from_numpy(source)
    for type in BOTH_WAYS + READ_ONLY:
        elements, size = gguf.GGML_QUANT_SIZES[type]
        rows = rng.integers(0, 256, (2, 256 // elements * size), dtype=np.uint8)
        # No infinite scales: NaN has no one bit pattern.
        if type == Type.F32:
            rows = source[:2].view(np.uint8)
        if type == Type.F16:
            rows = source[:2].astype(np.float16).view(np.uint8)
        dequantized = quants.dequantize(rows.view({Type.F32: np.float32, Type.F16: np.float16}.get(type, np.uint8)), type)
        dequantized = np.where(np.isfinite(dequantized), dequantized, np.float32(np.nan)).astype(np.float32)
        tensors[f"{type.name}.bytes"] = torch.from_numpy(rows.copy())
        tensors[f"{type.name}.dequantized"] = torch.from_numpy(dequantized.copy())
        if type in BOTH_WAYS:
            quantized = quants.quantize(source, type)
            tensors[f"{type.name}.quantized"] = torch.from_numpy(np.ascontiguousarray(quantized).view(np.uint8).copy())
    save_file(tensors, "quantization.safetensors")


def types():
    """One tensor of each element type, a scalar, an empty one, and metadata."""
    tensors = {
        "f64": torch.tensor([1.5, -2.0], dtype=torch.float64),
        "f32": torch.tensor([[1.5, -2.0, 3.25]], dtype=torch.float32),
        "f16": torch.tensor([1.5, -2.0, 65504.0], dtype=torch.float16),
        "bf16": torch.tensor([1.5, -2.0, 3e38], dtype=torch.bfloat16),
        "i64": torch.tensor([1, -(2**40)], dtype=torch.int64),
        "i32": torch.tensor([[7], [-8]], dtype=torch.int32),
        "u8": torch.tensor([0, 255, 3], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(4.5),
        "empty": torch.zeros((0, 3)),
    }
    save_file(tensors, "types.safetensors", metadata={"format": "pt", "quote": 'a "b" \\ ü\n'})


def permute(weights, heads):
    """The order of rows that llama.cpp's converter gives query and key projections."""
    shape = weights.shape
    return weights.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def tiny_llama():
    """The same model of one layer as a Hugging Face folder (two shards) and as GGUF."""
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=24, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=[2, 3],
        attention_bias=True, rope_parameters={"rope_type": "linear", "rope_theta": 50000.0, "factor": 2.0})
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    shutil.rmtree("tiny-llama", ignore_errors=True)
    model.save_pretrained("tiny-llama", max_shard_size="9KB")
    os.remove("tiny-llama/generation_config.json")

    writer = gguf.GGUFWriter("tiny-llama.gguf", "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(50000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(2.0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([b"<unk>", b"<s>", b"</s>"] + [b"t%d" % i for i in range(20)] + [b"\xff\xfe"])
    writer.add_token_scores([-float(i) for i in range(24)])
    writer.add_token_types([1] * 24)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_array("longlens.nested", [[1, 2], [3, 4]])
    writer.add_array("longlens.bools", [True, False])
    for key, kind in [("u8", "uint8"), ("i8", "int8"), ("u16", "uint16"), ("i16", "int16"), ("i32", "int32"),
                      ("u64", "uint64"), ("i64", "int64"), ("f64", "float64")]:
        getattr(writer, f"add_{kind}")(f"longlens.{key}", -3.5 if key == "f64" else 7 if key[0] == "u" else -7)
    for name, tensor in model.state_dict().items():
        data = tensor.float().numpy()
        parts = name.split(".")
        if name == "model.embed_tokens.weight":
            stored = "token_embd.weight"
        elif name == "model.norm.weight":
            stored = "output_norm.weight"
        elif name == "lm_head.weight":
            stored = "output.weight"
        else:
            stored = f"blk.{parts[2]}.{NAMES['.'.join(parts[3:-1])]}.{parts[-1]}"
        if "q_proj" in name or "k_proj" in name:
            data = permute(data, 4 if "q_proj" in name else 2)
        if data.ndim == 1:
            writer.add_tensor(stored, data)
        else:
            writer.add_tensor(stored, quants.quantize(data, Type.BF16), raw_dtype=Type.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def configurations():
    """`config.json` texts of transformers in its new form, and in the old form by hand, with what they mean."""
    rope = {
        "default": {"rope_type": "default", "rope_theta": 123456.0},
        "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        "dynamic": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
        "yarn": {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 512,
                 "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.25, "truncate": False},
        "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 1024},
        "longrope": {"rope_type": "longrope", "rope_theta": 10000.0, "factor": 4.0, "short_factor": [1.0, 1.5],
                     "long_factor": [2.0, 3.0], "original_max_position_embeddings": 512},
    }
    common = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=8,
                  num_key_value_heads=4, max_position_embeddings=2048)
    result = []
    for kind, parameters in rope.items():
        config = LlamaConfig(**common, head_dim=4, rope_parameters=dict(parameters))
        new = json.loads(config.to_json_string())
        old = {k: v for k, v in new.items() if k != "rope_parameters"}
        old["rope_theta"] = parameters["rope_theta"]
        scaling = {k: v for k, v in parameters.items() if k != "rope_theta"}
        old["rope_scaling"] = None if kind == "default" else scaling
        result.append({"name": kind, "new": new, "old": old, "parameters": parameters})
    for name, config in [("qwen2", Qwen2Config(**common, tie_word_embeddings=True)),
                         ("qwen3", Qwen3Config(**common, head_dim=16, attention_bias=True))]:
        result.append({"name": name, "new": json.loads(config.to_json_string())})
    with open("configurations.json", "w") as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    quantization()
    types()
    tiny_llama()
    configurations()
