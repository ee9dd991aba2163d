"""Writes the GGUF twin of a reference case with the standard library only.

Names of tensors and keys, the order of rows and what is merged or left out are those of llama.cpp's converter; numbers
stay as they are.
"""

import array
import json
import math
import os
import re
import struct

import safetensors

ALIGNMENT = 32
F32, Q8_0, BF16 = 0, 8, 30
TYPES = {"F32": F32, "Q8_0": Q8_0, "BF16": BF16}
SIZES = {"F32": 4, "BF16": 2}

NAMES = {
    "llama": {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "model.layers.N.input_layernorm": "blk.N.attn_norm", "model.layers.N.post_attention_layernorm": "blk.N.ffn_norm",
        "model.layers.N.self_attn.q_proj": "blk.N.attn_q", "model.layers.N.self_attn.k_proj": "blk.N.attn_k",
        "model.layers.N.self_attn.v_proj": "blk.N.attn_v", "model.layers.N.self_attn.o_proj": "blk.N.attn_output",
        "model.layers.N.mlp.gate_proj": "blk.N.ffn_gate", "model.layers.N.mlp.up_proj": "blk.N.ffn_up",
        "model.layers.N.mlp.down_proj": "blk.N.ffn_down", "model.layers.N.block_sparse_moe.gate": "blk.N.ffn_gate_inp",
    },
    "gpt2": {
        "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "h.N.ln_1": "blk.N.attn_norm",
        "h.N.ln_2": "blk.N.ffn_norm", "h.N.attn.c_attn": "blk.N.attn_qkv", "h.N.attn.c_proj": "blk.N.attn_output",
        "h.N.mlp.c_fc": "blk.N.ffn_up", "h.N.mlp.c_proj": "blk.N.ffn_down",
    },
    "bert": {
        "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
        "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
        "encoder.layer.N.attention.self.query": "blk.N.attn_q", "encoder.layer.N.attention.self.key": "blk.N.attn_k",
        "encoder.layer.N.attention.self.value": "blk.N.attn_v", "encoder.layer.N.attention.output.dense": "blk.N.attn_output",
        "encoder.layer.N.attention.output.LayerNorm": "blk.N.attn_output_norm", "encoder.layer.N.intermediate.dense": "blk.N.ffn_up",
        "encoder.layer.N.output.dense": "blk.N.ffn_down", "encoder.layer.N.output.LayerNorm": "blk.N.layer_output_norm",
    },
    "t5": {
        "shared": "token_embd", "lm_head": "output", "encoder.final_layer_norm": "enc.output_norm",
        "decoder.final_layer_norm": "dec.output_norm", "encoder.block.N.layer.0.layer_norm": "enc.blk.N.attn_norm",
        "encoder.block.N.layer.1.layer_norm": "enc.blk.N.ffn_norm", "decoder.block.N.layer.0.layer_norm": "dec.blk.N.attn_norm",
        "decoder.block.N.layer.1.layer_norm": "dec.blk.N.cross_attn_norm", "decoder.block.N.layer.2.layer_norm": "dec.blk.N.ffn_norm",
        **{f"{side}.block.N.layer.0.SelfAttention.{x}": f"{side[:3]}.blk.N.attn_{x}" for side in ("encoder", "decoder") for x in "qkvo"},
        **{f"{side}.block.N.layer.0.SelfAttention.relative_attention_bias": f"{side[:3]}.blk.N.attn_rel_b" for side in ("encoder", "decoder")},
        **{f"decoder.block.N.layer.1.EncDecAttention.{x}": f"dec.blk.N.cross_attn_{x}" for x in "qkvo"},
        "decoder.block.N.layer.1.EncDecAttention.relative_attention_bias": "dec.blk.N.cross_attn_rel_b",
        **{f"{side}.block.N.layer.{i}.DenseReluDense.{a}": f"{side[:3]}.blk.N.ffn_{b}"
           for side, i in (("encoder", 1), ("decoder", 2)) for a, b in (("wi", "up"), ("wi_0", "gate"), ("wi_1", "up"), ("wo", "down"))},
    },
}
NAMES["qwen2"] = NAMES["mixtral"] = NAMES["llama"]
NAMES["qwen3"] = NAMES["qwen3_moe"] = NAMES["llama"] | {
    "model.layers.N.self_attn.q_norm": "blk.N.attn_q_norm", "model.layers.N.self_attn.k_norm": "blk.N.attn_k_norm",
    "model.layers.N.mlp.gate": "blk.N.ffn_gate_inp",
}
NAMES["olmo2"] = NAMES["llama"] | {
    "model.layers.N.self_attn.q_norm": "blk.N.attn_q_norm", "model.layers.N.self_attn.k_norm": "blk.N.attn_k_norm",
    "model.layers.N.post_attention_layernorm": "blk.N.post_attention_norm",
    "model.layers.N.post_feedforward_layernorm": "blk.N.post_ffw_norm",
}
# What the converter drops.
DROPPED = re.compile(r"rotary_emb\.inv_freq|position_ids|^pooler\.|^cls\.|^h\.\d+\.attn\.(masked_)?bias$|\.embed_tokens\.weight$")
EXPERT = re.compile(r"model\.layers\.(\d+)\.(?:block_sparse_moe|mlp)\.experts\.(\d+)\.(w[123]|\w+_proj)\.weight")
EXPERT_NAMES = {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps",
                "gate_proj": "ffn_gate_exps", "down_proj": "ffn_down_exps", "up_proj": "ffn_up_exps"}

