#!/usr/bin/env python3
"""Makes conv/: two causal depthwise convolutions over embedded tokens, computed by PyTorch.

    conv.py            (needs torch and safetensors)

weights.safetensors holds the weights, io.safetensors for each sequence `input_ids` and the rows behind both convolutions.
"""
import os

import torch
from safetensors.torch import save_file
from torch.nn.functional import conv1d, embedding, pad, silu

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv")
CHANNELS, IDS = 37, 16


def convolve(x, weight, bias=None):
    """x [tokens, channels]; zeros stand in front of the first token."""
    columns = pad(x.T[None], (weight.shape[2] - 1, 0))
    return conv1d(columns, weight, bias, groups=CHANNELS)[0].T


def main():
    torch.manual_seed(5)
    weights = {
        "embed.weight": torch.randn(IDS, CHANNELS),
        "first.weight": torch.randn(CHANNELS, 1, 4),
        "first.bias": torch.randn(CHANNELS),
        "second.weight": torch.randn(CHANNELS, 1, 2),
    }
    io = {}
    for name, count in ("", 23), (".1", 1), (".2", 6):
        ids = torch.randint(0, IDS, (count,))
        x = silu(convolve(embedding(ids, weights["embed.weight"]), weights["first.weight"], weights["first.bias"]))
        io["input_ids" + name] = ids
        io["rows" + name] = convolve(x, weights["second.weight"]).contiguous()
    save_file(weights, os.path.join(HERE, "weights.safetensors"))
    save_file(io, os.path.join(HERE, "io.safetensors"))


main()
