"""Per-token losses of a GGUF file by llama.cpp, as score lines (the format of `longlens score`).

LLAMA_CPP_SOURCE=…/llama_cpp_python-0.3.X LLAMA_CPP_LIB_PATH=…/build/bin PYTHON llama_cpp_losses.py MODEL.gguf TOKENS > scores.jsonl
The first names the unpacked source package llama-cpp-python (its Python binding is used, and needs no build), the second the
folder with libllama.so. TOKENS: JSON or JSON lines with `tokens`; each sequence is one full pass.
Note that llama.cpp quantizes activations to 8 bits when weights are quantized: its losses are not those of the dequantized model.
"""

import argparse
import ctypes
import importlib
import json
import os
import sys
import types

import numpy as np
from oracle import read_sequences


def binding():
    """The binding's module without its package's `__init__`, which asks for more packages than are needed here."""
    source = os.environ.get("LLAMA_CPP_SOURCE")
    if not source or not os.environ.get("LLAMA_CPP_LIB_PATH"):
        sys.exit("set LLAMA_CPP_SOURCE and LLAMA_CPP_LIB_PATH (see the head of this script)")
    package = types.ModuleType("llama_cpp")
    package.__path__ = [os.path.join(source, "llama_cpp")]
    sys.modules["llama_cpp"] = package
    return importlib.import_module("llama_cpp.llama_cpp")


class Scorer:
    def __init__(self, path, context, threads, verbose):
        self.api = api = binding()
        if not verbose:
            self.silence = api.llama_log_callback(lambda level, text, data: None)
            api.llama_log_set(self.silence, ctypes.c_void_p(0))
        api.llama_backend_init()
        settings = api.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = api.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            sys.exit(f"{path}: llama.cpp cannot load it")
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))
        settings = api.llama_context_default_params()
        self.batch_size = 256
        settings.n_ctx = context
        settings.n_batch = settings.n_ubatch = self.batch_size
        settings.n_threads = settings.n_threads_batch = threads
        settings.type_k = settings.type_v = api.GGML_TYPE_F32  # a float16 cache would cost precision
        settings.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = api.llama_init_from_model(self.model, settings)
        if not self.context:
            sys.exit(f"{path}: no context of {context} tokens")
        self.batch = api.llama_batch_init(self.batch_size, 0, 1)

    def losses(self, tokens):
        """nll[i] of tokens[i+1], the softmax in float64 from llama.cpp's float32 logits."""
        api, batch = self.api, self.batch
        api.llama_memory_clear(api.llama_get_memory(self.context), True)
        nll = []
        for start in range(0, len(tokens) - 1, self.batch_size):
            part = tokens[start : min(start + self.batch_size, len(tokens) - 1)]
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, start + i, 1, 1
                batch.seq_id[i][0] = 0
            if api.llama_decode(self.context, batch) != 0:
                sys.exit(f"llama.cpp failed at token {start}")
            logits = np.ctypeslib.as_array(api.llama_get_logits(self.context), (len(part), self.vocabulary)).astype(np.float64)
            peak = logits.max(axis=1)
            lse = peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1))
            nll += (lse - logits[np.arange(len(part)), tokens[start + 1 : start + 1 + len(part)]]).tolist()
        return nll


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("--first", type=int, help="only the first so many tokens of each sequence")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    sequences = read_sequences(options.tokens)
    longest = max(len(row["tokens"][: options.first]) for row in sequences)
    scorer = Scorer(options.model, longest, options.threads, options.verbose)
    for number, row in enumerate(sequences):
        tokens = row["tokens"][: options.first]
        nll = scorer.losses(tokens)
        print(json.dumps({
            "document": row.get("document", row.get("id", str(number))), "sequence": row.get("sequence", 0),
            "tokens": tokens, "nll": nll, "context": len(tokens), "stride": len(tokens),
            "model": os.path.basename(options.model),
        }), flush=True)  # fmt: skip
        print(f"sequence {number}: {len(tokens)} tokens, mean {sum(nll) / len(nll):.6f}", file=sys.stderr)


if __name__ == "__main__":
    main()
