#!/usr/bin/env python3
"""Rows of f32 as inputs of an entry: rows of the table in a file give the bits that the ids give.

usage: inputs.py --bin DIR --models DIR --reference DIR

inputs.yaml is a Llama with an optional input of rows beside the ids, and entries that take rows alone. The logits are
those of the reference case llama/gqa.
"""

import array
import json
import math
import os

import bench as harness
import safetensors

TOLERANCE = 1e-4
KEYS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps",
        "max_position_embeddings")


def f32(shape, values):
    return safetensors.Tensor("F32", shape, array.array("f", values).tobytes())


def ints(values, shape=None):
    return safetensors.Tensor("I32", shape or [len(values)], array.array("i", values).tobytes())


def flags(values):
    return safetensors.Tensor("BOOL", [len(values)], bytes(values))


def packed(bench, tensors_of, ids):
    """Parts of one sequence, with tokens that nobody may see, are what they are alone."""
    one, two = ids[:5], ids[5:12]
    for model in "fused.slc", "unfused.slc", "resumed.slc", "resolved.slc":
        def rows(ids, part, seen, **more):
            return list(tensors_of(model, "--entry", "packed", ids=ints(ids), part=ints(part), seen=flags(seen), **more)["rows"].values())

        alone = [rows(part, [0] * len(part), [1] * len(part)) for part in (one, two)]
        width = len(alone[0]) // len(one)
        # 9 is between them, and belongs to both and to neither.
        both = rows(one + [9, 9] + two, [1] * 5 + [1, 2] + [2] * len(two), [1] * 5 + [0, 0] + [1] * len(two))
        for found, expected in zip((both[: 5 * width], both[7 * width :]), alone):
            worst = max(abs(a - b) for a, b in zip(found, expected))
            bench.check(f"{model}: parts of a sequence", worst <= 1e-5, f"off by {worst:.3g}")
        bench.check(f"{model}: parts differ", alone[0][:width] != alone[1][:width])
        shift = ints([1, -1] * len(one), [len(one), 2])
        bench.check(f"{model}: ints without effect", rows(one, [0] * 5, [1] * 5, shift=shift) == alone[0])
        bench.check(f"{model}: ints with one", rows(one, [0] * 5, [1] * 5, shift=ints([1, 2] * len(one), [len(one), 2])) != alone[0])


