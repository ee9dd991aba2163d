#!/usr/bin/env python3
"""Checkpoints as people have them, and as nobody should: odd names, stale indexes, stray tensors, and files made to harm."""

import json
import os
import shutil
import struct

import bench as harness
import gguf_arch
import gguf_twin
import safetensors

DEEP = b"[" * 100000
INDEX = "model.safetensors.index.json"
SHARDS = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def replaced(data, old, new):
    if data.count(old) != 1:
        raise ValueError(f"{old} is there {data.count(old)} times")
    return data.replace(old, new)


class Reference:
    """A folder with a reference case, and what it must compute."""

    def __init__(self, bench, name, case="llama/gqa"):
        self.bench, self.folder = bench, bench.path(name)
        case = bench.case(case)
        os.mkdir(self.folder)
        shutil.copy(os.path.join(case, "config.json"), self.folder)
        self.tensors = safetensors.load(os.path.join(case, "model.safetensors"))
        io = safetensors.load(os.path.join(case, "io.safetensors"))
        self.logits, self.inputs = io["logits"], []
        for option, tensor in ("--ids", "input_ids"), ("--source-ids", "source_ids"), ("--token-types", "token_types"):
            if tensor in io:
                self.inputs += [option, ",".join(map(str, io[tensor].values()))]

    def path(self, name):
        return os.path.join(self.folder, name)

    def compiling(self, *options, checkpoint=None):
        return ("sluice-compile", "-c", checkpoint or self.folder, "--models", self.bench.models, "-o", self.bench.path("out.slc"), *options)

    def accept(self, what, message="", *options, checkpoint=None):
        """It compiles, says `message` (nothing if that is empty), and computes what it must."""
        done = self.bench.run(*self.compiling(*options, checkpoint=checkpoint))
        said = done.stderr.decode()
        lines = [line for line in said.splitlines() if "has no tokenizer" not in line]
        if not self.bench.check(what, done.returncode == 0 and (message in said if message else not lines), said):
            return
        out = self.bench.path("out.safetensors")
        self.bench.output("sluice-run", self.bench.path("out.slc"), *self.inputs, "--out", out)
        worst, scaled = safetensors.difference(self.logits, safetensors.load(out)["logits"])
        self.bench.check(what, scaled <= 1e-4, f"off by {worst:.3g}")
        os.remove(out)
        os.remove(self.bench.path("out.slc"))

    def refuse(self, what, message, *options, checkpoint=None):
        self.bench.refuse(what, message, *self.compiling(*options, checkpoint=checkpoint))


def names(bench):
    """A GGUF file is one whatever it is called."""
    llama = Reference(bench, "names")
    file = bench.path("twin.gguf")
    gguf_twin.write_twin(bench.case("llama/gqa"), file)
    for name in "blobs/sha256-0123", "M.GGUF", "my model.Q8_0.gguf.part", "alone/weights":
        path = bench.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(file, path)
        llama.accept(f"GGUF called {name}", checkpoint=path)
    llama.accept("folder with a GGUF without extension", checkpoint=bench.path("alone"))
    os.mkdir(bench.path("links"))
    os.symlink("../blobs/sha256-0123", bench.path("links", "model.gguf"))
    llama.accept("link to a blob", checkpoint=bench.path("links", "model.gguf"))
    write(bench.path("alone", "other"), b"GGUF")
    llama.refuse("folder with two", "found 0 .safetensors and 2 GGUF files", checkpoint=bench.path("alone"))
    write(bench.path("text"), b"GGU")
    llama.refuse("neither format", "expected a folder, a .safetensors or a GGUF file", checkpoint=bench.path("text"))


