"""The words of the spec language and the values of their attributes, each in a few nodes: what words.py compiles and compares.

A case makes `y` from the entry's ids, positions (pos), token types (types) and x, the rows of a table of 37 columns.
"""

from dataclasses import dataclass, field, replace


@dataclass
class Weight:
    shape: list
    values: object = None  # a function of the index and the random number of an element; by default that number
    bias: bool = False  # has one
    extra: str = ""  # further keys of the leaf
    type: str = "F32"


@dataclass
class Case:
    name: str
    nodes: str
    weights: dict = field(default_factory=dict)
    state: str = ""  # leaves of a group of the case's name
    kind: str = "encode"
    refused: str = ""  # what the compiler says instead of compiling it, at a line that has
    refused_at: str = ""  # this
    imported: bool = True  # refused before there is a module
    tolerance: float = 2e-5
    blocks: str = ""  # of the case's own


def positive(_, value):
    return abs(value) + 0.1


def small(_, value):
    return 0.1 * value


WIDTH = 37


def elementwise():
    for word in "add", "sub", "mul", "div", "min", "max":
        yield Case(f"{word}_rows", f"- z: {{act: x, fn: sigmoid}}\n- y: {{{word}: [x, z]}}")
        yield Case(f"{word}_weight", f"- y: {{{word}: [x, w.w]}}", {"w": Weight([WIDTH], positive)})
        yield Case(f"{word}_number", f"- y: {{{word}: [0.75, x, 1.5]}}")
    yield Case("add_heads", "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- y: {add: [h, w.w, w.v]}", {"w": Weight([3, 1]), "v": Weight([12])})
    yield Case("mul_by_sum", "- s: {sum: x}\n- y: {mul: [x, s]}")
    for fn in "silu", "gelu_erf", "gelu_tanh", "relu", "relu2", "sigmoid", "tanh", "softplus", "exp", "floor", "sin", "cos":
        yield Case(f"act_{fn}", f"- z: {{mul: [x, 3.0]}}\n- y: {{act: z, fn: {fn}}}")
    yield Case("act_swish", "- y: {act: x, fn: swish, beta: 1.702}")
    for fn in "log", "log1p", "sqrt":
        yield Case(f"act_{fn}", f"- z: {{act: x, fn: softplus}}\n- y: {{act: z, fn: {fn}}}")
    yield Case("act_alone", "- y: {act: x, fn: silu}")
    yield Case("lerp", "- z: {act: x, fn: tanh}\n- y: {lerp: [x, z], by: w.w}", {"w": Weight([WIDTH], positive)})
    yield Case("lerp_number", "- y: {lerp: [x, 2.0], by: 0.25}")
    yield Case("select", "- z: {mul: [x, 2.0]}\n- y: {select: [x, z], by: w.w}", {"w": Weight([WIDTH], lambda i, _: i % 3 == 1)})
    yield Case("clamp_low", "- y: {clamp: x, low: -0.5}")
    yield Case("clamp_high", "- y: {clamp: x, high: 0.25}")
    yield Case("clamp_both", "- y: {clamp: x, low: -0.5, high: 0.25}")
    yield Case("softcap", "- y: {softcap: x, limit: 0.7}")
    for columns in 1, WIDTH:
        alphas = {"p": Weight([columns], positive), "n": Weight([columns], positive)}
        yield Case(f"xielu_{columns}", "- z: {mul: [x, 3.0]}\n- y: {xielu: z, alpha_p: w.p, alpha_n: w.n, beta: 0.5, eps: -0.125}", alphas)
    yield Case("round_f16", "- y: {round: x, to: f16}")
    yield Case("round_bf16", "- y: {round: x, to: bf16}")
    yield Case("identity", "- z: {act: x, fn: exp}\n- z: {identity: z}\n- y: {add: [z, x]}")
    # Chains that become one map.
    yield Case("chain", "- z: {act: x, fn: relu2}\n- z: {clamp: z, high: 2.0}\n- z: {lerp: [z, x], by: 0.5}\n- y: {round: z, to: f16}")


def shapes():
    yield Case("softmax", "- y: {softmax: x}")
    yield Case("softmax_heads", "- h: {slice: x, from: 0, size: 33}\n- h: {reshape: h, to: [3, 11]}\n- y: {softmax: h}")
    yield Case("log_softmax", "- y: {log_softmax: x}")
    yield Case("log_softmax_heads", "- h: {slice: x, from: 0, size: 33}\n- h: {reshape: h, to: [3, 11]}\n- h: {mul: [h, 90.0]}\n- y: {log_softmax: h}", tolerance=1e-4)
    yield Case("sum", "- y: {sum: x}")
    yield Case("sum_heads", "- h: {slice: x, from: 4, size: 33}\n- h: {reshape: h, to: [3, 11]}\n- y: {sum: h}")
    yield Case("reshape", "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [4, 9]}\n- h: {reshape: h, to: [2, 2, 9]}\n- y: {act: h, fn: exp}")
    yield Case("slice_first", "- y: {slice: x, from: 0, size: 5}")
    yield Case("slice_inner", "- z: {slice: x, from: 7, size: 17}\n- y: {act: z, fn: exp}")
    yield Case("slice_last", "- z: {slice: x, from: 36, size: 1}\n- y: {add: [z, 1.0]}")
    yield Case("split", "- a, _, b: {split: x, sizes: [1, 17, 19]}\n- y: {add: [a, b]}")
    yield Case("split_heads", "- h: {slice: x, from: 0, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- a, b: {split: h, sizes: [5, 7]}\n- y: {concat: [b, a]}")
    yield Case("concat", "- z: {act: x, fn: tanh}\n- y: {concat: [z, x, z]}")
    yield Case("concat_slices", "- a: {slice: x, from: 20, size: 17}\n- b: {slice: x, from: 3, size: 2}\n- y: {concat: [a, b]}")
    yield Case("repeat_heads", "- h: {slice: x, from: 1, size: 33}\n- h: {reshape: h, to: [3, 11]}\n- y: {repeat_heads: h, times: 5}")
    yield Case("repeat_heads_once", "- h: {reshape: x, to: [1, 37]}\n- y: {repeat_heads: h, times: 1}")


