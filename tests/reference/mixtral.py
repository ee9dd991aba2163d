#!/usr/bin/env python3
"""Writes the mixtral cases (README.md)."""
import torch
from transformers import MixtralConfig, MixtralForCausalLM

from common import TIE, write_decoder

MIXTRAL = MixtralConfig, MixtralForCausalLM


@torch.no_grad()
def write(case, experts, chosen, lengths, seed, **values):
    values = dict(num_local_experts=experts, num_experts_per_tok=chosen, rms_norm_eps=1e-5, max_position_embeddings=128,
                  num_hidden_layers=2, tie_word_embeddings=False) | values
    model, ids = write_decoder(case, MIXTRAL, values, lengths, seed)
    for row in ids:
        for logits in model(row[None], output_router_logits=True).router_logits:
            best = logits.sort(-1, descending=True)[0]
            assert (best[:, chosen - 1] - best[:, chosen]).min() > TIE, "near tie in a router, take another seed"


write("mixtral/two-of-four", 4, 2, [24, 9, 1], 77, vocab_size=64, hidden_size=48, intermediate_size=40,
      num_attention_heads=4, num_key_value_heads=2)
write("mixtral/two-of-eight", 8, 2, [21, 8, 10], 88, vocab_size=80, hidden_size=32, intermediate_size=28,
      num_attention_heads=2, num_key_value_heads=1, head_dim=24, rope_theta=10000.0)
write("mixtral/window", 4, 3, [40, 12], 99, vocab_size=64, hidden_size=40, intermediate_size=24,
      num_attention_heads=5, num_key_value_heads=5, sliding_window=12)
