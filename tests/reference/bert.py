#!/usr/bin/env python3
"""Writes the bert cases (README.md)."""
import torch
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel

from common import seed_weights, sequences, write_case


def write(case, model_class, values, lengths, seed, typed=True, **storing):
    config = BertConfig(**values)
    config._attn_implementation = "eager"
    config.architectures = [model_class.__name__]
    config.torch_dtype = "float32"
    model = model_class(config).eval()
    seed_weights(model, seed)
    inputs = [{"input_ids": ids} for ids in sequences(seed + 1, lengths, config.vocab_size)]
    for given in inputs[:2 if typed else 1]:  # the last sequence goes without, which means all 0
        given["token_types"] = (torch.arange(len(given["input_ids"])) >= len(given["input_ids"]) // 3).long()

    def evaluate(m, i):
        types = inputs[i].get("token_types")
        given = {"input_ids": inputs[i]["input_ids"][None], "token_type_ids": None if types is None else types[None]}
        body = m if isinstance(m, BertModel) else m.bert
        results = body(**given)
        outputs = {"rows": results[0][0]}
        if body.pooler is not None:
            outputs["vector"] = results.pooler_output
        if body is not m:
            outputs["logits"] = m.cls.predictions(results[0])[0]
        return outputs

    # A bias of the keys adds the same to all scores of a row; nothing asks for the next-sentence head.
    inert = ("key.bias", "seq_relationship.weight", "seq_relationship.bias")
    write_case(case, config, model, evaluate, inputs, inert=inert, **storing)


write("bert/masked", BertForMaskedLM, dict(
    vocab_size=90, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=88,
    max_position_embeddings=160), [21, 9, 3], 111, extra={"bert.embeddings.position_ids": torch.arange(160)[None]})

# As the oldest published files: norms under gamma and beta, heads for two tasks.
write("bert/pretraining", BertForPreTraining, dict(
    vocab_size=70, hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=76,
    max_position_embeddings=48), [16, 25, 1], 122,
    rename=lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))

write("bert/bare", BertModel, dict(
    vocab_size=64, hidden_size=40, num_hidden_layers=3, num_attention_heads=5, intermediate_size=56,
    max_position_embeddings=160), [140, 7, 12], 133)
