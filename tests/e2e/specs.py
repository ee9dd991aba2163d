#!/usr/bin/env python3
"""Compiles small specs for what no bundled family does: the fused code has the bits of the unfused, ops have the values
of Python's own arithmetic, and what would be computed wrong is refused with its line."""

import array
import json
import os
import re
import shutil
import struct

import bench as harness
import safetensors

IDS = "3,1,4,1,5"
FUSIONS = harness.FUSIONS


def write(bench, name, data):
    with open(bench.path(name), "wb" if isinstance(data, bytes) else "w") as file:
        file.write(data)
    return bench.path(name)


def build(bench, spec, name, *options):
    """The artifact of a spec with drawn weights."""
    write(bench, "spec.yaml", "sluice: 1\nfamily: small\n" + spec)
    write(bench, "config.json", "{}")
    bench.output("sluice-compile", "spec.yaml", "--checkpoint", "random:7", "--config", "config.json", "-o", name, *options)
    return bench.path(name)


def run(bench, model, *options):
    bench.output("sluice-run", model, "--ids", IDS, "--out", "out.safetensors", *options)
    return safetensors.load(bench.path("out.safetensors"))


LAYERS = """
weights:
  embed: {shape: [8, 64], hf: embed}
  root: {shape: [64, 64], bias: true, hf: root.*}
  layers:
    each: {i: 3}
    prefix: {hf: l.$i.}
    q: {shape: [64, 64], bias: true, hf: q.*}
    k: {shape: ["[32, 64, 32][$i]", 64], hf: k}
    v: {shape: [64, 64], bias: $i > 0, hf: v.*}
    o: {shape: [64, "64 + [32, 64, 32][$i]"], hf: o}
    gate: {shape: [96, 64], hf: gate}
    up: {shape: [96, 64], hf: up}
    down: {shape: [64, 96], hf: down}
blocks:
  q: {inputs: [h], returns: [y], nodes: [y: {linear: h, w: q}]}
  gate: {inputs: [h], returns: [y], nodes: [y: {linear: h, w: gate}]}
  layer:
    inputs: [x]
    returns: [x]
    nodes:
      - h: {rms_norm: x, eps: 1.0e-5}
"""
UNUSED = {"root": "root", "q": "q", "k": "k", "v": "v", "o": "o", "gate": "gate", "up": "up", "down": "down"}
ENTRY = """
entries:
  encode:
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
      - x: {repeat: layers, block: layer, x: x}
    outputs: {rows: x}
"""
# Siblings that one packed weight cannot hold, with the weights that they leave unused.
SIBLINGS = {
    "another layer first": (["q"], 'b: {block: q, in: "layers[2]", h: h}', "a: {block: q, h: h}", "x: {add: [x, a, b]}"),
    "keys of other shapes": (["q", "k", "o"], "a: {block: q, h: h}", "b: {linear: h, w: k}", "y: {concat: [a, b]}", "y: {linear: y, w: o}", "x: {add: [x, y]}"),
    "a bias in some layers": (["q", "v"], "a: {block: q, h: h}", "b: {linear: h, w: v}", "x: {add: [x, a, b]}"),
    "a gate of the first layer": (["gate", "up", "down"], 'g: {block: gate, in: "layers[0]", h: h}', "own: {block: gate, h: h}", "u: {linear: h, w: up}",
                                  "g: {act: g, fn: silu}", "u: {mul: [g, u]}", "u: {add: [u, own]}", "u: {linear: u, w: down}", "x: {add: [x, u]}"),
    "the first layer beside the own": (["q"], "a: {block: q, h: h}", 'b: {block: q, in: "layers[0]", h: h}', "x: {add: [x, a, b]}"),
    "a root weight beside layers": (["root", "q"], "a: {linear: h, w: root}", "b: {block: q, h: h}", "x: {add: [x, a, b]}"),
}


def siblings(bench):
    """Merged or not, products read their own layers."""
    for what, (used, *nodes) in SIBLINGS.items():
        lines = LAYERS.splitlines()
        drop = {f"{'  ' if name == 'root' else '    '}{name}: {{shape" for name in UNUSED if name not in used}
        drop |= {f"  {name}: {{inputs" for name in ("q", "gate") if not any(f"block: {name}," in node for node in nodes)}
        spec = "\n".join(line for line in lines if not any(line.startswith(start) for start in drop))
        spec += "".join(f"\n      - {node}" for node in nodes) + ENTRY
        fused, plain = build(bench, spec, "fused.slc"), build(bench, spec, "plain.slc", "--disable-pass", FUSIONS)
        a, b = run(bench, fused)["rows"], run(bench, plain)["rows"]
        bench.check(what, a.data == b.data and any(a.values()), str(safetensors.difference(a, b)))
    report = bench.run("sluice-compile", "spec.yaml", "--checkpoint", "random:7", "--config", "config.json", "--emit", "fused", "--fusion-report").stderr.decode()
    bench.check("the report says why", re.search(r"merge-siblings: not fused at spec.yaml:\d+:\d+ \(layer.a\): their weights are of different layers \(spec.yaml:\d+:\d+ ", report), report[:2000])


