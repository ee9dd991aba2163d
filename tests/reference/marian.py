#!/usr/bin/env python3
"""Writes the marian cases (README.md)."""
import sys

import torch
from transformers import MarianConfig, MarianMTModel

from common import far_case, greedy, seed_weights, sequences, stored, write_case


def write(case, values, sources, targets, seed, keeps_positions=False, far=False):
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    config = MarianConfig(**values)
    config._attn_implementation = "eager"
    config.architectures = ["MarianMTModel"]
    config.torch_dtype = "float32"
    model = MarianMTModel(config).eval()
    seed_weights(model, seed)
    for stack in model.model.encoder, model.model.decoder:
        stack.embed_positions.weight.data = stack.embed_positions.create_weight()
    model.final_logits_bias.copy_(torch.randn(model.final_logits_bias.shape, generator=torch.Generator().manual_seed(seed)))
    start = torch.tensor([config.decoder_start_token_id])
    inputs = [{"source_ids": source, "input_ids": torch.cat((start, target))} for source, target in
              zip(sequences(seed + 1, sources, config.vocab_size - 1), sequences(seed + 2, targets, config.decoder_vocab_size - 1))]
    logits = lambda m, i, ids: m(input_ids=inputs[i]["source_ids"][None], decoder_input_ids=ids[None],
                                 use_cache=False).logits[0]
    keep = lambda m: {name: tensor for name, tensor in stored(m).items() if keeps_positions or "embed_positions" not in name}
    evaluate = lambda m, i: {"rows": m.model.encoder(inputs[i]["source_ids"][None])[0][0], "logits": logits(m, i, inputs[i]["input_ids"])}
    generate = lambda m, i: greedy(lambda ids: logits(m, i, ids), inputs[i]["input_ids"].tolist())
    if far:
        evaluate, generate = far_case(evaluate, inputs), None
    write_case(case, config, model, evaluate, inputs, generate, inert=("k_proj.bias",), store=keep)


# As published files: swish, scaled embeddings, one table.
write("marian/shared", dict(
    vocab_size=83, d_model=40, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=72, decoder_ffn_dim=72, activation_function="swish", scale_embedding=True,
    max_position_embeddings=160, pad_token_id=82, decoder_start_token_id=82), [20, 150, 5], [13, 8, 0], 211)

# Two vocabularies and a head of its own; the table of sinusoids that older files hold.
write("marian/apart", dict(
    vocab_size=83, decoder_vocab_size=70, d_model=32, encoder_layers=1, decoder_layers=3, encoder_attention_heads=4,
    decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=56, activation_function="relu",
    max_position_embeddings=64, pad_token_id=69, decoder_start_token_id=69, share_encoder_decoder_embeddings=False,
    tie_word_embeddings=False), [30, 17, 1], [9, 25, 3], 231, keeps_positions=True)

# Sinusoids beyond position 4096.
write("marian/far", dict(
    vocab_size=48, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
    encoder_ffn_dim=20, decoder_ffn_dim=20, activation_function="swish", scale_embedding=True,
    max_position_embeddings=4608, pad_token_id=47, decoder_start_token_id=47), [4300], [4299], 251, far=True)