# Results of a case that a GGUF file of the family can give.
RESULTS = {"bert": ("rows",)}


def rows_of(tensor):
    size = SIZES[tensor.dtype] * math.prod(tensor.shape[1:])
    return [tensor.data[i : i + size] for i in range(0, len(tensor.data), size)]


def with_adjacent_pairs(tensor, heads):
    """The rows of each head from halves to pairs, as rotary positions want them there."""
    rows, half = rows_of(tensor), tensor.shape[0] // heads // 2
    order = [h * 2 * half + side * half + i for h in range(heads) for i in range(half) for side in (0, 1)]
    return safetensors.Tensor(tensor.dtype, tensor.shape, b"".join(rows[i] for i in order))


def transposed(tensor):
    rows, size = rows_of(tensor), SIZES[tensor.dtype]
    data = b"".join(row[i : i + size] for i in range(0, len(rows[0]), size) for row in rows)
    return safetensors.Tensor(tensor.dtype, tensor.shape[::-1], data)


def widened(tensor):
    if tensor.dtype == "F32":
        return tensor
    data = b"".join(b"\0\0" + tensor.data[i : i + 2] for i in range(0, len(tensor.data), 2))
    return safetensors.Tensor("F32", tensor.shape, data)


def rope_factors(config):
    """What llama3 scaling divides each frequency by; None without it."""
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") != "llama3":
        return None
    dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    factor, low, high = (scaling[k] for k in ("factor", "low_freq_factor", "high_freq_factor"))
    original, factors = scaling["original_max_position_embeddings"], []
    for i in range(0, dim, 2):
        length = 2 * math.pi * config["rope_theta"] ** (i / dim)
        smooth = (original / length - low) / (high - low)
        if length < original / high:
            factors.append(1.0)
        elif length > original / low:
            factors.append(factor)
        else:
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return safetensors.Tensor("F32", [len(factors)], array.array("f", factors).tobytes())


def renamed(family, name):
    number = re.search(r"\.(\d+)\.", name)
    stem, kind = re.sub(r"\.\d+\.", ".N.", name, count=1).rsplit(".", 1)
    kind = {"gamma": "weight", "beta": "bias"}.get(kind, kind)
    if stem not in NAMES[family]:
        raise ValueError(f"{family} has no GGUF name for {name}")
    return NAMES[family][stem].replace(".N.", f".{number[1]}." if number else "") + "." + kind


def converted(family, config, tensors):
    out, experts = {}, {}
    for name, tensor in tensors.items():
        name = re.sub(r"^(transformer|bert)\.", "", name)
        if expert := EXPERT.fullmatch(name):
            experts.setdefault(f"blk.{expert[1]}.{EXPERT_NAMES[expert[3]]}.weight", {})[int(expert[2])] = tensor
            continue
        if DROPPED.search(name) and name != "model.embed_tokens.weight":
            continue
        heads = {"q_proj": config.get("num_attention_heads"), "k_proj": config.get("num_key_value_heads")}.get(name.split(".")[-2])
        if heads and family in ("llama", "mixtral"):
            tensor = with_adjacent_pairs(tensor, heads)
        if family == "gpt2" and re.search(r"\.c_\w+\.weight", name):
            tensor = transposed(tensor)
        out[renamed(family, name)] = tensor if len(tensor.shape) > 1 else widened(tensor)
    for name, parts in experts.items():
        first = parts[0]
        out[name] = safetensors.Tensor(first.dtype, [len(parts), *first.shape], b"".join(parts[i].data for i in range(len(parts))))
    if factors := rope_factors(config):
        out["rope_freqs.weight"] = factors
    return out