def heads(bench):
    """Norms of q for each head and of k for all at once."""
    spec = """
weights:
  embed: {shape: [8, 64], hf: embed}
  q: {shape: [64, 64], hf: q}
  k: {shape: [32, 64], hf: k}
  v: {shape: [32, 64], hf: v}
  qn: {shape: [4, 16], hf: qn}
  kn: {shape: [16], hf: kn}
state:
  kv: {cache: {v: [2, 16], k: [2, 16]}}
entries:
  generate:
    inputs: {ids: tokens, pos: positions}
    nodes:
      - f: {rope_freqs: 16, theta: 10000.0}
      - x: {embedding: ids, w: embed}
      - q: {linear: x, w: q}
      - q: {reshape: q, to: [4, 16]}
      - q: {rms_norm: q, w: qn, eps: 1.0e-5}
      - q: {rope: q, pos: pos, freqs: f, pairing: half}
      - k: {linear: x, w: k}
      - k: {reshape: k, to: [2, 16]}
      - k: {rms_norm: k, w: kn, eps: 1.0e-5}
      - k: {rope: k, pos: pos, freqs: f, pairing: half}
      - v: {linear: x, w: v}
      - v: {reshape: v, to: [2, 16]}
      - b: {alibi: 4}
      - kv: {append: kv, v: v, k: k}
      - a: {attention: q, kv: kv, scale: 0.25, bias: b, mask: [causal]}
      - logits: {reshape: a, to: [64]}
    outputs: {logits: logits}
"""
    fused, plain = build(bench, spec, "fused.slc"), build(bench, spec, "plain.slc", "--disable-pass", FUSIONS)
    a, b = run(bench, fused)["logits"], run(bench, plain)["logits"]
    bench.check("norms for each head and for all", a.data == b.data and any(a.values()), str(safetensors.difference(a, b)))
    other = build(bench, spec.replace("{v: [2, 16], k: [2, 16]}", "{k: [2, 16], v: [2, 16]}"), "other.slc")
    bench.check("the order of a cache's fields", run(bench, other)["logits"].data == a.data)
    compiling = ("sluice-compile", "spec.yaml", "--checkpoint", "random:7", "--config", "config.json", "-o", "x.slc")
    for what, old, new, message in [
        ("slopes of other heads", "alibi: 4", "alibi: 8", "spec.yaml:31:13: error: 'llm.attention' op expected a bias of 4 heads, as many as the queries have, found one of 8"),
        ("a mask that sees later tokens", "mask: [causal]", "mask: [all]", "spec.yaml:31:13: error: the mask must be causal"),
        ("a window of nothing", "mask: [causal]", "mask: [causal, {window: 0}]", "must be a positive int or none, found 0"),
    ]:
        write(bench, "spec.yaml", "sluice: 1\nfamily: small\n" + spec.replace(old, new))
        bench.refuse(what, message, *compiling)
    unwritten = spec.replace("kv: {append: kv, v: v, k: k}", "kv: {cached: kv}").replace("{logits: logits}", "{logits: logits, k: k, v: v}")
    write(bench, "spec.yaml", "sluice: 1\nfamily: small\n" + unwritten)
    bench.refuse("a cache read before it is written", "spec.yaml:30:14: error: state 'kv' must be appended to before it is read", *compiling)


def ops(bench):
    """Sums, and choices among a part of the columns."""
    spec = """
weights:
  embed: {shape: [8, 16], hf: embed}
entries:
  encode:
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
      - all: {sum: x}
      - h: {reshape: x, to: [4, 4]}
      - h: {sum: h}
      - groups: {reshape: h, to: [4]}
      - part: {slice: x, from: 5, size: 7}
      - at: {top_k: part, k: 3}
      - best: {pick: part, at: at}
      - share: {div: [x, all]}
    outputs: {x: x, all: all, groups: groups, best: best, share: share}
"""
    for name, options in ("fused.slc", []), ("plain.slc", ["--disable-pass", FUSIONS]):
        found = run(bench, build(bench, spec, name, *options))
        rows = [list(found["x"].values()[i : i + 16]) for i in range(0, 16 * 5, 16)]
        for output, of in {
            "all": lambda x: [sum(x)],
            "groups": lambda x: [sum(x[i : i + 4]) for i in range(0, 16, 4)],
            "best": lambda x: sorted(x[5:12], reverse=True)[:3],
            "share": lambda x: [value / sum(x) for value in x],
        }.items():
            expected = [value for x in rows for value in of(x)]
            worst = max(abs(a - e) / (1 + abs(e)) for a, e in zip(found[output].values(), expected))
            bench.check(f"{output} of {name}", len(expected) == len(found[output].values()) and worst < 1e-5, f"off by {worst}")


