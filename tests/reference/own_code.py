#!/usr/bin/env python3
"""Writes the cases of decoders that only the family's own code computes (README.md).

usage: own_code.py [--find] --code PATH FAMILY

PATH is a folder with the files of that code as they lie beside its checkpoints (modeling_*.py); they run with
transformers 4.39. --find looks for a seed that `common.py` takes, beginning with the one given here.
"""
import argparse
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path

from torch import nn
from torch.nn import functional
from transformers import PretrainedConfig

import common

LLAMA = dict(vocab_size=64, hidden_size=32, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=10000.0, initializer_range=0.02)
GROK = LLAMA | dict(hidden_act="gelu_new", num_experts_per_tok=2, output_multiplier_scale=0.5773502691896257, pad_token_id=0, bos_token_id=1, eos_token_id=2)
MOE = LLAMA | dict(hidden_act="silu", moe_intermediate_size=12, moe_layer_freq=1, scoring_func="softmax", attention_bias=False, attention_dropout=0.0,
                   aux_loss_alpha=0.001, seq_aux=True, pretraining_tp=1, rope_scaling=None, tie_word_embeddings=False)
YARN = dict(type="yarn", beta_fast=32, beta_slow=1, original_max_position_embeddings=16)
LATENT = MOE | dict(num_key_value_heads=4, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=10, first_k_dense_replace=1, ep_size=1, norm_topk_prob=False)
BAICHUAN = dict(vocab_size=64, hidden_size=12, intermediate_size=16, num_attention_heads=2, hidden_act="silu", rms_norm_eps=1e-6, initializer_range=0.02,
                pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
INTERN = BAICHUAN | dict(num_hidden_layers=2, hidden_size=48, intermediate_size=56, num_attention_heads=4, max_position_embeddings=64)
QWEN = dict(vocab_size=64, hidden_size=48, intermediate_size=88, num_hidden_layers=2, num_attention_heads=4, kv_channels=12, max_position_embeddings=64, seq_length=64,
            layer_norm_epsilon=1e-6, rotary_pct=1.0, rotary_emb_base=10000, use_dynamic_ntk=True, use_logn_attn=True, no_bias=True, fp32=True, bf16=False, fp16=False,
            use_flash_attn=False, scale_attn_weights=True, onnx_safe=None, attn_dropout_prob=0.0, emb_dropout_prob=0.0, initializer_range=0.02)

# family: its module, model class, config class
CODE = {
    "grok": ("modeling_grok", "GrokForCausalLM", "GrokConfig"),
    "deepseek": ("modeling_deepseek", "DeepseekForCausalLM", "DeepseekConfig"),
    "deepseek_v2": ("modeling_deepseek", "DeepseekV2ForCausalLM", "DeepseekV2Config"),
    "baichuan": ("modeling_baichuan", "BaiChuanForCausalLM", "BaiChuanConfig"),
    "baichuan_13b": ("modeling_baichuan", "BaichuanForCausalLM", "BaichuanConfig"),
    "baichuan2_13b": ("modeling_baichuan", "BaichuanForCausalLM", "BaichuanConfig"),
    "internlm": ("modeling_internlm", "InternLMForCausalLM", "InternLMConfig"),
    "internlm2": ("modeling_internlm2", "InternLM2ForCausalLM", "InternLM2Config"),
    "qwen": ("modeling_qwen", "QWenLMHeadModel", "QWenConfig"),
}
# Cases of a family that has several codes.
CODE_OF = {"baichuan/thirteen": "baichuan_13b", "baichuan/two-thirteen": "baichuan2_13b"}
# What the codes import, and need for training or on other devices only.
UNNEEDED = ["xformers", "accelerate"]
# case: values of the config, lengths, seed
CASES = {
    "grok/three-of-five": (GROK | dict(num_local_experts=5, num_experts_per_tok=3, attn_output_multiplier=0.7, embedding_multiplier_scale=5.656854249492381), [24, 5, 1], 50),
    "grok/one-key": (GROK | dict(vocab_size=61, hidden_size=40, num_attention_heads=5, num_key_value_heads=1, num_local_experts=4, attn_output_multiplier=0.3535533905932738,
                                 embedding_multiplier_scale=6.324555320336759, rms_norm_eps=1e-3, rope_theta=500.0), [30, 4], 51),
    "deepseek/shared": (MOE | dict(n_routed_experts=7, n_shared_experts=2, num_experts_per_tok=3, first_k_dense_replace=1, norm_topk_prob=False), [24, 5, 1], 52),
    "deepseek/alone": (MOE | dict(vocab_size=61, hidden_size=40, num_attention_heads=4, num_key_value_heads=1, num_hidden_layers=3, n_routed_experts=4, n_shared_experts=None, moe_layer_freq=2,
                                  num_experts_per_tok=2, first_k_dense_replace=0, norm_topk_prob=True, attention_bias=True, rope_scaling=dict(type="linear", factor=2.0)), [24, 5], 53),
    "deepseek_v2/lite": (LATENT | dict(q_lora_rank=None, n_routed_experts=5, n_shared_experts=2, num_experts_per_tok=3, n_group=1, topk_group=1, topk_method="greedy", routed_scaling_factor=1.0,
                                       rope_scaling=YARN | dict(factor=4, mscale=0.707, mscale_all_dim=0.707)), [24, 5, 2], 54),
    "deepseek_v2/groups": (LATENT | dict(vocab_size=61, num_attention_heads=3, num_key_value_heads=3, q_lora_rank=20, n_routed_experts=6, n_shared_experts=1, num_experts_per_tok=2, n_group=3,
                                         topk_group=2, topk_method="group_limited_greedy", routed_scaling_factor=16.0, attention_bias=True, rms_norm_eps=1e-6,
                                         rope_scaling=YARN | dict(factor=3, mscale=1.0, mscale_all_dim=0.5)), [40, 5], 55),
    "baichuan/seven": (BAICHUAN | dict(hidden_size=16, intermediate_size=12, num_hidden_layers=32, max_position_embeddings=64), [24, 5, 1], 60),
    "baichuan/thirteen": (BAICHUAN | dict(hidden_size=40, intermediate_size=52, num_hidden_layers=2, num_attention_heads=5, rms_norm_eps=1e-5, model_max_length=64), [40, 9, 1], 61),
    "baichuan/two-seven": (BAICHUAN | dict(vocab_size=75, hidden_size=60, intermediate_size=56, num_hidden_layers=2, num_attention_heads=3, max_position_embeddings=64, model_max_length=64,
                                           rms_norm_eps=1e-3, tokenizer_class="BaichuanTokenizer"), [24, 5], 62),
    "baichuan/two-thirteen": (BAICHUAN | dict(vocab_size=61, hidden_size=48, intermediate_size=44, num_hidden_layers=3, num_attention_heads=6, model_max_length=64,
                                              tokenizer_class="BaichuanTokenizer"), [40, 5, 1], 63),
    "internlm/biased": (INTERN | dict(vocab_size=61, hidden_size=60, num_attention_heads=3, rms_norm_eps=1e-5, bias=True, rotary=dict(base=10000, type="dynamic")), [24, 5, 1], 64),
    "internlm/bare": (INTERN | dict(bias=False, rotary=dict(base=500, type="origin")), [24, 5], 65),
    "internlm/grows": (INTERN | dict(bias=True, max_position_embeddings=40, rotary=dict(base=10000, type="dynamic", scaling_factor=2.0)), [60, 10, 5], 68),
    "internlm2/grouped": (INTERN | dict(vocab_size=61, num_attention_heads=6, num_key_value_heads=2, bias=True, rope_theta=1e6, rope_scaling=dict(type="linear", factor=2.0)), [24, 5, 1], 66),
    "internlm2/bare": (INTERN | dict(num_key_value_heads=4, rms_norm_eps=1e-5, bias=False, rope_theta=10000, rope_scaling=dict(type="dynamic", factor=2.0)), [24, 5], 67),
    "qwen/plain": (QWEN, [24, 5, 1], 60),
    "qwen/grows": (QWEN | dict(seq_length=7), [24, 10, 5], 66),
    "qwen/logn": (QWEN | dict(vocab_size=61, hidden_size=40, num_attention_heads=5, kv_channels=8, rotary_pct=0.5, rotary_emb_base=1000000, seq_length=7, use_dynamic_ntk=False, no_bias=False,
                              layer_norm_epsilon=1e-4), [30, 4], 61),
}


def load(folder, name, config_class):
    """The module of that name, whose files import each other as parts of a package or as they stand."""
    for unneeded in UNNEEDED:
        sys.modules.setdefault(unneeded, types.SimpleNamespace(ops=None, init_empty_weights=None))
    sys.path.insert(0, str(folder))
    spec = importlib.machinery.ModuleSpec("own_code_files", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules["own_code_files"] = importlib.util.module_from_spec(spec)
    config = name.replace("modeling", "configuration")
    if not (folder / f"{config}.py").exists():  # a class that only holds what the file says
        stand_in = types.ModuleType(config)
        stand_in.__dict__[config_class] = type(config_class, (PretrainedConfig,), {"keys_to_ignore_at_inference": ["past_key_values"]})
        sys.modules[f"own_code_files.{config}"] = stand_in
    return importlib.import_module(f"own_code_files.{name}")


class UnitHead(nn.Linear):
    def forward(self, rows):
        return functional.linear(rows, functional.normalize(self.weight))


def second(model_class):
    """The class of Baichuan2-7B: that of Baichuan-7B with the head of Baichuan2-13B."""
    def __init__(self, config):
        model_class.__init__(self, config)
        self.lm_head = UnitHead(config.hidden_size, config.vocab_size, bias=False)

    return type("BaichuanForCausalLM", (model_class,), {"__init__": __init__})


def code_of(case):
    return CODE_OF.get(case, case.split("/")[0])


def write(case, module, seed):
    family = case.split("/")[0]
    _, model_class, config_class = CODE[code_of(case)]
    values, lengths, _ = CASES[case]
    model_class, config_class = getattr(module, model_class), getattr(module, config_class)
    config_class.gradient_checkpointing = False  # which transformers takes out of a config, and Baichuan's code reads
    if case == "baichuan/two-seven":
        model_class = second(model_class)
    stated = values | dict(architectures=[model_class.__name__], model_type=getattr(config_class, "model_type", "") or family, torch_dtype="float32",
                           use_cache=True, tie_word_embeddings=config_class(**values).tie_word_embeddings)
    common.write_decoder(case, (config_class, model_class), values, lengths, seed, config_file=dict(sorted(stated.items())), grows=case.endswith("/grows"),
                         within=40 if case == "internlm/grows" else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find", action="store_true")
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("family", choices=CODE)
    args = parser.parse_args()
    # What the code rounds to f32 goes on in f64 where the weights are of that type.
    nn.modules.module.register_module_forward_pre_hook(
        lambda layer, given: (given[0].to(layer.weight.dtype), *given[1:]) if isinstance(layer, nn.Linear) else None)
    module = load(args.code.resolve(), CODE[args.family][0], CODE[args.family][2])
    for case, (*_, seed) in CASES.items():
        if code_of(case) == args.family:
            common.with_seed(case, seed, lambda seed: write(case, module, seed), args.find)


main()
