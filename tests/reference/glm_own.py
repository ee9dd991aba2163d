#!/usr/bin/env python3
"""Writes the cases of ChatGLM, ChatGLM2 and the first GLM, which only their own code computes (README.md).

usage: glm_own.py [--find] --code PATH FAMILY

PATH is a folder with modeling_*.py and configuration_*.py as they lie beside the checkpoints; they run with transformers
4.39. --find looks for a seed that `common.py` takes, beginning with the one given here.
"""
import argparse
import importlib
import importlib.util
import sys
from pathlib import Path

import torch

import common

# In the prompts: [MASK], [gMASK] and the token with which the answer begins.
TOKENS = {"chatglm": (58, 59, 62), "glm_infilling": (58, 60, 62)}
CHATGLM = dict(vocab_size=64, hidden_size=32, num_layers=2, num_attention_heads=4, inner_hidden_size=44, layernorm_epsilon=1e-5, max_sequence_length=64,
               position_encoding_2d=True, bos_token_id=62, eos_token_id=63, mask_token_id=58, gmask_token_id=59, pad_token_id=3)
CHATGLM2 = dict(padded_vocab_size=64, hidden_size=32, num_layers=2, num_attention_heads=4, ffn_hidden_size=44, kv_channels=8, layernorm_epsilon=1e-5, seq_length=64,
                multi_query_attention=True, multi_query_group_num=2, add_bias_linear=False, add_qkv_bias=True, rmsnorm=True, post_layer_norm=True,
                apply_query_key_layer_scaling=True, apply_residual_connection_post_layernorm=False, original_rope=True, tie_word_embeddings=False,
                eos_token_id=2, pad_token_id=0)
GLM = dict(vocab_size=64, hidden_size=32, num_layers=2, num_attention_heads=4, max_sequence_length=64, block_position_encoding=True, output_predict=True,
           attention_scale=1.0, relative_encoding=False, parallel_output=True, pool_token="cls", spell_func="lstm")
# case: values of the config, length of each sequence with the place of its mask (from the end of the prefix) and of the
# beginning of its answer, whether the mask is [gMASK], seed
CASES = {
    "chatglm/whole": (CHATGLM, [(24, 0, 15), (6, 0, 3), (2, 0, 1)], True, 60),
    "chatglm/inside": (CHATGLM | dict(num_layers=3, num_attention_heads=2, inner_hidden_size=40, tie_word_embeddings=False), [(30, 9, 17), (7, 3, 6)], False, 61),
    "chatglm2/groups": (CHATGLM2, [(24, None, 0), (5, None, 0), (1, None, 0)], False, 62),
    "chatglm2/heads": (CHATGLM2 | dict(kv_channels=12, multi_query_attention=False, multi_query_group_num=1, add_qkv_bias=False, layernorm_epsilon=1e-3), [(24, None, 0), (5, None, 0)], False, 63),
    "glm_infilling/whole": (GLM, [(24, 0, 13), (6, 0, 3), (2, 0, 1)], True, 64),
    "glm_infilling/inside": (GLM | dict(num_layers=3, num_attention_heads=2, attention_scale=8.0), [(24, 6, 15), (7, 3, 6)], False, 65),
}
CODE = {"chatglm": "chatglm", "chatglm2": "chatglm", "glm_infilling": "glm"}


def load(folder, name):
    """The module modeling_NAME, whose files import each other as parts of a package or as they stand."""
    sys.path.insert(0, str(folder))
    spec = importlib.machinery.ModuleSpec("own_code_files", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules["own_code_files"] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"own_code_files.modeling_{name}")


def prompts(family, seed, lengths, whole):
    """Random ids with the tokens that count positions in their places."""
    rows = common.sequences(seed, [length for length, *_ in lengths], 56)
    for row, (_, back, begin) in zip(rows, lengths):
        if back is not None:
            row[begin - 1 - back] = TOKENS[family][1 if whole else 0]
            row[begin] = TOKENS[family][2]
    return rows


def logits(family, model, row):
    if family != "glm_infilling":
        return model(row[None], use_cache=False, return_dict=True).logits[0]
    begin = row.tolist().index(TOKENS[family][2])
    mask = next(i for i, token in enumerate(row.tolist()) if token in TOKENS[family][:2])
    places = torch.arange(len(row))
    positions = torch.stack([torch.where(places < begin, places, torch.tensor(mask)), (places - begin + 1).clamp(min=0)])
    return model(row[None], position_ids=positions[None], attention_mask=torch.tensor([begin])).logits[0]


def write(case, module, config_class, seed):
    family = case.split("/")[0]
    values, lengths, whole, _ = CASES[case]
    base = module.GLMForConditionalGeneration if family == "glm_infilling" else module.ChatGLMForConditionalGeneration

    class Own(base):
        def __init__(self, config, *args, **more):
            super().__init__(config, *args, **more)
            self.float()  # it is made in halves

    config = config_class(**values)
    model = Own(config).eval()
    common.seed_weights(model, seed)
    rows = prompts(family, seed + 1, lengths, whole)
    stated = values | dict(architectures=["GLMForConditionalGeneration" if family == "glm_infilling" else "ChatGLMModel"],
                           model_type=config_class.model_type, torch_dtype="float32", use_cache=True)
    common.write_case(case, config, model, lambda m, i: {"logits": logits(family, m, rows[i])}, [{"input_ids": row} for row in rows],
                      lambda m, i: common.greedy(lambda row: logits(family, m, row), rows[i].tolist()), config_file=dict(sorted(stated.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find", action="store_true")
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("family", choices=CODE)
    args = parser.parse_args()
    module = load(args.code.resolve(), CODE[args.family])
    config_class = module.GLMConfig if args.family == "glm_infilling" else module.ChatGLMConfig
    for case, (*_, seed) in CASES.items():
        if case.split("/")[0] == args.family:
            common.with_seed(case, seed, lambda seed: write(case, module, config_class, seed), args.find)


main()
