#!/usr/bin/env python3
"""Weights that a GGUF file has in blocks stay in them: the artifact holds their numbers at their size, and every result
has the bits of the same numbers as f32."""

import json
import random

import bench as harness
import gguf_arch
import gguf_twin
import safetensors

LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4,
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


def kept(bench, name, config, tied):
    file = bench.path(name + ".gguf")
    found = gguf_arch.converted(config, tensors(config, tied))
    stored = {key: gguf_twin.quantised(tensor) for key, tensor in found.items()}
    gguf_twin.write(file, gguf_twin.metadata(config), stored)
    ids = ",".join(str(i * 7 % 75) for i in range(21))
    results = {}
    for weights in "keep", "f32":
        for way, options in ("fused", []), ("unfused", ["--disable-pass", harness.FUSIONS]), ("v3", ["--target", "x86-64-v3"]):
            model = f"{name}-{weights}-{way}.slc"
            bench.output("sluice-compile", "--checkpoint", file, "--weights", weights, "-o", model, *options)
            for chunk in "64", "1":
                bench.output("sluice-run", model, "--ids", ids, "--out", "out.safetensors", "--chunk", chunk)
                results[weights, way, chunk] = safetensors.load(bench.path("out.safetensors"))["logits"].data
    first = results["f32", "fused", "64"]
    for key, data in results.items():
        bench.check(f"{name}, {key}", data == first)
    listed = json.loads(bench.output("sluice-inspect", f"{name}-keep-fused.slc", "--weights", "--json"))
    # The spec asks for routers in f32.
    matrices = [weight for weight in listed if len(weight["shape"]) > 1 and weight["section"] == "weights" and "router" not in weight["name"]]
    bench.check(f"{name}: all matrices are kept in blocks", matrices and all(w["elem"] == "i8x32" for w in matrices), str(matrices)[:500])
    for weight in matrices:
        rows, depth = -(-weight["shape"][-2] // 64) * 64, weight["shape"][-1]
        most = rows * depth // 32 * 34 * weight["layers"] * (weight["shape"][0] if len(weight["shape"]) > 2 else 1) * 2
        bench.check(f"{name}: size of {weight['name']}", weight["bytes"] <= most, f"{weight['bytes']} bytes, at most {most}")


def blocks(bench):
    kept(bench, "llama", LLAMA, tied=False)
    kept(bench, "tied", LLAMA, tied=True)
    kept(bench, "mixtral", MIXTRAL, tied=False)


harness.main(__doc__.splitlines()[0], blocks)
