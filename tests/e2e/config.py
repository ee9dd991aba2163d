#!/usr/bin/env python3
"""Compiles checkpoints whose config.json says the same in other words, or more than its family's spec reads.

The right values are transformers' own (tests/reference/spellings.json). A key that may change what a model computes is
an error at its place in the file; one that changes nothing is passed over without a word.
"""

import json
import os
import shutil

import bench as harness
import safetensors

TOLERANCE = 1e-3

# One key of consequence each; all would compile to something wrong if they were passed over.
CONSEQUENCES = [
    ("llama/gqa", "clip_qkv", 1.5),
    ("llama/gqa", "embedding_multiplier", 12.0),
    ("llama/gqa", "attention_multiplier", 0.015),
    ("llama/gqa", "residual_multiplier", 0.22),
    ("llama/gqa", "logits_scaling", 8.0),
    ("llama/gqa", "attn_logit_softcapping", 50.0),
    ("llama/gqa", "partial_rotary_factor", 0.5),
    ("llama/gqa", "sliding_window", 8),
    ("llama/gqa", "use_qk_norm", True),
    ("llama/gqa", "no_rope_layers", [1, 0]),
    ("llama/gqa", "pruned_heads", {"0": [1]}),
    ("llama/gqa", "quantization_config", {"quant_method": "awq", "bits": 4}),
    ("llama/gqa", "text_config", {"hidden_size": 48}),
    ("llama/gqa", "per_layer_config", {"0": {"num_attention_heads": 2}}),
    ("llama/gqa", "is_decoder", True),
    ("llama/gqa", "num_key_value_head", 1),
    ("llama/llama3-rope", "rope_scaling.extra_factor", [1.0]),
    ("llama/llama3-rope", "rope_scaling.mrope_section", [2, 3, 3]),
    ("llama/llama3-rope", "rope_scaling", [{"rope_type": "llama3", "factor": 4.0}]),
    ("mixtral/two-of-four", "norm_topk_prob", False),
    ("mixtral/two-of-four", "attention_bias", True),
    ("mixtral/two-of-four", "n_shared_experts", 1),
    ("qwen2/tied", "use_mrope", True),
    ("olmo2/gqa", "clip_qkv", 8.0),
    ("olmo2/gqa", "alibi", True),
    ("gpt2/odd", "rotary_dim", 4),
    ("gpt2/odd", "scale_embedding", True),
    ("bert/bare", "embedding_size", 16),
    ("bert/bare", "use_rms_norm", True),
    ("t5/relu-tied", "scale_emb", 2.0),
    ("t5/relu-tied", "logit_scale", 0.5),
]

# Keys of files as people have them, which no model's mathematics reads.
WITHOUT_EFFECT = {
    "_name_or_path": "x/y", "auto_map": {"AutoConfig": "a.B"}, "transformers_version": "4.31.0", "torch_dtype": "bfloat16",
    "quantization_config": None, "clip_qkv": None, "pruned_heads": {}, "unsloth_fixed": True, "attention_dropout": 0.1,
    "resid_pdrop": 0.1, "initializer_range": 0.02, "use_cache": False, "max_length": 20, "temperature": 0.7, "top_k": 50,
    "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, "task_specific_params": {"a": {"num_beams": 4}},
    "is_decoder": False, "add_cross_attention": False, "output_attentions": False, "pretraining_tp": 1, "bos_token_id": 1,
    "_attn_implementation_autoset": True, "chunk_size_feed_forward": 0, "tokenizer_class": "X", "problem_type": None,
    "gradient_checkpointing": False, "transformers.js_config": {"dtype": "q4"},
}


class Folder:
    """A copy of a reference case whose config.json is written anew."""

    def __init__(self, bench, case):
        self.bench, self.path = bench, bench.path("case")
        shutil.copytree(bench.case(case), self.path, ignore=shutil.ignore_patterns("io.safetensors"))
        with open(os.path.join(self.path, "config.json")) as file:
            self.base = json.load(file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, config, name="config.json"):
        """The text; every key has a line of its own."""
        text = json.dumps(config, indent=1)
        with open(os.path.join(self.path, name), "w") as file:
            file.write(text)
        return text

    def compiling(self, *options):
        return ["sluice-compile", "-q", "-c", self.path, "--models", self.bench.models, *options]


def place(text, key):
    """ "line:column" of the last part of a dotted key."""
    name = f'"{key.rpartition(".")[2]}":'
    lines = text.splitlines()
    line = next(i for i, content in enumerate(lines) if content.strip().startswith(name))
    return f"{line + 1}:{lines[line].index(name) + 1}"


