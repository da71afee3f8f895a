"""Makes the tokenizer fixtures and the ids that the reference libraries give for them.

    python make_fixtures.py SHARED

SHARED holds `multilingual/*.txt`, `corpus/*/*.txt` and `models/stories260K/tok512.{model,bin}`. Needs the packages
tokenizers, sentencepiece and numpy. Writes beside itself:

  gpt2.json smollm.json llama3.json qwen2.json   small byte-level tokenizers with the published pre-tokenizers
  added.json                                     one with added tokens of every kind
  llama2.json metaspace.json                     tok512 as tokenizer.json, converted here
  tok512.bin                                     llama2.c's file of the same vocabulary (MIT, A. Karpathy)
  samples.json                                   texts
  expected.json                                  ids of the samples, by tokenizer
  corpus.json                                    number and FNV-1a hash of the ids of whole folders, by tokenizer
"""

import glob
import json
import os
import shutil
import sys

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

shared = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


FOLDERS = {
    "multilingual": sorted(glob.glob(f"{shared}/multilingual/*.txt")),
    "books": sorted(glob.glob(f"{shared}/corpus/*/*.txt")),
}


def training_text():
    for path in FOLDERS["multilingual"]:
        yield read(path)
    for path in FOLDERS["books"][:4]:
        yield read(path)[:60000]


def byte_level(name):
    """A tokenizer with the published pre-tokenizer of that name, not yet trained."""
    tokenizer = Tokenizer(models.BPE())
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = {
        "gpt2": gpt2,
        "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2]),
        "llama3": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), plain]),
        "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), plain]),
    }[name]
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(name, size=900):
    special = {"gpt2": ["<|endoftext|>"], "smollm": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
               "llama3": ["<|begin_of_text|>", "<|end_of_text|>"], "qwen2": ["<|endoftext|>", "<|im_start|>"]}[name]
    tokenizer = byte_level(name)
    # SmolLM's alphabet is what its training text held: some bytes have no token.
    alphabet = [] if name == "smollm" else sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(training_text(), trainer)
    if name == "llama3":
        state = json.loads(tokenizer.to_str())
        # Words that are tokens but that merging does not reach.
        state["model"]["merges"] = [m for i, m in enumerate(state["model"]["merges"]) if i < 100 or i % 7]
        state["model"]["ignore_merges"] = True
        tokenizer = Tokenizer.from_str(json.dumps(state))
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|begin_of_text|> $A", pair=None, special_tokens=[("<|begin_of_text|>", 0)]),
        ])
    if name == "gpt2":
        # The way merges were written before version 0.20 of the library.
        state = json.loads(tokenizer.to_str())
        state["model"]["merges"] = [" ".join(m) for m in state["model"]["merges"]]
        tokenizer = Tokenizer.from_str(json.dumps(state))
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def added():
    tokenizer = train("gpt2", 300)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens([
        AddedToken("<tool>", special=False, normalized=False),
        AddedToken("<tool>>", special=False, normalized=False),
        AddedToken("<left>", special=False, normalized=False, lstrip=True),
        AddedToken("<right>", special=False, normalized=False, rstrip=True),
        AddedToken("cafe\u0301", special=False, normalized=True),
    ])
    tokenizer.add_special_tokens([AddedToken("<|sep|>", special=True, normalized=False, lstrip=True, rstrip=True)])
    return tokenizer


def sentencepiece_proto():
    proto = sentencepiece_model.ModelProto()
    with open(f"{shared}/models/stories260K/tok512.model", "rb") as file:
        proto.ParseFromString(file.read())
    # Neither llama2.c nor llama.cpp nor tokenizer.json removes spaces.
    proto.normalizer_spec.remove_extra_whitespaces = False
    return proto


def llama2(metaspace):
    proto = sentencepiece_proto()
    vocab = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    merges = []
    for i, piece in enumerate(proto.pieces):
        if piece.type != 1:
            continue
        text = piece.piece
        ways = [(text[:k], text[k:]) for k in range(1, len(text)) if text[:k] in vocab and text[k:] in vocab]
        merges += [(-piece.score, i, vocab[a], vocab[b], a, b) for a, b in ways]
    merges = [(m[4], m[5]) for m in sorted(merges)]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair=None, special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ["<unk>", "<s>", "</s>"]])
    return tokenizer


