#!/usr/bin/env python3
"""Writes the case of DeepSeek-V3 whose matrices are stored in fp8 with a factor for each block of 128 x 128 (README.md).

The reference computes with what the stored numbers stand for, in f32.
"""
import json
import re

import torch
from safetensors.torch import load_file, save_file
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

import common
from decoders import LLAMA, ROPE, as_saved

CASE = "deepseek_v3/fp8"
BLOCK = 128
LARGEST = 448.0  # that e4m3 holds
STORED = re.compile(r"(self_attn|mlp)\..*proj(_with_mqa)?\.weight|mlp\.experts\.(gate_up|down)_proj")
VALUES = LLAMA | dict(num_attention_heads=12, num_key_value_heads=12, intermediate_size=130, moe_intermediate_size=20, n_routed_experts=4, n_shared_experts=1,
                      num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=1, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=8,
                      qk_rope_head_dim=4, v_head_dim=11, rope_parameters=ROPE, tie_word_embeddings=False)


def stored(matrix):
    """The matrix in fp8 and its factors, [rows / 128, columns / 128] rounded up."""
    rows, columns = (-(-size // BLOCK) for size in matrix.shape)
    padded = torch.zeros(rows * BLOCK, columns * BLOCK)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    largest = padded.reshape(rows, BLOCK, columns, BLOCK).abs().amax(dim=(1, 3))
    return (matrix / spread(largest / LARGEST, matrix)).to(torch.float8_e4m3fn), largest / LARGEST


def spread(factors, matrix):
    return factors.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)[: matrix.shape[0], : matrix.shape[1]]


@torch.no_grad()
def round_weights(model):
    """Gives the matrices the values that fp8 can hold."""
    for name, weight in model.named_parameters():
        if STORED.search(name):
            # The library holds the experts in one tensor, gates before the rest; files hold them one by one.
            for matrix in weight if weight.dim() == 3 else [weight]:
                for part in matrix.chunk(2) if "gate_up" in name else [matrix]:
                    values, factors = stored(part)
                    part.copy_(values.float() * spread(factors, part))


def main():
    config = DeepseekV3Config(**VALUES)
    config._attn_implementation = config._experts_implementation = "eager"
    config.architectures, config.torch_dtype = ["DeepseekV3ForCausalLM"], "float32"
    model = DeepseekV3ForCausalLM(config).eval()
    common.seed_weights(model, 57)
    round_weights(model)
    ids = common.sequences(58, [24, 5, 1], config.vocab_size)
    logits = lambda m, row: m(row[None], use_cache=False).logits[0]
    common.write_case(CASE, config, model, lambda m, i: {"logits": logits(m, ids[i])}, [{"input_ids": row} for row in ids],
                      lambda m, i: common.greedy(lambda row: logits(m, row), ids[i].tolist()), store=as_saved)
    tensors, folder = {}, common.HERE / CASE
    for name, tensor in load_file(folder / "model.safetensors").items():
        tensors[name] = tensor
        if STORED.search(name):
            tensors[name], factors = stored(tensor)
            tensors[f"{name}_scale_inv"] = factors
            assert (tensors[name].float() * spread(factors, tensor) - tensor).abs().max() < 1e-6, name
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    keys = json.loads((folder / "config.json").read_text())
    keys["quantization_config"] = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [BLOCK, BLOCK]}
    (folder / "config.json").write_text(json.dumps(keys, indent=2) + "\n")


main()
