#!/usr/bin/env python3
"""What columns count for: sluice-run --calibrate measures it, sluice-compile --importance heeds it."""

import json
import math
import os
import random
import shutil
import struct

import bench as harness
import safetensors

TEXT = "In the beginning God created the heaven and the earth. And the earth was without form, and void.\n"
EPSILON = 1e-5
MIXTRAL = {
    "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4,
    "num_key_value_heads": 2, "num_hidden_layers": 2, "vocab_size": 1536, "max_position_embeddings": 64, "rms_norm_eps": EPSILON,
    "rope_theta": 10000.0, "num_local_experts": 4, "tie_word_embeddings": False,
}
UNFUSED = ("--disable-pass", "fuse-norm-matmul")


def bf16(tensor):
    return [struct.unpack("<f", b"\0\0" + tensor.data[i : i + 2])[0] for i in range(0, len(tensor.data), 2)]


def near(found, expected):
    return len(found) == len(expected) and all(math.isclose(a, b, rel_tol=0.01, abs_tol=1e-6) for a, b in zip(found, expected))


def calibrated(bench, model, *options):
    bench.output("sluice-run", model, "--calibrate", "text", "--out", "importance.safetensors", *options)
    return safetensors.load(bench.path("importance.safetensors"))


def expected_columns(weights, ids):
    """Mean squares of what the first layer's attention is multiplied with: normalised rows of the embedding."""
    table, scale = bf16(weights["model.embed_tokens.weight"]), bf16(weights["model.layers.0.input_layernorm.weight"])
    width, sums = len(scale), [0.0] * len(scale)
    for token in ids:
        row = table[token * width : (token + 1) * width]
        length = math.sqrt(sum(x * x for x in row) / width + EPSILON)
        sums = [s + (x / length * w) ** 2 for s, x, w in zip(sums, row, scale)]
    return [s / len(ids) for s in sums]


def bundled(bench):
    demo = os.path.join(bench.models, "demo")
    with open(bench.path("text"), "w", encoding="utf-8") as file:
        file.write(TEXT)
    bench.output("sluice-compile", "--checkpoint", demo, "-o", "fused.slc")
    bench.refuse("norms in products", "the kernel makes the rows that it multiplies itself; where it normalises them, compile with "
                 "--disable-pass fuse-norm-matmul", "sluice-run", "fused.slc", "--calibrate", "text", "--out", "importance.safetensors")
    bench.output("sluice-compile", "--checkpoint", demo, *UNFUSED, "-o", "plain.slc")
    found = calibrated(bench, "plain.slc", "--threads", "1")
    again = calibrated(bench, "plain.slc", "--threads", "2", "--share-all")
    bench.check("threads", {name: t.data for name, t in found.items()} == {name: t.data for name, t in again.items()})
    names = {f"layers.{name}[{layer}]" for name in ("q", "k", "v", "o", "gate", "up", "down") for layer in range(5)} | {"embed"}
    bench.check("names", set(found) == names, str(sorted(found)))
    ids = [int(word) for word in bench.output("sluice-run", "plain.slc", "--tokenize", "text").replace(",", " ").split()]
    expected = expected_columns(safetensors.load(os.path.join(demo, "model.safetensors")), ids)
    for name in "q", "k", "v":
        bench.check(name, near(list(found[f"layers.{name}[0]"].values()), expected))
    bench.check("down is as wide as the layer", found["layers.down[2]"].shape == [352])

    weights = ["sluice-compile", "--checkpoint", demo, "--weights", "int4", "-o"]
    bench.output(*weights, "alike.slc")
    done = bench.run(*weights, "heeded.slc", "--importance", "importance.safetensors")
    bench.check("heeded", done.returncode == 0 and b"importance" not in done.stderr, done.stderr.decode())
    contents = [open(bench.path(name), "rb").read() for name in ("alike.slc", "heeded.slc")]
    bench.check("other numbers in the same place", len(contents[0]) == len(contents[1]) and contents[0] != contents[1])

    def says(what, message, change, command):
        tensors = {name: safetensors.Tensor(t.dtype, list(t.shape), t.data) for name, t in found.items()}
        change(tensors)
        safetensors.save(bench.path("changed.safetensors"), tensors)
        done = bench.run(*command, "changed.slc", "--importance", "changed.safetensors")
        bench.check(what, done.returncode == (1 if message.startswith("error") else 0) and message in done.stderr.decode(), done.stderr.decode())

    says("a name", "error: --importance: changed.safetensors: the spec has no weight 'layers.x[1]'",
         lambda t: t.update({"layers.x[1]": t.pop("layers.q[1]")}), weights)
    says("a size", "error: --importance: changed.safetensors: 'layers.q[1]': expected shape [192], found [352]",
         lambda t: t.update({"layers.q[1]": t["layers.down[1]"]}), weights)
    says("a missing one", "warning: weight 'layers.down' has no importance in changed.safetensors: its columns count alike",
         lambda t: t.pop("layers.down[3]"), weights)
    says("no blocks", "warning: --importance has no effect: no weight that it names is brought to blocks", lambda t: None,
         ["sluice-compile", "--checkpoint", demo, "-o"])
    bench.refuse("no file", "--calibrate requires --out", "sluice-run", "plain.slc", "--calibrate", "text", code=2)
    bench.refuse("ids", "--calibrate takes its text from the file", "sluice-run", "plain.slc", "--calibrate", "text", "--out", "x", "--ids", "1",
                 code=2)


