#!/usr/bin/env python3
"""Makes the cases transformer_xl/*, by the class that transformers had up to 4.56.

    transformer_xl.py [--find] [CASE ...]      (needs torch, safetensors and transformers 4.36)

Where `same_length` is false a segment's tokens see as much more as stands before them in it. The rows of these cases are
those of segments of one token, as in generation.
"""
import argparse
from unittest import mock

import torch
from transformers import TransfoXLConfig, TransfoXLLMHeadModel

from common import far_case, greedy, seed_weights, sequences, with_seed, write_case

COMMON = {"adaptive": True, "architectures": ["TransfoXLLMHeadModel"], "attn_type": 0, "dropatt": 0.0, "dropout": 0.1, "eos_token_id": 0, "init": "normal",
          "init_range": 0.01, "init_std": 0.02, "layer_norm_epsilon": 1e-5, "model_type": "transfo-xl", "pre_lnorm": False, "proj_init_std": 0.01,
          "sample_softmax": -1, "tie_weight": True, "tie_word_embeddings": True, "torch_dtype": "float32"}
PUBLISHED = {"same_length": True, "untie_r": True, "proj_share_all_but_first": True}
APART = {"same_length": False, "untie_r": False, "proj_share_all_but_first": False, "tie_word_embeddings": False}
SMALL = {"vocab_size": 61, "cutoffs": [11, 27, 40], "d_model": 32, "d_embed": 32, "n_head": 4, "d_head": 8, "d_inner": 48, "n_layer": 2}

# Keys of the config, lengths of sequences, seed.
CASES = {
    "four-clusters": (PUBLISHED | SMALL | {"div_val": 2, "mem_len": 9, "clamp_len": 6, "tie_projs": [False, True, True, True]}, (40, 9, 1), 100),
    "apart": (APART | SMALL | {"d_embed": 36, "n_head": 3, "d_head": 12, "n_layer": 3, "div_val": 3, "cutoffs": [20, 45], "mem_len": 7, "clamp_len": -1,
                               "layer_norm_epsilon": 1e-3}, (24, 5), 110),
    "one-width": (PUBLISHED | SMALL | {"d_embed": 24, "div_val": 1, "mem_len": 150, "clamp_len": 200, "untie_r": False}, (170, 9), 120),
    "one-table": (PUBLISHED | SMALL | {"cutoffs": [], "div_val": 1, "mem_len": 5, "clamp_len": 3, "n_layer": 1}, (20, 7), 130),
    "far": (PUBLISHED | SMALL | {"cutoffs": [11, 27], "div_val": 4, "mem_len": 1200, "clamp_len": 1000, "n_head": 2, "n_layer": 1}, (2100,), 140),
}


def logits(model, row, segment):
    """The rows of a sequence, its memory carried from segment to segment."""
    rows, mems = [], None
    # The class masks scores in f32 with the least number of their type, which cannot be done in f64.
    with mock.patch.object(torch.Tensor, "float", lambda x: x):
        for part in row[None].split(segment, 1):
            out = model(part, mems=mems)
            rows.append(out.prediction_scores[0])
            mems = out.mems
    return torch.cat(rows)


def write(name, keys, lengths, seed):
    keys = dict(sorted((COMMON | keys).items()))
    config = TransfoXLConfig(**keys)
    model = TransfoXLLMHeadModel(config).eval()
    seed_weights(model, seed)
    for matrix in model.transformer.word_emb.emb_projs:  # the embeddings are multiplied by the root of their width
        matrix.data *= 0.15
    ids = sequences(seed + 1, lengths, config.vocab_size)
    segment = 300 if config.same_length else 1
    evaluate = lambda m, i: {"logits": logits(m, ids[i], segment)}
    if config.same_length and name != "far":  # does not depend on the segments
        with torch.no_grad():
            assert (logits(model, ids[0], 1) - logits(model, ids[0], 7)).abs().max() < 1e-5
    inputs = [{"input_ids": row} for row in ids]
    if name == "far":
        evaluate = far_case(evaluate, inputs)
    generate = lambda m, i: greedy(lambda row: logits(m, row, segment), ids[i].tolist())
    write_case(f"transformer_xl/{name}", config, model, evaluate, inputs, generate if name != "far" else None, config_file=keys)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find", action="store_true")
    parser.add_argument("cases", nargs="*", default=list(CASES))
    args = parser.parse_args()
    for name in args.cases:
        keys, lengths, seed = CASES[name]
        with_seed(name, seed, lambda at: write(name, keys, lengths, at), args.find)


if __name__ == "__main__":
    main()