def metadata(family, config):
    """Keys as the converter writes them; ints become u32 and floats f32."""
    arch = {"mixtral": "llama", "qwen3_moe": "qwen3moe"}.get(family, family)
    get = lambda *keys: next((config[k] for k in keys if config.get(k) is not None), None)
    hidden, heads = get("hidden_size", "n_embd", "d_model"), get("num_attention_heads", "n_head", "num_heads")
    data = {
        "context_length": get("max_position_embeddings", "n_positions") or 512,
        "embedding_length": hidden,
        "block_count": get("num_hidden_layers", "n_layer", "num_layers"),
        "feed_forward_length": get("intermediate_size", "d_ff") or 4 * hidden,
        "attention.head_count": heads,
    }
    if family in ("llama", "mixtral", "qwen2", "qwen3", "qwen3_moe", "olmo2"):
        theta = get("rope_theta") or config["rope_parameters"]["rope_theta"]
        data |= {"attention.head_count_kv": get("num_key_value_heads") or heads, "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
                 "rope.freq_base": float(theta)}
        if dim := config.get("head_dim"):
            data |= {"attention.key_length": dim, "attention.value_length": dim}
    if arch == "llama":
        data |= {"vocab_size": config["vocab_size"], "rope.dimension_count": config.get("head_dim") or hidden // heads}
    if family == "mixtral":
        data |= {"expert_count": config["num_local_experts"], "expert_used_count": config["num_experts_per_tok"]}
    if family == "qwen3_moe":
        data |= {"expert_count": get("num_experts", "num_local_experts"), "expert_used_count": config["num_experts_per_tok"],
                 "expert_feed_forward_length": config["moe_intermediate_size"]}
    if family in ("gpt2", "bert"):
        data["attention.layer_norm_epsilon"] = get("layer_norm_epsilon", "layer_norm_eps")
    if family == "bert":
        data["attention.causal"] = False
    if family == "t5":
        data |= {"decoder_block_count": config["num_decoder_layers"], "attention.key_length": config["d_kv"], "attention.value_length": config["d_kv"],
                 "attention.layer_norm_epsilon": config["layer_norm_epsilon"], "attention.layer_norm_rms_epsilon": config["layer_norm_epsilon"],
                 "attention.relative_buckets_count": config["relative_attention_num_buckets"], "decoder_start_token_id": config["decoder_start_token_id"]}
    return {"general.architecture": arch, "general.name": family, "general.file_type": 0} | {f"{arch}.{key}": value for key, value in data.items()}


def quantised(tensor):
    """A matrix in Q8_0: 32 numbers of a row as an f16 and whole multiples of it. Others stay as they are."""
    if len(tensor.shape) < 2 or tensor.shape[-1] % 32:
        return tensor
    values, data = tensor.values(), b""
    for at in range(0, len(values), 32):
        group = values[at : at + 32]
        (scale,) = struct.unpack("<e", struct.pack("<e", max(map(abs, group)) / 127))
        numbers = [round(value / scale) if scale else 0 for value in group]
        data += struct.pack("<e32b", scale, *(max(-128, min(127, number)) for number in numbers))
    return safetensors.Tensor("Q8_0", tensor.shape, data)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def item(value):
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, list):
        items = [item(element) for element in value]
        return struct.pack("<I", 9) + items[0][:4] + struct.pack("<Q", len(items)) + b"".join(element[4:] for element in items)
    return struct.pack("<I", 8) + text(value)


def write(path, pairs, tensors):
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    header += b"".join(text(key) + item(value) for key, value in pairs.items())
    data = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        header += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, TYPES[tensor.dtype], len(data))
        data += tensor.data + bytes(-len(tensor.data) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(header + bytes(-len(header) % ALIGNMENT) + data)


def write_twin(case, path, **more):
    """The case's checkpoint as a GGUF file, with `more` keys; the results that it can give, or None for all."""
    with open(os.path.join(case, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    family = config["model_type"]
    tensors = safetensors.load(os.path.join(case, "model.safetensors"))
    write(path, metadata(family, config) | more, converted(family, config, tensors))
    return RESULTS.get(family)