def mixture(bench, chosen):
    """A mixture of drawn numbers with the bundled model's tokenizer."""
    folder, draw, config = bench.path(f"experts{chosen}"), random.Random(1), MIXTRAL | {"num_experts_per_tok": chosen}
    os.makedirs(folder)
    for name in "tokenizer.json", "tokenizer_config.json":
        shutil.copy(os.path.join(bench.models, "demo", name), folder)
    width, ffn, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    shapes = {"model.embed_tokens.weight": [vocab, width], "model.norm.weight": [width], "lm_head.weight": [vocab, width]}
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes |= {at + "input_layernorm.weight": [width], at + "post_attention_layernorm.weight": [width]}
        for name, rows in ("q", width), ("k", width // 2), ("v", width // 2), ("o", width):
            shapes[f"{at}self_attn.{name}_proj.weight"] = [rows, width]
        shapes[at + "block_sparse_moe.gate.weight"] = [config["num_local_experts"], width]
        for expert in range(config["num_local_experts"]):
            for name, shape in ("w1", [ffn, width]), ("w2", [width, ffn]), ("w3", [ffn, width]):
                shapes[f"{at}block_sparse_moe.experts.{expert}.{name}.weight"] = shape
    tensors = {name: safetensors.Tensor("F32", shape, safetensors.floats(draw, shape)) for name, shape in shapes.items()}
    safetensors.save(os.path.join(folder, "model.safetensors"), tensors)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return folder


def experts(bench):
    """Rows count for the experts that they were sent to: if that is all of them, as they do for the router."""
    with open(bench.path("text"), "w", encoding="utf-8") as file:
        file.write(TEXT)
    for chosen in 4, 1:
        folder = mixture(bench, chosen)
        bench.output("sluice-compile", "--checkpoint", folder, *UNFUSED, "-o", "experts.slc")
        found = calibrated(bench, "experts.slc")
        for layer in 0, 1:
            (router,) = [list(t.values()) for name, t in found.items() if "router" in name and name.endswith(f"[{layer}]")]
            stacks = [t for name, t in found.items() if name.endswith(f"[{layer}]") and t.shape == [4, 64]]
            bench.check(f"{chosen} of 4, layer {layer}: gate and up", len(stacks) == 2 and stacks[0].data == stacks[1].data, str(list(found)))
            values = list(stacks[0].values())
            each = [values[64 * e : 64 * (e + 1)] for e in range(4)]
            same = [near(one, router) for one in each]
            bench.check(f"{chosen} of 4, layer {layer}: rows of experts", all(same) if chosen == 4 else not any(same), str(same))
        done = bench.run("sluice-compile", "--checkpoint", folder, "--weights", "int4", "--importance", "importance.safetensors", "-o", "small.slc")
        # The table of tokens is not multiplied.
        notes = done.stderr.decode().splitlines()
        bench.check(f"{chosen} of 4 are heeded", done.returncode == 0 and all("'embed'" in note for note in notes), done.stderr.decode())


harness.main(__doc__.splitlines()[0], bundled, experts)
