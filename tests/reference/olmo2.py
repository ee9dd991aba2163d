#!/usr/bin/env python3
"""Writes the olmo2 cases (README.md)."""
from transformers import Olmo2Config, Olmo2ForCausalLM

from common import write_decoder

OLMO2 = Olmo2Config, Olmo2ForCausalLM

write_decoder("olmo2/gqa", OLMO2, dict(
    vocab_size=88, hidden_size=60, intermediate_size=72, num_hidden_layers=2, num_attention_heads=6,
    num_key_value_heads=2, rms_norm_eps=1e-6, rope_theta=500000.0, max_position_embeddings=64, pad_token_id=1,
    eos_token_id=1), [24, 9, 1], 188)

write_decoder("olmo2/tied", OLMO2, dict(
    vocab_size=71, hidden_size=48, intermediate_size=56, num_hidden_layers=3, num_attention_heads=2,
    num_key_value_heads=None, rms_norm_eps=1e-3, attention_bias=True, tie_word_embeddings=True,
    max_position_embeddings=64, pad_token_id=1, eos_token_id=1), [19, 8, 12], 199)
