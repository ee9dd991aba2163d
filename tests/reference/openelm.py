#!/usr/bin/env python3
"""Writes the openelm cases (README.md) with the family's own code.

usage: openelm.py [--find] --code PATH

PATH is a checkout of corenet, of which general_gpt.py, rotary_embeddings.py, rms_norm.py and math_utils.py are read; what
they import of the rest of it stands here in a few lines. --find looks for seeds that `common.py` takes.
"""
import argparse
import importlib.util
import logging
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from common import greedy, seed_weights, sequences, with_seed, write_case

OPTION = "model.language_modeling.general_gpt."
ELM = dict(vocab_size=64, max_context_length=64, model_dim=48, head_dim=8, num_transformer_layers=3, num_gqa_groups=2, ffn_dim_divisor=16,
           qkv_multipliers=[0.5, 1.0], ffn_multipliers=[0.5, 1.5], normalize_qk_projections=True, share_input_output_layers=True)
# case: values of the config, lengths, seed
CASES = {
    "openelm/by-layer": (ELM, [24, 5, 1], 161),
    "openelm/bare-heads": (ELM | dict(vocab_size=61, num_gqa_groups=3, head_dim=4, num_transformer_layers=2, normalize_qk_projections=False), [30, 4], 62),
}


def module(name, **members):
    made = sys.modules[name] = types.ModuleType(name)
    made.__dict__.update(members)
    made.__path__ = []
    return made


def load(code, name):
    path = Path(code) / (name.replace(".", "/") + ".py")
    spec = importlib.util.spec_from_file_location(name, path)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def load_code(code):
    """general_gpt.py, with stand-ins for what it imports of layers that PyTorch has as well."""
    same = lambda *_, **__: lambda made: made
    embedding = type("Embedding", (nn.Embedding,), {
        "__init__": lambda self, opts, embedding_dim, num_embeddings, padding_idx=None: nn.Embedding.__init__(self, num_embeddings, embedding_dim)})
    for package in "corenet", "corenet.modeling", "corenet.utils", "corenet.modeling.models.language_modeling":
        module(package)
    sys.modules["corenet.utils"].logger = logging
    module("corenet.modeling.layers")
    module("corenet.modeling.layers.normalization", register_norm_fn=same)
    norm = load(code, "corenet.modeling.layers.normalization.rms_norm").RMSNorm
    rotary = load(code, "corenet.modeling.layers.rotary_embeddings").RotaryEmbedding
    make_norm = lambda opts, num_features, norm_type: norm(num_features)
    sys.modules["corenet.modeling.layers"].__dict__.update(
        Embedding=embedding, LinearLayer=nn.Linear, RotaryEmbedding=rotary, get_normalization_layer=make_norm, norm_layers_tuple=(norm,))
    module("corenet.modeling.layers.activation", build_activation_layer=lambda *_, **__: nn.SiLU())
    module("corenet.modeling.models", MODEL_REGISTRY=types.SimpleNamespace(register=same))
    base = type("BaseLanguageModel", (nn.Module,), {"__init__": lambda self, *_, **__: nn.Module.__init__(self)})
    module("corenet.modeling.models.language_modeling.base_lm", BaseLanguageModel=base)
    load(code, "corenet.utils.math_utils")
    return load(code, "corenet.modeling.models.language_modeling.general_gpt")


def reference(code, case, values):
    """A class of models whose tensors have the names of published files."""
    code.gpt_configs[case] = {key: value for key, value in values.items() if key not in ("vocab_size", "max_context_length")}
    options = argparse.Namespace(**{OPTION + "model_name": case, OPTION + "vocab_size": values["vocab_size"],
                                    OPTION + "max_context_length": values["max_context_length"], OPTION + "padding_index": None})

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.transformer = code.GeneralGPTModel(options)

        def forward(self, ids):
            return self.transformer(ids[None])[0]

        def get_output_embeddings(self):
            return None

        def tie_weights(self):
            pass

        @classmethod
        def from_pretrained(cls, folder, **_):
            model = cls()
            model.load_state_dict(load_file(Path(folder) / "model.safetensors"), strict=False)
            return model

    return Model


def write(code, case, seed):
    values, lengths, _ = CASES[case]
    # What the config class has besides, as published files state it.
    stated = values | dict(
        architectures=["OpenELMForCausalLM"], model_type="openelm", activation_fn_name="swish", normalization_layer_name="rms_norm", ffn_with_glu=True,
        rope_freq_constant=10000, rope_max_length=4096, torch_dtype="float32", use_cache=True)
    own = code.GPTConfig(**values)
    stated |= dict(num_query_heads=own.num_query_heads, num_kv_heads=own.num_kv_heads, ffn_multipliers=own.ffn_multipliers)
    model = reference(code, case, values)().eval()
    ids = sequences(seed + 1, lengths, values["vocab_size"])
    seed_weights(model, seed)
    write_case(case, None, model, lambda m, i: {"logits": m(ids[i])}, [{"input_ids": row} for row in ids],
               lambda m, i: greedy(m, ids[i].tolist()), config_file=dict(sorted(stated.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("--find", action="store_true")
    args = parser.parse_args()
    code = load_code(args.code)
    for case, (*_, seed) in CASES.items():
        with_seed(case, seed, lambda seed: write(code, case, seed), args.find)


main()
