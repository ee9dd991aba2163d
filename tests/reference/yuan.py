#!/usr/bin/env python3
"""Makes the cases yuan/*, by the families' own inference code, which is not in transformers.

    yuan.py --code FOLDER [CASE ...]      (needs torch, safetensors, einops and transformers 4.36)

FOLDER holds checkouts of two public repositories, or their files alone: `ipex-llm` of intel (YuanForCausalLM of Yuan 2.0)
and `Yuan2.0-M32` of IEIT-Yuan (that of Yuan2-M32). The latter keeps its rotary table as bf16; here it is f32, as in
the training code of the same repository.
"""
import argparse
import importlib.util
import sys
from pathlib import Path

import torch
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from common import greedy, seed_weights, sequences, write_case

END = 5  # ends a document
COMMON = {"architectures": ["YuanForCausalLM"], "model_type": "yuan", "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 256,
          "causal_mask": True, "use_flash_attention": False, "reset_attention_mask": True, "reset_position_ids": True, "use_loss_mask": False,
          "sep_token": 4, "eod_token": END, "pad_token_id": END, "bos_token_id": END, "eos_token_id": END, "torch_dtype": "float32", "dropout": 0.1}
MIXTURE = {"moe_num_experts": 6, "moe_top_k": 2, "norm_topk_prob": True, "ffn_hidden_size": 24, "gated_linear_unit": True}
SMALL = {"hidden_size": 40, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 80, "intermediate_size": 64}

# The file of the code, keys of the config, lengths of sequences and where documents end in all of them, seed.
CASES = {
    "plain": ("dense", {"hidden_size": 48, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 96, "intermediate_size": 80, "tie_word_embeddings": True}, (150, 7, 1), (), 1000),
    "documents": ("dense", SMALL | {"num_hidden_layers": 3, "tie_word_embeddings": False}, (40, 150, 9), (0, 4, 5, 20, 130), 1010),
    "unmasked": ("dense", SMALL | {"tie_word_embeddings": True, "reset_attention_mask": False}, (30, 9), (4, 20), 1020),
    "mixture": ("moe", SMALL | {"attention_projection_size": 72, "tie_word_embeddings": True, "output_router_logits": False, "moe_config": MIXTURE}, (40, 9, 1), (6, 25), 1030),
    "mixture-shares": ("moe", SMALL | {"hidden_size": 32, "tie_word_embeddings": False, "output_router_logits": False, "moe_config": MIXTURE | {"norm_topk_prob": False, "moe_top_k": 3}}, (30, 9), (6,), 1040),
}
FILES = {"dense": "yuan2/yuan_hf_model.py", "moe": "modeling/yuan_moe_hf_model.py"}


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def code(folder, kind):
    """The module of the family's code; its package has no __init__ of use here."""
    found = sorted(path for path in Path(folder).rglob(FILES[kind].split("/")[1]) if str(path).endswith(FILES[kind]))
    assert found, f"{folder} holds no {FILES[kind]}"
    package = type(sys)(kind)
    package.__path__ = [str(found[0].parent)]
    sys.modules[kind] = package
    module = load(found[0], f"{kind}.{found[0].stem}")
    if kind == "moe":
        module.YuanRotaryEmbedding = LlamaRotaryEmbedding
    return module, load(found[0].parent / "configuration_yuan.py", f"{kind}.configuration_yuan").YuanConfig


def write(folder, name, kind, keys, lengths, ends, seed):
    module, make_config = code(folder, kind)
    keys = COMMON | keys
    model = module.YuanForCausalLM(make_config(**keys)).eval()
    seed_weights(model, seed)
    ids = sequences(seed + 1, lengths, keys["vocab_size"])
    for row in ids:
        row[row == END] = END + 1
        for at in ends:
            row[at : at + 1] = END

    def logits(m, row):
        torch.set_default_dtype(m.dtype)  # of the masks that the code makes
        out = m(row[None], use_cache=False).logits[0]
        torch.set_default_dtype(torch.float32)
        return out

    write_case(f"yuan/{name}", model.config, model, lambda m, i: {"logits": logits(m, ids[i])}, [{"input_ids": row} for row in ids],
               lambda m, i: greedy(lambda row: logits(m, row), ids[i].tolist()), config_file=keys)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--code", required=True)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    args = parser.parse_args()
    for name in args.cases:
        write(args.code, name, *CASES[name])


if __name__ == "__main__":
    main()
