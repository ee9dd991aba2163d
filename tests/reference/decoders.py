#!/usr/bin/env python3
"""Writes the cases of the decoders that stand in CASES (README.md).

usage: decoders.py [--find] [FAMILY or CASE...]

--find looks for a seed that `common.py` takes, beginning with the one given here.
"""
import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

import common

SMALL = dict(vocab_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)
LLAMA = SMALL | dict(hidden_size=32, intermediate_size=44, num_key_value_heads=2)
GPT = dict(vocab_size=64, n_positions=64, n_embd=32, n_head=4, n_layer=2)
ROPE = dict(rope_type="default", rope_theta=10000.0)
LONG = dict(pad_token_id=None, original_max_position_embeddings=32, rope_parameters=ROPE | dict(
    rope_type="longrope", original_max_position_embeddings=32, partial_rotary_factor=1.0, short_factor=[1.0, 1.1, 1.25, 2.0], long_factor=[1.0, 2.0, 8.0, 12.0]))

# case: model class (its config's has the same name), values of the config, lengths, seed
CASES = {
    "bloom/alibi": ("BloomForCausalLM", dict(vocab_size=64, hidden_size=32, n_head=4, n_layer=2), [40, 9, 1], 11),
    "bloom/six-heads": ("BloomForCausalLM", dict(vocab_size=61, hidden_size=48, n_head=6, n_layer=2, apply_residual_connection_post_layernorm=True), [30, 4], 12),
    "falcon/seven": ("FalconForCausalLM", SMALL | dict(hidden_size=32, ffn_hidden_size=48, new_decoder_architecture=False, multi_query=True, parallel_attn=True, bias=False, alibi=False), [24, 5, 1], 13),
    "falcon/forty": ("FalconForCausalLM", SMALL | dict(hidden_size=32, ffn_hidden_size=48, num_kv_heads=2, new_decoder_architecture=True), [24, 5, 1], 114),
    "gpt_neox/pythia": ("GPTNeoXForCausalLM", SMALL | dict(hidden_size=32, intermediate_size=44, rope_parameters=ROPE | dict(partial_rotary_factor=0.5), tie_word_embeddings=False), [24, 5, 1], 15),
    "gpt_neox/in-turn": ("GPTNeoXForCausalLM", SMALL | dict(hidden_size=32, intermediate_size=44, use_parallel_residual=False, attention_bias=False, hidden_act="gelu_new", rope_parameters=ROPE | dict(partial_rotary_factor=1.0), tie_word_embeddings=False), [24, 5], 16),
    "gpt_neo/local": ("GPTNeoForCausalLM", dict(vocab_size=64, max_position_embeddings=64, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=6), [30, 9, 1], 17),
    "gpt_bigcode/multi-query": ("GPTBigCodeForCausalLM", GPT | dict(multi_query=True), [24, 5, 1], 18),
    "gpt_bigcode/heads": ("GPTBigCodeForCausalLM", GPT | dict(multi_query=False, scale_attn_weights=False), [24, 5], 19),
    "stablelm/plain": ("StableLmForCausalLM", LLAMA | dict(rope_parameters=ROPE | dict(partial_rotary_factor=0.5)), [24, 5, 1], 20),
    "stablelm/parallel": ("StableLmForCausalLM", LLAMA | dict(use_qkv_bias=True, qk_layernorm=True, use_parallel_residual=True, rope_parameters=ROPE | dict(partial_rotary_factor=0.25)), [24, 5], 21),
    "starcoder2/window": ("Starcoder2ForCausalLM", LLAMA | dict(sliding_window=6), [24, 5, 1], 22),
    "starcoder2/unbounded": ("Starcoder2ForCausalLM", LLAMA | dict(sliding_window=None), [24, 5], 43),
    "starcoder2/bare": ("Starcoder2ForCausalLM", LLAMA | dict(use_bias=False, hidden_act="gelu", tie_word_embeddings=False), [24, 5], 23),
    "phi/plain": ("PhiForCausalLM", LLAMA | dict(rope_parameters=ROPE | dict(partial_rotary_factor=0.5)), [24, 5, 1], 24),
    "phi/normed": ("PhiForCausalLM", LLAMA | dict(qk_layernorm=True, num_key_value_heads=4, rope_parameters=ROPE | dict(partial_rotary_factor=0.25)), [24, 5], 25),
    "phi3/window": ("Phi3ForCausalLM", LLAMA | dict(sliding_window=6, pad_token_id=None, rope_parameters=ROPE | dict(partial_rotary_factor=1.0)), [24, 5, 1], 26),
    "phi3/longrope": ("Phi3ForCausalLM", LLAMA | LONG, [8, 5, 1], 28),
    "phi3/longrope-long": ("Phi3ForCausalLM", LLAMA | LONG, [40, 33], 29),
    "phi3/longrope-both": ("Phi3ForCausalLM", LLAMA | LONG, [40, 8, 33, 1], 128),
    "phi3/partial": ("Phi3ForCausalLM", LLAMA | dict(pad_token_id=None, tie_word_embeddings=True, rope_parameters=ROPE | dict(partial_rotary_factor=0.75)), [24, 5], 27),
    "qwen3/wide": ("Qwen3ForCausalLM", LLAMA | dict(head_dim=12, tie_word_embeddings=False), [24, 5, 1], 128),
    "qwen3/sliding-bias": ("Qwen3ForCausalLM", LLAMA | dict(head_dim=8, attention_bias=True, use_sliding_window=True, sliding_window=6, max_window_layers=1, tie_word_embeddings=True), [24, 5], 29),
    "qwen3_moe/mixed": ("Qwen3MoeForCausalLM", LLAMA | dict(head_dim=12, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20, decoder_sparse_step=2, norm_topk_prob=True, tie_word_embeddings=False), [24, 5, 1], 30),
    "qwen3_moe/not-renormed": ("Qwen3MoeForCausalLM", LLAMA | dict(head_dim=8, num_experts=5, num_experts_per_tok=3, moe_intermediate_size=20, norm_topk_prob=False, tie_word_embeddings=True), [24, 5], 31),
    "qwen3_moe/renormed": ("Qwen3MoeForCausalLM", LLAMA | dict(head_dim=12, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20, norm_topk_prob=True, tie_word_embeddings=False), [24, 5], 40),
    "qwen2_moe/shared": ("Qwen2MoeForCausalLM", LLAMA | dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20, shared_expert_intermediate_size=28, tie_word_embeddings=False), [24, 5, 1], 32),
    "gemma2/capped": ("Gemma2ForCausalLM", LLAMA | dict(head_dim=12, query_pre_attn_scalar=10, sliding_window=6, attn_logit_softcapping=5.0, final_logit_softcapping=3.0), [24, 5, 1], 433),
    "gemma2/by-head": ("Gemma2ForCausalLM", LLAMA | dict(head_dim=12, query_pre_attn_scalar=12, sliding_window=6, attn_logit_softcapping=5.0, final_logit_softcapping=3.0), [24, 5], 341),
    "gemma3_text/by-head": ("Gemma3ForCausalLM", LLAMA | dict(head_dim=12, query_pre_attn_scalar=12, sliding_window=6, num_hidden_layers=3, layer_types=["sliding_attention", "sliding_attention", "full_attention"]), [24, 5], 42),
    "gemma3_text/two-rotations": ("Gemma3ForCausalLM", LLAMA | dict(head_dim=12, query_pre_attn_scalar=10, sliding_window=6, num_hidden_layers=3, layer_types=["sliding_attention", "sliding_attention", "full_attention"]), [24, 5, 1], 34),
    "gpt_oss/sinks": ("GptOssForCausalLM", LLAMA | dict(head_dim=12, num_local_experts=4, num_experts_per_tok=2, sliding_window=6, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5, 1], 35),
    "deepseek_v3/groups": ("DeepseekV3ForCausalLM", LLAMA | dict(num_key_value_heads=4, moe_intermediate_size=20, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=2, n_group=4, topk_group=2, first_k_dense_replace=1, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=10, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5, 1], 36),
    "deepseek_v3/plain-queries": ("DeepseekV3ForCausalLM", LLAMA | dict(num_key_value_heads=4, moe_intermediate_size=20, n_routed_experts=4, n_shared_experts=2, num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=0, q_lora_rank=None, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=10, rope_interleave=False, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5], 37),
    "deepseek_v3/biased": ("DeepseekV3ForCausalLM", LLAMA | dict(num_key_value_heads=4, moe_intermediate_size=12, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=1, q_lora_rank=12, kv_lora_rank=8, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=10, attention_bias=True, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5], 237),
    "deepseek_v2/library": ("DeepseekV2ForCausalLM", LLAMA | dict(num_key_value_heads=4, moe_intermediate_size=20, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3, n_group=4, topk_group=2, topk_method="group_limited_greedy", routed_scaling_factor=2.5, first_k_dense_replace=1, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=6, v_head_dim=10, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5, 1], 56),
    "llama/dynamic": ("LlamaForCausalLM", LLAMA | dict(max_position_embeddings=16, rope_parameters=ROPE | dict(rope_type="dynamic", factor=2.0)), [40, 20, 5], 44),
    "glm/plain": ("GlmForCausalLM", LLAMA | dict(head_dim=12, pad_token_id=None, tie_word_embeddings=False), [24, 5, 1], 41),
    "glm/tied": ("GlmForCausalLM", LLAMA | dict(head_dim=8, attention_bias=False, pad_token_id=None, tie_word_embeddings=True, rms_norm_eps=1e-3, rope_parameters=ROPE | dict(rope_theta=500.0, partial_rotary_factor=0.5)), [24, 5], 42),
    "glm/sandwich": ("Glm4ForCausalLM", LLAMA | dict(head_dim=8, pad_token_id=None, tie_word_embeddings=False), [24, 5, 1], 43),
    "openai_gpt/first": ("OpenAIGPTLMHeadModel", dict(vocab_size=61, n_positions=64, n_embd=36, n_head=4, n_layer=2), [24, 5, 1], 62),
    "llama4_text/one-of-four": ("Llama4ForCausalLM", LLAMA | dict(vocab_size=61, head_dim=12, intermediate_size=20, intermediate_size_mlp=36, num_hidden_layers=3, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=7, floor_scale=4, attn_scale=0.5, no_rope_layer_interval=3, pad_token_id=None, rope_parameters=ROPE, tie_word_embeddings=False), [40, 7, 1], 263),
    "llama4_text/unnormed": ("Llama4ForCausalLM", LLAMA | dict(head_dim=10, intermediate_size=20, intermediate_size_mlp=36, num_hidden_layers=3, num_local_experts=3, num_experts_per_tok=2, moe_layers=[0, 2], attention_chunk_size=16, attn_temperature_tuning=False, use_qk_norm=False, attention_bias=True, no_rope_layers=[0, 1, 1], pad_token_id=None, rope_parameters=ROPE | dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=1.0, original_max_position_embeddings=32), tie_word_embeddings=False), [33, 5], 64),
    "llama4_text/scout": ("Llama4ForCausalLM", LLAMA | dict(vocab_size=61, head_dim=12, intermediate_size=20, intermediate_size_mlp=36, num_hidden_layers=4, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=2, pad_token_id=None, rope_parameters=ROPE, tie_word_embeddings=False), [24, 5], 70),
    "rwkv4/rescaled": ("RwkvForCausalLM", dict(vocab_size=64, hidden_size=32, intermediate_size=44, num_hidden_layers=4, rescale_every=2, layer_norm_epsilon=1e-3), [24, 5, 1], 91),
    "opt/before": ("OPTForCausalLM", dict(vocab_size=64, hidden_size=32, ffn_dim=44, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, word_embed_proj_dim=32), [24, 5, 1], 38),
    "opt/behind-narrow": ("OPTForCausalLM", dict(vocab_size=64, hidden_size=32, ffn_dim=44, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64, word_embed_proj_dim=20, do_layer_norm_before=False), [24, 5], 39),
    "mistral/window": ("MistralForCausalLM", LLAMA | dict(vocab_size=71, num_attention_heads=6, num_key_value_heads=3, head_dim=10, intermediate_size=52, sliding_window=5, rms_norm_eps=1e-5, rope_parameters=ROPE | dict(rope_theta=1e6)), [40, 9, 1], 41),
    "mistral/open": ("MistralForCausalLM", LLAMA | dict(num_attention_heads=4, num_key_value_heads=1, sliding_window=None, tie_word_embeddings=True), [24, 5], 42),
    "mistral/some": ("MinistralForCausalLM", LLAMA | dict(num_hidden_layers=3, head_dim=12, sliding_window=4, layer_types=["sliding_attention", "full_attention", "sliding_attention"]), [40, 7], 43),
    "gemma/seven": ("GemmaForCausalLM", LLAMA | dict(vocab_size=75, num_attention_heads=3, num_key_value_heads=3, head_dim=14, intermediate_size=52, hidden_act="gelu_pytorch_tanh"), [24, 5, 1], 44),
    "gemma/two": ("GemmaForCausalLM", LLAMA | dict(hidden_size=36, num_attention_heads=4, num_key_value_heads=1, head_dim=12, attention_bias=True, rms_norm_eps=1e-4), [30, 4], 145),
    "cohere/plain": ("CohereForCausalLM", LLAMA | dict(vocab_size=75, logit_scale=0.25, rope_parameters=ROPE), [24, 5, 1], 46),
    "cohere/normed": ("CohereForCausalLM", LLAMA | dict(hidden_size=60, num_attention_heads=6, num_key_value_heads=3, logit_scale=0.4, layer_norm_eps=1e-3, use_qk_norm=True, attention_bias=True, rope_parameters=ROPE | dict(rope_theta=8e6)), [30, 4], 47),
    "cohere2/three-of-four": ("Cohere2ForCausalLM", LLAMA | dict(num_hidden_layers=5, sliding_window=5, logit_scale=0.25, rope_parameters=ROPE | dict(rope_theta=5e4)), [40, 5, 1], 148),
    "cohere2/stated": ("Cohere2ForCausalLM", LLAMA | dict(vocab_size=61, hidden_size=30, num_attention_heads=3, num_key_value_heads=1, sliding_window=7, logit_scale=0.5, attention_bias=True, layer_types=["full_attention", "sliding_attention"], rope_parameters=ROPE), [30, 4], 49),
    "olmo/plain": ("OlmoForCausalLM", LLAMA | dict(vocab_size=75, num_key_value_heads=4, pad_token_id=1, rope_parameters=ROPE), [24, 5, 1], 270),
    "olmo/clipped": ("OlmoForCausalLM", LLAMA | dict(hidden_size=60, num_attention_heads=6, num_key_value_heads=3, clip_qkv=0.9, attention_bias=True, tie_word_embeddings=True, pad_token_id=1, rope_parameters=ROPE), [30, 4], 71),
    "llama/linear-rope": ("LlamaForCausalLM", LLAMA | dict(vocab_size=75, num_attention_heads=2, num_key_value_heads=1, head_dim=14, rope_parameters=ROPE | dict(rope_type="linear", factor=4.0, rope_theta=1e5)), [40, 5, 1], 72),
    "yi/first": ("LlamaForCausalLM", LLAMA | dict(vocab_size=61, num_attention_heads=8, num_key_value_heads=4, head_dim=4, rms_norm_eps=1e-5, rope_parameters=ROPE | dict(rope_theta=5e6)), [30, 4], 73),
}
# Positions beyond 4096, one case for each way to tell them.
FAR = dict(vocab_size=48, hidden_size=16, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=4608)
SCALED = lambda **more: dict(rope_parameters=ROPE | more)
LENGTH = 4300
FAR_CASES = {
    "gpt2/far": ("GPT2LMHeadModel", dict(vocab_size=48, n_positions=4608, n_embd=12, n_head=2, n_layer=1), [LENGTH], 50),
    "bloom/far": ("BloomForCausalLM", dict(vocab_size=48, hidden_size=16, n_head=2, n_layer=2), [LENGTH], 51),
    "llama/far": ("LlamaForCausalLM", FAR, [LENGTH, 700], 52),
    "llama/far-linear": ("LlamaForCausalLM", FAR | SCALED(rope_type="linear", factor=4.0), [LENGTH], 53),
    "llama/far-yarn": ("LlamaForCausalLM", FAR | SCALED(rope_type="yarn", factor=4.5, original_max_position_embeddings=1024), [LENGTH], 54),
    "llama/far-llama3": ("LlamaForCausalLM", FAR | SCALED(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=1024), [LENGTH], 55),
    "phi3/far-longrope": ("Phi3ForCausalLM", FAR | dict(pad_token_id=None, original_max_position_embeddings=1024, rope_parameters=LONG["rope_parameters"] | dict(original_max_position_embeddings=1024)), [LENGTH], 56),
    "gpt_neox/far-partial": ("GPTNeoXForCausalLM", {key: value for key, value in FAR.items() if key != "num_key_value_heads"} | dict(rope_parameters=ROPE | dict(partial_rotary_factor=0.5), tie_word_embeddings=False), [LENGTH], 57),
    "deepseek_v3/far-adjacent": ("DeepseekV3ForCausalLM", FAR | dict(num_hidden_layers=2, num_key_value_heads=2, moe_intermediate_size=12, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=1, q_lora_rank=12, kv_lora_rank=8, qk_nope_head_dim=6, qk_rope_head_dim=8, v_head_dim=6, rope_parameters=ROPE, tie_word_embeddings=False), [LENGTH], 58),
    "llama4_text/far": ("Llama4ForCausalLM", FAR | dict(num_hidden_layers=2, head_dim=8, intermediate_size=12, intermediate_size_mlp=20, num_local_experts=3, num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=1000, floor_scale=512, attn_scale=0.3, no_rope_layer_interval=2, pad_token_id=None, rope_parameters=ROPE, tie_word_embeddings=False), [LENGTH], 65),
    "starcoder2/far-window": ("Starcoder2ForCausalLM", FAR | dict(num_hidden_layers=2, sliding_window=600), [LENGTH], 60),
}
# Without rotation a bias of the keys adds the same to all scores of a row.
INERT = {"OPTForCausalLM": ("k_proj.bias",), **dict.fromkeys(("Cohere2ForCausalLM", "Llama4ForCausalLM"), ("layers.0.self_attn.k_proj.bias",))}


