#!/usr/bin/env python3
"""Writes the cases whose language model is part of one that sees, too: text alone through the whole model (README.md).

usage: wrapped.py [--find] [CASE...]
"""
import json
import sys

import transformers

import common
from decoders import LLAMA, ROPE, as_saved

SIGLIP = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=4)
PIXTRAL = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, head_dim=4, image_size=16, patch_size=4)
LLAMA4 = SIGLIP | dict(image_size=16, patch_size=8, vision_output_dim=8, projector_input_dim=8, projector_output_dim=8)
TWO = dict(full_attention=ROPE | dict(rope_type="linear", factor=8.0), sliding_attention=ROPE)

# case: class of the whole model (its config's has the same name), values of the text part, of the vision part, of the config around them, lengths, seed
CASES = {
    "gemma3_text/seeing": ("Gemma3", LLAMA | dict(head_dim=12, query_pre_attn_scalar=12, sliding_window=6, num_hidden_layers=3, rope_parameters=TWO, layer_types=["sliding_attention", "sliding_attention", "full_attention"]), SIGLIP,
                           dict(mm_tokens_per_image=4, image_token_index=60, boi_token_index=61, eoi_token_index=62), [24, 5, 1], 121),
    "llama4_text/seeing": ("Llama4", LLAMA | dict(head_dim=12, intermediate_size=20, intermediate_size_mlp=36, num_hidden_layers=3, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=7, floor_scale=4, attn_scale=0.5, no_rope_layer_interval=3, pad_token_id=None, rope_parameters=ROPE, tie_word_embeddings=False), LLAMA4,
                           dict(image_token_index=60, boi_token_index=61, eoi_token_index=62, tie_word_embeddings=False), [40, 7, 1], 112),
    "mistral/seeing": ("Mistral3", LLAMA | dict(model_type="mistral", head_dim=12, sliding_window=None, rope_parameters=ROPE | dict(rope_theta=1e6), tie_word_embeddings=False), PIXTRAL | dict(model_type="pixtral"),
                       dict(image_token_index=60, tie_word_embeddings=False), [24, 5, 1], 103),
}
BY_MODULE = ("mistral/seeing",)         # stored under the names of the modules, as some programs do
SEES = ("vision_tower", "vision_model", "multi_modal_projector")


def keys_of(config):
    """As published, the parts as well."""
    keys = common.published(config)
    for name in "text_config", "vision_config":
        keys[name] = common.published(getattr(config, name))
    return keys


def write(case, seed):
    name, text, vision, around, lengths, _ = CASES[case]
    config = getattr(transformers, name + "Config")(text_config=text, vision_config=vision, **around)
    model_class = getattr(transformers, name + "ForConditionalGeneration")
    config._attn_implementation = config._experts_implementation = "eager"
    config.architectures = [model_class.__name__]
    config.dtype = "float32"
    model = model_class(config).eval()
    common.seed_weights(model, seed)
    ids = common.sequences(seed + 1, lengths, 60)
    # Llama 4's whole class looks for pictures where there are none, after it has computed the logits as its part does.
    whole = lambda m: m.language_model if name == "Llama4" else m
    logits = lambda m, row: whole(m)(input_ids=row[None], use_cache=False).logits[0]
    seen = tuple(name for name, _ in model.named_parameters() if any(part in name for part in SEES))
    assert seen
    common.write_case(case, config, model, lambda m, i: {"logits": logits(m, ids[i])}, [{"input_ids": row} for row in ids],
                      lambda m, i: common.greedy(lambda row: logits(m, row), ids[i].tolist()), inert=seen, config_file=keys_of(config), store=None if case in BY_MODULE else as_saved)


def main():
    find, wanted = "--find" in sys.argv, [a for a in sys.argv[1:] if a != "--find"]
    for case, (*_, seed) in CASES.items():
        if not wanted or case in wanted:
            common.with_seed(case, seed, lambda seed: write(case, seed), find)


if __name__ == "__main__":
    main()