def run(bench):
    case, spec = bench.case("llama/gqa"), os.path.join(os.path.dirname(os.path.abspath(__file__)), "inputs.yaml")
    with open(os.path.join(case, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    io, tensors = (safetensors.load(os.path.join(case, name)) for name in ("io.safetensors", "model.safetensors"))
    hidden, heads, half = config["hidden_size"], config["num_attention_heads"], config["head_dim"] // 2
    checkpoint = bench.path("checkpoint")
    os.mkdir(checkpoint)
    with open(os.path.join(checkpoint, "config.json"), "w", encoding="utf-8") as file:
        json.dump({key: config[key] for key in KEYS} | {"architectures": ["Inputs"]}, file)
    held = {name: tensor for name, tensor in tensors.items() if not name.endswith("rotary_emb.inv_freq")}
    held["model.log_inv_freq"] = f32([half], [-i / half * math.log(config["rope_theta"]) for i in range(half)])
    safetensors.save(os.path.join(checkpoint, "model.safetensors"), held)
    compiling = ("sluice-compile", spec, "-c", checkpoint, "--models", bench.models)
    models = {"fused": (), "unfused": ("--disable-pass", harness.FUSIONS), "bf16": ("--weights", "bf16")}
    for name, options in models.items():
        bench.output(*compiling, "-o", f"{name}.slc", *options)
    bench.output(*compiling, "--emit", "plan", "-o", "plan.mlir")
    bench.output(*compiling, "--from", "plan.mlir", "-o", "resumed.slc")
    bench.output(*compiling, "--emit", "spec", "-o", "resolved.yaml")
    bench.output("sluice-compile", "resolved.yaml", "-c", checkpoint, "--models", bench.models, "-o", "resolved.slc")
    shown = bench.output("sluice-inspect", "fused.slc")
    bench.check("what inspect shows", f"ids extra[{hidden}] pos -> logits" in shown and f"x[{heads},{hidden // heads}] pos -> rows" in shown, shown)

    def tensors_of(model, *options, **inputs):
        if inputs:
            safetensors.save(bench.path("in.safetensors"), inputs)
            options += ("--in", "in.safetensors")
        bench.output("sluice-run", model, *options, "--out", "out.safetensors")
        return safetensors.load(bench.path("out.safetensors"))

    table = list(tensors["model.embed_tokens.weight"].values())
    ids = list(io["input_ids"].values())
    rows = [value for i in ids for value in table[i * hidden : (i + 1) * hidden]]
    text, count = ",".join(map(str, ids)), len(ids)
    tokens = safetensors.Tensor("I32", [count], array.array("i", ids).tobytes())
    zeros, extra = [0.0] * len(rows), [math.sin(i) for i in range(len(rows))]
    # The sums of f32 that the kernel takes, too.
    both = list(array.array("f", [array.array("f", [a + b])[0] for a, b in zip(rows, array.array("f", extra))]))
    for name in "fused", "unfused", "resumed", "resolved":
        model = f"{name}.slc"
        expected = tensors_of(model, "--ids", text)["logits"]
        worst, scaled = safetensors.difference(io["logits"], expected)
        bench.check(f"{name}: ids alone", scaled <= TOLERANCE, f"off by {worst:.3g}")
        given = tensors_of(model, ids=tokens, extra=f32([count, hidden], zeros))["logits"]
        bench.check(f"{name}: rows of zeros", given.data == expected.data, "bits differ")
        shape = [count, heads, hidden // heads]
        for options in (), ("--chunk", "1"), ("--threads", "1", "--chunk", "5"):
            found = tensors_of(model, "--entry", "rows", *options, x=f32(shape, rows))["rows"]
            bench.check(f"{name}: rows of the table {options}", found.data == expected.data, "bits differ")
        added = tensors_of(model, ids=tokens, extra=f32([count, hidden], extra))["logits"]
        alone = tensors_of(model, "--entry", "rows", x=f32(shape, both))["rows"]
        bench.check(f"{name}: rows added", added.data == alone.data != expected.data, "bits differ")
        first = tensors_of("fused.slc", "--entry", "product", x=f32([count, hidden], rows))["rows"]
        found = tensors_of(model, "--entry", "product", x=f32([count, hidden], rows))["rows"]
        bench.check(f"{name}: a product of an input", found.data == first.data, "bits differ")
    two = {"x": f32([count, hidden], rows), "x.1": f32([3, hidden], extra[: 3 * hidden])}
    batch = tensors_of("fused.slc", "--entry", "product", **two)
    bench.check("a batch", batch["rows.0"].data == first.data and batch["rows.1"].shape[0] == 3)
    narrow = tensors_of("bf16.slc", "--entry", "product", x=f32([count, hidden], rows))["rows"]
    apart = safetensors.typical_difference(first, narrow)
    bench.check("products in bf16", 0 < apart <= 1e-1, f"{apart:.3g}")
    packed(bench, tensors_of, ids)
    for entry in "generate", "rows", "product", "packed":
        done = bench.run("sluice-run", "fused.slc", "--verify", "--entry", entry)
        bench.check(f"--verify --entry {entry}", done.returncode == 0, done.stderr.decode())

    running = ("sluice-run", "fused.slc", "--out", "no.safetensors")

    def refuse(what, message, *options, **inputs):
        safetensors.save(bench.path("in.safetensors"), inputs)
        bench.refuse(what, message, *running, *options, "--in", "in.safetensors")

    flat = f32([count, hidden], rows)
    refuse("rows of another shape", f"input 'x': found [{count}, {hidden}] f32, expected [{count}, {heads}, {hidden // heads}] f32", "--entry", "rows", x=flat)
    refuse("rows of another type", "tensor 'x' must hold f32", "--entry", "product", x=tokens)
    part, seen = ints([0] * count), flags([1] * count)
    refuse("a flag of 2", "seen[1] is 2, expected 0 or 1", "--entry", "packed", ids=tokens, part=part, seen=flags([1, 2] + [0] * (count - 2)))
    refuse("f32 for flags", "tensor 'seen' must hold i32 or i64", "--entry", "packed", ids=tokens, part=part, seen=f32([count], [0.0] * count))
    refuse("ints with an axis", f"input 'part': found [{count}, 1] i32, expected [{count}] i32", "--entry", "packed", ids=tokens, part=ints([0] * count, [count, 1]), seen=seen)
    refuse("rows of another length", f"'extra' has rows for 3 tokens of {count}", ids=tokens, extra=f32([3, hidden], rows[: 3 * hidden]))
    refuse("rows without ids", "the input 'ids' is missing", extra=flat)
    refuse("rows without columns", "input 'x': found", "--entry", "product", x=f32([hidden], rows[:hidden]))
    refuse("an input that there is not", "is no input of entry 'product', which takes: x", "--entry", "product", y=flat)
    bench.refuse("ids for rows", "the entry takes no tokens", *running, "--entry", "product", "--ids", "5")
    for what, old, new, message in [
        ("a size of none", "x: {rows: [$hidden]}", "x: {rows: [0]}", "a size of an input's rows cannot be 0"),
        ("too wide", "x: {rows: [$hidden]}", "x: {rows: [65536, 65536]}", "a size of an input's rows cannot be 65536"),
        ("an unknown size", "x: {rows: [$hidden]}", "x: {rows: [$hiden]}", "unknown parameter '$hiden'; did you mean 'hidden'?"),
        ("no sizes", "x: {rows: [$hidden]}", "x: {rows: $hidden}", "the rows of an input must be a list of sizes"),
        ("another type", "type: bool", "type: i64", "unknown type of rows 'i64'"),
        ("f32 without axes", "{rows: [], type: i32}", "{rows: []}", "the rows of an input must be a list of sizes"),
        ("a misspelt key", "optional: true", "optionl: true", "unknown key 'optionl'"),
        ("rows of nothing", "x: {rows: [$hidden]}", "x: rows", "must be a mapping"),
        ("nothing that counts", "x: {rows: [$hidden]}", "x: {rows: [$hidden], optional: true}", "it says how long a sequence is"),
        ("optional tokens", "ids: tokens", "ids: {tokens: none, optional: true}", "only an input of type 'rows' is `optional`"),
    ]:
        with open(spec, encoding="utf-8") as file:
            good = file.read().replace("../../models", os.path.relpath(bench.models, bench.folder))
        with open(bench.path("bad.yaml"), "w", encoding="utf-8") as file:
            file.write(good.replace(old, new))
        bench.refuse(what, message, "sluice-compile", "bad.yaml", "-c", checkpoint, "--models", bench.models, "-o", "out.slc")


if __name__ == "__main__":
    harness.main(__doc__, run)