def products():
    yield Case("embedding", "- y: {embedding: ids, w: w}", {"w": Weight([23, 19])})
    yield Case("embedding_part", "- y: {embedding: ids, w: w, from: 5, of: 23}", {"w": Weight([9, 19])})
    yield Case("embedding_parts", "- a: {embedding: ids, w: a, from: 0, of: 23}\n- b: {embedding: ids, w: b, from: 7, of: 23}\n- y: {add: [a, b]}", {"a": Weight([7, 19]), "b": Weight([16, 19])})
    yield Case("embedding_part_of_head", "- a: {embedding: ids, w: a, from: 7, of: 23}\n- b: {linear: x, w: b}\n- b: {linear: b, w: a}\n- y: {concat: [a, b]}", {"a": Weight([16, 19]), "b": Weight([19, WIDTH], small)})
    yield Case("embedding_part_negative", "- z: {embedding: ids, w: w, from: -1, of: 30}\n- y: {add: [x, z]}", {"w": Weight([23, WIDTH])}, refused="expected a part of a table: rows -1 to 21 of 30", refused_at="embedding", imported=False)
    yield Case("embedding_part_beyond", "- z: {embedding: ids, w: w, from: 8, of: 30}\n- y: {add: [x, z]}", {"w": Weight([23, WIDTH])}, refused="expected a part of a table: rows 8 to 30 of 30", refused_at="embedding", imported=False)
    yield Case("embedding_part_of_nothing", "- z: {embedding: ids, w: w, from: 8}\n- y: {add: [x, z]}", {"w": Weight([23, WIDTH])}, refused="'from' goes with 'of'", refused_at="embedding", imported=False)
    yield Case("embedding_types", "- z: {embedding: types, w: w}\n- y: {add: [x, z]}", {"w": Weight([2, WIDTH])})
    yield Case("linear", "- y: {linear: x, w: w}", {"w": Weight([19, WIDTH], small)})
    yield Case("linear_bias", "- y: {linear: x, w: w}", {"w": Weight([53, WIDTH], small, bias=True)})
    yield Case("linear_to_one", "- y: {linear: x, w: w}", {"w": Weight([1, WIDTH], small)})
    yield Case("linear_long", "- z: {concat: [" + ", ".join("x" * 41) + "]}\n- y: {linear: z, w: w}", {"w": Weight([5, 41 * WIDTH], lambda _, v: 0.03 * v)})
    yield Case("linear_of_slice", "- z: {slice: x, from: 5, size: 18}\n- y: {linear: z, w: w}", {"w": Weight([17, 18], small)})
    yield Case("linear_bf16", "- y: {linear: x, w: w}", {"w": Weight([19, WIDTH], small, type="BF16")}, tolerance=1e-3)
    yield Case("linear_epilogue", "- z: {linear: x, w: w}\n- z: {act: z, fn: swish, beta: 0.5}\n- z: {mul: [z, 3.0]}\n- z: {softcap: z, limit: 2.0}\n- y: {add: [x, z]}",
               {"w": Weight([WIDTH, WIDTH], small, bias=True)})
    yield Case("linear_gated", "- g: {linear: x, w: g}\n- u: {linear: x, w: u}\n- g: {clamp: g, high: 0.5}\n- u: {clamp: u, low: -0.5, high: 0.5}\n- u: {add: [u, 1.0]}\n"
               "- g: {act: g, fn: gelu_tanh}\n- y: {mul: [g, u]}", {"g": Weight([29, WIDTH], small, bias=True), "u": Weight([29, WIDTH], small, bias=True)})
    yield Case("linear_siblings", "- h: {rms_norm: x, w: n, eps: 1.0e-5}\n- a: {linear: h, w: a}\n- b: {linear: h, w: b}\n- y: {concat: [b, a]}",
               {"n": Weight([WIDTH], positive), "a": Weight([16, WIDTH], small), "b": Weight([5, WIDTH], small)})
    heads = "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- y: {head_linear: h, w: w}"
    yield Case("head_linear", heads, {"w": Weight([3, 70, 12], small)})
    yield Case("head_linear_bias", heads, {"w": Weight([3, 5, 12], small, bias=True)})
    yield Case("head_linear_bf16", heads, {"w": Weight([3, 70, 12], small, type="BF16")}, tolerance=1e-3)
    yield Case("head_linear_one", "- h: {reshape: x, to: [1, 37]}\n- h: {head_linear: h, w: w}\n- y: {reshape: h, to: [130]}", {"w": Weight([1, 130, WIDTH], small)})
    yield Case("head_linear_heads", heads, {"w": Weight([2, 5, 12], small)}, refused="expected w of shape [3, N, 12] for x", refused_at="head_linear", imported=False)
    for word, more in ("rms_norm", "eps: 1.0e-3"), ("layer_norm", "eps: 1.0e-3"):
        yield Case(word, f"- y: {{{word}: x, {more}}}")
        yield Case(f"{word}_weight", f"- y: {{{word}: x, w: w, {more}}}", {"w": Weight([WIDTH])})
        heads = f"- h: {{slice: x, from: 1, size: 33}}\n- h: {{reshape: h, to: [3, 11]}}\n- y: {{{word}: h, w: w, {more}}}"
        yield Case(f"{word}_each_head", heads, {"w": Weight([11])})
        yield Case(f"{word}_all_heads", heads, {"w": Weight([3, 11])})
        yield Case(f"{word}_linear", f"- h: {{{word}: x, w: w, {more}}}\n- y: {{linear: h, w: v}}", {"w": Weight([WIDTH]), "v": Weight([19, WIDTH], small)})
    yield Case("layer_norm_bias", "- y: {layer_norm: x, w: w, eps: 1.0e-5}", {"w": Weight([WIDTH], bias=True)})
    yield Case("l2_norm_sum", "- y: {l2_norm: x, eps: 0.5, eps_in: sum}")
    yield Case("l2_norm_max", "- y: {l2_norm: x, eps: 6.0, eps_in: max}")
    yield Case("l2_norm_heads", "- h: {slice: x, from: 1, size: 33}\n- h: {reshape: h, to: [3, 11]}\n- y: {l2_norm: h, eps: 1.0e-6, eps_in: sum}")


ROPE = "- h: {slice: x, from: 0, size: 36}\n- h: {reshape: h, to: [3, 12]}\n"