def spellings(bench):
    with open(os.path.join(bench.reference, "spellings.json")) as file:
        rows = json.load(file)
    ids = ",".join(str(i * 7 % 64) for i in range(80))
    computed = {}  # the last logits of each model: many rows say the same
    with Folder(bench, "llama/llama3-rope") as folder:
        folder.base.pop("rope_scaling")
        for row in rows:
            changed = folder.base | row["set"]
            folder.write({key: value for key, value in changed.items() if key not in row["drop"]})
            done = bench.run(*folder.compiling("--emit=model"))
            if row["logits"] is None:
                bench.check(row["name"], done.returncode == 1 and b"error: " in done.stderr, "transformers refuses it")
                continue
            if not bench.check(row["name"], done.returncode == 0, done.stderr.decode()):
                continue
            if done.stdout not in computed:
                bench.output(*folder.compiling("-o", "model.slc"))
                bench.output("sluice-run", "model.slc", "--ids", ids, "--out", "out.safetensors")
                computed[done.stdout] = safetensors.load(bench.path("out.safetensors"))["logits"].values()[-64:]
                os.remove(bench.path("model.slc"))
            worst = max(abs(a - b) for a, b in zip(computed[done.stdout], row["logits"]))
            bench.check(row["name"], worst < TOLERANCE, f"off by {worst:.3g}")


def consequences(bench):
    for case, key, value in CONSEQUENCES:
        with Folder(bench, case) as folder:
            outer, _, inner = key.rpartition(".")
            config = folder.base
            (config[outer] if outer else config)[inner] = value
            text = folder.write(config)
            what = f"{case} with {key}"
            bench.refuse(what, f"config.json:{place(text, key)}: error: '{key}' is ", *folder.compiling("-o", "model.slc"))
            passed = bench.run(*folder.compiling("--emit=spec", "--allow-unknown-config", key))
            bench.check(f"{what}, passed over", passed.returncode == 0, passed.stderr.decode())
            bench.check(f"{what}, shown", f"nothing reads: {key}\n" in passed.stdout.decode(), passed.stdout.decode()[:300])


def silence(bench):
    """Every reference case, and a config full of what has no effect, compile without a word."""
    for family in sorted(os.listdir(bench.models)):
        family = family.removesuffix(".yaml")
        for case in sorted(os.listdir(bench.case(family))) if os.path.isdir(bench.case(family)) else []:
            if not os.path.exists(bench.case(os.path.join(family, case, "config.json"))):
                continue
            with Folder(bench, f"{family}/{case}") as folder:
                for what, more in ("", {}), (" and keys without effect", WITHOUT_EFFECT):
                    folder.write(more | folder.base)
                    done = bench.run(*folder.compiling("--emit=spec"))
                    told = done.stderr.decode() + done.stdout.decode().partition("\nconfig:")[0]
                    silent = done.returncode == 0 and not done.stderr and b"nothing reads" not in done.stdout
                    bench.check(f"{family}/{case}{what}", silent, told[:500])
    with Folder(bench, "llama/gqa") as folder:
        text = folder.write(folder.base | {"foo": {"bar": [1]}})
        done = bench.run(*folder.compiling("--emit=spec"))
        bench.check("a key of nobody", done.returncode == 0 and f"config.json:{place(text, 'foo')}: warning: 'foo' is " in done.stderr.decode(), done.stderr.decode())
        done = bench.run(*folder.compiling("--emit=spec", "--allow-unknown-config", "fooo"))
        bench.check("a key that is not there", "no unread key of the config is called 'fooo'" in done.stderr.decode(), done.stderr.decode())


