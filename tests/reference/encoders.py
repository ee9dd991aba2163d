#!/usr/bin/env python3
"""Writes the cases of roberta and distilbert (README.md).

usage: encoders.py
"""
import torch
import transformers

from common import seed_weights, sequences, write_case

ROBERTA = dict(vocab_size=80, max_position_embeddings=42, type_vocab_size=1, hidden_size=32, intermediate_size=44,
               num_hidden_layers=2, num_attention_heads=4, pad_token_id=1, layer_norm_eps=1e-5)
DISTILBERT = dict(vocab_size=80, max_position_embeddings=40, dim=32, hidden_dim=44, n_layers=2, n_heads=4)
# A bias of the keys adds the same to all scores of a row.
INERT = "key.bias", "k_lin.bias"


def write(case, name, values, lengths, seed):
    config = getattr(transformers, name.split("For")[0].removesuffix("Model") + "Config")(**values)
    config._attn_implementation = "eager"
    config.architectures = [name]
    config.torch_dtype = "float32"
    model = getattr(transformers, name)(config).eval()
    seed_weights(model, seed)
    inputs = [{"input_ids": ids} for ids in sequences(seed + 1, lengths, config.vocab_size)]

    def evaluate(m, i):
        ids = inputs[i]["input_ids"][None]
        outputs = {"rows": m.base_model(ids)[0][0]}
        if name.endswith("ForMaskedLM"):
            outputs["logits"] = m(ids).logits[0]
        if name.endswith("ForSequenceClassification"):
            outputs["scores"] = m(ids).logits
        return outputs

    write_case(case, config, model, evaluate, inputs, inert=INERT)


write("roberta/masked", "RobertaForMaskedLM", ROBERTA, [30, 7, 1], 51)
write("roberta/classify", "RobertaForSequenceClassification", ROBERTA | dict(pad_token_id=0, num_attention_heads=2, num_labels=3), [30, 7], 52)
write("distilbert/masked", "DistilBertForMaskedLM", DISTILBERT, [30, 7, 1], 53)
write("distilbert/classify", "DistilBertForSequenceClassification", DISTILBERT | dict(n_heads=2, num_labels=3), [30, 7], 54)