def rope():
    for pairing in "half", "adjacent":
        yield Case(f"rope_{pairing}", ROPE + f"- f: {{rope_freqs: 12, theta: 100.0}}\n- y: {{rope: h, pos: pos, freqs: f, pairing: {pairing}}}")
        yield Case(f"rope_{pairing}_part", ROPE + f"- f: {{rope_freqs: 6, theta: 100.0}}\n- y: {{rope: h, pos: pos, freqs: f, pairing: {pairing}, from: 5, amplitude: 1.25}}")
    scale = "- f: {rope_freqs: 12, theta: 10000.0}\n"
    yield Case("freqs_llama3", ROPE + scale + "- f: {freqs_llama3: f, factor: 8.0, low: 1.0, high: 4.0, original: 64}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}")
    for truncate in "true", "false":
        yield Case(f"freqs_yarn_{truncate}",
                   ROPE + scale + f"- f: {{freqs_yarn: f, factor: 4.0, theta: 10000.0, original: 64, fast: 8.0, slow: 1.0, truncate: {truncate}}}\n- y: {{rope: h, pos: pos, freqs: f, pairing: half}}")
    grown = "- n: {number: pos}\n- n: {mul: [n, 0.125]}\n- n: {max: [n, 1.0]}\n"
    yield Case("freqs_ntk", ROPE + grown + "- f: {freqs_ntk: n, dims: 12, theta: 10000.0}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}")
    yield Case("freqs_ntk_alone", grown + "- y: {freqs_ntk: n, dims: 70, theta: 500000.0}")
    yield Case("freqs_ntk_table", ROPE + grown + "- f: {freqs_ntk: n, dims: 6, theta: 100.0}\n- t: {rope_table: pos, freqs: f, amplitude: 1.25}\n- y: {rotate: h, table: t, pairing: adjacent, from: 5}")
    yield Case("freqs_chosen", ROPE + "- c: {number: pos}\n- c: {sub: [c, 20.0]}\n- c: {clamp: c, low: 0.0, high: 1.0}\n- a: {rope_freqs: 12, theta: 100.0}\n- b: {rope_freqs: 12, theta: 10000.0}\n- f: {select: [a, b], by: c}\n"
               "- y: {rope: h, pos: pos, freqs: f, pairing: half}")
    yield Case("freqs_of_weights", ROPE + "- f: {act: w.w, fn: exp}\n- f: {mul: [f, 0.25]}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}", {"w": Weight([6])})
    yield Case("freqs_vector", ROPE + "- f: {vector: [1.0, 0.5, 0.25, 0.03125, 0.0, -2.0]}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}")
    yield Case("freqs_over_weight", ROPE + scale + "- f: {div: [f, w.w]}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}", {"w": Weight([6], positive)})
    yield Case("freqs_over_vector", ROPE + scale + "- v: {vector: [1.0, 1.5, 2.0, 4.0, 8.0, 16.0]}\n- f: {div: [f, v]}\n- y: {rope: h, pos: pos, freqs: f, pairing: adjacent}")
    for pairing in "half", "adjacent":
        yield Case(f"rotate_{pairing}", ROPE + f"- f: {{rope_freqs: 6, theta: 100.0}}\n- t: {{rope_table: pos, freqs: f, amplitude: 1.25}}\n- y: {{rotate: h, table: t, pairing: {pairing}, from: 5}}")
    # A table of one's own: positions that count by halves.
    yield Case("rotate_own_table", ROPE + "- f: {rope_freqs: 12, theta: 100.0}\n- p: {number: pos}\n- p: {mul: [p, 0.5]}\n- p: {mul: [p, f]}\n- c: {act: p, fn: cos}\n- s: {act: p, fn: sin}\n"
               "- t: {concat: [c, s]}\n- t: {reshape: t, to: [2, 6]}\n- y: {rotate: h, table: t, pairing: half}")
    yield Case("freqs_slice", ROPE + "- f: {rope_freqs: 24, theta: 100.0}\n- f: {slice: f, from: 2, size: 4}\n- y: {rope: h, pos: pos, freqs: f, pairing: half}")


def ints():
    """Arithmetic with ids and positions."""
    yield Case("number", "- t: {number: pos}\n- t: {add: [t, 1.0]}\n- t: {act: t, fn: log}\n- y: {mul: [x, t]}")
    yield Case("number_alone", "- y: {number: ids}")
    yield Case("number_of_choice", "- i: {top_k: x, k: 3}\n- y: {number: i}")
    yield Case("sinusoids", "- f: {vector: [1.0, 0.1, 0.01, 7000.0]}\n- p: {number: pos}\n- p: {mul: [p, f]}\n- a: {act: p, fn: sin}\n- b: {act: p, fn: cos}\n- y: {concat: [a, b]}")
    yield Case("offset", "- p: {offset: pos, by: 2}\n- y: {embedding: p, w: w}", {"w": Weight([143, 19])})
    yield Case("equals", "- e: {equals: ids, value: 3}\n- t: {number: e}\n- y: {mul: [x, t]}")
    yield Case("positive", "- t: {sum: x}\n- e: {positive: t}\n- t: {number: e}\n- y: {mul: [x, t]}")
    yield Case("positive_wide", "- e: {positive: x}\n- t: {number: e}\n- y: {mul: [x, t]}", refused="expected one number per row", refused_at="positive", imported=False)
    yield Case("equals_negative", "- e: {equals: ids, value: -1}\n- t: {number: e}\n- y: {mul: [x, t]}", refused="expected 'value' from 0 to 2147483647, found -1", refused_at="equals", imported=False)
    yield Case("offset_twice", "- p: {offset: ids, by: 2}\n- p: {offset: p, by: 3}\n- y: {embedding: p, w: w}", {"w": Weight([28, 19])})


QKV = ("- q: {linear: x, w: q}\n- k: {linear: x, w: k}\n- v: {linear: x, w: v}\n"
       "- q: {reshape: q, to: [6, 10]}\n- k: {reshape: k, to: [3, 10]}\n- v: {reshape: v, to: [3, 7]}\n")
PROJECTIONS = {"q": Weight([60, WIDTH], small), "k": Weight([30, WIDTH], small), "v": Weight([21, WIDTH], small)}
TAIL = "- y: {reshape: a, to: [42]}"


