#!/usr/bin/env python3
"""Writes the cases of RWKV with the author's own code (README.md).

usage: rwkv_cases.py [CASE...]

Takes the `rwkv` package, or a folder that holds it in PYTHONPATH. Published files have no config.json, nor have these but
for the one whose tensors do not tell the eps of its norms.
"""
import importlib
import json
import math
import os
import sys
import tempfile

import torch
from safetensors.torch import save_file

import common

os.environ["RWKV_JIT_ON"] = os.environ["RWKV_CUDA_ON"] = "0"

# case: version, layers, width, heads, vocabulary, lengths, seed
CASES = {
    "rwkv4/plain": ("4", 3, 32, 1, 64, [40, 7, 1], 81),
    "rwkv4/large-keys": ("4", 2, 24, 1, 61, [30, 9], 82),
    "rwkv5/no-gate": ("5.0", 2, 32, 4, 64, [30, 7, 1], 83),
    "rwkv5/per-head": ("5.1", 2, 32, 4, 64, [30, 7, 1], 84),
    "rwkv5/per-channel": ("5.2", 2, 32, 2, 61, [40, 9, 1], 85),
    "rwkv6/plain": ("6", 3, 32, 4, 64, [40, 7, 1], 86),
    "rwkv6/time-state": ("6", 2, 24, 3, 61, [24, 5, 1], 87),
    "rwkv7/plain": ("7", 3, 32, 4, 64, [40, 7, 1], 88),
    "rwkv7/first-values": ("7", 2, 24, 3, 61, [24, 5], 89),
}


class Drawn(dict):
    """The tensors of a checkpoint, drawn so that leaving any of them out shows."""

    def __init__(self, seed):
        super().__init__()
        self.random = torch.Generator().manual_seed(seed)

    def draw(self, name, *shape, deviation=0.3, mean=0.0):
        self[name] = torch.randn(shape, generator=self.random) * deviation + mean

    def matrix(self, name, rows, columns, size=1.2):
        self.draw(name, rows, columns, deviation=size / math.sqrt(columns))

    def norm(self, name, width, size=1.0):
        self.draw(name + ".weight", width, deviation=0.25 * size, mean=size)
        self.draw(name + ".bias", width, deviation=0.3 * size)

    def shares(self, prefix, letters, width):
        for letter in letters:
            self[prefix + letter] = torch.rand((1, 1, width), generator=self.random)

    def pair(self, first, second, width, rank, outputs):
        self.draw(first, width, rank, deviation=1.0 / math.sqrt(width))
        self.draw(second, rank, outputs, deviation=1.0 / math.sqrt(rank))


def decays(w, at, version, width, heads):
    size = width // heads
    if version == "4":
        w.draw(at + "time_decay", width, deviation=1.0, mean=-1.0)
        w.draw(at + "time_first", width, deviation=0.5)
    elif version in ("5.0", "5.1"):
        w.draw(at + "time_decay", heads, deviation=1.0, mean=-1.0)
        w.draw(at + ("time_first" if version == "5.0" else "time_faaaa"), heads, deviation=0.5)
    else:
        w.draw(at + "time_decay", *((heads, size) if version == "5.2" else (1, 1, width)), deviation=1.0, mean=-1.0)
        w.draw(at + "time_faaaa", heads, size, deviation=0.5)


