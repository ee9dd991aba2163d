#!/usr/bin/env python3
"""Writes the cases of roberta, distilbert, modernbert, longformer and the heads of bert (README.md).

usage: encoders.py [CASE ...]
"""
import json
import sys

import torch
import transformers

from common import HERE, seed_weights, sequences, write_case

ROBERTA = dict(vocab_size=80, max_position_embeddings=42, type_vocab_size=1, hidden_size=32, intermediate_size=44,
               num_hidden_layers=2, num_attention_heads=4, pad_token_id=1, layer_norm_eps=1e-5)
DISTILBERT = dict(vocab_size=80, max_position_embeddings=40, dim=32, hidden_dim=44, n_layers=2, n_heads=4)
BERT = dict(vocab_size=70, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=44, max_position_embeddings=40)
MODERN = dict(vocab_size=80, hidden_size=32, intermediate_size=44, num_attention_heads=4, max_position_embeddings=160, pad_token_id=0,
              bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)
LONG = ROBERTA | dict(attention_window=8, num_attention_heads=2)
# What marked tokens alone are given to, where there are none.
UNMARKED = tuple(f"{name}_global.{kind}" for name in ("query", "key", "value") for kind in ("weight", "bias"))
# A bias of the keys adds the same to all scores of a row.
INERT = "key.bias", "k_lin.bias", "key_global.bias"


def outputs_of(model, inputs):
    """The rows, and what the model's head makes of them."""
    given = {"input_ids": inputs["input_ids"][None]}
    if "token_types" in inputs:
        given["token_type_ids"] = inputs["token_types"][None]
    if "marks" in inputs:
        given["global_attention_mask"] = (inputs["marks"] == 1).long()[None]
    body = model.base_model(**given)
    outputs, name = {"rows": body[0][0]}, type(model).__name__
    if name.endswith("Model"):
        if body.get("pooler_output") is not None:
            outputs["vector"] = body.pooler_output
    elif name.endswith("MultipleChoice"):
        # transformers wants a mask where a vector is the mean of the rows.
        outputs["scores"] = model(**{key: value[None] for key, value in given.items()}, attention_mask=torch.ones_like(inputs["input_ids"])[None, None]).logits
    else:
        results = model(**given)
        if name.endswith("QuestionAnswering"):
            outputs["spans"] = torch.stack((results.start_logits[0], results.end_logits[0]), -1)
        else:
            kind = {"MaskedLM": "logits", "SequenceClassification": "scores", "TokenClassification": "tags", "NextSentencePrediction": "next"}[name.split("For")[1]]
            outputs[kind] = results.logits[0] if kind in ("logits", "tags") else results.logits
    return outputs


def sentence(rows, pooling, unit):
    """What the modules of sentence-transformers make of a sequence's rows, and these modules."""
    from sentence_transformers import models

    modules = [models.Pooling(rows.shape[1], pooling_mode=pooling)] + [models.Normalize()] * unit
    features = {"token_embeddings": rows[None], "attention_mask": torch.ones(1, len(rows))}
    for module in modules:
        features = module(features)
    return features["sentence_embedding"], [models.Transformer, *map(type, modules)], modules[0].get_config_dict()


def write_modules(case, classes, pooling):
    """The files that sentence-transformers puts beside a model."""
    (HERE / case / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (HERE / case / "1_Pooling/config.json").write_text(json.dumps(pooling, indent=2) + "\n")
    (HERE / case / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": f"{i}_{kind.__name__}" if i else "", "type": f"{kind.__module__}.{kind.__name__}"}
         for i, kind in enumerate(classes)], indent=2) + "\n")