def attention(kind):
    """Over this step's rows (encode) or a cache (generate)."""
    cached = kind == "generate"
    state = "kv: {cache: {k: [3, 10], v: [3, 7]}}" if cached else ""
    over = "kv: kv" if cached else "k: k, v: v"
    append = "- kv: {append: kv, k: k, v: v}\n" if cached else ""
    default = "[causal]" if cached else "[all]"

    def case(name, more="", mask=default, before="", weights=None, scale=0.3, refused="", at="attention"):
        nodes = QKV + before + append + f"- a: {{attention: q, {over}, scale: {scale}, mask: {mask}{more}}}\n" + TAIL
        return Case(f"attention_{name}_{kind}", nodes, PROJECTIONS | (weights or {}), state, kind, refused, at)

    yield case("plain")
    yield case("window", mask="[causal, {window: 5}]")
    yield case("window_alone", mask="[{window: 131}]")
    yield case("cap", ", cap: 0.5", scale=2.0)
    yield case("sinks", ", sinks: s", weights={"s": Weight([6])})
    yield case("alibi", ", bias: b", before="- b: {alibi: 6}\n")
    yield case("alibi_times_cap_sinks", ", bias: b, cap: 1.5, sinks: s", before="- b: {alibi: 6, times: 2.0}\n", weights={"s": Weight([6])})
    for ways in "true", "false":
        yield case(f"bucket_{ways}", ", bias: b", before=f"- b: {{bucket_bias: b, max_distance: 20, both_ways: {ways}}}\n", weights={"b": Weight([10, 6])})
    for far in 6, 1:
        yield case(f"distance_{far}", ", bias: b, cap: 1.5, sinks: s", before=f"- d: {{slice: x, from: 1, size: {6 * far}}}\n- d: {{reshape: d, to: [6, {far}]}}\n- b: {{distance_bias: d}}\n", weights={"s": Weight([6])})
    yield replace(case("distance_heads", ", bias: b", before="- d: {slice: x, from: 1, size: 36}\n- d: {reshape: d, to: [3, 12]}\n- b: {distance_bias: d}\n", refused="expected a bias of 6 heads, as many as the queries have, found one of 3"), imported=False)
    for pairing in "half", "adjacent":
        turn = "".join(f"- {x}: {{rope: {x}, pos: pos, freqs: f, pairing: {pairing}, from: 2}}\n" for x in "qk")
        norm = "".join(f"- {x}: {{rms_norm: {x}, w: {x}n, eps: 1.0e-5}}\n" for x in "qk")
        freqs = "- f: {rope_freqs: 6, theta: 100.0}\n"
        yield case(f"rope_{pairing}", before=freqs + turn)
        yield case(f"norm_rope_{pairing}", before=norm + freqs + turn, weights={"qn": Weight([10]), "kn": Weight([10])})
        yield case(f"rope_norm_{pairing}", before=freqs + turn + norm, weights={"qn": Weight([6, 10]), "kn": Weight([3, 10])})
    for to in "f16", "bf16":
        yield case(f"alibi_{to}", ", bias: b", before=f"- b: {{alibi: 6, times: 0.3, rounded: {to}}}\n")
        yield case(f"alibi_{to}_two_sided", ", bias: b", before=f"- b: {{alibi: 6, two_sided: true, rounded: {to}}}\n")
    yield case("alibi_one_sided", ", bias: b", before="- b: {alibi: 6, two_sided: false}\n")
    yield case("alibi_maximum", ", bias: b", before="- b: {alibi: 6, maximum: 16.0}\n")
    yield case("alibi_slopes", ", bias: b", before="- b: {alibi: 6, times: 0.5, slopes: [0.5, 0.25, 0.0, 1.0, 0.125, 0.375]}\n")
    yield case("alibi_two_sided", ", bias: b", before="- b: {alibi: 6, two_sided: true}\n")
    yield case("chunk", mask="[causal, {chunk: 5}]")
    yield case("blocks", mask="[causal, {blocks: {size: 4, local: 2, stride: 3}}]")
    yield case("blocks_of_heads", mask="[causal, {blocks: {size: 3, local: 1, stride: 5, hop: 2}}]")
    yield case("any", mask="[causal, {any: [{window: 3}, {chunk: 130}]}]")
    yield case("any_all", mask="[{any: [[causal, {chunk: 7}], [causal, {window: 4}]]}]")
    yield case("any_any", mask="[causal, {any: [{any: [{window: 2}, {chunk: 9}]}, {band: 4}]}]")
    yield case("from", mask="[{any: [[causal, {from: ids}], {window: 2}]}]" if cached else "[{any: [{band: 2}, {from: ids}]}]")
    yield case("queries", mask="[causal, {queries: e}]", before="- e: {equals: ids, value: 3}\n")
    if cached:
        yield replace(case("from_start_after", mask="[causal, {window: 40}, {from: m}]", before="- e: {equals: ids, value: 3}\n- m: {start_after: e, state: part}\n"), state=state + "\n    part: {fixed: [2]}")
        for term in "segments", "keys":
            yield replace(case(term, mask=f"[causal, {{{term}: ids}}]", refused=f"mask '{term}' tells keys by what their rows hold, which a cache does not keep"), imported=False)
        yield replace(case("prefix", mask="[{any: [causal, {prefix: ids}]}]", refused="the mask must be causal: a token of generation would see later ones when they come in the same step"),
                      imported=False)
    else:
        yield case("causal", mask="[causal]")
        yield case("band", mask="[{band: 2}]")
        yield case("band_long", mask="[{band: 70}]")
        yield case("chunk_both_ways", mask="[{chunk: 4}]")
        yield case("prefix", mask="[{any: [causal, {prefix: ids}]}]")
        yield case("segments", mask="[{segments: types}]")
        yield case("segments_causal", mask="[causal, {segments: ids}]")
        yield case("keys", mask="[{any: [{keys: ids}, {band: 1}]}]")
        yield case("blocks_both_ways", mask="[{blocks: {size: 16, local: 2, stride: 2, hop: 1}}]")
        yield case("longformer", mask="[{any: [{band: 3}, {keys: types}]}]")
        yield case("keys_of_some", mask="[{keys: few}]", before="- few: {equals: ids, value: 3}\n")
        only = "- few: {equals: ids, value: 3}\n- rest: {equals: few, value: 0}\n"
        yield case("longformer_local", mask="[{any: [{band: 3}, {keys: few}]}, {queries: rest}]", before=only)
        yield case("longformer_global", mask="[{any: [all, {keys: rest}]}, {queries: few}]", before=only)
        yield case("queries_or", mask="[{any: [[{queries: types}, causal], {band: 2}]}]")
        yield case("values_twice", mask="[{any: [{segments: types}, {prefix: types}, [causal, {window: 2}, {segments: ids}], {window: 1}]}]")
        yield case("mask_and_all", ", bias: b, cap: 1.5, sinks: s", "[{any: [causal, {prefix: ids}]}, {any: [{band: 100}, {keys: types}]}]",
                   "- b: {alibi: 6, two_sided: true}\n", {"s": Weight([6])})
    if cached:
        yield Case("attention_layer_norm_generate", QKV + "- q: {layer_norm: q, w: qn, eps: 1.0e-5}\n- k: {layer_norm: k, w: kn, eps: 1.0e-5}\n" + append +
                   "- a: {attention: q, kv: kv, scale: 0.3, mask: [causal]}\n" + TAIL, PROJECTIONS | {"qn": Weight([10]), "kn": Weight([10])}, state, kind)
        yield Case("cached_generate", QKV + append + "- a: {attention: q, kv: kv, scale: 0.3, mask: [causal]}\n- z: {cached: kv}\n"
                   "- q2: {linear: x, w: q2}\n- q2: {reshape: q2, to: [6, 10]}\n- b: {attention: q2, kv: z, scale: 0.5, mask: [causal, {window: 9}]}\n- c: {add: [a, b]}\n- y: {reshape: c, to: [42]}",
                   PROJECTIONS | {"q2": Weight([60, WIDTH], small)}, state, kind)
        yield Case("keep_generate", QKV + append + "- a: {attention: q, kv: kv, scale: 0.3, mask: [causal, {window: 9}]}\n" + TAIL, PROJECTIONS,
                   "kv: {cache: {k: [3, 10], v: [3, 7]}, keep: 9}", kind)
        full = f"kv: {{cache: {{k: [3, 10], v: [3, 7]}}, keep: 40, full_of: 0}}"
        distances = "- d: {slice: x, from: 1, size: 36}\n- d: {reshape: d, to: [6, 6]}\n- b: {distance_bias: d}\n"
        yield replace(case("full", mask="[causal, {window: 40}]"), state=full)
        yield replace(case("full_narrow", mask="[{window: 19}, {window: 23}]"), state=full)
        yield replace(case("full_alibi_cap_sinks", ", bias: b, cap: 1.5, sinks: s", "[{window: 40}]", "- b: {alibi: 6}\n", {"s": Weight([6])}), state=full)
        yield replace(case("full_distance", ", bias: b", "[{window: 40}]", distances), state=full)
        yield replace(case("full_chunk", mask="[causal, {window: 40}, {chunk: 8}]", refused="is full before the first token, so its mask must be a window"), state=full, imported=False)


