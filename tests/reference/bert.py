#!/usr/bin/env python3
"""Writes the bert cases (README.md)."""
import json

import torch
from sentence_transformers import models
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel

from common import HERE, seed_weights, sequences, write_case


def pooled(rows, pooling, unit):
    """What the modules of sentence-transformers make of a sequence's rows."""
    features = {"token_embeddings": rows[None], "attention_mask": torch.ones(1, len(rows))}
    features = models.Pooling(rows.shape[1], pooling_mode=pooling)(features)
    return (models.Normalize()(features) if unit else features)["sentence_embedding"]


def write_modules(case, width, pooling, unit):
    """The files that sentence-transformers puts beside a model."""
    folder = HERE / case
    names = ["Transformer", "Pooling"] + ["Normalize"] * unit
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "1_Pooling/config.json").write_text(json.dumps(models.Pooling(width, pooling_mode=pooling).get_config_dict(), indent=2) + "\n")
    (folder / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": f"{i}_{name}" if i else "", "type": f"sentence_transformers.models.{name}"}
         for i, name in enumerate(names)], indent=2) + "\n")


def write(case, model_class, values, lengths, seed, typed=True, pooling=None, unit=False, **storing):
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
        if pooling:
            outputs["sentence"] = pooled(results[0][0], pooling, unit)
        return outputs

    # A bias of the keys adds the same to all scores of a row; nothing asks for the next-sentence head.
    inert = ("key.bias", "seq_relationship.weight", "seq_relationship.bias")
    write_case(case, config, model, evaluate, inputs, inert=inert, **storing)
    if pooling:
        write_modules(case, config.hidden_size, pooling, unit)


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

write("bert/sentence-mean", BertModel, dict(
    vocab_size=50, hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=40,
    max_position_embeddings=160), [131, 5, 1], 144, pooling="mean", unit=True)

write("bert/sentence-max", BertModel, dict(
    vocab_size=50, hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=40,
    max_position_embeddings=40), [13, 2], 155, pooling="max")