def write(case, name, values, lengths, seed, typed=False, without=(), marks=(), ends=(), inert=(), pooling=None, unit=False):
    """`marks` of a sequence say what the caller says of its tokens, by their places, None of all others; `ends` are where its separators are. With `pooling`
    there is a vector of the sentence, too, of length 1 if it is `unit`."""
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    config = getattr(transformers, name.split("For")[0].removesuffix("Model") + "Config")(**values)
    config._attn_implementation = "eager"
    config.architectures = [name]
    config.torch_dtype = "float32"
    model = getattr(transformers, name)(config).eval()
    if "attention_window" in values:  # of which the model has made a list
        config.attention_window = values["attention_window"]
    seed_weights(model, seed)
    inputs = [{"input_ids": ids} for ids in sequences(seed + 1, lengths, config.vocab_size)]
    for given in inputs if typed else ():
        given["token_types"] = (torch.arange(len(given["input_ids"])) >= len(given["input_ids"]) // 3).long()
    for given, places in zip(inputs, marks):
        if places is not None:
            given["marks"] = torch.tensor([places.get(i, places.get(None, 0)) for i in range(len(given["input_ids"]))], dtype=torch.int32)
    for given, places in zip(inputs, ends):
        given["input_ids"][places] = config.sep_token_id

    def evaluate(m, i):
        outputs = outputs_of(m, inputs[i])
        return outputs | ({"sentence": sentence(outputs["rows"], pooling, unit)[0]} if pooling else {})

    write_case(case, config, model, evaluate, inputs, inert=(*INERT, *inert), without=without)
    if pooling:
        write_modules(case, *sentence(torch.zeros(1, config.hidden_size), pooling, unit)[1:])


write("roberta/masked", "RobertaForMaskedLM", ROBERTA, [30, 7, 1], 51)
write("roberta/classify", "RobertaForSequenceClassification", ROBERTA | dict(pad_token_id=0, num_attention_heads=2, num_labels=3), [30, 7], 52)
write("distilbert/masked", "DistilBertForMaskedLM", DISTILBERT, [30, 7, 1], 53)
write("distilbert/classify", "DistilBertForSequenceClassification", DISTILBERT | dict(n_heads=2, num_labels=3), [30, 7], 54)
write("bert/tags", "BertForTokenClassification", BERT | dict(num_labels=5), [30, 1], 61, typed=True)
write("bert/answer", "BertForQuestionAnswering", BERT, [30, 7], 62, typed=True)
write("bert/next", "BertForNextSentencePrediction", BERT, [20, 7], 63, typed=True)
write("bert/choice", "BertForMultipleChoice", BERT, [20, 7], 64, typed=True)
write("roberta/tags", "XLMRobertaForTokenClassification", ROBERTA | dict(num_labels=5), [30, 1], 65)
write("roberta/choice", "CamembertForMultipleChoice", ROBERTA, [20, 7], 66)
write("distilbert/answer", "DistilBertForQuestionAnswering", DISTILBERT, [20, 7], 67)
write("distilbert/tags", "DistilBertForTokenClassification", DISTILBERT | dict(num_labels=4), [20, 7], 68)
# Bands of 4 rows to either side in layers 1 and 2 of 4, over sequences that are far longer.
write("modernbert/masked", "ModernBertForMaskedLM", MODERN | dict(num_hidden_layers=4, local_attention=8), [150, 7, 1], 71)
write("modernbert/biased", "ModernBertForSequenceClassification", MODERN | dict(
    num_hidden_layers=3, local_attention=6, layer_types=["full_attention", "sliding_attention", "full_attention"], num_labels=3,
    norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, classifier_pooling="mean", classifier_activation="silu",
    rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 80000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}), [40, 7], 72)
write("modernbert/tags", "ModernBertForTokenClassification", MODERN | dict(num_hidden_layers=2, local_attention=4, num_labels=4), [30, 1], 73)
write("modernbert/answer", "ModernBertForQuestionAnswering", MODERN | dict(num_hidden_layers=1), [30, 7], 74)
write("longformer/masked", "LongformerForMaskedLM", LONG | dict(attention_window=[4, 12], max_position_embeddings=82), [75, 7, 1], 81, inert=UNMARKED)
write("longformer/marked", "LongformerModel", LONG | dict(type_vocab_size=2, max_position_embeddings=160), [150, 20, 5], 82, typed=True,
      marks=[{0: 1, 40: 1, 41: 1, 149: 1}, {19: 1}, None])
# Whole blocks of 128 keys that nothing sees, and some for a single key.
write("longformer/far-marks", "LongformerForTokenClassification", LONG | dict(num_labels=3, attention_window=[6, 20], max_position_embeddings=910), [900, 300], 83,
      marks=[{0: 1, 600: 1}, {}])
write("longformer/classify", "LongformerForSequenceClassification", LONG | dict(num_labels=3), [30, 20, 7], 84, marks=[None, {0: 2, 9: 1, 13: 1}, {0: 1, 6: 1}])
write("longformer/answer", "LongformerForQuestionAnswering", LONG | dict(sep_token_id=0), [36, 20, 12], 85, ends=[[12, 13, 35], [3, 8, 19], []], marks=[None, None, {None: 2, 2: 1}])
write("longformer/choice", "LongformerForMultipleChoice", LONG, [36, 20, 12], 86, ends=[[12, 13, 35], [3, 8, 19], []], marks=[None, None, {None: 2, 2: 1}])
write("roberta/sentence-first", "XLMRobertaModel", ROBERTA, [30, 7, 1], 91, pooling="cls", unit=True)
write("roberta/sentence-mean", "RobertaModel", ROBERTA | dict(num_hidden_layers=1), [20, 5], 92, pooling="mean")
write("distilbert/sentence-mean", "DistilBertModel", DISTILBERT, [30, 7, 1], 93, pooling="mean")
write("modernbert/sentence-first", "ModernBertModel", MODERN | dict(num_hidden_layers=2, local_attention=4), [40, 7, 1], 94, pooling="cls", unit=True)
write("modernbert/sentence-mean", "ModernBertModel", MODERN | dict(num_hidden_layers=1), [20, 5], 95, pooling="mean", unit=True)
write("modernbert/classify", "ModernBertForSequenceClassification", MODERN | dict(num_hidden_layers=2, local_attention=4, num_labels=3), [30, 7], 96)
write("modernbert/choice", "ModernBertForMultipleChoice", MODERN | dict(num_hidden_layers=1, classifier_pooling="mean"), [20, 7], 97)