# What sluice-compile is told.
OPTIONS = {"phi3/longrope-long": ["--context", "64"], "phi3/longrope-both": ["--context", "64"], "bloom/far": ["--context", "4608"], "phi3/far-longrope": ["--context", "4608"]}
# Cases that are stored in the place of a Llama: keys that the config has or, with None, has not, and names of tensors.
STORED = {
    "yi/first": (dict(architectures=["YiForCausalLM"], model_type="Yi", rope_parameters=None, rms_norm_eps=None, head_dim=None, num_key_value_heads=None, attention_bias=None, mlp_bias=None),
                 {"input_layernorm": "ln1", "post_attention_layernorm": "ln2"}),
}


def as_saved(model):
    """The tensors as save_pretrained writes them: under the names of published files."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return {name: tensor.contiguous() for name, tensor in load_file(Path(folder) / "model.safetensors").items()}


def store_as(folder, keys, names):
    config = json.loads((folder / "config.json").read_text()) | keys
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}, indent=2) + "\n")
    tensors = load_file(folder / "model.safetensors")
    renamed = {".".join(names.get(part, part) for part in name.split(".")): tensor for name, tensor in tensors.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def write(case, seed):
    name, values, lengths, _ = (CASES | FAR_CASES)[case]
    make = getattr(transformers, name.replace("Gemma3", "Gemma3Text").replace("Llama4", "Llama4Text").replace("ForCausalLM", "Config").replace("LMHeadModel", "Config"))
    common.write_decoder(case, (make, getattr(transformers, name)), values, lengths, seed, far=case in FAR_CASES, store=as_saved, inert=INERT.get(name, ()))
    if case in STORED:
        store_as(common.HERE / case, *STORED[case])
    if case in OPTIONS:
        (common.HERE / case / "options.json").write_text(json.dumps(OPTIONS[case]) + "\n")


def main():
    find, wanted = "--find" in sys.argv, [a for a in sys.argv[1:] if a != "--find"]
    for case, (*_, seed) in (CASES | FAR_CASES).items():
        if not wanted or case in wanted or case.split("/")[0] in wanted:
            common.with_seed(case, seed, lambda seed: write(case, seed), find)


if __name__ == "__main__":
    main()
