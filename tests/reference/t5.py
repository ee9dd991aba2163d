#!/usr/bin/env python3
"""Writes the t5 cases (README.md)."""
import sys

import torch
from transformers import (MT5Config, MT5ForConditionalGeneration, T5Config, T5EncoderModel, T5ForConditionalGeneration, UMT5Config,
                          UMT5EncoderModel, UMT5ForConditionalGeneration)

from common import HERE, far_case, greedy, seed_weights, sequences, write_case


def write_encoder(case, make, values, lengths, seed):
    """A case of an encoder alone: the sequences are what it reads."""
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    config, model = model_of(make, values, seed)
    inputs = [{"input_ids": ids} for ids in sequences(seed + 1, lengths, config.vocab_size)]
    write_case(case, config, model, lambda m, i: {"rows": m(inputs[i]["input_ids"][None])[0][0]}, inputs)


def model_of(make, values, seed):
    config = make[0](**values)
    config._attn_implementation = "eager"
    config.architectures = [make[1].__name__]
    config.torch_dtype = "float32"
    model = make[1](config).eval()
    seed_weights(model, seed)
    for name, weight in model.named_parameters():
        if name.endswith(".q.weight"):  # trained models hold the factor that the scores lack
            weight.data *= config.d_kv ** -0.5
    return config, model


def write(case, values, sources, targets, seed, extra=lambda model: {}, make=(T5Config, T5ForConditionalGeneration), far=False):
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    config, model = model_of(make, values | {"decoder_start_token_id": 0}, seed)
    inputs = [{"source_ids": source, "input_ids": torch.cat((torch.tensor([0]), target))} for source, target in
              zip(sequences(seed + 1, sources, config.vocab_size), sequences(seed + 2, targets, config.vocab_size))]
    logits = lambda m, i, ids: m(input_ids=inputs[i]["source_ids"][None], decoder_input_ids=ids[None],
                                 use_cache=False).logits[0]
    evaluate = lambda m, i: {"rows": m.encoder(inputs[i]["source_ids"][None])[0][0], "logits": logits(m, i, inputs[i]["input_ids"])}
    generate = lambda m, i: greedy(lambda ids: logits(m, i, ids), inputs[i]["input_ids"].tolist())
    if far:
        evaluate, generate = far_case(evaluate, inputs), None
    write_case(case, config, model, evaluate, inputs, generate, extra=extra(model))
    if far:  # relative positions have no end that a file states
        (HERE / case / "options.json").write_text('["--context", "4608"]\n')


write("t5/relu-tied", dict(
    vocab_size=80, d_model=40, d_kv=12, num_heads=4, d_ff=72, num_layers=2, feed_forward_proj="relu"),
    [20, 150, 5], [13, 8, 0], 144,
    lambda model: {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": torch.ones(32, 4)})

write("t5/gated-untied", dict(
    vocab_size=90, d_model=32, d_kv=8, num_heads=5, d_ff=36, num_layers=2, num_decoder_layers=3,
    feed_forward_proj="gated-gelu", tie_word_embeddings=False, relative_attention_num_buckets=16,
    relative_attention_max_distance=40), [30, 70, 1], [9, 45, 3], 156,
    lambda model: {f"{stack}.embed_tokens.weight": model.shared.weight.detach().clone()
                   for stack in ("encoder", "decoder")})

write("t5/multilingual", dict(
    vocab_size=85, d_model=40, d_kv=6, num_heads=3, d_ff=52, num_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    [25, 6], [11, 2], 170, make=(MT5Config, MT5ForConditionalGeneration))

# A table of biases in each layer.
write("t5/each-layer", dict(
    vocab_size=70, d_model=32, d_kv=10, num_heads=4, d_ff=36, num_layers=2, num_decoder_layers=3, tie_word_embeddings=False),
    [30, 140, 1], [12, 33, 4], 190, make=(UMT5Config, UMT5ForConditionalGeneration))

ENCODER = dict(vocab_size=60, d_model=32, d_kv=8, num_heads=3, d_ff=40, num_layers=2, feed_forward_proj="gated-gelu")
write_encoder("t5/encoder", (T5Config, T5EncoderModel), ENCODER, [140, 7, 1], 195)
write_encoder("t5/encoder-each-layer", (UMT5Config, UMT5EncoderModel), ENCODER | dict(tie_word_embeddings=False), [90, 7], 196)

# Buckets beyond position 4096.
write("t5/far", dict(vocab_size=48, d_model=16, d_kv=8, num_heads=2, d_ff=20, num_layers=1, feed_forward_proj="relu"), [4300], [4299], 170, far=True)