def time_mixing(w, at, version, width, heads, case):
    for name in "receptance", "key", "value":
        w.matrix(f"{at}{name}.weight", width, width)
    w.matrix(at + "output.weight", width, width)
    if version != "4":
        w.norm(at + "ln_x", width)
    if version in ("5.1", "5.2", "6"):
        w.matrix(at + "gate.weight", width, width)
    if version != "7":
        decays(w, at, version, width, heads)
    if version < "6":
        w.shares(at + "time_mix_", "kvr" + "g" * (version in ("5.1", "5.2")), width)
    if version == "6":
        w.shares(at + "time_maa_", "xwkvrg", width)
        w.draw(at + "time_maa_w1", width, 5 * 6, deviation=0.2)
        w.draw(at + "time_maa_w2", 5, 6, width, deviation=0.3)
        w.pair(at + "time_decay_w1", at + "time_decay_w2", width, 10, width)
    if case.endswith("time-state"):
        w.draw(at + "time_state", heads, width // heads, width // heads, deviation=0.5)
    if case.endswith("large-keys"):
        w[at + "key.weight"][::4] *= 60


def delta_rule(w, at, width, heads, has_values):
    w.shares(at + "x_", "rwkvag", width)
    for letter, rank in ("w", 10), ("a", 6), ("g", 12), ("v", 7):
        if letter == "v" and not has_values:
            continue
        w.pair(f"{at}{letter}1", f"{at}{letter}2", width, rank, width)
        if letter != "g":
            w.draw(f"{at}{letter}0", 1, 1, width, deviation=0.5)
    w.draw(at + "k_k", 1, 1, width, deviation=0.25, mean=0.85)
    w.draw(at + "k_a", 1, 1, width, deviation=0.25, mean=1.0)
    w.draw(at + "r_k", heads, width // heads)


def checkpoint(case, version, layers, width, heads, vocabulary, seed):
    w = Drawn(seed)
    inner = 4 * width if version in ("4", "7") else int(3.5 * width) // 32 * 32
    w.draw("emb.weight", vocabulary, width, deviation=0.7)
    for i in range(layers):
        block = f"blocks.{i}."
        if i == 0:
            w.norm(block + "ln0", width)
        w.norm(block + "ln1", width)
        w.norm(block + "ln2", width)
        time_mixing(w, block + "att.", version, width, heads, case)
        if version == "7":
            delta_rule(w, block + "att.", width, heads, i > 0 or case.endswith("first-values"))
        w.matrix(block + "ffn.key.weight", inner, width)
        w.matrix(block + "ffn.value.weight", width, inner)
        if version == "7":
            w.shares(block + "ffn.x_", "k", width)
            continue
        w.matrix(block + "ffn.receptance.weight", width, width)
        w.shares(block + ("ffn.time_maa_" if version == "6" else "ffn.time_mix_"), "kr", width)
    w.norm("ln_out", width)
    w.matrix("head.weight", vocabulary, width, size=2.0)
    return w


def model_of(weights, version):
    """The model of the author's code, which reads a file and chooses its class when it is imported."""
    os.environ["RWKV_V7_ON"] = "1" if version == "7" else "0"
    module = importlib.reload(importlib.import_module("rwkv.model"))
    with tempfile.TemporaryDirectory() as folder:
        torch.save({name: tensor.clone() for name, tensor in weights.items()}, folder + "/model.pth")
        path = folder + "/model" + ("" if version == "7" else ".pth")
        return module.RWKV(path, "cpu fp32", **({} if version == "7" else {"verbose": False}))


@torch.no_grad()
def logits_of(model, ids):
    """All rows, token by token: the code's sequences are checked against it."""
    rows, state = [], None
    for token in ids:
        row, state = model.forward([int(token)], state)
        rows.append(row.float().flatten())
    return torch.stack(rows)


def write(case, version, layers, width, heads, vocabulary, lengths, seed):
    weights = checkpoint(case, version, layers, width, heads, vocabulary, seed)
    model = model_of(weights, version)
    ids = common.sequences(seed + 1, lengths, vocabulary)
    expected = [logits_of(model, row) for row in ids]
    whole = model.forward(ids[0].tolist(), None, full_output=True)[0]
    apart = (whole - expected[0]).abs().max().item()
    assert apart < 1e-4, f"a sequence and its tokens differ by {apart:.2g}"
    for name in weights:
        if case.endswith("first-values") and name.startswith("blocks.0.att.v") and name[-1].isdigit():
            continue
        without = dict(weights) | {name: torch.zeros_like(weights[name])}
        few = model_of(without, version).forward(ids[0][:12].tolist(), None, full_output=True)[0]
        moved = (few - expected[0][:12]).abs().max().item()
        assert moved > 0.01, f"{name} hardly matters ({moved:.2g}), take another seed"
    io = {}
    for i, row in enumerate(ids):
        io["input_ids" + common.suffix(i)] = row
        io["logits" + common.suffix(i)] = expected[i]
        io["generated" + common.suffix(i)] = common.greedy(lambda all: logits_of(model, all), row.tolist())
    folder = common.HERE / case
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
    save_file({name: tensor.contiguous() for name, tensor in io.items()}, folder / "io.safetensors")
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    if version == "5.0":  # older training had another divisor
        config = dict(architectures=["RWKV"], model_type="rwkv5", vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, head_size_divisor=8)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    size = (folder / "model.safetensors").stat().st_size
    assert size < 300_000, f"{size} bytes"
    print(f"{case}: {len(weights)} tensors, {size / 1000:.0f} kB, deviation of the logits {expected[0].std():.2f}, "
          f"a sequence against its tokens {apart:.1g}")


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write(case, *CASES[case])
