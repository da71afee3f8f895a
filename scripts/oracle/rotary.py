"""Losses under every rotary scaling: transformers, LongLens on its folder and on the GGUF file that LongLens writes of it, and
llama.cpp on that file.

PYTHON rotary.py LONGLENS      with LLAMA_CPP_LIB_PATH and LLAMA_CPP_SOURCE as for llama_cpp_losses.py; without, llama.cpp is left out
Tiny models with random weights, longer sequences than their original context. Exit status 1 where two are further apart than
0.001, but for llama.cpp with other YaRN betas than 32 and 1, which it does not read.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()

VOCABULARY, LENGTH, HEAD, LIMIT = 500, 400, 32, 1e-3
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
LONG = {
    "rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 64,
    "short_factor": np.linspace(1, 1.5, HEAD // 2).tolist(), "long_factor": np.linspace(1, 20, HEAD // 2).tolist(),
}  # fmt: skip
CASES = {  # family, context of the model, rotary parameters
    "none": ("llama", 4096, {"rope_type": "default"}),
    "linear": ("llama", 4096, {"rope_type": "linear", "factor": 4.0}),
    "llama3": ("llama", 4096, {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }),
    "yarn": ("llama", 4096, YARN),
    "yarn qwen2": ("qwen2", 4096, YARN),
    "yarn qwen3": ("qwen3", 4096, {**YARN, "factor": 8.0}),
    "yarn attention": ("llama", 4096, {**YARN, "attention_factor": 1.3}),
    "yarn mscale": ("llama", 4096, {**YARN, "mscale": 0.7, "mscale_all_dim": 0.5}),
    "yarn betas": ("llama", 4096, {**YARN, "beta_fast": 16.0, "beta_slow": 2.0}),
    "longrope long": ("llama", 512, LONG),
    "longrope short": ("llama", 4096, {**LONG, "original_max_position_embeddings": 1024}),
    "longrope attention": ("llama", 512, {**LONG, "attention_factor": 1.1}),
}  # fmt: skip


def make(folder, family, context, parameters):
    """Writes the model; the losses that transformers gives are returned by the function it returns."""
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(
        family, vocab_size=VOCABULARY, hidden_size=4 * HEAD, intermediate_size=256, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=HEAD, max_position_embeddings=context,
        rope_parameters={**parameters, "rope_theta": 10000.0}, tie_word_embeddings=True, initializer_range=0.15,
        bos_token_id=0, eos_token_id=1)  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    model.save_pretrained(folder)

    def losses(tokens):
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0].double()
        return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:]), reduction="none").numpy()

    return losses


def main():
    longlens = sys.argv[1]
    tokens = np.random.default_rng(0).integers(2, VOCABULARY, LENGTH).tolist()
    failed = False
    with tempfile.TemporaryDirectory() as work:
        document = os.path.join(work, "tokens.jsonl")
        with open(document, "w") as file:
            file.write(json.dumps({"tokens": tokens}) + "\n")

        def ours(model):
            command = [longlens, "score", "--quiet", "--model", model, "--context", str(LENGTH), document]
            return np.array(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["nll"])

        def theirs(model):
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp_losses.py")
            run = subprocess.run([sys.executable, script, model, document], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            return np.array(json.loads(run.stdout)["nll"])

        for name, (family, context, parameters) in CASES.items():
            folder = os.path.join(work, name)
            expected = make(folder, family, context, parameters)(tokens)
            gguf = folder + ".gguf"
            subprocess.run([longlens, "convert", "--quiet", folder, gguf], check=True)
            found = {"folder": ours(folder), "GGUF": ours(gguf)}
            if os.environ.get("LLAMA_CPP_LIB_PATH"):
                found["llama.cpp"] = theirs(gguf)
            apart = {who: np.abs(losses - expected).max() for who, losses in found.items()}
            wrong = [who for who, far in apart.items() if not far <= LIMIT and (name, who) != ("yarn betas", "llama.cpp")]
            failed |= bool(wrong)
            print(f"{name}: mean {expected.mean():.4f}; largest difference " + ", ".join(f"{w} {d:.1e}" for w, d in apart.items()) + (f"  WRONG: {wrong}" if wrong else ""))  # fmt: skip
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
