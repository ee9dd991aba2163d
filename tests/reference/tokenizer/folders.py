"""Writes folders.json: what AutoTokenizer of transformers makes of small folders, such as checkpoints have, and
answers for some texts, with the places of the tokens.

    python3 folders.py         (pip install transformers==5.24.0 sentencepiece==0.2.3 protobuf)
"""

import base64
import json
import pathlib
import tempfile

import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, logging

HERE = pathlib.Path(__file__).parent
END = "<|endoftext|>"
CORPUS = ["The king of the fox said unto the dog, and the fox said: don't you cry, it's late!"] * 20
TEXTS = [
    "",
    "the fox",
    " The  King",
    "the king<|endoftext|> said<|im_end|>\nunto",
    "the <s>fox</s> <mask> dog <unk>",
    "[CLS] the[SEP]Fox [MASK] caf\u00e9 \u738b\u5b50",
    "the <extra_id_0>fox <extra_id_2> don't cry.<x> it's",
    "cry, the dog ! it 's \ufb01 \uff21 cafe\u0301\u3000\tlate",
]


def byte_pairs(special=()):
    """A byte-level vocabulary and merges; some special tokens at its end."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=290, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    model = json.loads(made.to_str())["model"]
    for token in special:
        model["vocab"][token] = len(model["vocab"])
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def pair(special):
    vocab, merges = byte_pairs(special)
    lines = "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)
    return {"vocab.json": json.dumps(vocab, ensure_ascii=False), "merges.txt": lines}


def byte_file(special, marked=(), **parts):
    vocab, merges = byte_pairs(special)
    made = Tokenizer(models.BPE(vocab, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    from tokenizers import decoders

    made.decoder = decoders.ByteLevel()
    for key, value in parts.items():
        setattr(made, key, value)
    made.add_tokens([AddedToken(token, special=True) for token in marked])
    return {"tokenizer.json": made.to_str()}


WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the The king King fox Fox ' ##s don t cry caf\u00e9 cafe it s late dog . , \u738b \u5b50 \u738b\u5b50 <x>"


def words(tokens=WORDS):
    return {"vocab.txt": "\n".join(tokens.split(" ")) + "\n"}


def word_file(lower, accents=None, tokens=WORDS):
    vocab = {token: i for i, token in enumerate(tokens.split(" "))}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=accents)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return {"tokenizer.json": made.to_str()}


def pieces(name, kind, size, **options):
    """A SentencePiece model."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = folder + "/m"
        # Few rules, as the usual ones are long: ligatures, wide letters, a composed letter.
        rules = pathlib.Path(folder, "rules.tsv")
        rules.write_text("FB01\t66 69\nFF21\t41\n65 301\tE9\n3000\t20\nA\t20\n")
        if "normalization_rule_name" not in options:
            options["normalization_rule_tsv"] = str(rules)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS),
            model_prefix=prefix,
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,
            minloglevel=2,
            **options,
        )
        return {name: pathlib.Path(prefix + ".model").read_bytes()}


def decoder(*tokens, start, **flags):
    base = dict(lstrip=False, normalized=False, rstrip=False, single_word=False, special=True)
    return {str(start + i): base | {"content": token} | flags for i, token in enumerate(tokens)}


def added(content, **flags):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "normalized": False, "rstrip": False,
            "single_word": False} | flags  # fmt: skip


def saved(family, files):
    """The tokenizer.json that transformers writes for a folder."""
    with tempfile.TemporaryDirectory() as folder:
        write(folder, {"config.json": {"model_type": family}, **files})
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder + "/new")
        return {"tokenizer.json": pathlib.Path(folder, "new/tokenizer.json").read_text()}


def write(folder, files):
    for path, content in files.items():
        content = json.dumps(content) if isinstance(content, dict) else content
        pathlib.Path(folder, path).write_bytes(content if isinstance(content, bytes) else content.encode())


def old_pieces(document):
    """A tokenizer.json as it was written for SentencePiece vocabularies: spaces are made by the normalizer."""
    made = json.loads(document)
    space = [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]
    made["normalizer"] = {"type": "Sequence", "normalizers": space}
    made["pre_tokenizer"] = None
    return json.dumps(made)


