#!/usr/bin/env python3
"""Gives the tools bad input: each must be refused with a message, and no file may be left behind.

Every part first shows that its input is accepted unharmed, so that what is refused is the harm.
"""

import contextlib
import json
import os
import resource
import shutil
import struct
import subprocess

import bench as harness
import gguf_twin
import xxh3

# In the base that the spec of Llama extends.
SPEC_EDITS = [
    ("misspelt op", "{softcap: logits", "{sotfcap: logits", "unknown op 'sotfcap'; did you mean 'softcap'?"),
    ("misspelt parameter", "limit: $final_cap", "limit: $finalcap", "unknown parameter '$finalcap'; did you mean 'final_cap'?"),
    ("misspelt weight", "{linear: x, w: head}", "{linear: x, w: haed}", "'haed' is not in `weights`; did you mean 'head'?"),
    ("misspelt slot", "limit: $final_cap", "limt: $final_cap", "unknown slot 'limt' of softcap; did you mean 'limit'?"),
    ("misspelt block", "block: attention.gqa,", "block: attention.gqaa,", "unknown block 'gqaa'; did you mean 'gqa'?"),
    ("misspelt argument", "block: layer, x: x", "block: layer, xx: x", "unknown argument 'xx' of block 'layer'; did you mean 'x'?"),
    ("misspelt value", "{logits: logits}", "{logits: logit}", "'logit' is used before it is bound; did you mean 'logits'?"),
    ("misspelt type", "depth:  {type: int", "depth:  {type: itn", "unknown type 'itn'; did you mean 'int'?"),
    ("misspelt key", "size_of: {tensor", "sise_of: {tensor", "unknown key 'sise_of' of parameter 'vocab'; did you mean 'size_of'?"),
    ("misspelt library", "mlp: mlp.yaml", "mlp: mpl.yaml", "cannot read library 'mpl.yaml'; looked at"),
    ("not YAML", "config:\n", "config: [\n", "not valid YAML"),
]

# Seen only with the numbers of a checkpoint.
BIND_EDITS = [
    ("wrong type in a spec", "norm_eps: $eps", "norm_eps: $act", "parameter 'norm_eps' of block 'attention.gqa' must be float, found 'silu'"),
    ("no such config key", "hf: hidden_size", "hf: hiden_size", "parameter '$hidden' has no value: looked for hiden_size"),
    ("wrong shape in a spec", "down: {shape: [$hidden, $ffn]", "down: {shape: [$ffn, $hidden]", "is declared [$ffn = 88, $hidden = 48], but tensor"),
    ("no such tensor", "hf: input_layernorm.*", "hf: input_layrnorm.*", "the nearest one is 'model.layers.0.input_layernorm.weight'"),
]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def specs(bench):
    models, case = bench.path("models"), bench.case("llama/gqa")
    shutil.copytree(bench.models, models, ignore=shutil.ignore_patterns("demo"))
    spec, base = os.path.join(models, "llama.yaml"), os.path.join(models, "blocks", "decoder.yaml")
    good = read(base).decode()
    bench.output("sluice-compile", "--check", spec)
    for what, old, new, message in SPEC_EDITS + BIND_EDITS:
        if good.count(old) == 0:
            raise ValueError(f"{what}: the spec has no {old!r}")
        write(base, good.replace(old, new).encode())
        if (what, old, new, message) in SPEC_EDITS:
            bench.refuse(what, message, "sluice-compile", "--check", spec)
        bench.refuse(what, message, "sluice-compile", spec, "-c", case, "-o", "out.slc")
    for what, data, message in [("empty spec", b"", "the file is empty"), ("binary spec", bytes(range(256)), "the spec must be a mapping")]:
        write(spec, data)
        bench.refuse(what, message, "sluice-compile", spec, "-c", case, "-o", "out.slc")
    shutil.rmtree(models)


