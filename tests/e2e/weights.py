#!/usr/bin/env python3
"""Weights that a GGUF file has in blocks stay in them: the artifact holds their numbers at their size, and every result
has the bits of the same numbers as f32. Others are brought to blocks on request."""

import itertools
import json
import math
import os
import random
import struct

import bench as harness
import gguf_arch
import gguf_twin
import safetensors

LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4,
    "num_key_value_heads": 2, "num_hidden_layers": 2, "vocab_size": 75, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
}
MIXTRAL = LLAMA | {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 4, "num_experts_per_tok": 2}


def tensors(config, tied):
    """Drawn weights by their names in Hugging Face's files."""
    draw = random.Random(3)
    width, ffn, heads, vocab = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"], config["vocab_size"]
    keys = width // heads * config["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": [vocab, width], "model.norm.weight": [width]} | ({} if tied else {"lm_head.weight": [vocab, width]})
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes |= {at + "input_layernorm.weight": [width], at + "post_attention_layernorm.weight": [width]}
        for name, rows in ("q", width), ("k", keys), ("v", keys), ("o", width):
            shapes[f"{at}self_attn.{name}_proj.weight"] = [rows, width]
        if experts := config.get("num_local_experts"):
            shapes[at + "block_sparse_moe.gate.weight"] = [experts, width]
            for expert in range(experts):
                for name, shape in ("w1", [ffn, width]), ("w2", [width, ffn]), ("w3", [ffn, width]):
                    shapes[f"{at}block_sparse_moe.experts.{expert}.{name}.weight"] = shape
        else:
            shapes |= {at + "mlp.gate_proj.weight": [ffn, width], at + "mlp.up_proj.weight": [ffn, width], at + "mlp.down_proj.weight": [width, ffn]}
    return {name: safetensors.Tensor("F32", shape, safetensors.floats(draw, shape)) for name, shape in shapes.items()}


# Bytes of a block, its numbers, how many bytes it may take in an artifact, and where it has which f16 (of MXFP4 the exponent).
KINDS = {
    "Q8_0": (34, 32, {0: 3e-4}), "Q4_0": (18, 32, {0: 5e-3}), "Q4_1": (20, 32, {0: 5e-3, 2: -0.04}), "Q5_0": (22, 32, {0: 2.5e-3}),
    "Q5_1": (24, 32, {0: 2.5e-3, 2: -0.04}), "Q4_K": (144, 256, {0: 1e-4, 2: 6e-4}), "Q5_K": (176, 256, {0: 5e-5, 2: 6e-4}),
    "Q6_K": (210, 256, {208: 1e-5}), "MXFP4": (17, 32, {}),
}
NAMES = {"Q8_0": "i8x32", "Q4_0": "i4x32", "Q4_1": "u4x32", "Q5_0": "i5x32", "Q5_1": "u5x32"}