SAMPLES = [
    "", " ", "a", "\n", "Hello, world!", "  two  leading and   three   between, trailing  ",
    "I'm sure they'll've said we'd go; it's Bob's. DON'T SHOUT, IT'S LATE, THEY'RE HERE",
    "it'ſ a long s, \u212a'\u212a kelvin, o'clock 'tis 'twas rock'n'roll ''''",
    "0 12 345 6789 1234567890 3.14159 1,000,000 -42 0x1F 2²³ ½ ¾ Ⅷ ⅷ ٣٤٥ १२३ 零一二 ① 𝟘𝟙𝟚",
    "line one\nline two\n\n\nfour\r\nfive\r\r six\t\tseven\x0b\x0ceight \n nine  \n\n  ten\n   ",
    "nbsp\u00a0x\u00a0\u00a0y em\u2003\u2003z ideographic\u3000\u3000w nel\u0085v ls\u2028u ps\u2029t narrow\u202fs math\u205fr ogham\u1680q",
    "ᠮᠣᠩᠭᠣᠯ\u180eᠠ \u180e\u180e ᠬᠦᠮᠦᠨ zero\u200bwidth bom\ufeffx joiner\u200d\u200c soft\u00adhyphen",
    "e\u0301 é A\u030a Å ñ n\u0303 한국어 \u1112\u1161\u11ab ü u\u0308\u0301 ǖ q\u0323\u0307 q\u0307\u0323 \u2126 \ufb01",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪🇯🇵 1️⃣ #️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ☺︎ ☺️ 🫠",
    "你好，世界。これはテストです。カタカナ ﾊﾝｶｸ 中文English混排123数字",
    "हिन्दी में परीक्षण বাংলা தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල ไทยไม่มีวรรค ລາວ မြန်မာ ខ្មែរ བོད་",
    "مرحبا بالعالم ١٢٣ שלום עולם ייִדיש فارسی ‏x‎y",
    "𑄌𑄋𑄴𑄟𑄳𑄦 𞤀𞤣𞤤𞤢𞤥 𑌗𑍍𑌰 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff \U000e0001 \ue000",
    "tab\tseparated\tvalues;semi:colon|pipe\\slash/\"quote\" `tick` ~!@#$%^&*()_+-={}[]<>?,.",
    "def f(x):\n    return {'a': x**2, \"b\": [1, 2]}  # comment\n\n\nclass A_b1(object): pass\n",
    "http://example.org/a-b_c?d=e&f=g#h user@example.com C:\\dir\\file.txt",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "................................................................  ------------------------------------------------",
    "the the  the   the    the     the      the       the        the         the", "nul\x00in\x00text \x01\x02\x04\x06\x1d\x7f",
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park.",
    "The history of all hitherto existing society — “so it goes” — cost €5, £3, ¥700 & ‰ of naïve façades…",
    "Straße, Ærø, Łódź, œuvre, Ĳssel, ʼn, ß ẞ, ΣΊΣΥΦΟΣ ς, Москва́, Україна, ქართული, Հայերեն, ᏣᎳᎩ, ꓡꓲꓢꓴ, ߒߞߏ",
]

SPECIAL = [
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|> x", "x <|im_start|>user\nhi<|im_end|> y",
    "<|begin_of_text|>Hello<|end_of_text|>", "<s>Hello </s> there<s>", "<unk>", "<|endoftext|", "<s", "a <s> b",
]

ADDED = [
    "a<tool>b", "a <tool>> b", "<tool><tool>>", "x  <left>  y", "x  <right>  y", "a cafe\u0301 b", "a caf\u00e9 b",
    "<left><right> <left>", "  <left>", "<right>  ", "\u3000<left>\u00a0", "<tool", "x <|sep|> y", "x<|sep|>  <left> y",
]


def fnv1a(ids):
    """FNV-1a of the ids as little-endian int32, by words of 32 bits."""
    state = 0xCBF29CE484222325
    for value in ids:
        state = ((state ^ value) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def main():
    tokenizers = {name: train(name) for name in ["gpt2", "smollm", "llama3", "qwen2"]}
    tokenizers["added"] = added()
    tokenizers["llama2"] = llama2(metaspace=False)
    tokenizers["metaspace"] = llama2(metaspace=True)
    expected, corpus = {}, {}
    for name, tokenizer in tokenizers.items():
        text = tokenizer.to_str(pretty=False)
        tokenizer = Tokenizer.from_str(text)
        with open(f"{here}/{name}.json", "w", encoding="utf-8") as file:
            file.write(text + "\n")
        encode = lambda s: tokenizer.encode(s, add_special_tokens=False).ids
        expected[name] = {
            "plain": [encode(s) for s in SAMPLES],
            "special": [encode(s) for s in SPECIAL + (ADDED if name == "added" else [])],
            "with_bos": tokenizer.encode("Hello").ids,
        }
        corpus[name] = hashes(encode)
    processor = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_proto().SerializeToString())
    # A protocol buffer's string cannot hold NUL.
    expected["sentencepiece"] = {"plain": [processor.encode(s) if "\0" not in s else [] for s in SAMPLES]}
    corpus["sentencepiece"] = hashes(processor.encode)
    shutil.copyfile(f"{shared}/models/stories260K/tok512.bin", f"{here}/tok512.bin")
    os.chmod(f"{here}/tok512.bin", 0o644)
    write("samples", {"plain": SAMPLES, "special": SPECIAL, "added": ADDED})
    write("expected", expected)
    write("corpus", corpus)


def hashes(encode):
    result = {}
    for folder, paths in FOLDERS.items():
        ids = [i for path in paths for i in encode(read(path))]
        result[folder] = {"files": len(paths), "ids": len(ids), "hash": fnv1a(ids)}
    return result


def write(name, value):
    with open(f"{here}/{name}.json", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


main()
