#!/usr/bin/env python3
"""Writes the qwen2 cases (README.md)."""
from transformers import Qwen2Config, Qwen2ForCausalLM

from common import write_decoder

QWEN2 = Qwen2Config, Qwen2ForCausalLM

# The first layer sees everything, the others 10 rows; config.json says so as files did before `layer_types`.
write_decoder("qwen2/sliding", QWEN2, dict(
    vocab_size=96, hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, rms_norm_eps=1e-6, rope_theta=1000000.0, use_sliding_window=True, sliding_window=10,
    max_window_layers=1, max_position_embeddings=256), [150, 12, 1], 166, without=["layer_types"])

# As small published files: tied, and with the numbers of a window that is switched off.
values = dict(vocab_size=83, hidden_size=56, intermediate_size=72, num_hidden_layers=2, num_attention_heads=7,
              num_key_value_heads=1, hidden_act="silu", rms_norm_eps=1e-6, rope_theta=1000000.0, sliding_window=6,
              max_window_layers=1, use_sliding_window=False, tie_word_embeddings=True, max_position_embeddings=64)
write_decoder("qwen2/tied", QWEN2, values, [26, 9, 2], 177, config_file=values | {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "torch_dtype": "float32"})
