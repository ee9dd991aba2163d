#!/usr/bin/env python3
"""Arithmetic on weights alone: a file that holds functions of a Llama's vectors gives the Llama's logits.

usage: computed.py --bin DIR --models DIR --reference DIR

computed.yaml undoes what is done to the tensors here: sums, quotients and an exponential of
weights and numbers, one of them by head. The logits are those of the reference case llama/gqa; without
fusions, one token at a time and from a dump of the plan they are the same bits.
"""

import argparse
import array
import json
import math
import os
import subprocess
import sys
import tempfile

import safetensors
from bench import FUSIONS

TOLERANCE = 1e-4
KEYS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps",
        "max_position_embeddings")


def f32(shape, values):
    return safetensors.Tensor("F32", shape, array.array("f", values).tobytes())


def disguised(tensors, config):
    out = {}
    for name, tensor in tensors.items():
        if name.endswith("rotary_emb.inv_freq"):
            continue
        if name.endswith("input_layernorm.weight"):
            tensor = f32(tensor.shape, [v - 1 for v in tensor.values()])
        if name.endswith("post_attention_layernorm.weight"):
            tensor = f32(tensor.shape, [3 - v for v in tensor.values()])
        out[name] = tensor
    half = config["head_dim"] // 2
    out["model.log_inv_freq"] = f32([half], [-i / half * math.log(config["rope_theta"]) for i in range(half)])
    out["model.twos"] = f32([2, 1], [4.0, 4.0])
    return out


def main():
    parser = argparse.ArgumentParser()
    for option in "--bin", "--models", "--reference":
        parser.add_argument(option, required=True)
    args = parser.parse_args()
    case, spec = os.path.join(args.reference, "llama", "gqa"), os.path.join(os.path.dirname(os.path.abspath(__file__)), "computed.yaml")
    with open(os.path.join(case, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    io = safetensors.load(os.path.join(case, "io.safetensors"))

    def tool(name, *options):
        done = subprocess.run([os.path.join(args.bin, name), *options], capture_output=True, text=True, timeout=600)
        if done.returncode:
            sys.exit(f"{name} {' '.join(options)}\n{done.stderr}")

    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        with open(at("config.json"), "w", encoding="utf-8") as file:
            json.dump({key: config[key] for key in KEYS} | {"architectures": ["Computed"]}, file)
        safetensors.save(at("model.safetensors"), disguised(safetensors.load(os.path.join(case, "model.safetensors")), config))
        common = [spec, "--checkpoint", folder, "--models", args.models]
        tool("sluice-compile", *common, "-o", at("fused.slc"))
        tool("sluice-compile", *common, "-o", at("unfused.slc"), "--disable-pass", FUSIONS)
        tool("sluice-compile", *common, "--emit", "plan", "-o", at("plan.mlir"))
        tool("sluice-compile", *common, "--from", at("plan.mlir"), "-o", at("resumed.slc"))

        def logits(model, suffix, *options):
            ids = ",".join(map(str, io["input_ids" + suffix].values()))
            tool("sluice-run", at(model), "--ids", ids, "--out", at("out.safetensors"), *options)
            return safetensors.load(at("out.safetensors"))["logits"]

        for suffix in "", ".1", ".2":
            result = logits("fused.slc", suffix)
            worst, scaled = safetensors.difference(io["logits" + suffix], result)
            assert scaled <= TOLERANCE, f"logits{suffix}: off by {worst:.3g}"
            for other in logits("unfused.slc", suffix), logits("resumed.slc", suffix), logits("fused.slc", suffix, "--chunk", "1"):
                assert other.data == result.data, f"logits{suffix}: bits differ"
            print(f"logits{suffix}: largest difference {worst:.2g}")


main()