def keys_alone(kind):
    """Attention whose values are channels of the keys."""
    cached = kind == "generate"
    qk = "- q: {linear: x, w: q}\n- k: {linear: x, w: k}\n- q: {reshape: q, to: [%d, %d]}\n- k: {reshape: k, to: [%d, %d]}\n"

    def case(name, heads, groups, width, values, more="", mask="", weights=None, refused="", before="", values_text=None):
        mask = mask or ("[causal]" if cached else "[all]")
        taken = f", values: {values}" if values_text is None else values_text
        nodes = qk % (heads, width, groups, width) + before + ("- kv: {append: kv, k: k}\n" if cached else "") + \
            f"- a: {{attention: q, {'kv: kv' if cached else 'k: k'}{taken}, scale: 0.3, mask: {mask}{more}}}\n- y: {{reshape: a, to: [{heads * values}]}}"
        projections = {"q": Weight([heads * width, WIDTH], small), "k": Weight([groups * width, WIDTH], small)}
        return Case(f"attention_values_{name}_{kind}", nodes, projections | (weights or {}), f"kv: {{cache: {{k: [{groups}, {width}]}}}}" if cached else "", kind, refused, "attention",
                    imported=not refused)

    yield case("latent", 6, 1, 24, 16)
    yield case("all", 6, 3, 10, 10)
    yield case("many_heads", 72, 1, 21, 17)
    yield case("sinks_cap", 6, 3, 10, 7, ", sinks: s, cap: 0.5", weights={"s": Weight([6])})
    yield case("window_bias", 6, 2, 10, 7, ", bias: b", "[causal, {window: 5}]", before="- b: {alibi: 6}\n")
    yield case("blocks", 6, 2, 10, 7, mask="[causal, {blocks: {size: 3, local: 1, stride: 5, hop: 2}}]")
    yield case("too_many", 6, 1, 24, 25, refused="expected 1 to 24 channels of the keys as values, found 25")
    yield case("missing", 6, 1, 24, 24, refused="has keys alone, so 'values' must say how many of their channels are the values", values_text="")
    if cached:
        yield Case("attention_values_and_v_generate", QKV + "- kv: {append: kv, k: k, v: v}\n- a: {attention: q, kv: kv, values: 7, scale: 0.3, mask: [causal]}\n" + TAIL, PROJECTIONS,
                   "kv: {cache: {k: [3, 10], v: [3, 7]}}", kind, "has values besides the channels of the keys that are to be the values", "attention", imported=False)


