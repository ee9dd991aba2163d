#!/usr/bin/env python3
"""Writes the gpt2 cases (README.md)."""
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from common import write_decoder

GPT2 = GPT2Config, GPT2LMHeadModel

write_decoder("gpt2/odd", GPT2, dict(vocab_size=83, n_positions=64, n_embd=52, n_layer=2, n_head=4, bos_token_id=0,
                                     eos_token_id=0), [25, 9, 1], 55)

# As in published files without the prefix: with the buffers of the causal mask.
POSITIONS = 48
mask = torch.ones(POSITIONS, POSITIONS).tril()[None, None]
write_decoder("gpt2/bare", GPT2, dict(vocab_size=96, n_positions=POSITIONS, n_embd=48, n_layer=2, n_head=3, n_inner=88,
                                      layer_norm_epsilon=1e-3, scale_attn_by_inverse_layer_idx=True, bos_token_id=0,
                                      eos_token_id=0), [24, 8, 11], 66,
              rename=lambda name: name.removeprefix("transformer."),
              extra={f"h.{i}.attn.bias": mask.clone() for i in range(2)} |
                    {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(2)})