def leaves(config, prefix=""):
    """Dotted keys with their values; what is null or empty says nothing."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        elif value not in (None, [], ""):
            yield prefix + key, value


def altered(config, key, value):
    """A copy with another value at a dotted key."""
    copy = json.loads(json.dumps(config))
    *outer, last = key.split(".")
    place = copy
    for part in outer:
        place = place[part]
    place[last] = value
    return copy


def keys(bench):
    """Every key of every reference config: another value changes what is compiled, or is refused by name, or the key is declared
    inert, which a key that a parameter reads is not."""
    seen = set()
    for family in sorted(os.listdir(bench.models)):
        family = family.removesuffix(".yaml")
        for case in sorted(os.listdir(bench.case(family))) if os.path.isdir(bench.case(family)) else []:
            if not os.path.exists(bench.case(os.path.join(family, case, "config.json"))):
                continue
            with Folder(bench, f"{family}/{case}") as folder:
                plain = None
                for key, value in leaves(folder.base):
                    if (family, key) in seen or key in ("architectures", "model_type"):
                        continue
                    seen.add((family, key))
                    plain = plain or bench.output(*folder.compiling("--emit=spec"))
                    folder.write(altered(folder.base, key, not value if isinstance(value, bool) else "nonsense"))
                    done = bench.run(*folder.compiling("--emit=spec"))
                    read = any(line.rstrip().endswith(f"# config.json: {key}") for line in plain.splitlines())
                    told, spec, what = done.stderr.decode(), done.stdout.decode(), f"{family}/{case}: {key}"
                    if done.returncode:  # flags that are read may be refused by the tensors
                        bench.check(what, read or key.rpartition(".")[2] in told, told[:300])
                    elif spec == plain:
                        bench.check(what, not read and not told, f"read, but another value changes nothing {told[:300]}")
                    else:
                        bench.check(what, read and not told, told[:300])
                    folder.write(folder.base)


def values(bench):
    """What a key says is refused at its place: a number no model has, or a word the spec does not know."""
    for case, key, value, message in [
        ("llama/gqa", "num_hidden_layers", 65536, "expected a number from 1 to 1024"),
        ("llama/gqa", "head_dim", 1 << 31, "expected a number from 1 to 8192"),
        ("llama/gqa", "hidden_size", -48, "expected a number from 1 to "),
        ("llama/gqa", "hidden_size", "wide", "must be int, found 'wide'"),
        ("llama/gqa", "hidden_act", "quick_gelu", "which this spec does not support"),
        ("llama/gqa", "rms_norm_eps", float("inf"), "must be float, found 'Infinity'"),
        ("t5/relu-tied", "relative_attention_max_distance", 67108864, "expected a number from 2 to 65536"),
        ("t5/relu-tied", "relative_attention_num_buckets", 1, "expected a number from 4 to 1024"),
        ("gpt2/odd", "n_layer", 0, "expected a number from 1 to 1024"),
    ]:
        with Folder(bench, case) as folder:
            text = folder.write(folder.base | {key: value})
            where = f"config.json:{place(text, key)}: error: config.json: {key} "
            bench.refuse(f"{key} {value}", where, *folder.compiling("-o", "model.slc"))
            bench.refuse(f"{key} {value}", message, *folder.compiling("-o", "model.slc"))


def together(bench):
    """What each key may say, but not beside the others or the tensors."""
    for case, keys, message in [
        ("rnn_lm/lstm-tied", {"bidirectional": True}, "a bidirectional network reads what it has to predict"),
        ("rnn_lm/lstm-tied", {"proj_size": 8}, "an LSTM whose h is projected (proj_size) is not supported"),
        ("rnn_lm/lstm-tied", {"nonlinearity": "relu"}, "nonlinearity is for a plain RNN, and the config names another cell"),
        ("rnn_lm/lstm-tied", {"model_type": "gru"}, "the matrices of the layers are not as high as this cell's"),
        ("rnn_lm/gru", {"rnn_type": "LSTM"}, "model_type and rnn_type name different cells"),
        ("rnn_lm/relu-named", {"nonlinearity": None}, "the config does not say which cell"),
        ("mistral/seeing", {"text_config": {"model_type": "ministral3"}}, "config.json: text_config.model_type is 'ministral3', which this spec does not support"),
        ("gemma3_text/seeing", {"hidden_size": 64}, "'hidden_size' is 64, which this spec does not read"),
    ]:
        with Folder(bench, case) as folder:
            folder.write(folder.base | keys)
            bench.refuse(f"{case} with {keys}", message, *folder.compiling("-o", "model.slc"))


def generation(bench):
    """generation_config.json is accounted for as well, and says where a decoder starts."""
    with Folder(bench, "t5/relu-tied") as folder:
        text = folder.write({"decoder_start_token_id": 3, "num_beams": 4, "do_sample": True}, "generation_config.json")
        done = bench.run(*folder.compiling("--emit=spec"))
        told = done.stderr.decode()
        bench.check("the decoder's start", "start: 3 " in done.stdout.decode(), told)
        warning = f"generation_config.json:{place(text, 'num_beams')}: warning: 'generation_config.json:num_beams' is 4"
        bench.check("beams", warning in told and "do_sample" not in told, told)


def sentence(bench):
    """Ways of pooling that no spec knows are refused, whatever else is said beside them."""
    with Folder(bench, "bert/sentence-mean") as folder:
        def read(name):
            with open(os.path.join(folder.path, name)) as file:
                return json.load(file)

        pooling, modules = read("1_Pooling/config.json"), read("modules.json")
        for way in "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken":
            key = "pooling_mode_" + way
            text = folder.write(pooling | {key: True}, "1_Pooling/config.json")
            bench.refuse(key, f"1_Pooling/config.json:{place(text, key)}: error: ", *folder.compiling("-o", "model.slc"))
        folder.write(pooling, "1_Pooling/config.json")
        modules[1]["path"] = "2_Pooling"
        folder.write(modules, "modules.json")
        bench.refuse("another folder", "modules.json:1.path is '2_Pooling', which this spec does not support", *folder.compiling("-o", "model.slc"))
        modules[1] |= {"path": "1_Pooling", "foo": 1}
        folder.write(modules, "modules.json")
        bench.refuse("another key", "error: 'modules.json:1.foo' is 1, which this spec does not read", *folder.compiling("-o", "model.slc"))


harness.main(__doc__, spellings, consequences, silence, keys, values, together, generation, sentence)