def routers():
    logits = "- l: {linear: x, w: r}\n"
    router = {"r": Weight([5, WIDTH])}
    yield Case("top_k", logits + "- i: {top_k: l, k: 3}\n- y: {pick: l, at: i}", router)
    yield Case("top_k_all", logits + "- i: {top_k: l, k: 5}\n- y: {pick: l, at: i}", router)
    yield Case("top_k_one", "- i: {top_k: x, k: 1}\n- y: {pick: x, at: i}")
    yield Case("top_k_of_slice", "- l: {slice: x, from: 4, size: 7}\n- i: {top_k: l, k: 2}\n- y: {pick: l, at: i}")
    yield Case("pick_of_slice", "- l: {slice: x, from: 4, size: 7}\n- z: {act: l, fn: sigmoid}\n- i: {top_k: z, k: 2}\n- y: {pick: l, at: i}")
    groups = "- l: {slice: x, from: 1, size: 36}\n- s: {act: l, fn: sigmoid}\n- g: {reshape: s, to: [6, 6]}\n"
    yield Case("top_k_groups", groups + "- i: {top_k: g, k: 2}\n- y: {pick: g, at: i}")
    yield Case("chosen", "- i: {top_k: x, k: 7}\n- c: {chosen: i, of: 37}\n- y: {mul: [x, c]}")
    # As DeepSeek-V3 chooses: the best groups by the sum of their best two, then the best of those.
    yield Case("chosen_groups", groups + "- i: {top_k: g, k: 2}\n- b: {pick: g, at: i}\n- b: {sum: b}\n- b: {reshape: b, to: [6]}\n- i: {top_k: b, k: 3}\n- c: {chosen: i, of: 6}\n"
               "- c: {reshape: c, to: [6, 1]}\n- g: {select: [0.0, g], by: c}\n- g: {reshape: g, to: [36]}\n- i: {top_k: g, k: 5}\n- y: {pick: l, at: i}")
    yield Case("top_k_ties", "- z: {clamp: x, low: -0.1, high: 0.1}\n- i: {top_k: z, k: 9}\n- y: {pick: x, at: i}")
    yield Case("normalize", "- z: {act: x, fn: sigmoid}\n- y: {normalize: z}")
    yield Case("normalize_eps", "- z: {act: x, fn: sigmoid}\n- y: {normalize: z, eps: 2.5}")
    expert = {"up": Weight([5, 13, WIDTH], small), "down": Weight([5, WIDTH, 13], small)}
    biased = {"gate": Weight([5, 13, WIDTH], small, bias=True), "up": Weight([5, 13, WIDTH], small, bias=True), "down": Weight([5, WIDTH, 13], small, bias=True)}
    plain = "%s_expert: {inputs: [x], returns: [y], nodes: [{h: {linear: x, w: up}}, {h: {act: h, fn: relu2}}, {y: {linear: h, w: down}}]}"
    gated = ("%s_expert: {inputs: [x], returns: [y], nodes: [{g: {linear: x, w: gate}}, {g: {act: g, fn: silu}}, {u: {linear: x, w: up}}, {h: {mul: [g, u]}}, "
             "{y: {linear: h, w: down}}]}")
    loose = "%s_expert: {inputs: [x], returns: [y], nodes: [{h: {linear: x, w: up}}, {h: {softmax: h}}, {y: {linear: h, w: down}}]}"

    def experts(name, choose, block, scale, weights, after="", more=None):
        nodes = choose + f"- m: {{experts: x, at: i, block: {name}_expert, in: e{scale}}}\n" + (after or "- y: {identity: m}")
        return Case(name, nodes, router | {"e": weights} | (more or {}), blocks=block % name)

    soft = logits + "- s: {softmax: l}\n- i: {top_k: s, k: 2}\n- p: {pick: s, at: i}\n"
    yield experts("experts_plain", soft, plain, ", out_scale: p", expert)
    yield experts("experts_gated", soft + "- p: {normalize: p}\n- p: {mul: [p, 2.5]}\n", gated, ", out_scale: p", biased, "- y: {add: [x, m]}")
    yield experts("experts_in_scale", logits + "- i: {top_k: l, k: 1}\n- p: {pick: l, at: i}\n- p: {act: p, fn: sigmoid}\n", gated, ", in_scale: p", biased)
    yield experts("experts_unscaled", logits + "- i: {top_k: l, k: 2}\n", plain, "", expert)
    yield experts("experts_loose", soft, loose, ", out_scale: p", expert)
    yield experts("experts_sigmoid_bias", logits + "- s: {act: l, fn: sigmoid}\n- t: {add: [s, w.c]}\n- i: {top_k: t, k: 3}\n- p: {pick: s, at: i}\n- p: {normalize: p, eps: 1.0e-2}\n", gated,
                  ", out_scale: p", biased, more={"c": Weight([5])})
    yield experts("experts_top_first", logits + "- i: {top_k: l, k: 2}\n- p: {pick: l, at: i}\n- p: {softmax: p}\n", plain, ", out_scale: p", expert)


def rows():
    for which in "first", "last":
        yield Case(f"pick_rows_{which}", f"- y: {{pick_rows: x, which: {which}}}")
    for by in "mean", "max":
        yield Case(f"pool_rows_{by}", f"- y: {{pool_rows: x, by: {by}}}")
    yield Case("pool_heads", "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [4, 9]}\n- h: {pool_rows: h, by: mean}\n- y: {reshape: h, to: [36]}")
    yield Case("pool_of_slice", "- h: {slice: x, from: 5, size: 9}\n- y: {pool_rows: h, by: max}")
    yield Case("pick_of_rows_linear", "- h: {pick_rows: x, which: first}\n- h: {linear: h, w: w}\n- y: {act: h, fn: tanh}", {"w": Weight([19, WIDTH], small, bias=True)})


def computed():
    """Functions of weights and numbers."""
    v = {"w": Weight([WIDTH], positive), "v": Weight([WIDTH])}
    for word in "add", "sub", "mul", "div", "min", "max":
        yield Case(f"computed_{word}", f"- s: {{{word}: [w.w, w.v, 0.5]}}\n- y: {{mul: [x, s]}}", v)
    for fn in "silu", "gelu_erf", "gelu_tanh", "relu", "relu2", "sigmoid", "tanh", "softplus", "exp", "log", "log1p", "floor", "sqrt", "sin", "cos":
        yield Case(f"computed_{fn}", f"- s: {{act: w.w, fn: {fn}}}\n- y: {{mul: [x, s]}}", {"w": v["w"]})
    yield Case("computed_swish", "- s: {act: w.w, fn: swish, beta: 0.5}\n- y: {mul: [x, s]}", {"w": v["w"]})
    yield Case("computed_lerp", "- s: {lerp: [w.w, w.v], by: 0.25}\n- y: {mul: [x, s]}", v)
    yield Case("computed_select", "- s: {select: [w.v, w.w], by: w.u}\n- y: {mul: [x, s]}", v | {"u": Weight([WIDTH], lambda i, _: i % 2)})
    yield Case("computed_clamp", "- s: {clamp: w.v, low: -0.5, high: 0.25}\n- y: {mul: [x, s]}", {"v": v["v"]})
    yield Case("computed_softcap", "- s: {softcap: w.v, limit: 0.5}\n- y: {mul: [x, s]}", {"v": v["v"]})
    for to in "f16", "bf16":
        yield Case(f"computed_round_{to}", f"- s: {{round: w.v, to: {to}}}\n- y: {{mul: [x, s]}}", {"v": v["v"]})
    yield Case("computed_matrix", "- s: {mul: [w.a, w.b]}\n- h: {slice: x, from: 0, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- y: {add: [h, s]}", {"a": Weight([3, 1]), "b": Weight([12])})
    yield Case("computed_slice", "- s: {mul: [w.w, 2.0]}\n- s: {slice: s, from: 3, size: 9}\n- z: {slice: x, from: 1, size: 9}\n- y: {mul: [z, s]}", {"w": v["w"]},
               refused="'llm.slice' has no kernel for an operand without rows", refused_at="slice")
    yield Case("computed_numbers", "- c: {add: [1.5, 2.0]}\n- c: {mul: [c, 0.5]}\n- y: {mul: [x, c]}")