def convolutions(bench):
    """Causal convolutions against PyTorch; any chunks, threads and batches have the same bits."""
    case = os.path.join(bench.reference, "conv")
    spec = """sluice: 1
family: small
weights:
  embed: {shape: [16, 37], hf: embed.weight}
  first: {shape: [37, 4], bias: true, hf: {name: first.*, apply: [{reshape: [37, 4]}]}}
  second: {shape: [37, 2], hf: {name: second.weight, apply: [{reshape: [37, 2]}]}}
state:
  first_tail: {fixed: [3, 37]}
  second_tail: {fixed: [1, 37]}
entries:
  generate:
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
      - h: {causal_conv: x, w: first, state: first_tail, fn: silu}
      - y: {causal_conv: h, w: second, state: second_tail}
    outputs: {logits: y}
"""
    write(bench, "spec.yaml", spec)
    os.makedirs(bench.path("conv"))
    shutil.copy(os.path.join(case, "weights.safetensors"), bench.path("conv", "model.safetensors"))
    write(bench, os.path.join("conv", "config.json"), "{}")
    compiling = ("sluice-compile", "spec.yaml", "--checkpoint", "conv", "-o", "conv.slc")
    bench.output(*compiling)
    io = safetensors.load(os.path.join(case, "io.safetensors"))
    ids = {name: ",".join(map(str, io["input_ids" + name].values())) for name in ("", ".1", ".2")}

    def logits(options, *names):
        sequences = [option for name in names for option in ("--ids", ids[name])]
        bench.output("sluice-run", "conv.slc", "--out", "out.safetensors", "--share-all", *sequences, *options)
        found = safetensors.load(bench.path("out.safetensors"))
        return [found["logits" if len(names) == 1 else f"logits.{i}"] for i in range(len(names))]

    alone = {name: logits([], name)[0] for name in ids}
    for name, found in alone.items():
        worst, scaled = safetensors.difference(io["rows" + name], found)
        bench.check(f"convolutions{name} as PyTorch has them", scaled < 1e-5, f"off by {worst}")
    for options in ["--chunk", "1"], ["--chunk", "2"], ["--chunk", "5"], ["--threads", "1"]:
        bench.check(f"convolutions with {options}", logits(options, "")[0].data == alone[""].data)
        batch = logits(options, *ids)
        bench.check(f"convolutions in a batch with {options}", all(one.data == alone[name].data for one, name in zip(batch, ids)))
    # Every target has the same bits.
    bench.output(*compiling, "--target", "x86-64-v3")
    bench.check("convolutions of x86-64-v3", logits([], "")[0].data == alone[""].data)
    # A sequence goes on in another process where it was left.
    first, rest = ids[""].split(",")[:9], ids[""].split(",")[9:]
    bench.output("sluice-run", "conv.slc", "--ids", ",".join(first), "--out", "out.safetensors", "--save-state", "conv.state")
    bench.output("sluice-run", "conv.slc", "--ids", ",".join(rest), "--out", "out.safetensors", "--load-state", "conv.state")
    found = safetensors.load(bench.path("out.safetensors"))["logits"].data
    bench.check("convolutions that were saved", found == alone[""].data[-len(found) :] and len(found) == 4 * 37 * len(rest))
    for what, old, new, message in [
        ("a tail of another width", "fixed: [1, 37]", "fixed: [2, 37]", "spec.yaml:16:13: error: 'llm.causal_conv' op expected '@second_tail' to be of shape [1, 37]"),
        ("a cache as a tail", "{fixed: [1, 37]}", "{cache: {k: [1, 37], v: [1, 37]}}", "to be a fixed state, found a cache"),
        ("a state used twice", "state: second_tail", "state: first_tail", "state 'first_tail' is written twice"),
        ("a start that is no number", "{fixed: [1, 37]}", "{fixed: [1, 37], init: w.embed}", "spec.yaml:9:39: error: the state has the shape [1, 37], the weight that it begins with has [16, 37]"),
    ]:
        write(bench, "spec.yaml", spec.replace(old, new))
        bench.refuse(what, message, *compiling)
    # What stands in front of the first token is the state's first value.
    write(bench, "spec.yaml", spec.replace("{fixed: [1, 37]}", "{fixed: [1, 37], init: 1}"))
    bench.output(*compiling)
    started = logits([], ".1")[0].values()
    weight = safetensors.load(os.path.join(case, "weights.safetensors"))["second.weight"].values()
    worst = max(abs(a - b - weight[2 * i]) for i, (a, b) in enumerate(zip(started, alone[".1"].values())))
    bench.check("a convolution that starts from ones", worst < 1e-5, f"off by {worst}")