def cases():
    config, tokens = "tokenizer_config.json", "special_tokens_map.json"
    gpt = pair([END])
    size = len(json.loads(gpt["vocab.json"]))
    yield "gpt2", "gpt2", gpt, {}
    yield "gpt2 length", "gpt2", gpt, {config: {"model_max_length": 1024}}
    yield "gpt2 prefix", "gpt2", gpt, {config: {"add_prefix_space": True, "tokenizer_class": "GPT2Tokenizer"}}
    yield "gpt2 map", "gpt2", gpt, {tokens: dict.fromkeys(["bos_token", "eos_token", "unk_token"], END)}
    yield "gpt2 map of objects", "gpt2", gpt, {
        tokens: {"eos_token": {"content": END, "lstrip": True, "rstrip": False, "single_word": False, "normalized": True}, "pad_token": "<x>"}
    }
    yield "gpt2 decoder", "gpt2", gpt, {config: {"added_tokens_decoder": decoder(END, "<x>", start=size - 1)}}
    yield "gpt2 stripping decoder", "gpt2", gpt, {
        config: {"added_tokens_decoder": decoder(END, start=size - 1) | decoder("fox", start=size, rstrip=True, special=False)}
    }
    yield "gpt2 objects", "gpt2", gpt, {
        config: {"eos_token": added(END), "bos_token": added("<s>", lstrip=True), "unk_token": None, "add_bos_token": True}
    }
    yield "gpt2 additional", "gpt2", gpt, {config: {"additional_special_tokens": ["<x>", "<|im_end|>"]}}
    yield "gpt2 additional objects", "gpt2", gpt, {config: {"additional_special_tokens": [added("<x>", special=True), added("fox")]}}
    yield "gpt2 added", "gpt2", gpt, {"added_tokens.json": {"<x>": size, "<|im_end|>": size + 1}, tokens: {"eos_token": "<|im_end|>"}}
    yield "gpt2 bos and eos", "gpt2", gpt, {config: {"add_bos_token": True, "add_eos_token": True, "errors": "replace"}}
    yield "gpt2 own roles", "gpt2", gpt, {config: {"image_token": "<x>", "extra_special_tokens": {"turn_token": "<|im_end|>"}}}
    turn = {"content": "<|im_end|>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": True}
    named = {"extra_special_tokens": {"z_token": "<x>", "a_token": "fox"}}
    yield "gpt2 own roles in their order", "gpt2", gpt, {config: {"turn_token": "<x>", "image_token": "<|im_end|>"}}
    yield "gpt2 own roles beside a list", "gpt2", gpt, {config: {"additional_special_tokens": ["<|im_end|>"], **named}}
    yield "gpt2 no own roles beside a list", "gpt2", gpt, {
        config: {"extra_special_tokens": {}}, tokens: {"additional_special_tokens": ["<|im_end|>"]}
    }
    yield "gpt2 one token in two roles", "gpt2", gpt, {tokens: {"eos_token": turn, "pad_token": "<|im_end|>"}}
    yield "gpt2 split special", "gpt2", gpt, {config: {"split_special_tokens": True}}
    yield "gpt2 clean up", "gpt2", gpt, {config: {"clean_up_tokenization_spaces": True}}
    yield "gpt2 file", "gpt2", byte_file([END], [END]), {}
    yield "gpt2 file with another cut", "gpt2", byte_file([END], [END], pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)), {}
    yield "file as it is", "gpt2", byte_file([END], [], pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)), {
        config: {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": "<x>", "add_prefix_space": False, "add_bos_token": True}
    }
    yield "codegen", "phi", gpt, {config: {"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": False}}
    yield "cohere", "cohere", gpt, {config: {"tokenizer_class": "CohereTokenizer", "eos_token": added("<|im_end|>", rstrip=True)}}
    yield "neox", "gpt_neox", pair([END, "<|padding|>"]), {config: {"tokenizer_class": "GPTNeoXTokenizer"}}
    im = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    yield "qwen2", "qwen2", pair(im), {
        config: {
            "add_bos_token": False, "add_prefix_space": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": END, "unk_token": None,
            "additional_special_tokens": im[1:], "added_tokens_decoder": decoder(*im, start=size - 1),
            "tokenizer_class": "Qwen2Tokenizer", "split_special_tokens": False, "errors": "replace",
        }
    }  # fmt: skip
    yield "qwen2 bare", "qwen2", pair(im), {}
    yield "qwen2 file", "qwen2", byte_file(im, im[:1]), {config: {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}}
    roberta = pair(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    yield "roberta", "roberta", roberta, {}
    yield "roberta mask", "roberta", roberta, {
        tokens: {"mask_token": {"content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}, "cls_token": "<s>"}
    }
    yield "roberta prefix", "roberta", roberta, {config: {"add_prefix_space": True, "tokenizer_class": "RobertaTokenizerFast"}}

    yield "bert", "bert", words(), {}
    yield "bert cased", "bert", words(), {config: {"do_lower_case": False}}
    yield "bert accents", "bert", words(), {config: {"do_lower_case": True, "strip_accents": False}}
    yield "bert stripped accents", "bert", words(), {config: {"do_lower_case": False, "strip_accents": True}}
    yield "bert Chinese", "bert", words(), {config: {"tokenize_chinese_chars": False}}
    yield "bert clean up", "bert", words(), {config: {"clean_up_tokenization_spaces": True, "do_basic_tokenize": True, "never_split": None}}
    yield "bert additional", "distilbert", words(), {tokens: {"additional_special_tokens": ["<x>"], "cls_token": "[CLS]"}}
    yield "bert other names", "bert", words(WORDS.replace("[CLS]", "<s>").replace("[SEP]", "</s>")), {config: {"cls_token": "<s>", "sep_token": "</s>"}}
    for lower in True, False:
        for kind in "BertTokenizer", "PreTrainedTokenizerFast":
            yield f"bert file, lower {lower}, {kind}", "bert", word_file(lower), {
                config: {"tokenizer_class": kind, "do_lower_case": not lower, "strip_accents": lower}
            }
    yield "electra", "electra", word_file(True), {config: {"tokenizer_class": "ElectraTokenizer", "do_lower_case": False}}
    yield "mpnet", "mpnet", words("<s> <pad> </s> [UNK] <mask> the king fox Fox cry . ,"), {}

    t5 = pieces("spiece.model", "unigram", 60, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    extra = [f"<extra_id_{i}>" for i in range(100)]
    yield "t5", "t5", t5, {}
    yield "t5 three", "t5", t5, {config: {"extra_ids": 3, "tokenizer_class": "T5Tokenizer"}}
    yield "t5 none", "t5", t5, {config: {"extra_ids": 0, "additional_special_tokens": []}}
    yield "t5 listed", "t5", t5, {config: {"additional_special_tokens": extra, "eos_token": "</s>", "clean_up_tokenization_spaces": True}}
    yield "t5 map", "t5", t5, {tokens: {"additional_special_tokens": extra, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}}
    yield "t5 other additional", "mt5", t5, {config: {"additional_special_tokens": ["<x>"]}}
    yield "t5 own roles", "t5", t5, {config: {"extra_special_tokens": {"x_token": "<x>"}}}
    xlm = pieces("sentencepiece.bpe.model", "unigram", 60, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    yield "xlm-roberta", "xlm-roberta", xlm, {}
    yield "albert", "albert", pieces("spiece.model", "unigram", 60, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"]), {}
    yield "albert cased", "albert", pieces("spiece.model", "unigram", 60, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"]), {
        config: {"do_lower_case": False, "keep_accents": True}
    }

    merged = pieces("tokenizer.model", "bpe", 340, byte_fallback=True, remove_extra_whitespaces=False, normalization_rule_name="identity")
    yield "llama bare", "llama", merged, {}
    kind = {"tokenizer_class": "LlamaTokenizer"}
    yield "llama", "llama", merged, {config: {**kind, "add_bos_token": True, "add_eos_token": False, "legacy": False, "sp_model_kwargs": {}}}
    yield "llama legacy", "llama", merged, {config: {**kind, "add_bos_token": True, "legacy": True, "clean_up_tokenization_spaces": False}}
    yield "llama without prefix", "llama", merged, {config: {**kind, "add_prefix_space": False, "add_eos_token": True}}
    yield "llama objects without a class", "llama", merged, {config: {"bos_token": added("<s>", normalized=True), "eos_token": added("</s>", normalized=True)}}
    yield "llama own roles", "llama", merged, {config: {**kind, "extra_special_tokens": {"x_token": "<x>"}}}
    yield "llama turns", "llama", merged, {config: {**kind, "additional_special_tokens": ["<|im_end|>"], "eos_token": "<|im_end|>"}}
    yield "mistral", "mistral", merged, {config: {**kind, "add_bos_token": True, "additional_special_tokens": [], "legacy": False}}
    yield "phi3", "phi3", merged, {
        config: {**kind, "add_bos_token": True, "eos_token": END, "added_tokens_decoder": decoder("<unk>", "<s>", "</s>", start=0) | decoder(END, "<|im_end|>", start=400, rstrip=True)}
    }
    yield "gemma", "gemma", pieces("tokenizer.model", "bpe", 340, byte_fallback=True, normalization_rule_name="identity", pad_id=0, eos_id=1, bos_id=2, unk_id=3, add_dummy_prefix=False,
                                   pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=["<mask>", "  "]), {config: {"add_bos_token": True}}  # fmt: skip
    old = {"tokenizer.json": old_pieces(saved("llama", {**merged, config: {**kind, "add_bos_token": True}})["tokenizer.json"])}
    yield "llama file", "llama", old, {config: {**kind, "legacy": False, "add_bos_token": False}}
    yield "llama file, legacy", "llama", old, {config: {**kind, "legacy": True, "eos_token": "<|im_end|>", "pad_token": "<unk>"}}
    yield "llama file without a class", "llama", old, {tokens: {"pad_token": "<pad>", "eos_token": "</s>"}, "added_tokens.json": {"<pad>": 340}}
    t5_file = saved("t5", t5)
    yield "t5 file", "t5", t5_file, {config: {"tokenizer_class": "T5Tokenizer", "additional_special_tokens": extra[:100], "extra_ids": 100}}
    yield "t5 file without a class", "t5", t5_file, {config: {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": True}}
    yield "xlm-roberta file", "xlm-roberta", saved("xlm-roberta", xlm), {config: {"mask_token": added("<mask>", lstrip=True)}}
    yield "roberta file", "roberta", saved("roberta", roberta), {config: {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}}
    yield "neox file", "gpt_neox", byte_file([END], [END]), {config: {"tokenizer_class": "GPTNeoXTokenizer", "add_bos_token": True}}
    eot = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    yield "llama 3", "llama", byte_file(eot, eot[:2]), {config: {**kind, "bos_token": eot[0], "eos_token": "<|eot_id|>"}}


def spans(tokenizer, text):
    """Where the tokens stand in the text, in bytes."""
    places = tokenizer(text, return_offsets_mapping=True).offset_mapping
    return [[len(text[:at].encode()) for at in place] for place in places]


def main():
    pool, records = {}, []
    for name, family, vocabulary, settings in cases():
        files = {"config.json": {"model_type": family}, **vocabulary, **settings}
        files = {path: json.dumps(content) if isinstance(content, dict) else content for path, content in files.items()}
        with tempfile.TemporaryDirectory() as folder:
            write(folder, files)
            made = AutoTokenizer.from_pretrained(folder)
        record = {"name": name, "files": {}}
        for path, content in files.items():
            kept = {"base64": base64.b64encode(content).decode()} if isinstance(content, bytes) else content
            key = next((k for k, v in pool.items() if v == kept), None) or f"{len(pool)}"
            pool[key] = kept
            record["files"][path] = key
        texts = [(text, made(text).input_ids, made(text, add_special_tokens=False).input_ids, spans(made, text)) for text in TEXTS]
        record["encode"] = texts
        lists = [ids for _, ids, _, _ in texts[2:]]
        record["decode"] = [[ids, made.decode(ids, skip_special_tokens=True), made.decode(ids)] for ids in lists]
        record["roles"] = made.special_tokens_map
        records.append(record)
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (HERE / "folders.json").write_text(f'{{"files":{json.dumps(pool)},\n"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    logging.set_verbosity_error()
    main()