class Safetensors:
    """A Hugging Face folder whose parts can be changed one at a time."""

    def __init__(self, bench, case):
        self.folder = bench.path("checkpoint")
        shutil.copytree(case, self.folder, ignore=shutil.ignore_patterns("io.safetensors"))
        self.file, self.json = os.path.join(self.folder, "model.safetensors"), os.path.join(self.folder, "config.json")
        self.bytes, self.config = read(self.file), json.loads(read(self.json))
        (size,) = struct.unpack_from("<Q", self.bytes)
        self.header, self.data = json.loads(self.bytes[8 : 8 + size]), self.bytes[8 + size :]

    def write(self, header, data):
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        write(self.file, struct.pack("<Q", len(text)) + text + data)

    @contextlib.contextmanager
    def tensors(self, edit, extra=0):
        """`edit` changes the header; `extra` bytes are added to the data."""
        header = json.loads(json.dumps(self.header))
        edit(header)
        self.write(header, self.data + bytes(extra))
        yield
        write(self.file, self.bytes)

    def rebuild(self, names):
        """Only the named tensors, without gaps."""
        header, data = {}, b""
        for name in names:
            first, last = self.header[name]["data_offsets"]
            header[name] = dict(self.header[name], data_offsets=[len(data), len(data) + last - first])
            data += self.data[first:last]
        self.write(header, data)


def checkpoints(bench):
    ck = Safetensors(bench, bench.case("llama/gqa"))
    up, end = "model.layers.1.mlp.up_proj.weight", len(ck.data)
    compiling = ("sluice-compile", "-c", ck.folder, "--models", bench.models, "-o", "out.slc")
    bench.output(*compiling)
    os.remove(bench.path("out.slc"))

    names = [name for name in ck.header if name not in ("__metadata__", up)]
    ck.rebuild(names)
    bench.refuse("missing tensor", f"weight 'layers[1].up' is not in the checkpoint: no tensor {up}", *compiling)
    edits = [
        ("extra tensor", lambda h: h.update(extra={"dtype": "F32", "shape": [4], "data_offsets": [end, end + 16]}), 16, "tensor 'extra' [4] of the checkpoint is used by no weight"),
        ("mis-shaped tensor", lambda h: h[up]["shape"].reverse(), 0, "but tensor 'model.layers.1.mlp.up_proj.weight' gives [48, 88]"),
        ("whole numbers for weights", lambda h: h[up].update(dtype="I32"), 0, "it holds whole numbers (I32), expected a floating-point type"),
        ("unknown type", lambda h: h[up].update(dtype="F99"), 0, "dtype 'F99' is not known"),
        ("size against shape", lambda h: h[up].update(shape=[2, 3]), 0, "shape [2, 3] of F32 needs 24 bytes, data_offsets give 16896"),
        ("offsets outside", lambda h: h[up].update(data_offsets=[0, 2**62]), 0, "(truncated?)"),
        ("negative offset", lambda h: h[up].update(data_offsets=[-8, 8]), 0, up),
        ("overflowing shape", lambda h: h[up].update(shape=[2**33, 2**33]), 0, up),
        ("overlap", lambda h: h.update(extra=h[up]), 0, "overlaps"),
        ("gap", lambda h: h.pop(up), 0, "the bytes between belong to no tensor"),
    ]
    for what, edit, extra, message in edits:
        with ck.tensors(edit, extra):
            bench.refuse(what, message, *compiling)
    files = [
        ("truncated data", ck.bytes[:-100], "(truncated?)"),
        ("truncated header", ck.bytes[:100], "(truncated?)"),
        ("empty safetensors", b"", "a safetensors file needs at least 8 bytes"),
        ("corrupted header", ck.bytes[:8] + b"x" + ck.bytes[9:], "the header: not valid JSON"),
        ("huge header", struct.pack("<Q", 2**63) + ck.bytes[8:], "the limit is 100000000"),
    ]
    for what, data, message in files:
        write(ck.file, data)
        bench.refuse(what, message, *compiling)
    os.remove(ck.file)
    bench.refuse("no weights", "expected model.safetensors", *compiling)
    write(ck.file, ck.bytes)

    configs = [
        ("unknown architecture", dict(architectures=["NoSuchModel"], model_type="no_such"), "architectures are [NoSuchModel]"),
        ("text for a number", dict(hidden_size="48"), "hidden_size must be int, found '48'"),
        ("unfitting heads", dict(num_key_value_heads=3), "with $heads = 4, $kvs = 3"),
        ("no layers", dict(num_hidden_layers=0), "num_hidden_layers is 0, expected a number from 1 to"),
        ("too many layers", dict(num_hidden_layers=10**12), "num_hidden_layers is 1000000000000, expected a number from 1 to"),
        ("more layers than tensors", dict(num_hidden_layers=3), "weight 'layers[2]"),
        ("huge width", dict(hidden_size=2**62), "hidden_size is 4611686018427387904, expected a number from 1 to"),
        ("huge context", dict(max_position_embeddings=2**40), "max_position_embeddings is 1099511627776, expected a number from"),
    ]
    for what, change, message in configs:
        write(ck.json, json.dumps(dict(ck.config, **change)).encode())
        bench.refuse(what, message, *compiling)
    write(ck.json, b"{")
    bench.refuse("broken config", "config.json: not valid JSON", *compiling)
    os.remove(ck.json)
    bench.refuse("no config", "it has no config.json", *compiling)
    bench.refuse("no checkpoint", "no such file or folder", "sluice-compile", "-c", "missing", "--models", bench.models, "-o", "out.slc")
    shutil.rmtree(ck.folder)


