#!/usr/bin/env python3
"""Writes the cases of roberta, distilbert, modernbert and the heads of bert (README.md).

usage: encoders.py
"""
import torch
import transformers

from common import seed_weights, sequences, write_case

ROBERTA = dict(vocab_size=80, max_position_embeddings=42, type_vocab_size=1, hidden_size=32, intermediate_size=44,
               num_hidden_layers=2, num_attention_heads=4, pad_token_id=1, layer_norm_eps=1e-5)
DISTILBERT = dict(vocab_size=80, max_position_embeddings=40, dim=32, hidden_dim=44, n_layers=2, n_heads=4)
BERT = dict(vocab_size=70, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=44, max_position_embeddings=40)
MODERN = dict(vocab_size=80, hidden_size=32, intermediate_size=44, num_attention_heads=4, max_position_embeddings=160, pad_token_id=0,
              bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)
# A bias of the keys adds the same to all scores of a row.
INERT = "key.bias", "k_lin.bias"


def outputs_of(model, ids, types):
    """The rows, and what the model's head makes of them."""
    given = {"input_ids": ids[None]} | ({} if types is None else {"token_type_ids": types[None]})
    outputs, name = {"rows": model.base_model(**given)[0][0]}, type(model).__name__
    if name.endswith("MultipleChoice"):
        # transformers wants a mask where a vector is the mean of the rows.
        outputs["scores"] = model(**{key: value[None] for key, value in given.items()}, attention_mask=torch.ones_like(ids)[None, None]).logits
    elif not name.endswith("Model"):
        results = model(**given)
        if name.endswith("QuestionAnswering"):
            outputs["spans"] = torch.stack((results.start_logits[0], results.end_logits[0]), -1)
        else:
            kind = {"MaskedLM": "logits", "SequenceClassification": "scores", "TokenClassification": "tags", "NextSentencePrediction": "next"}[name.split("For")[1]]
            outputs[kind] = results.logits[0] if kind in ("logits", "tags") else results.logits
    return outputs


def write(case, name, values, lengths, seed, typed=False, without=()):
    config = getattr(transformers, name.split("For")[0].removesuffix("Model") + "Config")(**values)
    config._attn_implementation = "eager"
    config.architectures = [name]
    config.torch_dtype = "float32"
    model = getattr(transformers, name)(config).eval()
    seed_weights(model, seed)
    inputs = [{"input_ids": ids} for ids in sequences(seed + 1, lengths, config.vocab_size)]
    for given in inputs if typed else ():
        given["token_types"] = (torch.arange(len(given["input_ids"])) >= len(given["input_ids"]) // 3).long()

    def evaluate(m, i):
        return outputs_of(m, inputs[i]["input_ids"], inputs[i].get("token_types"))

    write_case(case, config, model, evaluate, inputs, inert=INERT, without=without)


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