def of_slices():
    """Rows that lie within wider ones."""
    z = "- z: {slice: x, from: 3, size: 18}\n"
    for name, node in {
        "add": "add: [z, z]", "act": "act: z, fn: silu", "lerp": "lerp: [z, 1.0], by: 0.5", "select": "select: [z, 1.0], by: w.w", "clamp": "clamp: z, low: 0.0", "softcap": "softcap: z, limit: 1.0",
        "round": "round: z, to: bf16", "sum": "sum: z", "softmax": "softmax: z", "reshape": "reshape: z, to: [3, 6]", "slice": "slice: z, from: 5, size: 3", "concat": "concat: [z, x, z]",
        "rms_norm": "rms_norm: z, w: w, eps: 1.0e-3", "layer_norm": "layer_norm: z, w: w, eps: 1.0e-3", "l2_norm": "l2_norm: z, eps: 1.0e-3, eps_in: max", "normalize": "normalize: z, eps: 9.0",
    }.items():
        yield Case(f"{name}_of_slice", z + f"- y: {{{node}}}", {"w": Weight([18], lambda i, _: i % 2)} if "w" in node.replace("softmax", "") and ("w.w" in node or "w: w" in node) else {})
    heads = z + "- h: {reshape: z, to: [3, 6]}\n"
    yield Case("repeat_heads_of_slice", heads + "- y: {repeat_heads: h, times: 2}")
    yield Case("rope_of_slice", heads + "- f: {rope_freqs: 4, theta: 10.0}\n- y: {rope: h, pos: pos, freqs: f, pairing: half, from: 1}")
    yield Case("part_of_heads", heads + "- a: {slice: h, from: 2, size: 3}\n- f: {rope_freqs: 2, theta: 10.0}\n- y: {rope: a, pos: pos, freqs: f, pairing: adjacent}")
    yield Case("split_of_slice", z + "- a, b: {split: z, sizes: [7, 11]}\n- y: {concat: [b, a, b]}")
    yield Case("attention_of_split", "- p: {linear: x, w: p}\n- q, k, v: {split: p, sizes: [60, 30, 21]}\n" + QKV[QKV.index("- q: {reshape"):] +
               "- a: {attention: q, k: k, v: v, scale: 0.3, mask: [all]}\n" + TAIL, {"p": Weight([111, WIDTH], small)})
    yield Case("residual_of_slice", z + "- m: {linear: x, w: w}\n- y: {add: [z, m]}", {"w": Weight([18, WIDTH], small)})
    yield Case("gated_of_split", "- p: {linear: x, w: w}\n- g, u: {split: p, sizes: [15, 15]}\n- g: {act: g, fn: silu}\n- y: {mul: [g, u]}", {"w": Weight([30, WIDTH], small)})


def long_rows():
    """Rows of several vectors and a rest."""
    z = "- z: {concat: [" + ", ".join("x" * 29) + "]}\n"
    w = {"w": Weight([29 * WIDTH])}
    for name, node in {"sum": "sum: z", "softmax": "softmax: z", "rms_norm": "rms_norm: z, w: w, eps: 1.0e-5", "layer_norm": "layer_norm: z, w: w, eps: 1.0e-5", "mul": "mul: [z, w.w]",
                       "l2_norm": "l2_norm: z, eps: 1.0e-5, eps_in: sum", "act": "act: z, fn: gelu_tanh"}.items():
        yield Case(f"long_{name}", z + f"- y: {{{node}}}", w if "w" in node.replace("softmax", "") and ("w: w" in node or "w.w" in node) else {})
    yield Case("long_top_k", z + "- z: {mul: [z, w.w]}\n- i: {top_k: z, k: 33}\n- y: {pick: z, at: i}", w)
    yield Case("long_split", z + "- a, b: {split: z, sizes: [999, 74]}\n- y: {concat: [b, a]}")