def ggufs(bench):
    file = bench.path("model.gguf")
    compiling = ("sluice-compile", "-c", file, "--models", bench.models, "-o", "out.slc")
    gguf_twin.write_twin(bench.case("llama/gqa"), file)
    good = read(file)
    bench.output(*compiling)
    os.remove(bench.path("out.slc"))

    name = b"blk.1.ffn_up.weight"
    at = good.index(name) + len(name)  # then: axes, two sizes, type, offset

    def patched(offset, layout, *values):
        return good[:offset] + struct.pack(layout, *values) + good[offset + struct.calcsize(layout) :]

    for what, data, message in [
        ("empty GGUF", b"", "model.gguf"),
        ("GGUF cut in its header", good[:300], "model.gguf: "),
        ("GGUF cut in its data", good[: len(good) // 2], "(truncated?)"),
        ("GGUF with other magic bytes", b"GGUX" + good[4:], "not a GGUF file"),
        ("GGUF of another version", patched(4, "<I", 9), "GGUF version 9, expected 2 or 3"),
        ("big-endian GGUF", patched(4, ">I", 3), "big-endian"),
        ("too many tensors", patched(8, "<Q", 2**60), "the header claims 1152921504606846976 tensors"),
        ("too many keys", patched(16, "<Q", 2**60), "the header claims 1152921504606846976 metadata keys"),
        ("endless key", patched(24, "<Q", 2**60), "a text of 1152921504606846976 bytes"),
        ("too many axes", patched(at, "<I", 2**31), name.decode()),
        ("huge tensor", patched(at + 4, "<Q", 2**40), name.decode()),
        ("mis-shaped GGUF tensor", patched(at + 4, "<QQ", 88, 48), "gives [48, 88]"),
        ("unknown GGUF type", patched(at + 20, "<I", 99), "tensor type 99 is not known"),
        ("whole numbers in a GGUF", patched(at + 20, "<I", 26), "it holds whole numbers (I32)"),
        ("offset outside a GGUF", patched(at + 24, "<Q", 2**63), name.decode()),
        ("missing GGUF tensor", good.replace(name, b"blk.1.ffn_uq.weight"), "the nearest one is 'blk.1.ffn_uq.weight'"),
        ("unknown GGUF architecture", good.replace(b"\5\0\0\0\0\0\0\0llama", b"\5\0\0\0\0\0\0\0lhama", 1), "lhama"),
    ]:
        write(file, data)
        bench.refuse(what, message, *compiling)
    os.remove(file)


def artifacts(bench):
    good = bench.path("good.slc")
    bench.output("sluice-compile", "-c", os.path.join(bench.models, "demo"), "--models", bench.models, "--keep-ir", "-o", good)
    data = read(good)
    info = json.loads(bench.output("sluice-inspect", good, "--json"))
    header, size = struct.unpack_from("<QQ", data, 16)
    bad = bench.path("bad.slc")
    running = ("sluice-run", bad, "--ids", "5,9", "--generate", "2")
    bench.output("sluice-run", good, "--ids", "5,9", "--generate", "2")

    def flipped(offset):
        return data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1 :]

    kinds = set()
    for section in info["sections"]:
        kinds.add(section["kind"])
        title = section["kind"] + (f" '{section['name']}'" if section["name"] else "")
        command = ("sluice-run", bad, "--verify") if section["kind"] == "weights" else running
        for offset in section["offset"], section["offset"] + section["bytes"] // 2, section["offset"] + section["bytes"] - 1:
            write(bad, flipped(offset))
            bench.refuse(f"section {title} corrupted at {offset}", f"section {title} is corrupted", *command)
        bench.refuse(f"section {title}, inspected", f"section {title} is corrupted", "sluice-inspect", bad, "--verify")
        write(bad, data[: section["offset"] + section["bytes"] // 2])
        bench.refuse(f"cut in section {title}", f"truncated: {section['offset'] + section['bytes'] // 2} bytes", *running)
    bench.check("kinds of sections", kinds == {"code", "constants", "weights", "tokenizer", "tokenizer config", "spec", "ir"}, str(kinds))

    def forged(head):
        """A changed header with the digest that fits."""
        start = data[:40] + struct.pack("<Q", xxh3.digest(head)) + data[48:header]
        return start + head + data[header + size :]

    head = data[header : header + size]
    for what, content, message in [
        ("artifact of another version", data[:8] + struct.pack("<I", 7) + data[12:], "artifact version 7, this runtime reads version 6; compile the model again"),
        ("header corrupted", flipped(header + size // 2), "the header is corrupted"),
        ("reserved bytes set", data[:12] + b"\1" + data[13:], "reserved fields"),
        ("header outside", data[:16] + struct.pack("<Q", 2**40) + data[24:], "the header lies outside the file"),
        ("empty artifact", b"", "not an artifact: 0 bytes"),
        ("preamble alone", data[:64], "truncated: 64 bytes"),
        ("bytes behind the end", data + b"x", "too long"),
        ("another kind of file", b"x" * 1000, "not an artifact"),
        ("header that is no FlatBuffer", forged(b"\xff" * size), "not a valid FlatBuffer"),
        ("code for another CPU", forged(head.replace(b"avx2", b"avx7")), "no code for this CPU"),
    ]:
        write(bad, content)
        bench.refuse(what, message, *running)
    bench.refuse("what the CPU lacks", "needs avx7", *running)
    os.remove(bad)

    context, vocab = info["context"], info["vocab"]
    too_long = ",".join(["5"] * (context + 1))
    for what, message, *options in [
        ("token id too large", f"ids[1] is {vocab}, it must be at least 0 and less than {vocab}", "--ids", f"5,{vocab}", "--generate", "2"),
        ("negative token id", "ids[0] is -1", "--ids=-1", "--out", "out.st"),
        ("no ids", "is not a list of ids", "--ids", "5,x", "--generate", "2"),
        ("id beyond 32 bits", "is not a list of ids", "--ids", "99999999999", "--generate", "2"),
        ("prompt longer than the context", f"longer than the context of {context}", "--ids", too_long, "--generate", "2"),
        ("ids longer than the context", f"longer than the context of {context}", "--ids", too_long, "--out", "out.st"),
        ("text longer than the context", f"longer than the context of {context}", "--prompt", "and " * (context + 1)),
        ("context beyond the model's", f"context must be between 1 and {context}, not {context + 1}", "--ids", "5", "--generate", "2", "--context", str(context + 1)),
        ("unknown entry", "no entry 'encode'; there are: generate", "--ids", "5", "--out", "out.st", "--entry", "encode"),
        ("unknown entry to generate", "no entry 'encode'; there are: generate", "--ids", "5", "--generate", "2", "--entry", "encode"),
        ("no encoder", "the model has no encoder", "--ids", "5", "--source-ids", "5", "--out", "out.st"),
        ("token types of no use", "takes no token types", "--ids", "5", "--token-types", "1", "--out", "out.st"),
        ("no file of inputs", "cannot open", "--in", "missing.st", "--out", "out.st"),
        ("inputs of another kind", "good.slc: ", "--in", "good.slc", "--out", "out.st"),
        ("unwritable output", "cannot create", "--ids", "5", "--out", "missing/out.st"),
        ("output is a folder", "is a folder", "--ids", "5", "--out", bench.folder),
        ("unwritable trace", "cannot create", "--ids", "5", "--generate", "2", "--profile", "missing/trace.json"),
        ("top-p beyond 1", "top-p must be above 0 and at most 1", "--ids", "5", "--generate", "2", "--top-p", "7"),
    ]:
        bench.refuse(what, message, "sluice-run", good, *options)
    for what, message, *options in [
        ("nothing to run", "nothing to run"),
        ("unknown option", "--bogus", "--bogus"),
        ("ids and prompt", "--prompt takes the place", "--ids", "5", "--prompt", "a"),
        ("a chunk of none", "--chunk", "--ids", "5", "--chunk", "0", "--out", "out.st"),
    ]:
        bench.refuse(what, message, "sluice-run", good, *options, code=2)
    bench.refuse("no artifact", "missing.slc: cannot open", "sluice-run", "missing.slc", "--ids", "5", "--generate", "2")
    bench.refuse("a folder as artifact", "not a regular file", "sluice-run", bench.folder, "--ids", "5", "--generate", "2")
    os.remove(good)


def options(bench):
    case = bench.case("llama/gqa")
    compiling = ("sluice-compile", "-c", case, "--models", bench.models)
    out = ("-o", "out.slc")
    for what, message, *extra in [
        ("unknown pass", "no fusion is named 'fuse-swiglue'; there are: share-rope", *out, "--disable-pass", "fuse-swiglue"),
        ("unknown entry to compile", "there is no entry 'generat'; did you mean 'generate'?", *out, "--entry", "generat"),
        ("unknown target", "unknown target 'znver44', expected native, x86-64-v3", *out, "--target", "znver44"),
        ("a level that there is not", "did you mean 'x86-64-v", *out, "--target", "x86-64-v5"),
        ("target without AVX2", "target 'nehalem' has no avx, expected x86-64-v3 or better", *out, "--target", "nehalem"),
        ("--from with a wrong file", "config.json", *out, "--from", os.path.join(case, "config.json")),
        ("--from with weights", "model.safetensors", *out, "--from", os.path.join(case, "model.safetensors")),
        ("context too large", "expected at most", *out, "--context", str(2**40)),
        ("unwritable output", "missing/out.slc: cannot create", "-o", "missing/out.slc"),
        ("output is a folder", "is a folder", "-o", bench.folder),
        ("output is a device", "is not a regular file", "-o", "/dev/null"),
        ("unwritable dumps", "cannot create", *out, "--dump-dir", os.path.join(case, "config.json", "dumps")),
    ]:
        bench.refuse(what, message, *compiling, *extra)
    for what, message, *command in [
        ("random without --config", "--checkpoint random:SEED needs --config", "-c", "random:1", *out),
        ("--config without random", "--config is only used with", "-c", case, "--config", os.path.join(case, "config.json"), *out),
        ("no checkpoint", "--checkpoint is required", *out),
        ("a checkpoint as a spec", "did you mean --checkpoint", os.path.join(case, "model.safetensors"), *out),
        ("nothing to do", "nothing to do", "-c", case),
        ("unknown stage", "--emit", "-c", case, "--emit", "binary"),
        ("unknown option", "--bogus", "-c", case, *out, "--bogus"),
        ("--from without a file", "missing.mlir", "-c", case, *out, "--from", "missing.mlir"),
        ("passes without a folder", "--dump-each-pass needs --dump-dir", "-c", case, *out, "--dump-each-pass"),
        ("no such spec", "missing.yaml", "missing.yaml", "-c", case, *out),
        ("--check without a spec", "--check needs a spec", "--check"),
    ]:
        bench.refuse(what, message, "sluice-compile", *command, code=2)
    bench.refuse("a seed that is no number", "needs a whole number", "sluice-compile", "-c", "random:x", "--config", os.path.join(case, "config.json"), "--models", bench.models, *out)


def dumps(bench):
    case = bench.case("llama/gqa")
    compiling = ("sluice-compile", "-c", case, "--models", bench.models)
    dump = bench.path("dump.mlir")
    for stage, old, new, message in [
        ("model", "llm.rms_norm", "llm.rms_nrom", "llm.rms_nrom"),
        ("plan", "f32", "f33", "dump.mlir:"),
        ("plan", '"attn_norm"', '"attn_nrom"', "attn_nrom"),
        ("plan", 'sluice.stage = "plan"', 'sluice.stage = "kernels"', "expected a dump of stage model, fused or plan"),
        ("fused", 'sluice.stage = "fused"', 'sluice.stagy = "fused"', "expected a dump of stage model, fused or plan"),
    ]:
        text = bench.output(*compiling, f"--emit={stage}")
        if old not in text:
            old, new = old.strip('"'), new.strip('"')
        if old not in text:
            raise ValueError(f"the {stage} dump has no {old!r}")
        write(dump, text.replace(old, new).encode())
        bench.refuse(f"{stage} dump with {new}", message, *compiling, "--from", dump, "-o", "out.slc")
    write(dump, bench.output(*compiling, "--emit=plan").encode())
    bench.refuse("an earlier stage of a dump", "comes after --emit=model", *compiling, "--from", dump, "--emit=model")
    bench.refuse("plan of another model", f"{dump} with {bench.case('gpt2/odd')}: ", "sluice-compile", "-c", bench.case("gpt2/odd"), "--models", bench.models, "--from", dump, "-o", "out.slc")
    os.remove(dump)


def full_disk(bench):
    case, out = bench.case("llama/gqa"), bench.path("out.slc")
    compiling = ("sluice-compile", "-c", case, "--models", bench.models, "-o")
    bench.output(*compiling, out)  # an older result must survive
    limit = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000)))
    bench.refuse("output beyond the largest file", "cannot write: File too large", *compiling, out, **limit)
    bench.output("sluice-run", out, "--ids", "5", "--generate", "2")
    with open("/dev/full", "wb") as full:
        for tool, *command in [compiling[:-1] + ("--emit=kernels",), ("sluice-run", out, "--ids", "5", "--generate", "2"), ("sluice-inspect", out, "--plan")]:
            done = subprocess.run([os.path.join(bench.args.bin, tool), *command], stdout=full, stderr=subprocess.PIPE, cwd=bench.folder, timeout=300)
            bench.check(f"{tool} prints to a full disk", done.returncode == 1 and b"standard output" in done.stderr, f"{done.returncode} {done.stderr}")

    disk = bench.path("disk")
    os.mkdir(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        print(f"skipped: a full disk, since a small one cannot be mounted: {mounted.stderr.decode().strip()}")
        return
    try:
        bench.refuse("full disk", "cannot write: No space left on device", *compiling, os.path.join(disk, "out.slc"))
        dumping = ("sluice-compile", "-c", case, "--models", bench.models, "--dump-dir", disk)
        done = bench.run(*dumping)
        names = sorted(os.listdir(disk))
        bench.check("dumps on a full disk", done.returncode == 1 and b"No space left" in done.stderr and "06-asm.s" not in names and names[:1] == ["00-spec.yaml"], f"{done.returncode} {done.stderr} {names}")
    finally:
        subprocess.run(["umount", disk], check=True)


harness.main(__doc__, specs, checkpoints, ggufs, artifacts, options, dumps, full_disk)
