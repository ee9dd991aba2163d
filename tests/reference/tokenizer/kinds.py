"""Small tokenizer files of every kind, for make.py."""

import base64
import json
import pathlib
import random
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, pre_tokenizers, trainers

PARTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"]

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
    yield (
        "byte fallback",
        document(
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
        ),
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
    yield (
        "wordpiece",
        document(
            model,
            added(model["vocab"], *special),
            normalizer={"type": "BertNormalizer", **normalizer},
            pre_tokenizer={"type": "BertPreTokenizer"},
            post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        ),
    )


def manner_documents():
    """The steps of well-known families around a small vocabulary trained on WORDS."""
    cases = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    words = "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    upper, lower = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
    mixed = "|".join(f"[^\\r\\n\\p{{L}}\\p{{N}}]?{upper}{a}{lower}{b}{cases}?" for a, b in ["*+", "+*"])
    mixed += "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
    marks = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    marks += "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
    ideographs = "[\\p{Han}]+|[\\p{L}&&[^\\p{Han}]]+|\\p{N}{1,3}|[^\\s\\p{L}\\p{N}]+|\\s+"
    for name, cuts, normalizer in [
        ("thirds", [cases + words % "{1,3}"], None),
        ("digits", [cases + words % ""], {"type": "NFC"}),
        ("mixed case", [mixed], None),
        ("several cuts", ["\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", marks], {"type": "Sequence", "normalizers": []}),
        ("intersection", [ideographs], {"type": "NFKC"}),
    ]:
        steps = [split(cut, "Isolated") for cut in cuts] + [byte_level(use_regex=False)]
        yield (
            f"manner {name}",
            trained(
                normalizer=normalizer,
                pre_tokenizer=sequence("pretokenizers", *steps),
                post_processor=byte_level(trim_offsets=False),
                decoder=byte_level(),
            ),
        )
    yield (
        "manner roberta",
        trained(
            pre_tokenizer=byte_level(add_prefix_space=True),
            post_processor={"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]}
            | {"trim_offsets": True, "add_prefix_space": True},
            decoder=byte_level(),
        ),
    )
    yield (
        "manner byte normalizer",
        trained(
            normalizer=sequence("normalizers", {"type": "NFD"}, {"type": "ByteLevel"}),
            pre_tokenizer=split(" ", "MergedWithNext"),
            decoder=byte_level(),
        ),
    )


def byte_level(**options):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True} | options


def trained(**parts):
    """Byte-level BPE, trained under the given steps."""
    special = ["<s>", "</s>", "<mask>"]
    tokenizer = Tokenizer.from_str(json.dumps(document(bpe(special, []), **parts)))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, min_frequency=1, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    marks = [dict(content="<s>", special=True), dict(content="</s>", special=True)]
    marks += [dict(content="<mask>", special=True, lstrip=True), dict(content="king", normalized=True)]
    return document(model, added(model["vocab"], *marks), **parts)


def charsmap():
    """A SentencePiece table of a few replacements."""
    rules = ["FF21\t41", "FB01\t66 69", "30AB 3099\t30AC", "2460\t31", "A0\t20", "AD\t", "41 301\tC1", "3000\t20"]
    rules += ["1F642\t3A 29", "BD\t31 2044 32"]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "rules.tsv").write_text("\n".join(rules) + "\n")
        (path / "text").write_text("\n".join(WORDS * 20))
        sentencepiece.SentencePieceTrainer.train(
            input=str(path / "text"), model_prefix=str(path / "m"), vocab_size=300, hard_vocab_limit=False,
            normalization_rule_tsv=str(path / "rules.tsv"), minloglevel=2,
        )  # fmt: skip
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString((path / "m.model").read_bytes())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def unigram_documents():
    rng = random.Random(7)
    pieces = sorted(set("\u2581" + w[:n] for w in WORDS for n in range(1, 6)) | set("".join(WORDS)) - set("Ünض"))
    vocabulary = [["<unk>", 0.0], ["</s>", 0.0]] + [[p, -rng.random() * 10 / len(p)] for p in pieces]
    model = {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": False}
    known = {piece: i for i, (piece, _) in enumerate(vocabulary)}
    mark = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    template = {
        "type": "TemplateProcessing",
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    }
    template |= {"single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}]}
    template |= {"special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}
    table = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
    yield (
        "unigram",
        document(
            model,
            added(known, {"content": "<unk>", "special": True}, {"content": "</s>", "special": True}),
            normalizer=sequence(
                "normalizers", table, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
            ),
            pre_tokenizer=sequence("pretokenizers", {"type": "WhitespaceSplit"}, mark),
            post_processor=template,
            decoder=mark,
        ),
    )
    bytes_ = [["<0x%02X>" % byte, -12.0] for byte in range(256)]
    yield (
        "unigram bytes",
        document(
            model | {"vocab": vocabulary[:200] + bytes_, "byte_fallback": True},
            pre_tokenizer=mark | {"prepend_scheme": "first", "split": False},
            decoder=sequence(
                "decoders",
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ),
        ),
    )


def word_documents():
    words = {word: i for i, word in enumerate(["<unk>", *dict.fromkeys(WORDS)])}
    level = {"type": "WordLevel", "unk_token": "<unk>", "vocab": words}
    normalizer = sequence(
        "normalizers",
        {"type": "Nmt"},
        {"type": "NFKD"},
        {"type": "StripAccents"},
        {"type": "Strip", "strip_left": True, "strip_right": True},
    )
    cuts = sequence(
        "pretokenizers",
        {"type": "Whitespace"},
        {"type": "Digits", "individual_digits": False},
        {"type": "UnicodeScripts"},
    )
    yield "word level", document(level, normalizer=normalizer, pre_tokenizer=cuts)
    letters_ = [c + end for c in sorted(set("".join(WORDS))) for end in ("", "</w>")]
    merges = [["t", "h"], ["th", "e</w>"], ["l", "l"], ["i", "n"], ["in", "g</w>"], ["k", "ing</w>"]]
    yield (
        "word ends",
        document(
            bpe(
                ["<unk>", *letters_, *(a + b for a, b in merges)], merges, unk_token="<unk>", end_of_word_suffix="</w>"
            ),
            normalizer=sequence(
                "normalizers",
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
                {"type": "Lowercase"},
            ),
            pre_tokenizer=split("'s|'t|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", "Removed", True),
            post_processor={"type": "BertProcessing", "sep": ["<unk>", 0], "cls": ["<unk>", 0]},
            decoder={"type": "BPEDecoder", "suffix": "</w>"},
        ),
    )
    tokens = [
        "[UNK]",
        "[PAD]",
        "|",
        *sorted(set("".join(WORDS) + " ")),
        *("##" + c for c in sorted(set("".join(WORDS)))),
    ]
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 12,
    }
    yield (
        "ctc",
        document(
            model | {"vocab": {token: i for i, token in enumerate(tokens)}},
            pre_tokenizer=sequence(
                "pretokenizers", {"type": "CharDelimiterSplit", "delimiter": "e"}, {"type": "FixedLength", "length": 4}
            ),
            decoder={"type": "CTC", "pad_token": "[PAD]", "word_delimiter_token": "|", "cleanup": True},
        ),
    )
    merges = [["t", "##h"], ["th", "##e"], ["##i", "##n"], ["k", "##in"]]
    parts = [a + b[2:] for a, b in merges]
    yield (
        "continuing",
        document(
            bpe([*tokens, *parts], merges, unk_token="[UNK]", fuse_unk=True, continuing_subword_prefix="##"),
            pre_tokenizer={"type": "BertPreTokenizer"},
            decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        ),
    )


def regex_documents():
    """What Oniguruma writes in its own way; the spans of the tokens show the cuts."""
    model = {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0}}
    for i, regex in enumerate(
        [
            "[a-z&&[^aeiou]]+",
            "\\h+",
            "(?m).e",
            ".+$",
            "^.",
            "\\p{^L}+",
            "[[:punct:]]",
            "[[:alpha:]]+",
            "l{,2}e?",
            "\\bthe\\b",
        ]
        + [
            "\\p{Han}|\\p{Hiragana}+",
            "t(?i)H|o",
            "[^\\S\\n]",
            "[\\w-]+",
            "e?",
            "(?<=l)l",
            "\\p{Letter}+?g",
            "[^a-z\\W]",
            "1{1}?2",
            "\\u0065|\\x6c",
        ]
        + [
            "[a[bc]-]+",
            "\\s++\\S",
            "(?i:sTRa|É|ſ)",
            "\\d{1,2}+",
            "[]e]",
            "\\p{M}+",
            "\\p{Alphabetic}",
            "[^\\p{L}&&[^0-9]]",
        ]
    ):
        behaviors = ["Isolated", "MergedWithNext"] if i % 2 else ["Removed", "MergedWithPrevious", "Contiguous"]
        for behavior in behaviors:
            yield f"regex {regex} {behavior}", document(model, pre_tokenizer=split(regex, behavior, i % 5 == 0))


GROUPS = [byte_documents, metaspace_documents, added_documents, normalizer_documents, split_documents]
GROUPS += [wordpiece_documents, manner_documents, unigram_documents, word_documents, regex_documents]
