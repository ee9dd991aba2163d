#!/usr/bin/env python3
"""Writes spellings.json: one small Llama (llama/llama3-rope) under many config.json files, and what transformers makes of each.

Each row holds the keys that are set and dropped, and the logits of the last position; null where transformers refuses.
"""
import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, logging

from common import HERE

BASE = HERE / "llama/llama3-rope"
IDS = torch.arange(80)[None] * 7 % 64
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
LINEAR = {"type": "linear", "factor": 4.0}
PLAIN = {"rope_type": "default", "rope_theta": 5e4}
THETA = {"rope_theta": 5e4}


def scaled(**scaling):
    return THETA | {"rope_scaling": scaling}


def without(scaling, *keys):
    return {key: value for key, value in scaling.items() if key not in keys}


SPELLINGS = {
    "yarn under the key type": THETA | {"rope_scaling": without(YARN, "rope_type") | {"type": "yarn"}},
    "yarn in rope_parameters": {"rope_parameters": YARN | THETA},
    "yarn beside other rope_parameters": {"rope_parameters": PLAIN, "rope_scaling": YARN},
    "yarn with a theta beside others": THETA | {"rope_parameters": PLAIN | {"rope_theta": 1e4}, "rope_scaling": YARN | THETA},
    "linear beside null": THETA | {"rope_parameters": None, "rope_scaling": LINEAR},
    "linear beside nothing": THETA | {"rope_parameters": {}, "rope_scaling": LINEAR},
    "rope_parameters beside an empty scaling": {"rope_parameters": LINEAR | THETA, "rope_scaling": {}},
    "no scaling in it": scaled(),
    "type default": scaled(type="default"),
    "rope_type before type": scaled(type="linear", rope_type="default", factor=4.0),
    "factor without type": scaled(factor=4.0),
    "linear without factor": scaled(type="linear"),
    "dynamic within the context": scaled(type="dynamic", factor=4.0),
    "llama3": scaled(**LLAMA3),
    "llama3 without original": scaled(**without(LLAMA3, "original_max_position_embeddings")),
    "llama3 with ints": {"rope_theta": 50000, "rope_scaling": LLAMA3 | {"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}},
    "yarn without original": scaled(**without(YARN, "original_max_position_embeddings")),
    "yarn with an original outside": scaled(**YARN) | {"original_max_position_embeddings": 32},
    "yarn, factor null": scaled(**YARN | {"factor": None}),
    "yarn, factor below one": scaled(**YARN | {"factor": 0.5}),
    "yarn, mscale alone": scaled(**YARN, mscale=0.7),
    "yarn, mscale and mscale_all_dim": scaled(**YARN, mscale=0.7, mscale_all_dim=1.0),
    "yarn, mscale_all_dim 0": scaled(**YARN, mscale=0.7, mscale_all_dim=0),
    "yarn, every key": scaled(**YARN, attention_factor=1.3, beta_fast=16, beta_slow=2, truncate=False),
    "yarn, betas null": scaled(**YARN, beta_fast=None, beta_slow=None),
    "yarn, betas 0": scaled(**YARN, beta_fast=0, beta_slow=0),
    "yarn, truncate null": scaled(**YARN, truncate=None),
    "theta alone": THETA,
    "no theta": {"rope_theta": "drop"},
    "no architectures": {"architectures": "drop"},
    "architectures null": {"architectures": None},
    "architectures empty": {"architectures": []},
    "architectures of the base": {"architectures": ["LlamaModel"]},
    "no model_type": {"model_type": "drop"},
    "key heads null": {"num_key_value_heads": None},
    "no eps": {"rms_norm_eps": "drop"},
    "no activation": {"hidden_act": "drop"},
    "another activation": {"hidden_act": "gelu"},
    "no positions": {"max_position_embeddings": "drop"},
    "head untied by absence": {"tie_word_embeddings": "drop"},
    "parallel training": {"pretraining_tp": 2},
    "keys of nobody": {"foo": {"bar": [1]}, "unsloth_version": "1", "use_cache": False, "quantization_config": None},
    "not a number": {"y": float("nan"), "x_limit": [0.0, float("inf")]},
}


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    base = json.loads((BASE / "config.json").read_text())
    base.pop("rope_scaling")
    rows = []
    for name, keys in SPELLINGS.items():
        drop = [key for key, value in keys.items() if value == "drop"]
        change = {key: value for key, value in keys.items() if key not in drop}
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(BASE / "model.safetensors", folder)
            config = {key: value for key, value in (base | change).items() if key not in drop}
            Path(folder, "config.json").write_text(json.dumps(config))
            try:
                model = LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
                with torch.no_grad():
                    logits = [float(f"{x:.7g}") for x in model(IDS).logits[0, -1].double().tolist()]
            except Exception as error:
                print(f"{name}: {type(error).__name__}: {str(error)[:90]}")
                logits = None
        rows.append({"name": name, "set": change, "drop": drop, "logits": logits})
    text = ",\n".join(json.dumps(row) for row in rows)
    (HERE / "spellings.json").write_text(f"[\n{text}\n]\n")
    print(f"{len(rows)} rows, {sum(row['logits'] is None for row in rows)} refused")


if __name__ == "__main__":
    main()