def linear_attentions():
    """Linear attention with each of its slots, and the decaying mean."""
    heads = "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- k, v: {split: h, sizes: [5, 7]}\n- q: {act: k, fn: silu}\n"
    rows = heads + "- d: {act: k, fn: sigmoid}\n"
    read = "- r: {l2_norm: k, eps: 1.0e-6, eps_in: sum}\n- s: {mul: [r, -0.5]}\n"
    factor, keep = lambda _, value: 0.5 + 0.4 * value, ", keep: f32"  # a sum takes up what rounding does to a factor
    sums = "sums: {fixed: [3, 5, 7]}"
    op = "- y: {linear_attention: q, k: k, v: v, state: sums"
    yield Case("linear_attention", heads + op + "}", {}, sums, "generate")
    yield Case("linear_attention_decay", heads + op + ", decay: w.d, bonus: w.u}", {"d": Weight([3, 5], factor, extra=keep), "u": Weight([3, 5], extra=keep)}, sums, "generate")
    yield Case("linear_attention_start", heads + op + "}", {"m": Weight([3, 5, 7], extra=keep)}, sums.replace("]", "], init: w.m"), "generate")
    yield Case("linear_attention_heads", heads + op + ", decay: w.d, bonus: w.u}", {"d": Weight([3, 1], factor, extra=keep), "u": Weight([3, 1], extra=keep)}, sums.replace("]", "], init: 0.25"), "generate")
    yield Case("linear_attention_rows", rows + op + ", decay: d, bonus: w.u}", {"u": Weight([3, 5], type="BF16")}, sums, "generate", tolerance=1e-3)
    yield Case("linear_attention_head_rows", rows + "- d: {slice: d, from: 0, size: 1}\n" + op + ", decay: d}", {}, sums, "generate")
    yield Case("linear_attention_corrected", rows + read + op + ", decay: d, read: r, write: s}", {}, sums, "generate")
    yield Case("linear_attention_computed", heads + "- d: {act: w.d, fn: sigmoid}\n" + op + ", decay: d}", {"d": Weight([3, 5], extra=keep)}, sums, "generate")
    yield Case("linear_attention_half", heads + op + ", read: k}", {}, sums, "generate", "'read' and 'write' come together", "linear_attention", imported=False)
    mean = "- k: {act: x, fn: sin}\n- k: {mul: [k, 40.0]}\n- y: {decaying_mean: x, k: k, decay: w.d, state: sums"
    sums = "sums: {fixed: [3, 37], init: -1.0e+30}"
    decay = Weight([WIDTH], lambda _, value: -abs(value))
    yield Case("decaying_mean", mean + "}", {"d": decay}, sums, "generate")
    yield Case("decaying_mean_bonus", mean + ", bonus: w.u}", {"d": decay, "u": Weight([WIDTH])}, sums, "generate")
    yield Case("decaying_mean_start", mean + "}", {"d": decay}, "sums: {fixed: [3, 37]}", "generate", "to begin at a number far below every key", "decaying_mean", imported=False)


def along_sequences():
    """What keeps rows of a sequence between its steps."""
    for fn in "none", "silu", "gelu_erf", "gelu_tanh", "relu", "relu2", "sigmoid", "tanh", "softplus", "exp", "floor", "sin", "cos":
        slot = "" if fn == "none" else f", fn: {fn}"
        yield Case(f"causal_conv_{fn}", f"- y: {{causal_conv: x, w: w, state: tail{slot}}}", {"w": Weight([WIDTH, 4], small, bias=fn == "silu")}, "tail: {fixed: [3, 37]}", "generate")
    # Far from a sum of 1, where a logarithm is 0 and the rounding of factors shows most.
    for fn in "log", "log1p", "sqrt":
        yield Case(f"causal_conv_{fn}", f"- z: {{act: x, fn: softplus}}\n- z: {{mul: [z, 16.0]}}\n- y: {{causal_conv: z, w: w, state: tail, fn: {fn}}}",
                   {"w": Weight([WIDTH, 2], positive)}, "tail: {fixed: [1, 37], init: 24.0}", "generate")
    yield Case("causal_conv_swish", "- y: {causal_conv: x, w: w, state: tail, fn: swish}", {"w": Weight([WIDTH, 2], small)}, "tail: {fixed: [1, 37]}", "generate",
               "'swish' needs 'beta', which a convolution has not", "causal_conv", imported=False)
    yield Case("shift", "- z: {shift: x, state: before}\n- y: {sub: [x, z]}", {}, "before: {fixed: [37], init: 0.5}", "generate")
    yield Case("shift_heads", "- h: {slice: x, from: 1, size: 36}\n- h: {reshape: h, to: [3, 12]}\n- y: {shift: h, state: before}", {}, "before: {fixed: [3, 12]}", "generate")
    yield from linear_attentions()
    yield Case("shift_width", "- y: {shift: x, state: before}", {}, "before: {fixed: [1, 37]}", "generate",
               "expected '@shift_width.before' to be of shape [37], that of a row, found [1, 37]", "shift:", imported=False)
    # A gate of 37 channels for each of x, its negative and its halves.
    gates = ["- a: {mul: [x, -1.0]}\n", "- b: {mul: [x, 0.5]}\n", "- c: {mul: [x, -0.5]}\n"]
    for cell, count in ("tanh", 1), ("relu", 1), ("lstm", 4), ("gru", 3):
        more = "".join(gates[: count - 1]) + "- x: {concat: [" + ", ".join("xabc"[:count]) + "]}\n" if count > 1 else ""
        for name, weight in ("", Weight([count * WIDTH, WIDTH], small)), ("_bias", Weight([count * WIDTH, WIDTH], small, bias=True)), ("_bf16", Weight([count * WIDTH, WIDTH], small, type="BF16")):
            yield Case(f"recurrence_{cell}{name}", more + f"- y: {{recurrence: x, w: w, state: past, cell: {cell}}}", {"w": weight},
                       f"past: {{fixed: [{2 if cell == 'lstm' else 1}, 37], init: 0.25}}", "generate", tolerance=1e-2 if "bf16" in name else 2e-5)
    yield Case("recurrence_state", "- y: {recurrence: x, w: w, state: past, cell: relu}", {"w": Weight([WIDTH, WIDTH], small)}, "past: {fixed: [2, 37]}", "generate",
               "expected '@recurrence_state.past' to be of shape [1, 37], h of a row, found [2, 37]", "recurrence:", imported=False)
    yield Case("start_after", "- e: {equals: ids, value: 3}\n- m: {start_after: e, state: part}\n- y: {number: m}", {}, "part: {fixed: [2]}", "generate")
    yield Case("start_after_init", "- m: {start_after: ids, state: part}\n- y: {number: m}", {}, "part: {fixed: [2], init: 1.0}", "generate",
               "expected '@start_after_init.part' to begin with 0, found 1.0", "start_after", imported=False)


def generated():
    """What treats rows one by one, where only wanted rows are computed and sequences come in chunks."""
    for group in elementwise(), shapes(), products(), rope(), ints(), routers(), of_slices():
        for case in group:
            if not case.refused and not case.name.startswith("attention"):
                yield replace(case, name=case.name + "_generate", blocks=case.blocks.replace("_expert", "_generate_expert"), nodes=case.nodes.replace("_expert", "_generate_expert"), kind="generate")


def cases():
    for group in elementwise(), shapes(), products(), rope(), ints(), attention("encode"), attention("generate"), keys_alone("encode"), keys_alone("generate"), routers(), rows(), computed(), of_slices(), long_rows(), along_sequences(), generated():
        yield from group
