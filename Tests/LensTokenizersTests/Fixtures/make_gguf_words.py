"""Writes gguf.json: the ids that llama.cpp gives for each pre-tokenizer that GGUF names.

    python make_gguf_words.py LLAMA_CPP

LLAMA_CPP is llama.cpp's source folder (the source package llama-cpp-python has it as vendor/llama.cpp). Its splitting
(src/unicode.cpp) is compiled with g++; the patterns are taken from its table in src/llama-vocab.cpp. The package
tokenizers merges the words by gpt2.json. Of each text's ids the hash is kept (FNV-1a, as in make_fixtures.py).
"""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))
source = sys.argv[1] + "/src"

PROGRAM = r"""
// Texts on standard input, each after its length; their words on standard output likewise, -1 after each text.
#include "unicode.h"
#include <cstdint>
#include <cstdio>
int main(int argc, char ** argv) {
    std::vector<std::string> patterns(argv + 1, argv + argc);
    for (uint32_t n; fread(&n, 4, 1, stdin) == 1;) {
        std::string text(n, 0);
        if (n && fread(&text[0], 1, n, stdin) != n) return 1;
        for (auto & word : unicode_regex_split(text, patterns, false)) {
            n = word.size();
            fwrite(&n, 4, 1, stdout);
            fwrite(word.data(), 1, n, stdout);
        }
        n = 0xFFFFFFFF;
        fwrite(&n, 4, 1, stdout);
    }
}
"""

TEXTS = [
    "The Other thing: 12345 and\n\n  HTTPServer2 don't the中文。 in an ERROR", "1234567 12 1 123 1234 x12 y 12345678901 ½1234 a1b22c333d4444",
    "日本語テキスト、漢字かな交じり。ＡＢＣ１２３", "Привет МИР ПриветМир naïveÉcole ÉCOLE", "<sentinel:12> IMGIMGABCZ    x\t\ty",
    "'S 'T DON'T you'LL x'Re", "a\n\n\nb \n c\r\n\r\nd   \n", "$+<=>^`|~ !@#%&*()_-{}[]:;\"',.?/\\", "!abc ?Def .ghi /usr/bin -x",
    "한국어 텍스트 ㄱㄴㄷ ㅏ", "\t\tx  \ty\u3000z\u00a0w", "foo/bar//\n/baz\n",
]

# Not byte-level, or with tokens around text that LongLens does not know of.
LEFT_OUT = {"GEMMA4", "SARVAM_MOE", "WHITESPACE"}
LEFT_OUT_NAMES = {"jina-v1-en", "jina-v2-code", "roberta-bpe"}


def table(text):
    """The patterns of each type, the types of each name."""
    def string(literal):
        return literal.encode().decode("unicode_escape").encode("latin-1").decode("utf-8")

    types, cases, patterns = {}, [], []
    body = text[text.index("struct llm_tokenizer_bpe : "):text.index("struct llm_tokenizer_bpe_session {")]
    for line in body.split("\n"):
        if found := re.search(r"case LLAMA_VOCAB_PRE_TYPE_(\w+):", line):
            cases.append(found.group(1))
        elif re.match(r"\s*default:", line):
            cases.append("DEFAULT")
        elif "break;" in line:
            types.update({case: patterns for case in cases})
            cases, patterns = [], []
        elif found := re.match(r'\s*"((?:[^"\\]|\\.)*)"', line):
            patterns.append(string(found.group(1)))
    names, pending = {}, []
    for line in text[text.index("if (tokenizer_pre.empty())"):text.index("unknown pre-tokenizer type")].split("\n"):
        pending += re.findall(r'tokenizer_pre == "([^"]+)"', line)
        if found := re.search(r"pre_type = LLAMA_VOCAB_PRE_TYPE_(\w+)", line):
            names.update({name: found.group(1) for name in pending})
            pending = []
    return types, names


def words(program, patterns, texts):
    given = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    out = subprocess.run([program] + patterns, input=given, capture_output=True, check=True).stdout
    result, at, current = [], 0, []
    while at < len(out):
        (count,) = struct.unpack_from("<I", out, at)
        at += 4
        if count == 0xFFFFFFFF:
            result.append(current)
            current = []
        else:
            current.append(out[at:at + count].decode())
            at += count
    return result


def fnv1a(ids):
    state = 0xCBF29CE484222325
    for value in ids:
        state = ((state ^ value) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def main():
    with open(f"{source}/llama-vocab.cpp", encoding="utf-8") as file:
        types, names = table(file.read())
    with open(f"{here}/gpt2.json", encoding="utf-8") as file:
        root = json.load(file)
    root.update(added_tokens=[], pre_tokenizer={
        "type": "ByteLevel", "add_prefix_space": False, "use_regex": False, "trim_offsets": True})
    merging = Tokenizer.from_str(json.dumps(root))
    with open(f"{here}/samples.json", encoding="utf-8") as file:
        texts = [text for text in json.load(file)["plain"] if text and "\0" not in text] + TEXTS
    kinds = {}
    for name, kind in names.items():
        if kind not in LEFT_OUT and name not in LEFT_OUT_NAMES:
            kinds.setdefault(kind, []).append(name)
    result = []
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/words.cpp", "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        subprocess.run(["g++", "-O1", "-std=c++17", "-I", source, f"{folder}/words.cpp", f"{source}/unicode.cpp",
                        f"{source}/unicode-data.cpp", "-o", f"{folder}/words"], check=True)
        for kind, group in kinds.items():
            cut = words(f"{folder}/words", types[kind], texts)
            ids = [[id for word in text if word for id in merging.encode(word).ids] for text in cut]
            result.append({"names": group, "hashes": [fnv1a(one) for one in ids]})
    with open(f"{here}/gguf.json", "w", encoding="utf-8") as file:
        json.dump({"texts": texts, "kinds": result}, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


main()
