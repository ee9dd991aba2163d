#!/usr/bin/env python3
"""Writes the cases of OLMo's original code (README.md).

usage: olmo.py [--find] --code PATH

PATH is a checkout of allenai/OLMo; --find looks for a seed that `common.py` takes. The other cases of this family are in
decoders.py.
"""
import argparse
import enum
import importlib
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

from safetensors.torch import load_file
from torch import nn

import common

ORIGINAL = dict(vocab_size=61, embedding_size=64, d_model=48, n_heads=6, n_layers=2, mlp_ratio=4, max_sequence_length=64, block_type="sequential",
                activation_type="swiglu", attention_dropout=0.0, residual_dropout=0.0, embedding_dropout=0.0, init_device="cpu", eos_token_id=1, pad_token_id=1)
# With ALiBi it adds the same to all scores of a row.
INERT = ("k_norm.bias",)
# case: values of the config, lengths, seed
CASES = {
    "olmo/alibi": (ORIGINAL | dict(n_heads=3, n_kv_heads=1, mlp_hidden_size=88, alibi=True, alibi_bias_max=6.0, rope=False, include_bias=True, layer_norm_type="low_precision",
                                   layer_norm_with_affine=True, bias_for_layer_norm=True, attention_layer_norm=True, attention_layer_norm_with_affine=True, clip_qkv=1.1,
                                   scale_logits=True, weight_tying=True), [40, 9, 1], 180),
    "olmo/original-two": (ORIGINAL | dict(n_kv_heads=2, mlp_ratio=2, rope=True, rope_theta=500000, include_bias=False, layer_norm_type="rms", layer_norm_eps=1e-3,
                                          layer_norm_with_affine=True, bias_for_layer_norm=False, attention_layer_norm=True, attention_layer_norm_with_affine=True,
                                          norm_after=True, weight_tying=False), [24, 5], 81),
}


def load(folder):
    """The modules of the model and its config, without what they need for training."""
    package = types.ModuleType("olmo")
    package.__path__ = [str(folder / "olmo")]
    util = types.ModuleType("olmo.util")
    util.StrEnum = enum.StrEnum
    sys.modules |= {"olmo": package, "olmo.util": util, "omegaconf": MagicMock(), "omegaconf.errors": MagicMock()}
    return importlib.import_module("olmo.model"), importlib.import_module("olmo.config")


def classes(model_module, config_module):
    """Its config and model as `common.py` expects them."""
    class Config(types.SimpleNamespace):
        pass

    class OLMoForCausalLM(nn.Module):
        def __init__(self, config):
            super().__init__()
            values = {key: value for key, value in vars(config).items() if key in config_module.ModelConfig.__dataclass_fields__}
            self.model = model_module.OLMo(config_module.ModelConfig(**values))

        def forward(self, ids, use_cache):
            return self.model(ids)

        def get_output_embeddings(self):
            parts = self.model.transformer
            return parts.wte if self.model.config.weight_tying else parts.ff_out

        def tie_weights(self):
            pass

        @classmethod
        def from_pretrained(cls, folder, config, **_):
            model = cls(config)
            model.load_state_dict(load_file(folder / "model.safetensors"))
            return model

    return Config, OLMoForCausalLM


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find", action="store_true")
    parser.add_argument("--code", type=Path, required=True)
    args = parser.parse_args()
    make = classes(*load(args.code.resolve()))
    for case, (values, lengths, seed) in CASES.items():
        stated = values | dict(architectures=["OLMoForCausalLM"], model_type="hf_olmo", torch_dtype="float32", use_cache=True)
        write = lambda seed: common.write_decoder(case, make, values, lengths, seed, config_file=dict(sorted(stated.items())), inert=INERT)
        common.with_seed(case, seed, write, args.find)


main()