def checkpoint(bench, tensors):
    """A Hugging Face folder with f32 tensors of one axis."""
    os.makedirs(bench.path("checkpoint"), exist_ok=True)
    header, data = {}, b""
    for name, values in tensors.items():
        bytes = array.array("f", values).tobytes()
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(bytes)]}
        data += bytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    write(bench, os.path.join("checkpoint", "model.safetensors"), struct.pack("<Q", len(text)) + text + data)
    write(bench, os.path.join("checkpoint", "config.json"), "{}")


def stacks(bench):
    """Vectors stacked to a table: a row is a vector."""
    vectors = {f"v{i}": [i + j / 16 for j in range(16)] for i in range(8)}
    checkpoint(bench, vectors)
    write(bench, "spec.yaml", """sluice: 1
family: small
weights:
  embed: {shape: [8, 16], hf: {stack: v$e, each: {e: 8}}}
entries:
  encode:
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
    outputs: {rows: x}
""")
    bench.output("sluice-compile", "spec.yaml", "--checkpoint", "checkpoint", "-o", "stack.slc")
    expected = [value for i in IDS.split(",") for value in vectors["v" + i]]
    bench.check("a stack of vectors", list(run(bench, bench.path("stack.slc"))["rows"].values()) == expected)


def xielu(bench):
    """An activation with learnt parameters, as transformers computes it."""
    with open(os.path.join(bench.reference, "xielu.json"), encoding="utf-8") as file:
        case = json.load(file)
    vectors = {f"v{i}": row for i, row in enumerate(case["x"])}
    checkpoint(bench, vectors | {"alpha_p": case["alpha_p"], "alpha_n": case["alpha_n"]})
    write(bench, "spec.yaml", f"""sluice: 1
family: small
weights:
  embed: {{shape: [8, 20], hf: {{stack: v$e, each: {{e: 8}}}}}}
  alpha_p: {{shape: [1], hf: alpha_p}}
  alpha_n: {{shape: [1], hf: alpha_n}}
entries:
  encode:
    inputs: {{ids: tokens}}
    nodes:
      - x: {{embedding: ids, w: embed}}
      - p: {{act: w.alpha_p, fn: softplus}}
      - n: {{act: w.alpha_n, fn: softplus}}
      - n: {{add: [n, {case["beta"]}]}}
      - y: {{xielu: x, alpha_p: p, alpha_n: n, beta: {case["beta"]}, eps: {case["eps"]}}}
      - z: {{mul: [y, 2]}}
    outputs: {{y: y, z: z}}
""")
    for name, options in ("fused.slc", []), ("plain.slc", ["--disable-pass", FUSIONS]):
        bench.output("sluice-compile", "spec.yaml", "--checkpoint", "checkpoint", "-o", name, *options)
        bench.output("sluice-run", name, "--ids", "0,1,2,3,4,5,6,7", "--out", "out.safetensors")
        found = safetensors.load(bench.path("out.safetensors"))
        expected = [value for row in case["y"] for value in row]
        worst = max(abs(a - e) / (1 + abs(e)) for a, e in zip(found["y"].values(), expected))
        bench.check(f"xielu of {name}", worst < 1e-6, f"off by {worst}")
        bench.check(f"twice xielu of {name}", list(found["z"].values()) == [2 * y for y in found["y"].values()])


def resolved(bench):
    """A resolved spec keeps groups that nothing is left of, and binds to the same model."""
    spec = """
weights:
  embed: {shape: [8, 16], hf: embed}
  steps: {each: {i: 3}}
blocks:
  twice: {inputs: [x], returns: [x], nodes: [x: {add: [x, x]}]}
entries:
  encode:
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
      - x: {repeat: steps, block: twice, x: x}
    outputs: {rows: x}
"""
    first = run(bench, build(bench, spec, "first.slc"))["rows"].data
    options = ("--checkpoint", "random:7", "--config", "config.json")
    write(bench, "again.yaml", bench.output("sluice-compile", "spec.yaml", *options, "--emit", "spec"))
    bench.output("sluice-compile", "again.yaml", *options, "-o", "again.slc")
    bench.check("a resolved spec with an empty group", run(bench, bench.path("again.slc"))["rows"].data == first)


harness.main(__doc__.splitlines()[0], siblings, heads, ops, convolutions, xielu, stacks, resolved)