def shards(bench):
    """The files that an index names count, not what it says of their tensors."""
    llama = Reference(bench, "shards")
    names = sorted(llama.tensors)
    half = len(names) // 2
    halves = dict(zip(SHARDS, (names[:half], names[half:])))
    right = {name: shard for shard, held in halves.items() for name in held}

    def lay(index, **more):
        write(llama.path(INDEX), json.dumps({"metadata": {"total_size": 0}, "weight_map": index}).encode())
        for shard, held in halves.items():
            safetensors.save(llama.path(shard), {name: llama.tensors[name] for name in held + more.get(shard[6:11], [])})

    lay(right)
    llama.accept("right index")
    lay(right | {"lm_head.bias": SHARDS[1]})
    llama.accept("index names a tensor too many", f"{INDEX}: names tensors that no shard holds: 'lm_head.bias'")
    lay(right | {names[0]: SHARDS[1]})
    llama.accept("index names the wrong shard", f"{INDEX}: names the wrong shard for tensors: '{names[0]}'")
    lay({name: shard for name, shard in right.items() if name not in names[:2]})
    llama.accept("index forgets tensors", f"{INDEX}: does not name tensors that a shard holds: '{names[0]}' and 1 more")
    lay(right, **{"00002": names[:1]})
    llama.accept("tensor in two shards", f"{SHARDS[1]}: tensor '{names[0]}' is also in")
    lay({name: shard.replace("00002.", "00003.") for name, shard in right.items()})
    llama.refuse("index names files that are not there", "model-00001-of-00003.safetensors: cannot open")
    halves[SHARDS[1]] = [name for name in halves[SHARDS[1]] if name != "model.norm.weight"]
    lay(right)
    llama.refuse("needed tensor that no shard holds", "weight 'norm' is not in the checkpoint: no tensor model.norm.weight")


def stray(bench):
    """Tensors that no weight uses are passed over only if they are named."""
    llama = Reference(bench, "stray")
    more = {f"model.layers.{i}.self_attn.extra.weight": llama.tensors["model.norm.weight"] for i in range(2)}
    safetensors.save(llama.path("model.safetensors"), llama.tensors | more)
    llama.refuse("stray tensors", "extra.weight' [48] of the checkpoint is used by no weight")
    llama.refuse("one of them named", "'model.layers.1.self_attn.extra.weight' [48]", "--allow-unused-tensor", "model.layers.0.self_attn.extra.weight")
    both = [word for name in more for word in ("--allow-unused-tensor", name)]
    llama.accept("both named", "", *both)
    llama.accept("a pattern", "", "--allow-unused-tensor", "model.layers.*.self_attn.extra.weight")
    llama.refuse("misspelt", "no tensor is named 'model.norm.wieght', which is to be passed over; did you mean 'model.norm.weight'?", *both, "--allow-unused-tensor", "model.norm.wieght")


