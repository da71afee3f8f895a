"""Writes components.json: what the `tokenizers` library gives with each component that is read.

    python make_components.py

Needs the package tokenizers. Every case is gpt2.json or llama2.json with other parts; of each text's ids the number and
the hash are kept (FNV-1a, as in make_fixtures.py).
"""

import json
import os

from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))


def read(name):
    with open(f"{here}/{name}", encoding="utf-8") as file:
        return json.load(file)


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PLAIN = dict(BYTES, use_regex=False)
DIGITS = {"type": "Digits", "individual_digits": False}


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def before(*steps):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(steps)}}


def normal(*steps):
    return {"normalizer": steps[0] if len(steps) == 1 else {"type": "Sequence", "normalizers": list(steps)}}


def bert(**changes):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True, **changes}


def added(*tokens):
    known = dict(read("gpt2.json")["model"]["vocab"])
    for content, _ in tokens:
        known.setdefault(content, len(known))
    return {"added_tokens": [
        {"id": known[content], "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": False, **flags} for content, flags in tokens]}


CASES = {"gpt2": {}, "llama2": {}}
for behavior in ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
    CASES["gpt2"]["punctuation " + behavior] = before({"type": "Punctuation", "behavior": behavior}, BYTES)
    CASES["gpt2"]["split " + behavior] = before(split(r"\p{N}|\s+", behavior), PLAIN)
    CASES["gpt2"]["inverted " + behavior] = before(split(r"\p{L}+", behavior, True), PLAIN)
CASES["gpt2"].update({
    "falcon": before({"type": "Punctuation", "behavior": "Contiguous"}, BYTES, DIGITS, split("[0-9][0-9][0-9]")),
    "empty matches": before(split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), PLAIN),
    "empty or not": before(split(r"x*"), PLAIN),
    "word borders": before(split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(r"\b"), PLAIN),
    "whitespace": before({"type": "Whitespace"}, PLAIN),
    "whitespace split": before({"type": "WhitespaceSplit"}, PLAIN),
    "bert": before({"type": "BertPreTokenizer"}, PLAIN),
    "delimiter": before({"type": "CharDelimiterSplit", "delimiter": "e"}, PLAIN),
    "scripts": before({"type": "UnicodeScripts"}, PLAIN),
    "scripts of words": before({"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"}, PLAIN),
    "prefix space": before({"type": "WhitespaceSplit"}, dict(BYTES, add_prefix_space=True)),
    "NFC": normal({"type": "NFC"}), "NFD": normal({"type": "NFD"}),
    "NFKC": normal({"type": "NFKC"}), "NFKD": normal({"type": "NFKD"}),
    "lowercase": normal({"type": "Lowercase"}),
    "strip": normal({"type": "Strip", "strip_left": True, "strip_right": True}),
    "strip left": normal({"type": "Strip", "strip_left": True, "strip_right": False}),
    "strip right": normal({"type": "Strip", "strip_left": False, "strip_right": True}),
    "strip accents": normal({"type": "NFD"}, {"type": "StripAccents"}),
    "replace": normal({"type": "Replace", "pattern": {"String": "the"}, "content": "$0"}, {"type": "NFKC"}),
    "replace pattern": normal({"type": "Replace", "pattern": {"Regex": r" {2,}|\d+"}, "content": "<$1>"}),
    "prepend": normal({"type": "Prepend", "prepend": "<<"}, {"type": "Lowercase"}),
    "BERT": normal(bert()), "BERT cased": normal(bert(lowercase=False)),
    "BERT accents": normal(bert(lowercase=False, strip_accents=True, handle_chinese_chars=False)),
    "BERT not cleaned": normal(bert(clean_text=False, strip_accents=False)),
    "single words": added(("the", {"single_word": True}), ("an", {"single_word": True, "lstrip": True, "rstrip": True}),
                          ("é", {"single_word": True}), ("12", {"single_word": True})),
    "normalized": {**normal({"type": "Lowercase"}), **added(
        ("Hello", {"normalized": True}), ("THE", {"normalized": False}), ("Once", {"normalized": True, "single_word": True}))},
    "roberta": {"post_processor": {"type": "RobertaProcessing", "sep": ["in", 260], "cls": ["an", 259],
                                   "trim_offsets": True, "add_prefix_space": False}},
    "BERT's ends": {"post_processor": {"type": "BertProcessing", "sep": ["in", 260], "cls": ["an", 259]}},
    "template": {"post_processor": {
        "type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "in", "type_id": 0}}],
        "special_tokens": {"in": {"id": "in", "ids": [260], "tokens": ["in"]}}}},
})
CASES["llama2"].update({
    "lowercase": normal({"type": "Lowercase"}, {"type": "NFKC"}, {"type": "Prepend", "prepend": "▁"},
                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
    "stripped": normal({"type": "Strip", "strip_left": True, "strip_right": True},
                       {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
                       {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
})

# Characters that the library's tables of scripts do not have yet are left out.
TEXTS = [text.replace("\U0001fae0", "") for text in read("samples.json")["plain"] if text] + [
    "a...b--the!?\"the 12345", "other the then the.an an\tan  an? 12 x12 12x é éa aé the", "Hello HELLO hello THE the Once once Oncex",
    "ﬁﬂ ① ㎏ ｶﾞ ½ ² ℵ Å ﷺ Ａ ｆ ﬃ ㌀ İ I i̇ ẞ ΑΣ", "don\u2019t cafe\u0301", " \u3000 lead and trail \u2003\n", "中ー文ひらカタ ー abc日本 кир abc",
    "a1b22c333d4444e55555 1234567 x123456", "\ufffdx\u200d\u200cy\u0000z\ue000\u0085w\u180e",
]


def fnv1a(ids):
    state = 0xCBF29CE484222325
    for value in ids:
        state = ((state ^ value) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def main():
    cases = []
    for base, named in CASES.items():
        for name, parts in named.items():
            root = read(base + ".json")
            root.update(parts)
            tokenizer = Tokenizer.from_str(json.dumps(root))
            ids = [tokenizer.encode(text).ids for text in TEXTS]
            cases.append({"name": name, "base": base, "parts": json.dumps(parts, ensure_ascii=True),
                          "counts": [len(one) for one in ids], "hashes": [fnv1a(one) for one in ids]})
    with open(f"{here}/components.json", "w", encoding="utf-8") as file:
        json.dump({"texts": TEXTS, "cases": cases}, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


main()
