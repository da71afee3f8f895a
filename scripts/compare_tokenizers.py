"""Compares the ids of `longlens tokenize` with those of other implementations on whole files.

    python compare_tokenizers.py --longlens .build/release/longlens --model MODEL.gguf \
        [--llama-tokenize llama-tokenize] FILE...

For a byte-level GGUF model the reference is built with the `tokenizers` library from the file's own vocabulary and merges;
also, the tokenizer.json that `longlens convert` writes is loaded with that library. Needs tokenizers and gguf. Exit
status 1 if any id differs.
"""

import argparse
import re
import subprocess
import sys
import tempfile

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")


def reference(model):
    fields = {name: field for name, field in GGUFReader(model).fields.items() if name.startswith("tokenizer.ggml.")}
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    if value("model") != "gpt2":
        sys.exit("Only byte-level vocabularies can be rebuilt; use --llama-tokenize.")
    name = value("pre")
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    steps = {
        "gpt-2": gpt2,
        "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2]),
        "llama-bpe": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), plain]),
        "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), plain]),
    }
    vocabulary = {token: i for i, token in enumerate(value("tokens"))}
    merges = [tuple(merge.split(" ", 1)) for merge in value("merges")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name == "llama-bpe"))
    tokenizer.pre_tokenizer = steps[name]
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def run(command):
    output = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return [int(number) for number in re.findall(r"\d+", output)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longlens", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama-tokenize")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    others = {}
    if options.llama_tokenize:
        flags = ["--ids", "--no-bos", "--no-parse-special", "--no-escape", "--log-disable"]
        others["llama.cpp"] = lambda path: run([options.llama_tokenize, "-m", options.model, "-f", path, *flags])
    else:
        text = lambda path: open(path, encoding="utf-8", newline="").read()
        rebuilt = reference(options.model)
        others["tokenizers"] = lambda path: rebuilt.encode(text(path), add_special_tokens=False).ids
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([options.longlens, "convert", options.model, folder + "/model"], check=True)
            written = Tokenizer.from_file(folder + "/model/tokenizer.json")
        others["written tokenizer.json"] = lambda path: written.encode(text(path), add_special_tokens=False).ids
    failed = False
    for path in options.files:
        ours = run([options.longlens, "tokenize", "--model", options.model, "--file", path, "--bos", "never"])
        for name, encode in others.items():
            theirs = encode(path)
            if ours == theirs:
                continue
            failed = True
            first = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
            print(f"{path}: {name} differs from token {first}: {ours[first:first + 8]} {theirs[first:first + 8]}")
    print("different" if failed else f"{len(options.files)} files: the same ids")
    sys.exit(failed)


main()
