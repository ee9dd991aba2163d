#!/usr/bin/env python3
"""Writes the llama cases (README.md)."""
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from common import write_decoder

LLAMA = LlamaConfig, LlamaForCausalLM

write_decoder("llama/gqa", LLAMA, dict(
    vocab_size=96, hidden_size=48, intermediate_size=88, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=24, rms_norm_eps=1e-5, max_position_embeddings=64), [24, 9, 1], 11,
    extra={f"model.layers.{i}.self_attn.rotary_emb.inv_freq": 10000 ** -(torch.arange(12) / 12) for i in range(2)})

write_decoder("llama/tied-bias", LLAMA, dict(
    vocab_size=75, hidden_size=60, intermediate_size=56, num_hidden_layers=3, num_attention_heads=3,
    num_key_value_heads=1, rms_norm_eps=1e-6, rope_theta=50000.0, attention_bias=True, mlp_bias=True,
    tie_word_embeddings=True, max_position_embeddings=64), [17, 8, 10], 22, without=["head_dim"])

write_decoder("llama/llama3-rope", LLAMA, dict(
    vocab_size=64, hidden_size=32, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=4, head_dim=16, rms_norm_eps=1e-5, max_position_embeddings=256,
    rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                      original_max_position_embeddings=64)), [150, 40, 3], 33)

# Stored as bf16, with the config keys of transformers 5.
values = dict(vocab_size=80, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=3,
              num_key_value_heads=1, head_dim=16, hidden_act="silu", rms_norm_eps=1e-5, max_position_embeddings=64,
              attention_bias=False, mlp_bias=False, tie_word_embeddings=False)
write_decoder("llama/bf16", LLAMA, values | {"rope_theta": 500000.0}, [20, 9, 2], 44, dtype=torch.bfloat16,
              config_file=values | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
                                    "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}})
