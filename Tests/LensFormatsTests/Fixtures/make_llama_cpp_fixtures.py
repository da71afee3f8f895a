#!/usr/bin/env python3
"""Makes `llama-cpp-blocks.safetensors` and `llama-cpp-types.json` with llama.cpp's own library.

LLAMA_CPP_LIB_PATH=…/build/bin python3 make_llama_cpp_fixtures.py
The variable names the folder with libllama.so and libggml-base.so. Needs the packages numpy, safetensors and gguf; run it
in this folder.
"""

import ctypes
import json
import os
import sys
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

LIBRARIES = os.environ.get("LLAMA_CPP_LIB_PATH") or sys.exit("set LLAMA_CPP_LIB_PATH (see the head of this script)")


def library(name):
    return ctypes.CDLL(os.path.join(LIBRARIES, name), mode=ctypes.RTLD_GLOBAL)


GGML = library("libggml-base.so")
SMALL = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]
K = [Type.Q4_K, Type.Q5_K, Type.Q6_K]


def blocks():
    """`source`, and its rows as `X.quantized`; for K types `X.dequantized` of these."""
    rng = np.random.default_rng(3)
    columns = 512
    source = np.stack([
        rng.standard_normal(columns),
        0.02 * rng.standard_t(3, columns),
        rng.uniform(-1, 1, columns),
        0.05 * rng.standard_normal(columns) + 0.1,
        rng.standard_normal(columns) * np.repeat(np.exp(rng.standard_normal(columns // 32)), 32),
        np.round(rng.standard_normal(columns) * 4) / 4,
        np.where(np.arange(columns) % 97 == 0, 8, 0.1) * rng.standard_normal(columns),
        300 * np.abs(rng.standard_normal(columns)),
    ]).astype(np.float32)
    source[5, 256:320] = 0
    source[5, 320:352] = -1.5
    tensors = {"source": source}
    GGML.ggml_quantize_chunk.restype = ctypes.c_size_t
    for type in SMALL + K:
        elements, size = gguf.GGML_QUANT_SIZES[type]
        quantized = np.zeros((len(source), columns // elements * size), np.uint8)
        GGML.ggml_quantize_chunk(
            int(type), ctypes.c_void_p(source.ctypes.data), ctypes.c_void_p(quantized.ctypes.data), ctypes.c_int64(0),
            ctypes.c_int64(len(source)), ctypes.c_int64(columns), None)
        tensors[f"{type.name}.quantized"] = quantized.reshape(-1)
        if type in SMALL:
            continue
        dequantized = np.zeros_like(source)
        getattr(GGML, "dequantize_row_" + type.name.replace("Q", "q"))(
            ctypes.c_void_p(quantized.ctypes.data), ctypes.c_void_p(dequantized.ctypes.data),
            ctypes.c_int64(source.size))
        tensors[f"{type.name}.dequantized"] = dequantized
    save_file(tensors, "llama-cpp-blocks.safetensors")


class QuantizeParameters(ctypes.Structure):
    """The first fields of llama_model_quantize_params, and room for the others."""
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("others", ctypes.c_char * 248)]


FILE_TYPES = {"Q8_0": 7, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18}
LAYER_MATRICES = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
# family, layers, hidden size, feed-forward size, heads, heads of keys and values, tied embeddings
MODELS = [
    ("llama", 1, 256, 512, 4, 4, False), ("llama", 5, 256, 512, 4, 2, True), ("llama", 8, 512, 256, 8, 8, False),
    ("llama", 16, 256, 288, 4, 4, True), ("llama", 30, 576, 1536, 9, 3, True), ("llama", 32, 256, 768, 4, 1, False),
    ("qwen2", 24, 896, 4864, 14, 2, True), ("qwen3", 28, 1024, 3072, 16, 8, True), ("llama", 2, 48, 80, 4, 4, False),
    ("llama", 80, 256, 512, 8, 1, False), ("llama", 80, 256, 512, 8, 8, False), ("qwen2", 80, 256, 512, 8, 1, False),
    ("qwen3", 80, 256, 512, 8, 1, False),
]


def chosen_types(llama, family, layers, hidden, feed_forward, heads, key_heads, tied, file_type):
    """What llama.cpp makes each matrix of a model, which has two rows in each: the choice goes by the columns."""
    with tempfile.TemporaryDirectory() as folder:
        writer = gguf.GGUFWriter(f"{folder}/in.gguf", family)
        writer.add_context_length(128)
        writer.add_embedding_length(hidden)
        writer.add_block_count(layers)
        writer.add_feed_forward_length(feed_forward)
        writer.add_head_count(heads)
        writer.add_head_count_kv(key_heads)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_vocab_size(2)
        names = ["token_embd"] + ([] if tied else ["output"])
        names += [f"blk.{layer}.{name}" for layer in range(layers) for name in LAYER_MATRICES]
        for name in names:
            columns = feed_forward if name.endswith("ffn_down") else hidden
            writer.add_tensor(f"{name}.weight", np.ones((2, columns), np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        parameters = llama.llama_model_quantize_default_params()
        parameters.nthread, parameters.ftype = 1, file_type
        if llama.llama_model_quantize(
                f"{folder}/in.gguf".encode(), f"{folder}/out.gguf".encode(), ctypes.byref(parameters)):
            sys.exit(f"llama.cpp cannot quantize {family} of {layers} layers")
        reader = gguf.GGUFReader(f"{folder}/out.gguf")
        assert int(reader.fields["general.file_type"].parts[-1][0]) == file_type
        return {tensor.name.removesuffix(".weight"): tensor.tensor_type.name for tensor in reader.tensors}


def types():
    """For each model and file type the types of the embedding, the output and, layer by layer, the other matrices; one
    name where all layers have the same."""
    for name in ["libggml-cpu.so", "libggml.so"]:
        library(name)
    llama = library("libllama.so")
    silence = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    llama.llama_log_set(silence, None)
    llama.llama_backend_init()
    llama.llama_model_quantize_default_params.restype = QuantizeParameters
    result = []
    for family, layers, hidden, feed_forward, heads, key_heads, tied in MODELS:
        model = {
            "family": family, "layers": layers, "hidden": hidden, "feed_forward": feed_forward, "heads": heads,
            "key_value_heads": key_heads, "tied": tied, "types": {}}
        for file_type, number in FILE_TYPES.items():
            found = chosen_types(llama, family, layers, hidden, feed_forward, heads, key_heads, tied, number)
            table = {name: type for name, type in found.items() if not name.startswith("blk.")}
            for name in LAYER_MATRICES:
                by_layer = [found[f"blk.{layer}.{name}"] for layer in range(layers)]
                table[name] = by_layer[0] if len(set(by_layer)) == 1 else by_layer
            model["types"][file_type] = table
        result.append(model)
    with open("llama-cpp-types.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(model) for model in result) + "\n]\n")


if __name__ == "__main__":
    blocks()
    types()
