"""What llama.cpp's converter makes of the tensors and keys of each family: one entry of FAMILIES per `model_type`.

An entry names the architecture, says which groups of keys the files have besides those that all have, which tensors are
called otherwise than in NAMES, and what happens to the numbers (`change`). A family that is added needs an entry here.
"""

import array
import math
import re

from safetensors import Tensor

SIZES = {"F32": 4, "BF16": 2}

# Names of a layer's tensors, behind `layers.N.` or `h.N.` and the like, and those of the whole model.
LAYER = {
    **dict.fromkeys(("input_layernorm", "ln_1", "ln_mlp", "attention_norm", "attn_norm"), "attn_norm"), "ln_attn": "attn_norm_2",
    **dict.fromkeys(("post_attention_layernorm", "pre_feedforward_layernorm", "ln_2", "ffn_norm"), "ffn_norm"),
    "post_feedforward_layernorm": "post_ffw_norm",
    **dict.fromkeys(("self_attn.q_proj", "attention.self.query", "attention.q_lin"), "attn_q"),
    **dict.fromkeys(("self_attn.k_proj", "attention.self.key", "attention.k_lin"), "attn_k"),
    **dict.fromkeys(("self_attn.v_proj", "attention.self.value", "attention.v_lin"), "attn_v"),
    **dict.fromkeys(("attn.c_attn", "self_attn.qkv_proj", "attention.query_key_value", "self_attention.query_key_value", "attn.qkv_proj"), "attn_qkv"),
    **dict.fromkeys(("self_attn.o_proj", "self_attn.dense", "attn.c_proj", "attention.dense", "self_attention.dense", "attention.wo",
                     "attention.output.dense", "attention.out_lin", "attn.out_proj"), "attn_output"),
    **dict.fromkeys(("self_attn.q_norm", "attn.q_norm"), "attn_q_norm"), **dict.fromkeys(("self_attn.k_norm", "attn.k_norm"), "attn_k_norm"),
    "self_attn.sinks": "attn_sinks",
    **dict.fromkeys(("attention.output.LayerNorm", "sa_layer_norm"), "attn_output_norm"),
    **dict.fromkeys(("output.LayerNorm", "output_layer_norm"), "layer_output_norm"),
    **dict.fromkeys(("mlp.gate_proj", "feed_forward.w1", "mlp.w2"), "ffn_gate"),
    **dict.fromkeys(("mlp.up_proj", "mlp.gate_up_proj", "mlp.c_fc", "mlp.fc1", "mlp.dense_h_to_4h", "intermediate.dense", "ffn.lin1",
                     "feed_forward.w3", "mlp.w1"), "ffn_up"),
    **dict.fromkeys(("mlp.down_proj", "mlp.c_proj", "mlp.fc2", "mlp.dense_4h_to_h", "output.dense", "ffn.lin2", "ffn.proj_2",
                     "feed_forward.w2"), "ffn_down"),
    **dict.fromkeys(("mlp.gate", "block_sparse_moe.gate", "mlp.router"), "ffn_gate_inp"),
    **{f"mlp.shared_expert{s}.{x}_proj": f"ffn_{x}_shexp" for s in ("", "s") for x in ("gate", "up", "down")},
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
    "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b",
}
ROOT = {
    **dict.fromkeys(("embed_tokens", "wte", "word_embeddings", "embed_in", "embeddings.word_embeddings", "tok_embeddings", "token_embeddings",
                     "embedding.word_embeddings", "in_out_embed", "embeddings.tok_embeddings"), "token_embd"),
    **dict.fromkeys(("norm", "rms_norm", "ln_f", "final_layernorm", "final_layer_norm", "final_norm", "encoder.final_layernorm"), "output_norm"),
    **dict.fromkeys(("lm_head", "embed_out", "output", "output_layer"), "output"),
    **dict.fromkeys(("wpe", "embeddings.position_embeddings"), "position_embd"),
    "embeddings.token_type_embeddings": "token_types", **dict.fromkeys(("word_embeddings_layernorm", "embeddings.LayerNorm", "embeddings.norm"), "token_embd_norm"),
}
GROK = {
    "rms_norm": "attn_norm", "rms_norm_1": "attn_output_norm", "rms_norm_2": "ffn_norm", "rms_norm_3": "layer_output_norm", "router": "ffn_gate_inp",
    **{f"multi_head_attention.{a}": b for a, b in (("query", "attn_q"), ("key", "attn_k"), ("value", "attn_v"), ("linear", "attn_output"))},
}
LLAMA4 = {
    **{f"feed_forward.{x}_proj": f"ffn_{x}" for x in ("gate", "up", "down")}, "feed_forward.router": "ffn_gate_inp",
    **{f"feed_forward.shared_expert.{x}_proj": f"ffn_{x}_shexp" for x in ("gate", "up", "down")},
}
MODERN = {"attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "mlp.Wi": "ffn_up", "mlp.Wo": "ffn_down", "mlp_norm": "ffn_norm"}
T5_ROOT = {
    "shared": "token_embd", "lm_head": "output", "encoder.final_layer_norm": "enc.output_norm", "decoder.final_layer_norm": "dec.output_norm",
}
T5_LAYER = {
    "encoder.layer.0.layer_norm": "attn_norm", "encoder.layer.1.layer_norm": "ffn_norm", "decoder.layer.0.layer_norm": "attn_norm",
    "decoder.layer.1.layer_norm": "cross_attn_norm", "decoder.layer.2.layer_norm": "ffn_norm",
    **{f"{side}.layer.0.SelfAttention.{x}": f"attn_{x}" for side in ("encoder", "decoder") for x in "qkvo"},
    **{f"{side}.layer.0.SelfAttention.relative_attention_bias": "attn_rel_b" for side in ("encoder", "decoder")},
    **{f"decoder.layer.1.EncDecAttention.{x}": f"cross_attn_{x}" for x in "qkvo"},
    "decoder.layer.1.EncDecAttention.relative_attention_bias": "cross_attn_rel_b",
    **{f"{side}.layer.{i}.DenseReluDense.{a}": f"ffn_{b}"
       for side, i in (("encoder", 1), ("decoder", 2)) for a, b in (("wi", "up"), ("wi_0", "gate"), ("wi_1", "up"), ("wo", "down"))},
}
# What the converter drops.
DROPPED = re.compile(r"inv_freq|position_ids|^pooler\.|^cls\.|^lm_head\.(dense|layer_norm|bias|decoder)|^classifier\.|^qa_outputs\.|^head\.|^decoder\.(weight|bias)$|^(vocab|pre)_\w+\."
                     r"|\.(attn|attention)\.(masked_)?bias$|^(encoder|decoder)\.embed_tokens\.")
EXPERT = re.compile(r"(?:block_sparse_moe\.experts|mlp\.experts|moe)\.(\d+)\.(w[123]|\w+_proj|linear\w*)\.weight")
EXPERT_NAMES = {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps",
                "gate_proj": "ffn_gate_exps", "down_proj": "ffn_down_exps", "up_proj": "ffn_up_exps",
                "linear": "ffn_gate_exps", "linear_1": "ffn_down_exps", "linear_v": "ffn_up_exps"}


def get(config, *keys):
    return next((config[k] for k in keys if config.get(k) is not None), None)


def heads(config):
    return get(config, "num_attention_heads", "n_head", "num_heads", "n_heads")


def width(config):
    return get(config, "hidden_size", "n_embd", "d_model", "n_embed", "model_dim", "dim")


def kv_heads(config):
    if config["model_type"] == "falcon" and not config.get("new_decoder_architecture"):
        return 1 if config.get("multi_query", True) else heads(config)
    return get(config, "num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads", "multi_query_group_num") or heads(config)


def head_dim(config):
    return config.get("head_dim") or width(config) // heads(config)


def rope(config):
    """The rotary keys, wherever the config has them."""
    return (config.get("rope_parameters") or {}) | (config.get("rope_scaling") or {}) | {
        key: config[key] for key in ("rope_theta", "partial_rotary_factor") if config.get(key) is not None}


# --- numbers

def rows_of(tensor):
    size = SIZES[tensor.dtype] * math.prod(tensor.shape[1:])
    return [tensor.data[i : i + size] for i in range(0, len(tensor.data), size)]


def with_rows(tensor, order):
    rows = rows_of(tensor)
    return Tensor(tensor.dtype, [len(order), *tensor.shape[1:]], b"".join(rows[i] for i in order))


def with_adjacent_pairs(tensor, heads):
    """The rows of each head from halves to pairs, as rotary positions want them there."""
    half = tensor.shape[0] // heads // 2
    return with_rows(tensor, [h * 2 * half + side * half + i for h in range(heads) for i in range(half) for side in (0, 1)])


def in_blocks(tensor, groups, queries, dim):
    """q, k and v, which lie together for each of the groups, one after another."""
    group = (queries + 2) * dim
    parts = [range(0, queries * dim), range(queries * dim, group - dim), range(group - dim, group)]
    return with_rows(tensor, [g * group + row for part in parts for g in range(groups) for row in part])


def transposed(tensor):
    """The last two axes."""
    size, (rows, columns) = SIZES[tensor.dtype], tensor.shape[-2:]
    data = b"".join(tensor.data[at + (r * columns + c) * size :][:size]
                    for at in range(0, len(tensor.data), rows * columns * size) for c in range(columns) for r in range(rows))
    return Tensor(tensor.dtype, [*tensor.shape[:-2], columns, rows], data)


def every_second(tensor, first):
    """Every second row of the axis after the experts'."""
    flat = Tensor(tensor.dtype, [tensor.shape[0] * tensor.shape[1], *tensor.shape[2:]], tensor.data)
    part = with_rows(flat, range(first, flat.shape[0], 2))
    return Tensor(tensor.dtype, [tensor.shape[0], tensor.shape[1] // 2, *tensor.shape[2:]], part.data)


def plus_one(tensor):
    return Tensor("F32", tensor.shape, array.array("f", (value + 1 for value in widened(tensor).values())).tobytes())


def stacked(parts):
    return Tensor(parts[0].dtype, [len(parts), *parts[0].shape], b"".join(part.data for part in parts))


def widened(tensor):
    if tensor.dtype == "F32":
        return tensor
    data = b"".join(b"\0\0" + tensor.data[i : i + 2] for i in range(0, len(tensor.data), 2))
    return Tensor("F32", tensor.shape, data)


def vector(values):
    return Tensor("F32", [len(values)], array.array("f", values).tobytes())


# --- what happens to the tensors of a family: (config, name as it will be, tensor) to those of the file

def pairs(config, name, tensor):
    counts = {"attn_q": heads(config), "attn_k": kv_heads(config)}
    count = counts.get(name.split(".")[-2])
    return {name: with_adjacent_pairs(tensor, count) if count else tensor}


def convolved(config, name, tensor):
    """Conv1D has its weights the other way round."""
    return {name: transposed(tensor) if re.search(r"(attn_qkv|attn_output|ffn_up|ffn_down)\.weight", name) else tensor}


def grouped(config, name, tensor):
    groups = kv_heads(config)
    if ".attn_qkv." in name:
        tensor = in_blocks(tensor, groups, heads(config) // groups, width(config) // heads(config))
    return {name: tensor}


def repeated_head(config, name, tensor):
    """BLOOM's files have the head beside the embeddings, though they are tied."""
    made = grouped(config, name, tensor)
    return made | {"output.weight": tensor} if name == "token_embd.weight" else made


def gemma(config, name, tensor):
    if name == "output.weight":
        return {}
    return {name: plus_one(tensor) if name.endswith("norm.weight") else tensor}


def clamped_experts(config, name, tensor):
    """GPT-OSS: the rows of gate and up in turn, as columns in files that are not quantised."""
    if name.endswith("attn_sinks"):
        return {name + ".weight": tensor}
    made = re.fullmatch(r"(blk\.\d+\.)mlp\.experts\.(gate_up|down)_proj(_bias)?", name)
    if not made:
        return {name: tensor}
    kind = ".bias" if made[3] else ".weight"
    tensor = tensor if made[3] else transposed(tensor)
    if made[2] == "down":
        return {f"{made[1]}ffn_down_exps{kind}": tensor}
    return {f"{made[1]}ffn_{side}_exps{kind}": every_second(tensor, first) for first, side in enumerate(("gate", "up"))}


def latent(config, name, tensor):
    """The second product of keys and values apart, that of the keys by head the other way round."""
    if not name.endswith("attn_kv_b.weight"):
        return {name: tensor}
    count, k, v = heads(config), config["qk_nope_head_dim"], config["v_head_dim"]
    part = lambda first, last: with_rows(tensor, [h * (k + v) + i for h in range(count) for i in range(first, last)])
    by_head = lambda t, rows: Tensor(t.dtype, [count, rows, t.shape[1]], t.data)
    layer = name[: -len("attn_kv_b.weight")]
    return {layer + "attn_k_b.weight": transposed(by_head(part(0, k), k)), layer + "attn_v_b.weight": by_head(part(k, k + v), v)}


def turned_experts(config, name, tensor):
    """Llama 4: experts that are stored [in, out], gate and the other half in one."""
    made = re.fullmatch(r"(blk\.\d+\.)feed_forward\.experts\.(gate_up|down)_proj", name)
    if not made:
        return {name: tensor}
    tensor = transposed(tensor)
    if made[2] == "down":
        return {f"{made[1]}ffn_down_exps.weight": tensor}
    count, rows, columns = tensor.shape
    flat = Tensor(tensor.dtype, [count * rows, columns], tensor.data)
    half = lambda side: with_rows(flat, [e * rows + side * rows // 2 + r for e in range(count) for r in range(rows // 2)])
    return {f"{made[1]}ffn_{part}_exps.weight": Tensor(tensor.dtype, [count, rows // 2, columns], half(side).data) for side, part in enumerate(("gate", "up"))}


def after_padding(config, name, tensor):
    first = get(config, "pad_token_id") + 1
    return {name: with_rows(tensor, range(first, tensor.shape[0])) if name == "position_embd.weight" else tensor}


def packed_pairs(config, name, tensor):
    """Baichuan and InternLM 2: one tensor in the file, three here."""
    layer, stem = re.fullmatch(r"(blk\.\d+\.)?(.*)", name).groups()
    if stem == "self_attn.W_pack.weight":
        tensor = in_blocks(tensor, 1, 1, tensor.shape[0] // 3)
    elif stem == "attention.wqkv.weight":
        tensor = in_blocks(tensor, kv_heads(config), heads(config) // kv_heads(config), head_dim(config))
    else:
        return {name: tensor}
    q, k = heads(config) * head_dim(config), kv_heads(config) * head_dim(config)
    part = lambda first, last: with_rows(tensor, range(first, last))
    return {layer + "attn_q.weight": with_adjacent_pairs(part(0, q), heads(config)),
            layer + "attn_k.weight": with_adjacent_pairs(part(q, q + k), kv_heads(config)), layer + "attn_v.weight": part(q + k, q + 2 * k)}


def split_gates(config, name, tensor):
    made = re.fullmatch(r"(blk\.\d+\.)ffn\.proj_1\.weight", name)
    if not made:
        return {name: tensor}
    half = tensor.shape[0] // 2
    return {made[1] + "ffn_gate.weight": with_rows(tensor, range(half)), made[1] + "ffn_up.weight": with_rows(tensor, range(half, 2 * half))}


# --- keys, in groups that an entry names

def scaling(config):
    """Rotary scaling. That of Llama 3 becomes a tensor, that of longrope two (`rope_tensors`)."""
    found, kind = rope(config), rope(config).get("rope_type") or rope(config).get("type")
    if kind == "linear":
        return {"rope.scaling.type": "linear", "rope.scaling.factor": float(found["factor"])}
    if kind == "yarn":
        data = {"rope.scaling.type": "yarn", "rope.scaling.factor": float(found["factor"]),
                "rope.scaling.original_context_length": found.get("original_max_position_embeddings") or config["max_position_embeddings"]}
        return data | ({"rope.scaling.yarn_log_multiplier": 0.1 * found["mscale_all_dim"]} if found.get("mscale_all_dim") else {})
    return {}


def longrope(config):
    length, original = config["max_position_embeddings"], get(config, "original_max_position_embeddings") or config["max_position_embeddings"]
    data = {"rope.scaling.original_context_length": original, "attention.sliding_window": config.get("sliding_window") or 0}
    if rope(config).get("short_factor"):
        ratio = length / original
        data["rope.scaling.attn_factor"] = math.sqrt(1 + math.log(ratio) / math.log(original)) if ratio > 1 else 1.0
    return data


def gemma_rotation(config):
    """That of the layers without a window."""
    found = (config.get("rope_parameters") or {}).get("full_attention") or config
    data = {"rope.freq_base": float(get(found, "rope_theta") or 1e6)}
    return data | ({"rope.scaling.type": "linear", "rope.scaling.factor": found["factor"]} if found.get("rope_type") == "linear" else {})


def gemma_window(config):
    kinds, data = config.get("layer_types") or [], {"attention.sliding_window": config["sliding_window"]}
    every = kinds.index("full_attention") + 1 if "full_attention" in kinds else 6
    return data | ({"attention.sliding_window_pattern": every} if config["model_type"] == "gemma3_text" and every != 6 else {})


def experts(config):
    return {"expert_count": get(config, "num_local_experts", "num_experts", "n_routed_experts"), "expert_used_count": config["num_experts_per_tok"]}


def deepseek(config):
    data = {"leading_dense_block_count": config["first_k_dense_replace"], "attention.kv_lora_rank": config["kv_lora_rank"], "expert_shared_count": config["n_shared_experts"],
            "attention.head_count_kv": 1, "attention.key_length": config["kv_lora_rank"] + config["qk_rope_head_dim"], "attention.value_length": config["kv_lora_rank"],
            "attention.key_length_mla": config["qk_nope_head_dim"] + config["qk_rope_head_dim"], "attention.value_length_mla": config["v_head_dim"],
            "expert_weights_scale": float(config.get("routed_scaling_factor", 1.0)), "expert_weights_norm": bool(config.get("norm_topk_prob", False)),
            "expert_gating_func": 2 if config.get("scoring_func", "sigmoid" if config["model_type"] == "deepseek_v3" else "softmax") == "sigmoid" else 1,
            "rope.dimension_count": config["qk_rope_head_dim"]}
    if config.get("q_lora_rank"):
        data["attention.q_lora_rank"] = config["q_lora_rank"]
    if (config.get("n_group") or 1) > 1:
        data |= {"expert_group_count": config["n_group"], "expert_group_used_count": config["topk_group"]}
    return data


def openelm(config):
    """Numbers by layer; the file has the widths themselves, not the factors that they come from."""
    unit = config["ffn_dim_divisor"]
    widths = [max(unit, int(factor * width(config) + unit / 2) // unit * unit) for factor in config["ffn_multipliers"]]
    widths = [w + unit if w < 0.9 * factor * width(config) else w for w, factor in zip(widths, config["ffn_multipliers"])]
    return {"feed_forward_length": widths, "attention.head_count": config["num_query_heads"], "attention.head_count_kv": config["num_kv_heads"], "rope.freq_base": float(config["rope_freq_constant"]),
            "attention.layer_norm_rms_epsilon": 1e-6}


KEYS = {
    "kv": lambda c: {"attention.head_count_kv": kv_heads(c)},
    "rms": lambda c: {"attention.layer_norm_rms_epsilon": get(c, "rms_norm_eps", "layer_norm_epsilon", "layernorm_epsilon")},
    "ln": lambda c: {"attention.layer_norm_epsilon": get(c, "layer_norm_epsilon", "layer_norm_eps", "norm_epsilon", "norm_eps") or 1e-12},
    "theta": lambda c: {"rope.freq_base": float(get(rope(c), "rope_theta") or get(c, "rotary_emb_base") or 10000.0)},
    "theta3": gemma_rotation,
    "dims": lambda c: {"rope.dimension_count": int(head_dim(c) * (get(rope(c), "partial_rotary_factor") or get(c, "rotary_pct", "rope_pct") or 1.0))},
    "half dims": lambda c: {"rope.dimension_count": head_dim(c) // 2},
    "head": lambda c: {"attention.key_length": head_dim(c), "attention.value_length": head_dim(c)},
    "own head": lambda c: KEYS["head"](c) if c.get("head_dim") else {},
    "vocab": lambda c: {"vocab_size": c["vocab_size"]},
    "side": lambda c: {"use_parallel_residual": c.get("use_parallel_residual", True)},
    "caps": lambda c: {"attn_logit_softcapping": c["attn_logit_softcapping"], "final_logit_softcapping": c["final_logit_softcapping"]},
    "scaling": scaling, "longrope": longrope, "gemma window": gemma_window, "experts": experts, "deepseek": deepseek, "openelm": openelm,
    "window": lambda c: {"attention.sliding_window": c["sliding_window"]} if c.get("sliding_window") else {},
    "expert ffn": lambda c: {"expert_feed_forward_length": get(c, "moe_intermediate_size", "intermediate_size")},
    "shared experts": lambda c: {"leading_dense_block_count": c["first_k_dense_replace"], "expert_shared_count": c["n_shared_experts"] or 0, "expert_weights_scale": 1.0},
    "modernbert": lambda c: {"attention.sliding_window": c["local_attention"], "rope.freq_base": float((c.get("rope_parameters") or {}).get("full_attention", {}).get("rope_theta") or c["global_rope_theta"]),
                             "rope.freq_base_swa": float((c.get("rope_parameters") or {}).get("sliding_attention", {}).get("rope_theta") or c["local_rope_theta"])},
    "grok": lambda c: {"logit_scale": c["output_multiplier_scale"], "embedding_scale": c["embedding_multiplier_scale"], "attention.output_scale": c["attn_output_multiplier"]},
    "llama4": lambda c: {"interleave_moe_layer_step": c["interleave_moe_layer_step"], "feed_forward_length": c["intermediate_size_mlp"]},
    "shared ffn": lambda c: {"expert_shared_feed_forward_length": c["shared_expert_intermediate_size"]},
    "bidirectional": lambda c: {"attention.causal": False},
    "clip": lambda c: {"attention.layer_norm_epsilon": 1e-5} | ({"attention.clamp_kqv": float(c["clip_qkv"])} if c.get("clip_qkv") else {}),
    "logit scale": lambda c: {"logit_scale": float(c["logit_scale"]), "rope.scaling.type": "none"},
    "one kv": lambda c: {"attention.head_count_kv": 1},
    "positions after padding": lambda c: {"context_length": c["max_position_embeddings"] - c["pad_token_id"] - 1},
    "t5 decoder": lambda c: {"decoder_block_count": c["num_decoder_layers"], "decoder_start_token_id": c["decoder_start_token_id"]},
    "t5": lambda c: {"attention.key_length": c["d_kv"], "attention.value_length": c["d_kv"],
                     "attention.layer_norm_epsilon": c["layer_norm_epsilon"], "attention.layer_norm_rms_epsilon": c["layer_norm_epsilon"],
                     "attention.relative_buckets_count": c["relative_attention_num_buckets"]},
}


class Family:
    def __init__(self, architecture, keys, change=None, names=None, results=None):
        self.architecture, self.keys, self.change, self.names = architecture, keys, change, names or {}
        self.results = results          # what a file of the architecture can give; None: everything


LLAMA = ("kv", "rms", "theta", "own head", "scaling")
FAMILIES = {
    "llama": Family("llama", (*LLAMA, "vocab", "dims"), pairs),
    "mistral": Family("llama", (*LLAMA, "vocab", "dims", "window"), pairs),
    "mixtral": Family("llama", (*LLAMA, "vocab", "dims", "experts", "window"), pairs),
    "deepseek": Family("deepseek", (*LLAMA, "vocab", "dims", "experts", "expert ffn", "shared experts"), pairs),
    **dict.fromkeys(("grok", "grok-1"), Family("grok", (*LLAMA, "experts", "grok"), names=GROK)),
    "qwen": Family("qwen", ("rms", "theta", "dims")),
    "llama4_text": Family("llama4", (*LLAMA, "vocab", "dims", "experts", "expert ffn", "llama4"), turned_experts, LLAMA4),
    "glm": Family("chatglm", ("kv", "rms", "theta", "dims")),
    "chatglm": Family("chatglm", ("kv", "rms", "theta", "half dims")),
    "glm4": Family("glm4", ("kv", "rms", "theta", "dims", "own head"), names={"post_self_attn_layernorm": "post_attention_norm", "post_mlp_layernorm": "post_ffw_norm"}),
    "qwen2": Family("qwen2", LLAMA),
    "qwen3": Family("qwen3", LLAMA),
    "qwen3_moe": Family("qwen3moe", (*LLAMA, "experts", "expert ffn")),
    "qwen2_moe": Family("qwen2moe", (*LLAMA, "experts", "expert ffn", "shared ffn")),
    "olmo": Family("olmo", ("kv", "theta", "clip"), pairs),
    "olmo2": Family("olmo2", LLAMA, names={"post_attention_layernorm": "post_attention_norm"}),
    "gemma": Family("gemma", ("kv", "rms", "head"), gemma),
    "gemma2": Family("gemma2", ("kv", "rms", "head", "caps", "gemma window"), gemma, {"post_attention_layernorm": "post_attention_norm"}),
    "gemma3_text": Family("gemma3", ("kv", "rms", "head", "theta3", "gemma window"), gemma, {"post_attention_layernorm": "post_attention_norm"}),
    "cohere": Family("command-r", ("kv", "ln", "theta", "own head", "logit scale")),
    "cohere2": Family("cohere2", ("kv", "ln", "theta", "own head", "vocab", "dims", "window", "logit scale")),
    "modernbert": Family("modern-bert", ("ln", "bidirectional", "modernbert"), names=MODERN, results=("rows",)),
    "phi": Family("phi2", ("kv", "ln", "dims")),
    "phi3": Family("phi3", ("kv", "rms", "theta", "dims", "longrope")),
    "starcoder2": Family("starcoder2", ("kv", "ln", "theta", "own head")),
    "stablelm": Family("stablelm", ("kv", "ln", "dims", "side")),
    "gpt_neox": Family("gptneox", ("ln", "dims", "side"), grouped),
    "falcon": Family("falcon", ("kv", "ln"), grouped),
    "bloom": Family("bloom", ("kv", "ln"), repeated_head),
    "gpt2": Family("gpt2", ("ln",), convolved),
    "gpt_bigcode": Family("starcoder", ("one kv", "ln")),
    "gpt_oss": Family("gpt-oss", (*LLAMA, "experts", "expert ffn", "window"), clamped_experts, {"post_attention_layernorm": "post_attention_norm"}),
    "deepseek_v2": Family("deepseek2", ("rms", "theta", "vocab", "scaling", "experts", "expert ffn", "deepseek"), latent),
    "deepseek_v3": Family("deepseek2", ("rms", "theta", "vocab", "scaling", "experts", "expert ffn", "deepseek"), latent),
    "openelm": Family("openelm", ("openelm", "head", "dims"), split_gates),
    "baichuan": Family("baichuan", ("kv", "rms", "dims", "scaling"), packed_pairs),
    "internlm2": Family("internlm2", ("kv", "rms", "theta", "scaling"), packed_pairs),
    "bert": Family("bert", ("ln", "bidirectional"), results=("rows",)),
    "distilbert": Family("bert", ("ln", "bidirectional"), results=("rows",)),
    **dict.fromkeys(("roberta", "xlm-roberta", "camembert"), Family("bert", ("ln", "bidirectional", "positions after padding"), after_padding, results=("rows",))),
    **dict.fromkeys(("t5", "mt5", "umt5"), Family("t5", ("t5", "t5 decoder"))),
    "T5EncoderModel": Family("t5encoder", ("t5",)),
}


def of(config):
    if config.get("model_type") not in FAMILIES:
        raise ValueError(f"gguf_arch.py has no entry for model_type {config.get('model_type')}")
    return FAMILIES.get((config.get("architectures") or [""])[0]) or FAMILIES[config["model_type"]]


def metadata(config):
    """The keys of a file without the architecture in front; ints become u32 and floats f32."""
    data = {
        "context_length": get(config, "max_position_embeddings", "n_positions", "max_sequence_length", "model_max_length", "max_context_length", "seq_length") or 512,
        "embedding_length": width(config),
        "block_count": get(config, "num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_transformer_layers"),
        "feed_forward_length": get(config, "intermediate_size", "n_inner", "ffn_hidden_size", "d_ff", "hidden_dim") or 4 * width(config),
        "attention.head_count": heads(config),
    }
    for group in of(config).keys:
        data |= KEYS[group](config)
    return data


def renamed(config, name):
    """The name of a tensor there; one that has none stays as it is behind its layer's number."""
    t5 = of(config).architecture.startswith("t5")
    name = re.sub(r"^(transformer|model|bert|roberta|distilbert|gpt_neox)\.", "", name)
    stem, kind = (name.rsplit(".", 1) + [""])[:2]
    kind = {"gamma": "weight", "beta": "bias"}.get(kind, kind)
    if kind not in ("weight", "bias"):
        stem, kind = name, ""
    side = re.match(r"encoder\.|decoder\.", stem) if t5 else None
    number = re.match(r"(?:encoder\.|decoder\.|transformer\.)?(?:layers|layer|decoder_layer|h|block)\.(\d+)\.(.+)", stem)
    if number:
        found = (of(config).names | {} if t5 else LAYER | of(config).names).get(number[2]) if not t5 else T5_LAYER.get(side[0] + number[2])
        return f"{side[0][:3] + '.' if t5 else ''}blk.{number[1]}.{found or number[2]}{'.' + kind if kind else ''}", bool(found)
    found = (T5_ROOT if t5 else ROOT).get(stem)
    return f"{found or stem}{'.' + kind if kind else ''}", bool(found)


def rope_tensors(config):
    """Factors that divide the frequencies, where the file holds them as tensors."""
    found, kind = rope(config), rope(config).get("rope_type") or rope(config).get("type")
    if kind in ("longrope", "su"):
        return {f"rope_factors_{length}.weight": vector(found[f"{length}_factor"]) for length in ("short", "long")}
    if kind != "llama3":
        return {}
    factor, low, high, original = (found[k] for k in ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"))
    factors, dim = [], head_dim(config)
    for i in range(0, dim, 2):
        length = 2 * math.pi * found["rope_theta"] ** (i / dim)
        smooth = (original / length - low) / (high - low)
        factors.append(1.0 if length < original / high else factor if length > original / low else 1 / ((1 - smooth) / factor + smooth))
    return {"rope_freqs.weight": vector(factors)}


def converted(config, tensors):
    """The tensors of the file."""
    family, out, lists = of(config), {}, {}
    for name, tensor in tensors.items():
        bare = re.sub(r"^(transformer|bert|roberta|distilbert|gpt_neox)\.(?!layer\.)", "", name)
        if DROPPED.search(bare) and not (config["model_type"] != "t5" and bare.endswith("lm_head.bias") and "bert" not in family.architecture):
            continue
        new, known = renamed(config, bare)
        layer, _, stem = new.partition(".")[2].partition(".")
        if expert := EXPERT.fullmatch(stem):
            lists.setdefault(f"blk.{layer}.{EXPERT_NAMES[expert[2]]}.weight", {})[int(expert[1])] = tensor
        elif norm := re.fullmatch(r"self_attn\.([qk])_layernorm\.norms\.(\d+)\.weight", stem):
            lists.setdefault(f"blk.{layer}.attn_{norm[1]}_norm.weight", {})[int(norm[2])] = tensor
        else:
            made = family.change(config, new, tensor) if family.change else {new: tensor}
            if not known and new in made and not re.fullmatch(r"blk\.\d+\.attn_sinks\.weight", new):
                raise ValueError(f"{family.architecture} has no GGUF name for {name}")
            out |= {key: part if len(part.shape) > 1 else widened(part) for key, part in made.items()}
    for name, parts in lists.items():
        out[name] = stacked([parts[i] for i in range(len(parts))])
    return out | rope_tensors(config)