def tied(bench):
    """Of tied weights a file needs one, under either name; two that are there must agree, or the head's own counts."""
    for case, table, others in (
        ("llama/tied-bias", "model.embed_tokens.weight", ["lm_head.weight"]),
        ("t5/relu-tied", "shared.weight", ["lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]),
        ("bert/masked", "bert.embeddings.word_embeddings.weight", ["cls.predictions.decoder.weight"]),
    ):
        reference = Reference(bench, case.replace("/", "-"), case)
        file, tensors = reference.path("model.safetensors"), dict(reference.tensors)
        held = tensors.pop(table)
        for other in others:
            safetensors.save(file, tensors | {other: held})
            reference.accept(f"{case} with {other} alone")
        safetensors.save(file, tensors | {name: held for name in [table, *others]})
        reference.accept(f"{case} under all names")
        safetensors.save(file, tensors)
        reference.refuse(f"{case} without it", f"is not in the checkpoint: no tensor {table}")
    t5 = Reference(bench, "t5-own", "t5/relu-tied")
    own = dict(t5.tensors)
    changed = bytearray(own["shared.weight"].data)
    changed[-1] ^= 1
    own["decoder.embed_tokens.weight"] = safetensors.Tensor("F32", own["shared.weight"].shape, bytes(changed))
    safetensors.save(t5.path("model.safetensors"), own)
    t5.refuse("a table of the decoder's own", "weight 'embed' is in the checkpoint more than once: 'shared.weight' and 'decoder.embed_tokens.weight'")
    bert = Reference(bench, "bert-biases", "bert/masked")
    bias = bert.tensors["cls.predictions.bias"]
    other = safetensors.Tensor("F32", bias.shape, bytes(len(bias.data)))
    safetensors.save(bert.path("model.safetensors"), dict(bert.tensors) | {"cls.predictions.bias": other, "cls.predictions.decoder.bias": bias})
    bert.accept("the bias of the layer that computes")


def narrow(bench):
    """Experts of several types are one matrix, which is narrowed only if all of them are narrow."""
    mixed = Reference(bench, "experts", "mixtral/two-of-four")
    name = "model.layers.0.block_sparse_moe.experts.0.w1.weight"
    exact = mixed.tensors[name]
    upper = b"".join(exact.data[i + 2 : i + 4] for i in range(0, len(exact.data), 4))
    wide = b"".join(b"\0\0" + upper[i : i + 2] for i in range(0, len(upper), 2))
    logits = []
    for held in safetensors.Tensor("BF16", exact.shape, upper), safetensors.Tensor("F32", exact.shape, wide):
        safetensors.save(mixed.path("model.safetensors"), dict(mixed.tensors) | {name: held})
        out = bench.path("out.safetensors")
        bench.output(*mixed.compiling("--compute", "f32"))
        bench.output("sluice-run", bench.path("out.slc"), *mixed.inputs, "--out", out)
        logits.append(safetensors.load(out)["logits"].data)
    bench.check("an expert of bf16 narrows no other", logits[0] == logits[1])


def other(bench):
    """Folders that hold something else than they seem to."""
    llama = Reference(bench, "other")
    safetensors.save(llama.path("model.safetensors"), llama.tensors)
    write(llama.path("adapter_config.json"), b"{}")
    llama.refuse("adapter", "adapter_config.json: the weights of this folder are changed by an adapter")
    os.remove(llama.path("adapter_config.json"))
    write(llama.path("model.safetensors"), b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    llama.refuse("pointer", "model.safetensors: this is a pointer to a file that Git LFS has yet to fetch")
    os.rename(llama.path("model.safetensors"), llama.path("pytorch_model.bin"))
    llama.refuse("pickles", "pickled weights are not read")
    llama.refuse("a pickle", "pickled weights are not read", checkpoint=llama.path("pytorch_model.bin"))
    write(llama.path(INDEX), b'{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}')
    llama.refuse("index of pickles", INDEX + ": found only 'pytorch_model-00001-of-00002.bin'; pickled weights are not read")
    os.mkfifo(bench.path("pipe"))
    llama.refuse("pipe", "expected a folder, a .safetensors or a GGUF file", checkpoint=bench.path("pipe"))


def texts(bench):
    """Names and texts of a GGUF file need not be UTF-8, in messages neither."""
    llama = Reference(bench, "texts")
    file = bench.path("texts.gguf")
    gguf_twin.write_twin(bench.case("llama/gqa"), file)
    with open(file, "rb") as opened:
        good = opened.read()
    name = b"general.name\x08\0\0\0\x05\0\0\0\0\0\0\0llama"
    write(file, replaced(good, name, name.replace(b"llama", b"ll\xe9m\xff")))
    llama.accept("a name in Latin-1", checkpoint=file)
    write(file, replaced(good, b"blk.1.ffn_up.weight", b"blk.1.ffn_\xff\xe9.weight"))
    llama.refuse("a tensor in Latin-1", "'blk.1.ffn_??.weight'", checkpoint=file)

    case = bench.case("llama/gqa")
    with open(os.path.join(case, "config.json")) as opened:
        config = json.load(opened)
    count = config["vocab_size"]
    vocabulary = {"model": "llama", "tokens": [f"t{i}" for i in range(count)], "scores": [0.0] * count, "token_type": [1] * count}
    tensors = gguf_arch.converted(config, llama.tensors)

    def lay(keys):
        ours = {"tokenizer.ggml." + key: value for key, value in vocabulary.items()}
        gguf_twin.write(file, gguf_twin.metadata(config) | ours | keys, tensors)

    lay({})
    llama.accept("a vocabulary", checkpoint=file)
    lay({"general.name": 5})
    llama.accept("a name that is a number", checkpoint=file)
    lay({"tokenizer.ggml.eos_token_id": b"\xff\xe9"})
    llama.accept("an end that is no number", 'GGUF key tokenizer.ggml.eos_token_id: there is no token "', checkpoint=file)
    lay({"tokenizer.ggml.add_bos_tokn": True})
    llama.accept("an unknown key", "the key 'tokenizer.ggml.add_bos_tokn' is not known and has no effect; did you mean 'tokenizer.ggml.add_bos_token'?", checkpoint=file)
    lay({"tokenizer.ggml.suppress_tokens": [1]})
    llama.accept("a key that is not carried out", "tokenizer.ggml.suppress_tokens is not carried out", checkpoint=file)
    lay({"tokenizer.ggml.pre": 5, "tokenizer.chat_template": 5, "tokenizer.ggml.add_bos_token": 5})
    llama.accept("values of other types", "has no tokenizer: GGUF key tokenizer.ggml.add_bos_token: expected true or false", checkpoint=file)
    lay({"tokenizer.ggml.tokens": 5})
    llama.accept("a list that is none", "has no tokenizer: GGUF key tokenizer.ggml.tokens: expected a list", checkpoint=file)


def deep(bench):
    """JSON that would exhaust the stack."""
    llama = Reference(bench, "deep")
    safetensors.save(llama.path("model.safetensors"), llama.tensors)
    said = "line 1: JSON nested more than 128 deep"
    none = "warning: the artifact has no tokenizer: "
    for name, told in [
        ("tokenizer.json", none + "tokenizer.json: " + said),
        ("tokenizer_config.json", f"{none}{llama.path('tokenizer_config.json')}: {said}"),
        ("generation_config.json", f"warning: {llama.path('generation_config.json')}: {said}; config.json says what ends the text"),
        ("added_tokens.json", f"{none}{llama.path('added_tokens.json')}: {said}"),
        ("vocab.json", none + "vocab.json: " + said),
        ("modules.json", ""),
    ]:
        for more in ("merges.txt",) if name == "vocab.json" else ():
            write(llama.path(more), b"")
        write(llama.path(name), b'{"a":' + DEEP)
        llama.accept(f"deep {name}", told)
        os.remove(llama.path(name))
    os.path.exists(bench.path("out.slc")) and os.remove(bench.path("out.slc"))
    with open(llama.path("config.json"), "rb") as file:
        config = file.read()
    write(llama.path("config.json"), b'{"a":' + DEEP)
    llama.refuse("deep config.json", "config.json: " + said)
    write(llama.path("config.json"), config)
    header = b'{"a":' + DEEP
    write(llama.path("model.safetensors"), struct.pack("<Q", len(header)) + header)
    llama.refuse("deep header", "model.safetensors: the header: " + said)
    os.rename(llama.path("model.safetensors"), llama.path(INDEX))
    write(llama.path(INDEX), header)
    llama.refuse("deep index", INDEX + ": " + said)


def many(bench):
    """As many errors as layers are as few lines as for one."""
    llama = Reference(bench, "many")
    file = bench.path("many.gguf")
    gguf_twin.write_twin(bench.case("llama/gqa"), file)
    with open(file, "rb") as opened:
        good = opened.read()
    count = b"llama.block_count\x04\0\0\0"
    write(file, replaced(good, count + struct.pack("<I", 2), count + struct.pack("<I", 1000)))
    done = bench.run(*llama.compiling(checkpoint=file))
    said = done.stderr.decode()
    bench.check("missing layers", done.returncode == 1 and "weight 'layers[2].q' is not in the checkpoint" in said, said[:500])
    bench.check("missing layers are counted", "and 997 more like this" in said and len(said.splitlines()) < 100, f"{len(said.splitlines())} lines")
    tensors = {f"stray{chr(97 + i // 26)}{chr(97 + i % 26)}": llama.tensors["model.norm.weight"] for i in range(100)}
    safetensors.save(llama.path("model.safetensors"), llama.tensors | tensors)
    done = bench.run(*llama.compiling())
    said = done.stderr.decode()
    bench.check("stray tensors are counted", done.returncode == 1 and said.count(" error: ") == 20 and "... and 80 more errors" in said, said)


harness.main(__doc__, names, shards, stray, tied, narrow, other, texts, deep, many)