def drawn_blocks(draw, kind, shape):
    """Any numbers, with scales that make values of a few hundredths."""
    size, numbers, halves = KINDS[kind]
    data = bytearray()
    for _ in range(math.prod(shape) // numbers):
        block = bytearray(draw.randbytes(size))
        for place, value in halves.items():
            struct.pack_into("<e", block, place, value * draw.uniform(0.5, 1.5))
        if kind == "MXFP4":
            block[0] = draw.choice([119, 120, 121])
        data += block
    return safetensors.Tensor(kind, shape, bytes(data))


def kept(bench, name, config, kinds, tied=False, ways=("fused",)):
    """A model whose matrices have the kinds by turns: all of it is kept, and computes what the same numbers do as f32."""
    file, draw = bench.path(name + ".gguf"), random.Random(name)
    found, kind_of, turn = gguf_arch.converted(config, tensors(config, tied)), {}, itertools.cycle(kinds)
    for key, tensor in found.items():
        if len(tensor.shape) > 1 and "ffn_gate_inp" not in key:
            kind_of[key] = next(turn)
            found[key] = drawn_blocks(draw, kind_of[key], tensor.shape)
    gguf_twin.write(file, gguf_twin.metadata(config), found)
    ids = ",".join(str(i * 7 % 75) for i in range(21))
    options = {"fused": [], "unfused": ["--disable-pass", harness.FUSIONS], "v3": ["--target", "x86-64-v3"]}
    results = {}
    for weights, way, chunk in itertools.product(("keep", "f32"), ways, ("64", "1")):
        model = f"{name}-{weights}-{way}.slc"
        if chunk == "64":
            bench.output("sluice-compile", "--checkpoint", file, "--weights", weights, "--compute", "f32", "-o", model, *options[way])
        bench.output("sluice-run", model, "--ids", ids, "--out", "out.safetensors", "--chunk", chunk)
        results[weights, way, chunk] = safetensors.load(bench.path("out.safetensors"))["logits"].data
    first = results["f32", ways[0], "64"]
    for key, data in results.items():
        bench.check(f"{name}, {key}", data == first)
    listed = json.loads(bench.output("sluice-inspect", f"{name}-keep-{ways[0]}.slc", "--weights", "--json"))
    # The spec asks for routers in f32.
    matrices = [weight for weight in listed if len(weight["shape"]) > 1 and weight["section"] == "weights" and "router" not in weight["name"]]
    formats = {NAMES.get(kind, kind.lower()) for kind in kind_of.values()}
    bench.check(f"{name}: all matrices are kept in blocks", {weight["elem"] for weight in matrices} == formats, str(matrices)[:500])
    # Panels have multiples of 64 rows, K-quants a byte for six bits.
    size = sum(weight["bytes"] for weight in matrices)
    most = sum(1.03 * -(-tensor.shape[-2] // 64) * 64 / tensor.shape[-2] * len(tensor.data) for key, tensor in found.items() if key in kind_of)
    bench.check(f"{name}: size", size <= most + 4096 * len(matrices), f"{size} bytes, at most {most:.0f}")


def in_bytes(bench, name, config):
    """Weights brought to blocks, and rows to bytes: the same bits in every way of running, near what f32 rows give."""
    found = tensors(config, False)
    folder = bench.path(name)
    os.makedirs(folder)
    safetensors.save(os.path.join(folder, "model.safetensors"), found)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    ids = ",".join(str(i * 7 % 75) for i in range(21))
    for weights in "int8", "int4", "u4x32", "i4x64", "u4x128,head=i8x128", "int4,embed=bf16,o=int8", "mxfp4":
        results = {}
        for compute, (way, options) in itertools.product(("f32", "int8"), (("fused", []), ("unfused", ["--disable-pass", harness.FUSIONS]))):
            model = f"{name}.slc"
            command = ["sluice-compile", "--checkpoint", folder, "--weights", weights, "--compute", compute, "-o", model, *options]
            bench.output(*command)
            for chunk, threads in ("64", "2"), ("1", "1"), ("5", "2"):
                bench.output("sluice-run", model, "--ids", ids, "--out", "out.safetensors", "--chunk", chunk, "--threads", threads)
                results[compute, way, chunk] = safetensors.load(bench.path("out.safetensors"))["logits"]
        for compute in {key[0] for key in results}:
            first = results[compute, "fused", "64"]
            for key, logits in results.items():
                if key[0] == compute:
                    bench.check(f"{name}, {weights}, {key}", logits.data == first.data)
        exact, near = results["f32", "fused", "64"].values(), results["int8", "fused", "64"].values()
        error = math.sqrt(sum((a - b) ** 2 for a, b in zip(exact, near)) / sum(a * a for a in exact))
        bench.check(f"{name}, {weights}: rows in bytes", 0 < error < 0.06, f"relative error {error}")
    bench.refuse("bytes without blocks", "--compute int8: no product has a weight in blocks; --weights int8 or int4 makes them",
                 "sluice-compile", "--checkpoint", folder, "--weights", "bf16", "--compute", "int8", "-o", model)


def unasked(bench, name, compute):
    """What a file's products are taken in if nobody says it."""
    logits = []
    for options in [], ["--compute", compute]:
        bench.output("sluice-compile", "--checkpoint", bench.path(name + ".gguf"), "-o", "unasked.slc", *options)
        bench.output("sluice-run", "unasked.slc", "--ids", "5,9,2", "--out", "out.safetensors")
        logits.append(safetensors.load(bench.path("out.safetensors"))["logits"].data)
    bench.check(f"{name} is multiplied in {compute}", logits[0] == logits[1])


def blocks(bench):
    in_bytes(bench, "bytes", LLAMA)
    in_bytes(bench, "bytes-experts", MIXTRAL)
    for kind in KINDS:
        kept(bench, kind.lower(), LLAMA, [kind])
        unasked(bench, kind.lower(), "f32" if kind == "MXFP4" else "int8")
    ways = ["fused", "unfused", "v3"]
    kept(bench, "mixed", LLAMA, list(KINDS), ways=ways)
    # Two products of the same rows become one, the third has another format.
    kept(bench, "two-of-three", LLAMA, ["Q5_0", "Q5_0", "Q8_0", "Q8_0"], ways=["fused", "unfused"])
    kept(bench, "tied", LLAMA, ["Q6_K", "Q4_K", "Q4_K"], tied=True, ways=ways)
    kept(bench, "mixtral", MIXTRAL, ["Q5_K"], ways=ways)
    kept(bench, "mixtral-mixed", MIXTRAL, list(KINDS))


harness.main(__doc__.splitlines()[0], blocks)
