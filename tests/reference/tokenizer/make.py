"""Writes vectors.json: what Hugging Face's `tokenizers` answers for small tokenizer files and for the
demo model's, to be compared with the runtime's tokenizer.

    python3 make.py            (pip install tokenizers==0.22.2)
"""

import json
import pathlib
import random

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
PARTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"]
DEMO = "models/demo/tokenizer.json"

WORDS = (
    "the king Hello WORLD don't I'LL we've 12345 3.14 ½ Ⅷ naïve café Ünïcödé straße ὈΔΥΣΣΕΎΣ İstanbul "
    "привет 我想在 appleです 한국어 हिन्दी ภาษาไทย 🙂 👩‍👧 e\u0301 \u1e9b\u0323 ﬁ 'ſ _x_ a_b ## [CLS] "
    "<sep> abc <s> <0x0A> \u2581 \u2581\u2581 \u00a0 \u3000 \u200b \u2028 \u0085 \u180e \ufeff \ufffd "
    "\x00 \x1c ... a,b!"
).split(" ")
GAPS = ["", "", " ", " ", "  ", "\n", "\t", " \n "]


def added(vocabulary, *tokens):
    base = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    known = {**vocabulary}
    return [base | token | {"id": known.setdefault(token["content"], len(known))} for token in tokens]


def document(model, added_tokens=(), **parts):
    empty = dict.fromkeys(["truncation", "padding", *PARTS])
    return {"version": "1.0", **empty, "added_tokens": list(added_tokens), "model": model, **parts}


def bpe(tokens, merges, **options):
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    defaults = dict(dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None)
    flags = dict(fuse_unk=False, byte_fallback=False, ignore_merges=False)
    return {"type": "BPE", **defaults, **flags, "vocab": vocabulary, "merges": merges, **options}


def sequence(key, *steps):
    return {"type": "Sequence", key: list(steps)}


def split(regex, behavior, invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def letters(merges):
    """A vocabulary of single characters and what the merges make of them."""
    tokens = ["<unk>"] + sorted(set("".join(WORDS) + " \n\t") - set("<>0😀"))
    return tokens + [left + right for left, right in merges]


PAIRS = [["l", "l"], ["h", "e"], ["t", "he"], ["1", "2"], ["ll", "o"], ["\u2581", "the"], ["b", "c"], ["a", "bc"]]


def byte_documents():
    bytes_ = ["<unk>"] + ["<0x%02X>" % byte for byte in range(256)]
    merges = [["\u2581", "\u2581"], *PAIRS]
    tokens = bytes_ + list("helotking12bca\u2581") + [a + b for a, b in merges]
    model = bpe(tokens, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    back = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    yield "byte fallback", document(
        model,
        added(model["vocab"], {"content": "<s>", "special": True}),
        normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, replace),
        post_processor={
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [len(model["vocab"])], "tokens": ["<s>"]}},
        },
        decoder=sequence("decoders", back, {"type": "ByteFallback"}, {"type": "Fuse"}, strip),
    )


def metaspace_documents():
    model = bpe(letters(PAIRS), PAIRS, unk_token="<unk>", fuse_unk=True)
    marks = added(model["vocab"], {"content": "<s>", "special": True}, {"content": "<sep>"})
    for scheme in ["always", "first", "never"]:
        part = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": scheme != "never"}
        yield f"metaspace {scheme}", document(model, marks, pre_tokenizer=part, decoder=part)


def added_documents():
    model = bpe(letters(PAIRS), PAIRS, unk_token="<unk>")
    marks = added(
        model["vocab"],
        {"content": "<sep>", "lstrip": True, "rstrip": True},
        {"content": "abc", "single_word": True, "normalized": True},
        {"content": "ab", "rstrip": True},
        {"content": "HELLO", "normalized": True},
        {"content": "[CLS]", "special": True},
    )
    yield "added tokens", document(model, marks, normalizer={"type": "Lowercase"})


def normalizer_documents():
    model = bpe(letters(PAIRS), PAIRS, unk_token="<unk>")
    for name in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip"]:
        part = {"type": name}
        if name == "Strip":
            part |= {"strip_left": True, "strip_right": True}
        if name == "StripAccents":
            part = sequence("normalizers", {"type": "NFD"}, part)
        yield f"normalizer {name}", document(model, normalizer=part)


def split_documents():
    # The cuts show because no token crosses them: whole words are tokens.
    merges = [*PAIRS, ["the", "\u0020"], [" ", "a"], ["_", "x"], [",", "b"], ["a", ","], ["12", "3"]]
    model = bpe(letters(merges), merges, unk_token="<unk>", fuse_unk=True)
    steps = {
        "whitespace": {"type": "Whitespace"},
        "whitespace split": {"type": "WhitespaceSplit"},
        "bert": {"type": "BertPreTokenizer"},
        "punctuation": {"type": "Punctuation", "behavior": "Isolated"},
        "digits": {"type": "Digits", "individual_digits": True},
        "digit runs": {"type": "Digits", "individual_digits": False},
    }
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        steps[behavior] = split("\\s", behavior)
    steps["inverted"] = split("\\w+", "Isolated", True)
    steps["case"] = split("(?i:'s|'ve|'ll)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+", "Removed")
    for name, step in steps.items():
        yield f"split {name}", document(model, pre_tokenizer=step)


def wordpiece_documents():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "king", "don", "'", "t", "cafe", "hello", "wor", "##ld"]
    tokens += [".", ",", "!", "我", "想", "i", "ll", "we", "ve", "12", "##345", "##5", "uni", "##code", "na", "##ive"]
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    model |= {"max_input_chars_per_word": 100, "vocab": {token: i for i, token in enumerate(tokens)}}
    special = [dict(content=token, special=True) for token in tokens[:4]]
    normalizer = dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    yield "wordpiece", document(
        model,
        added(model["vocab"], *special),
        normalizer={"type": "BertNormalizer", **normalizer},
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )


def text(rng):
    return "".join(rng.choice(WORDS) + rng.choice(GAPS) for _ in range(rng.randrange(1, 9)))


def answers(tokenizer, rng, count):
    texts = ["", " ", "the king", " the  king\n", *(text(rng) for _ in range(count))]
    ids = sorted(tokenizer.get_vocab(with_added_tokens=True).values())
    lists = [[rng.choice(ids) for _ in range(rng.randrange(1, 9))] for _ in range(count // 2)]
    encode = [
        [t, tokenizer.encode(t).ids, tokenizer.encode(t, add_special_tokens=False).ids] for t in texts
    ]
    lists += [case[1] for case in encode[: count // 2]]
    decode = [[i, tokenizer.decode(i), tokenizer.decode(i, skip_special_tokens=False)] for i in lists]
    return {"encode": encode, "decode": decode}


def main():
    rng = random.Random(4)
    groups = [byte_documents, metaspace_documents, added_documents, normalizer_documents, split_documents]
    groups += [wordpiece_documents]
    cases = []
    for group in groups:
        for name, doc in group():
            tokenizer = Tokenizer.from_str(json.dumps(doc))
            cases.append({"name": name, "tokenizer": doc, **answers(tokenizer, rng, 8)})
    demo = Tokenizer.from_file(str(HERE.parents[2] / DEMO))
    cases.append({"name": "demo", "file": DEMO, **answers(demo, rng, 30)})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "vectors.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
