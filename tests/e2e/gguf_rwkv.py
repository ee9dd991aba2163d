"""What llama.cpp's converter makes of an RWKV 6 or 7, whose files have no config: everything is told by the tensors."""

import array

from gguf_arch import stacked, transposed
from safetensors import Tensor

RESCALED = 3  # layers after which the rows of version 6 are halved; what adds to them then is stored so
EPS = 1e-5

NAMES = {
    "receptance.weight": "receptance.weight", "key.weight": "key.weight", "value.weight": "value.weight", "output.weight": "output.weight",
    "gate.weight": "gate.weight", "ln_x.weight": "ln.weight", "ln_x.bias": "ln.bias",
}
SIX = {"time_maa_x": "lerp_x", "time_maa_w1": "w1", "time_maa_w2": "w2", "time_faaaa": "first", "time_decay": "decay", "time_decay_w1": "decay_w1",
       "time_decay_w2": "decay_w2"}
SHARES = {"rwkv6": [f"att.time_maa_{letter}" for letter in "wkvrg"], "rwkv7": [f"att.x_{letter}" for letter in "rwkvag"]}
ROOT = {"emb.weight": "token_embd.weight", "head.weight": "output.weight", "ln_out.weight": "output_norm.weight", "ln_out.bias": "output_norm.bias"}
NORMS = {"ln1": "attn_norm", "ln2": "attn_norm_2"}


def architecture(tensors):
    return "rwkv6" if "blocks.0.att.time_maa_x" in tensors else "rwkv7"


def metadata(tensors):
    """The keys behind the architecture's name."""
    depth = sum(name.endswith(".ln1.weight") for name in tensors)
    axis = lambda name, at: tensors["blocks." + name].shape[at]
    six = architecture(tensors) == "rwkv6"
    common = {"context_length": 1048576, "embedding_length": tensors["emb.weight"].shape[1], "block_count": depth, "attention.head_count": 0,
              "attention.layer_norm_epsilon": EPS, "feed_forward_length": axis("0.ffn.key.weight", 0), "wkv.head_size": axis("0.att.time_faaaa" if six else "0.att.r_k", 1)}
    if six:
        return common | {"rescale_every_n_layers": RESCALED, "time_mix_extra_dim": axis("0.att.time_maa_w1", 1) // 5, "time_decay_extra_dim": axis("0.att.time_decay_w1", 1)}
    ranks = {"decay": axis("0.att.w1", 1), "iclr": axis("0.att.a1", 1), "value_residual_mix": axis("1.att.v1", 1), "gate": axis("0.att.g1", 1)}
    return common | {f"attention.{name}_lora_rank": rank for name, rank in ranks.items()}


def squeezed(tensor):
    return Tensor(tensor.dtype, [size for size in tensor.shape if size > 1], tensor.data)


def divided(tensor, by):
    return Tensor(tensor.dtype, tensor.shape, array.array("f", (value / by for value in tensor.values())).tobytes())


def of_layer(six, layer, name, tensor):
    """The tensors that one of a layer becomes: their names behind `blk.N.` and numbers."""
    part, _, inner = name.partition(".")
    if part in NORMS:
        return {f"{NORMS[part]}.{inner}": tensor}
    if part == "ffn":
        short = {"time_maa_k": "lerp_k.weight", "time_maa_r": "lerp_r.weight", "x_k": "lerp_k.weight"}.get(inner, inner)
        scaled = six and inner == "value.weight"
        return {"channel_mix_" + short: divided(tensor, 2 ** (layer // RESCALED)) if scaled else squeezed(tensor)}
    if inner in NAMES:
        scaled = six and inner == "output.weight"
        return {"time_mix_" + NAMES[inner]: divided(tensor, 2 ** (layer // RESCALED)) if scaled else tensor}
    if not six and layer == 0 and inner in ("v0", "v1", "v2"):
        return {}
    new = "time_mix_" + SIX.get(inner, inner) + ".weight"
    if inner in ("time_maa_w1", "time_maa_w2", "time_decay_w1", "time_decay_w2") or not six and inner[1:] in ("1", "2"):
        tensor = transposed(tensor)
    elif inner == "r_k":
        tensor = Tensor(tensor.dtype, [tensor.shape[0] * tensor.shape[1]], tensor.data)
    elif inner != "time_faaaa":
        tensor = squeezed(tensor)
    # The first layer of version 7 has values' weights that nothing reads.
    unread = {new.replace("mix_a", "mix_v"): tensor} if not six and layer == 0 and inner in ("a0", "a1", "a2") else {}
    return {new: tensor} | unread


def converted(tensors):
    kind, out = architecture(tensors), {}
    for name, tensor in tensors.items():
        if name in ROOT:
            out[ROOT[name]] = tensor
        elif name.startswith("blocks.0.ln0."):
            out[name.replace("blocks.0.ln0", "token_embd_norm")] = tensor
        else:
            layer, _, inner = name.removeprefix("blocks.").partition(".")
            if inner == SHARES[kind][0]:
                shares = [squeezed(tensors[f"blocks.{layer}.{share}"]) for share in SHARES[kind]]
                all = stacked(shares)
                out[f"blk.{layer}.time_mix_lerp_fused.weight"] = Tensor(all.dtype, [len(shares), 1, 1, all.shape[1]], all.data)
            elif inner not in SHARES[kind]:
                out |= {f"blk.{layer}.{new}": made for new, made in of_layer(kind == "rwkv6", int(layer), inner, tensor).items()}
    return out
