// Parts of the language that the families of models/ do not all use.
#include "tests/unit/spec/Fixture.h"

#include <cmath>

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

Bound bindText(const std::string &spec, const std::string &checkpoint) {
  return sluice::spec::test::bindText(spec, openCheckpoint(checkpoint));
}

// A spec around some weights, all of which one node adds up.
std::string weightsSpec(const std::string &config, const std::string &weights,
                        const std::string &used) {
  return "sluice: 1\nfamily: w\nconfig:\n  unit: 1\n" + config + "weights:\n" +
         weights +
         "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
         "      - x: {embedding: ids, w: table}\n"
         "      - x: {add: [x" +
         used + "]}\n    outputs: {rows: x}\n";
}

TEST(Language, OpenElm) {
  // Every layer has its own head counts and widths, computed by expressions.
  Folder dir;
  sluice::Result<sluice::checkpoint::Checkpoint> ck =
      sluice::checkpoint::Checkpoint::random(
          1, dir.add("config.json", R"({"architectures":
    ["OpenELMForCausalLM"], "model_type": "openelm", "vocab_size": 32000,
    "model_dim": 1280, "num_transformer_layers": 16, "head_dim": 64,
    "num_gqa_groups": 4, "ffn_dim_divisor": 256,
    "qkv_multipliers": [0.5, 1.0], "ffn_multipliers": [0.5, 4.0],
    "share_input_output_layers": true})"));
  ASSERT_TRUE(ck.ok());
  Diagnostics diagnostics;
  SpecPtr spec =
      parseSpec(source("tests/unit/spec/data/openelm.yaml"), diagnostics);
  ASSERT_TRUE(spec) << diagnostics.print();
  std::unique_ptr<Model> model = bind(*spec, *ck, diagnostics);
  ASSERT_TRUE(model) << diagnostics.print();
  // The published tables of the 270M model.
  List heads = {12, 12, 12, 12, 12, 16, 16, 16, 16, 16, 16, 16, 20, 20, 20, 20};
  List ffn = {768,  1024, 1280, 1536, 1792, 2048, 2560, 2816,
              3072, 3328, 3584, 3840, 4352, 4608, 4864, 5120};
  EXPECT_EQ(print(*model->parameter("heads")), print(Value(heads)));
  EXPECT_EQ(print(*model->parameter("ffn")), print(Value(ffn)));
  EXPECT_EQ(model->weight({"layers.q", 15})->shape,
            (std::vector<int64_t>{20 * 64, 1280}));
  EXPECT_EQ(model->weight({"layers.k", 15})->source.rows.offset, 20 * 64);
  EXPECT_EQ(model->state({"layers.kv", 0})->fields[0].second,
            (std::vector<int64_t>{3, 64}));
  std::string text = printResolved(*model);
  SpecPtr again = parseSpecText("resolved.yaml", text, diagnostics);
  ASSERT_TRUE(again) << diagnostics.print();
  ASSERT_TRUE(bind(*again, *ck, diagnostics)) << diagnostics.print();
}

TEST(Language, SizesFromTensorsOfARawFile) {
  Folder dir;
  std::string path =
      dir.writeTensors("model.safetensors", {{"emb", {7, 4}},
                                             {"b.0.w", {4}},
                                             {"b.1.w", {4}},
                                             {"b.1.only", {1, 1, 4}}});
  Bound bound = bindText(
      weightsSpec(
          "  vocab: {type: int, size_of: {tensor: [none, emb], axis: 0}}\n"
          "  width: {type: int, size_of: {tensor: emb, axis: 1}}\n"
          "  depth: {type: int, count_of: b.*.w}\n"
          "  absent: {type: int, count_of: c.*.w, default: 0}\n",
          "  table: {shape: [$vocab, $width], raw: emb}\n"
          "  layers:\n    each: {i: $depth}\n"
          "    prefix: {raw: b.$i.}\n"
          "    w: {shape: [$width], raw: w}\n"
          "    only: {when: $i > 0, shape: [$width], raw: {name: only, "
          "apply: [{reshape: [$width]}]}}\n",
          "") +
          "blocks:\n  b:\n    params: {first: bool}\n    inputs: [x]\n"
          "    returns: [x]\n    nodes:\n      - x: {add: [x, w.w]}\n"
          "      - x: {mul: [x, w.only], when: not $first}\n",
      path);
  EXPECT_FALSE(bound.model); // `b` is never called, `add` has one operand
  std::string spec =
      "sluice: 1\nfamily: w\nconfig:\n"
      "  depth: {type: int, count_of: b.*.w}\n"
      "  absent: {type: int, count_of: c.*.w, default: 0}\n"
      "  vocab: {type: int, size_of: {tensor: [other, emb], axis: 0}}\n"
      "  width: {type: int, size_of: {tensor: emb, axis: 1}}\n"
      "weights:\n  table: {shape: [$vocab, $width], raw: emb}\n"
      "  layers:\n    each: {i: $depth}\n    prefix: {raw: b.$i.}\n"
      "    w: {shape: [$width], raw: w}\n"
      "    only: {when: $i > 0, shape: [$width], raw: {name: only, apply: "
      "[{reshape: [$width]}]}}\n"
      "blocks:\n  b:\n    params: {first: bool}\n    inputs: [x]\n"
      "    returns: [x]\n    nodes:\n      - x: {add: [x, w.w]}\n"
      "      - x: {mul: [x, w.only], when: not $first}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - x: {repeat: layers, block: b, x: x, first: $i == 0}\n"
      "      - y: {block: b, in: \"layers[1]\", x: x, first: false}\n"
      "    outputs: {rows: x, again: y}\n";
  sluice::checkpoint::Checkpoint ck = openCheckpoint(path);
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText("spec.yaml", spec, diagnostics);
  ASSERT_TRUE(parsed) << diagnostics.print();
  std::unique_ptr<Model> model = bind(*parsed, ck, diagnostics);
  ASSERT_TRUE(model) << diagnostics.print();
  EXPECT_EQ(*model->parameter("vocab"), Value(7));
  EXPECT_EQ(*model->parameter("depth"), Value(2));
  EXPECT_EQ(*model->parameter("absent"), Value(0));
  EXPECT_FALSE(model->weight({"layers.only", 0}));
  const Entry &entry = model->entries[0];
  const Repeat &repeat = *entry.nodes[1].repeat;
  EXPECT_EQ(repeat.calls[0].body.nodes.size(), 1u);
  EXPECT_EQ(repeat.calls[1].body.nodes.size(), 2u);
  // The call of one instance is inlined with its weights.
  const auto *list = entry.nodes[2].slots[0].second.get<std::vector<Operand>>();
  ASSERT_TRUE(list);
  EXPECT_EQ(*(*list)[1].get<WeightRef>(), (WeightRef{"layers.w", 1}));
}

TEST(Language, ConfigSources) {
  Folder dir;
  dir.add("config.json", R"({"text": {"hidden": 4, "layers": [3], "flag": 1,
    "act": null, "table": [[1, 2], [3, 4]]}, "other": 9})");
  dir.add("extra/more.json", R"({"deep": {"vocab": 5}})");
  dir.add("list.json", R"([{"type": "a"}, {"type": "b"}])");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  Bound bound = bindText(
      weightsSpec(
          "  deep:\n"
          "    prefix: {hf: [wrapper., text., \"\"]}\n"
          "    width: {type: int, hf: [n_embd, hidden]}\n"
          "    depth: {type: int, hf: layers, index: 0}\n"
          "    flag: {type: bool, hf: flag, values: {1: true, 0: false}}\n"
          "    act: {type: word, hf: act, default: none}\n"
          "    table: {type: json, hf: table}\n"
          "    scale: {type: float, hf: hidden}\n"
          "    root: {type: int, hf: /other}\n"
          "  vocab: {type: int, hf: \"extra/more.json:deep.vocab\"}\n"
          "  second: {type: word, hf: \"list.json:1.type\"}\n"
          "  third: {type: word, hf: \"list.json:2.type\", default: none}\n"
          "  cell: \"$deep.table[1][0]\"\n",
          "  table: {shape: [$vocab, $deep.width], hf: emb}\n", ", 1.0"),
      dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  auto value = [&](const char *name) {
    return print(*bound.model->parameter(name));
  };
  EXPECT_EQ(value("deep.width"), "4");
  EXPECT_EQ(value("deep.depth"), "3");
  EXPECT_EQ(value("deep.flag"), "true");
  EXPECT_EQ(value("deep.act"), "none");
  EXPECT_EQ(value("deep.scale"), "4.0");
  EXPECT_EQ(value("deep.root"), "9");
  EXPECT_EQ(value("vocab"), "5");
  EXPECT_EQ(value("cell"), "3");
  EXPECT_EQ(value("second"), "'b'");
  EXPECT_EQ(value("third"), "none");
  for (const ConfigValue &config : bound.model->config) {
    if (config.name == "deep.width") {
      EXPECT_EQ(config.source, "config.json: text.hidden");
    }
  }
}

TEST(Language, BrokenSideFileIsNoMissingKey) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.add("more.json", "[1, 2");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  Bound bound = bindText(
      weightsSpec("  n: {type: int, hf: \"more.json:a\", default: 1}\n",
                  "  table: {shape: [5, 4], hf: emb}\n", ", 1.0"),
      dir.path());
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("more.json"), std::string::npos)
      << bound.messages;
}

TEST(Language, EntryWithCondition) {
  Folder dir;
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  auto entriesWhen = [&](const std::string &config) {
    dir.add("config.json", config);
    std::string spec =
        weightsSpec("  pooled: {type: bool, hf: pooled, default: false}\n",
                    "  table: {shape: [5, 4], hf: emb}\n", ", 1.0");
    Bound bound = bindText(
        spec + "  embed:\n    when: $pooled\n    inputs: {ids: tokens}\n"
               "    nodes:\n      - x: {embedding: ids, w: table}\n"
               "      - x: {pool_rows: x, by: mean}\n"
               "    outputs: {vector: x}\n",
        dir.path());
    EXPECT_TRUE(bound.model) << bound.messages;
    return bound.model ? bound.model->entries.size() : 0;
  };
  EXPECT_EQ(entriesWhen("{}"), 1u);
  EXPECT_EQ(entriesWhen(R"({"pooled": true})"), 2u);
}

TEST(Language, FusedTensors) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}},
                                         {"per_head.weight", {12, 4}},
                                         {"per_head.bias", {12}},
                                         {"blocks", {12, 4}},
                                         {"swapped", {6, 4}},
                                         {"left", {2, 4}},
                                         {"right", {4, 4}},
                                         {"up0", {3, 4}},
                                         {"up1", {3, 4}},
                                         {"gate0", {3, 4}},
                                         {"gate1", {3, 4}},
                                         {"heads", {9, 4}},
                                         {"stacked", {2, 4, 6}}});
  Bound bound = bindText(
      "sluice: 1\nfamily: w\nweights:\n"
      "  table: {shape: [5, 4], hf: emb}\n"
      "  a: {holds: [q: 2, k: 1, v: 1], per: 3, cols: 4, bias: true, hf: "
      "per_head.*}\n"
      "  b: {holds: [bq: 2, bk: 2], per: 3, cols: 4, hf: {name: blocks, "
      "blocks: "
      "true}}\n"
      "  c: {holds: [up: 2, down: 4], cols: 4, hf: {name: swapped, order: "
      "[down, up]}}\n"
      "  joined: {shape: [6, 4], hf: {concat: [left, right]}}\n"
      "  e: {holds: [eg: 3, eu: 3], cols: 4, experts: 2, hf: [{eg: {stack: "
      "gate$e, each: {e: 2}}, eu: {stack: up$e, each: {e: 2}}}, other]}\n"
      "  f: {holds: [fg: 1, fu: 1], per: 3, cols: 4, experts: 2, hf: {name: "
      "stacked, apply: [transpose]}}\n"
      "  g: {holds: [hk: {rows: 2, apply: [{reshape: [3, 2, 4]}, transpose]}, "
      "hv: {rows: 1, apply: [{reshape: [3, 1, 4]}]}], per: 3, cols: 4, hf: "
      "heads}\n"
      "blocks:\n  expert:\n    inputs: [x]\n    returns: [y]\n    nodes:\n"
      "      - g: {linear: x, w: eg}\n      - u: {linear: x, w: eu}\n"
      "      - p: {linear: x, w: fg}\n      - r: {linear: x, w: fu}\n"
      "      - y: {add: [g, u, p, r]}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - q: {linear: x, w: q}\n      - k: {linear: x, w: k}\n"
      "      - v: {linear: x, w: v}\n      - m: {linear: x, w: bq}\n"
      "      - n: {linear: x, w: bk}\n      - j: {linear: x, w: joined}\n"
      "      - u: {linear: x, w: up}\n      - d: {linear: x, w: down}\n"
      "      - i: {top_k: d, k: 1}\n"
      "      - e: {experts: x, at: i, block: expert}\n"
      "      - h: {reshape: x, to: [1, 4]}\n"
      "      - h: {repeat_heads: h, times: 3}\n"
      "      - h: {head_linear: h, w: hv}\n"
      "      - h: {concat: [h, h]}\n"
      "      - h: {head_linear: h, w: hk}\n"
      "    outputs: {q: q, k: k, v: v, m: m, n: n, j: j, u: u, e: e, h: h}\n",
      dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  auto rows = [&](const char *name) {
    const Weight *weight = bound.model->weight({name, -1});
    const RowSelect &r = weight->source.rows;
    return std::vector<int64_t>{r.offset, r.size, r.period, r.count};
  };
  EXPECT_EQ(rows("q"), (std::vector<int64_t>{0, 2, 4, 3}));
  EXPECT_EQ(rows("v"), (std::vector<int64_t>{3, 1, 4, 3}));
  EXPECT_EQ(rows("v.bias"), (std::vector<int64_t>{3, 1, 4, 3}));
  EXPECT_EQ(rows("bk"), (std::vector<int64_t>{6, 6, 12, 1}));
  EXPECT_EQ(rows("up"), (std::vector<int64_t>{4, 2, 6, 1}));
  EXPECT_EQ(rows("fu"), (std::vector<int64_t>{1, 1, 2, 3}));
  const Weight *turned = bound.model->weight({"hk", -1});
  EXPECT_EQ(rows("hk"), (std::vector<int64_t>{0, 2, 3, 3}));
  EXPECT_EQ(turned->shape, (std::vector<int64_t>{3, 4, 2}));
  EXPECT_EQ(turned->source.then.size(), 2u);
  EXPECT_EQ(bound.model->weight({"eg", -1})->shape,
            (std::vector<int64_t>{2, 3, 4}));
  EXPECT_FALSE(bound.model->weight({"eg", -1})->source.fused);
  EXPECT_EQ(bound.model->weight({"joined", -1})->source.tensors.size(), 2u);
}

TEST(Language, MasksAndStates) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  Bound bound = bindText(
      "sluice: 1\nfamily: w\n"
      "config: {window: none, chunk: 8}\n"
      "weights: {table: {shape: [5, 4], hf: emb}}\n"
      "state:\n  kv: {cache: {v: [2, 2], k: [2, 2]}, keep: $window, chunk: "
      "$chunk}\n"
      "entries:\n  generate:\n    start: 0\n"
      "    inputs: {ids: tokens, at: positions}\n"
      "    positions: {kind: linear, start: 2}\n"
      "    nodes:\n"
      "      - _: {identity: at}\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - h: {reshape: x, to: [2, 2]}\n"
      "      - kv: {append: kv, k: h, v: h}\n"
      "      - h: {attention: h, kv: kv, scale: 1.0, mask: [causal, {window: "
      "$window}, {chunk: $chunk}]}\n"
      "      - x: {reshape: h, to: [4]}\n"
      "    outputs: {logits: x}\n",
      dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  const State *state = bound.model->state({"kv", -1});
  EXPECT_EQ(state->keep, 0);
  EXPECT_EQ(state->chunk, 8);
  EXPECT_EQ(state->fields[0].first, "k"); // whatever the spec's order
  const Entry &entry = bound.model->entries[0];
  EXPECT_EQ(entry.start, 0);
  EXPECT_EQ(entry.positionStart, 2);
  const Mask &mask = *entry.nodes[3].slot("mask")->get<Mask>();
  ASSERT_EQ(mask.size(), 2u); // the window of none is dropped
  EXPECT_EQ(mask[0].kind, "causal");
  EXPECT_EQ(mask[1].kind, "chunk");
  EXPECT_EQ(mask[1].numbers[0], 8);
}

// An entry appends to a cache and hands it to repeated blocks that read it.
Bound sharedCache(const std::string &state, const std::string &mask) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors",
                   {{"emb", {5, 4}}, {"l.0", {4}}, {"l.1", {4}}});
  return bindText(
      "sluice: 1\nfamily: w\n"
      "weights:\n  table: {shape: [5, 4], hf: emb}\n"
      "  layers: {each: {i: 2}, w: {shape: [4], hf: l.$i}}\n"
      "state:\n  kv: {cache: {k: [2, 2], v: [2, 2]}" +
          state +
          "}\n"
          "blocks:\n  b:\n    inputs: [x, c]\n    returns: [x, c]\n"
          "    nodes:\n      - h: {reshape: x, to: [2, 2]}\n"
          "      - h: {attention: h, kv: c, scale: 1.0, mask: " +
          mask +
          "}\n"
          "      - x: {reshape: h, to: [4]}\n"
          "      - x: {add: [x, w.w]}\n"
          "entries:\n  generate:\n    inputs: {ids: tokens}\n    nodes:\n"
          "      - x: {embedding: ids, w: table}\n"
          "      - h: {reshape: x, to: [2, 2]}\n"
          "      - _: {append: kv, k: h, v: h}\n"
          "      - c: {cached: kv}\n"
          "      - x, _: {repeat: layers, block: b, x: x, c: c}\n"
          "    outputs: {logits: x}\n",
      dir.path());
}

TEST(Language, AHandleKeepsItsStateThroughRepeats) {
  Bound bound = sharedCache("", "[causal]");
  EXPECT_TRUE(bound.model) << bound.messages;
  bound = sharedCache("", "[all]");
  EXPECT_NE(bound.messages.find("the mask must be causal"), std::string::npos)
      << bound.messages;
  bound = sharedCache(", keep: 4", "[causal]");
  EXPECT_NE(bound.messages.find("the mask reaches beyond the 4 rows"),
            std::string::npos)
      << bound.messages;
}

// What another entry wrote has positions of its own.
TEST(Language, MaskOverTheStateOfAnotherEntry) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  auto messages = [&](const std::string &mask) {
    return bindText(
               "sluice: 1\nfamily: w\n"
               "weights: {table: {shape: [5, 4], hf: emb}}\n"
               "state:\n  kv: {cache: {k: [2, 2], v: [2, 2]}, once: true}\n"
               "entries:\n  source:\n    inputs: {ids: tokens}\n    nodes:\n"
               "      - x: {embedding: ids, w: table}\n"
               "      - h: {reshape: x, to: [2, 2]}\n"
               "      - _: {append: kv, k: h, v: h}\n"
               "  generate:\n    inputs: {ids: tokens}\n    nodes:\n"
               "      - x: {embedding: ids, w: table}\n"
               "      - h: {reshape: x, to: [2, 2]}\n"
               "      - c: {cached: kv}\n"
               "      - h: {attention: h, kv: c, scale: 1.0, mask: " +
                   mask +
                   "}\n      - x: {reshape: h, to: [4]}\n"
                   "    outputs: {logits: x}\n",
               dir.path())
        .messages;
  };
  EXPECT_EQ(messages("[all]"), "");
  EXPECT_NE(messages("[causal]").find("so its mask must be [all]"),
            std::string::npos);
}

// A group without weights and states of its own is still repeated over.
TEST(Language, EmptyGroups) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  Bound bound =
      bindText("sluice: 1\nfamily: w\n"
               "weights:\n  table: {shape: [5, 4], hf: emb}\n"
               "  steps: {each: {i: 3}}\n"
               "  deep: {inner: {each: {i: 2}}}\n"
               "blocks:\n  b:\n    inputs: [x]\n    returns: [x]\n"
               "    nodes:\n      - x: {mul: [x, 2.0]}\n"
               "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
               "      - x: {embedding: ids, w: table}\n"
               "      - x: {repeat: steps, block: b, x: x}\n"
               "      - x: {repeat: deep.inner, block: b, x: x}\n"
               "    outputs: {rows: x}\n",
               dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  std::string text = printResolved(*bound.model);
  EXPECT_NE(text.find("  steps:\n    each: {i: 3}\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("    inner:\n      each: {i: 2}\n"), std::string::npos)
      << text;
}

// A model without a weight: nothing but its tokens.
TEST(Language, NoWeights) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {});
  Bound bound = bindText("sluice: 1\nfamily: w\n"
                         "entries:\n  encode:\n    inputs: {ids: tokens}\n"
                         "    nodes:\n      - x: {identity: ids}\n"
                         "    outputs: {rows: x}\n",
                         dir.path());
  EXPECT_TRUE(bound.model) << bound.messages;
}

TEST(Language, SameAsDropsWhatTheFileHolds) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}, {"copy", {5, 4}}});
  Bound bound = bindText(
      "sluice: 1\nfamily: w\nweights:\n  table: {shape: [5, 4], hf: emb}\n"
      "  head: {shape: [5, 4], hf: copy, same_as: {use: table, when: true}}\n"
      "entries:\n  generate:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - x: {linear: x, w: head}\n    outputs: {logits: x}\n",
      dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(bound.model->stored({"head", -1})->path, "table");
  EXPECT_EQ(bound.model->ignored, (std::vector<std::string>{"copy"}));
}

// The path of an instance within a group of instances has a number that no name
// of a spec may have.
TEST(Language, AnInnerInstanceIsPrintedAsAGroup) {
  Folder dir;
  dir.add("config.json", "{}");
  Shapes shapes = {{"emb", {5, 4}}};
  for (const char *name : {"t.0.0", "t.0.1", "t.1.0", "t.1.1", "o.0", "o.1"})
    shapes[name] = {4, 4};
  dir.writeTensors("model.safetensors", shapes);
  Bound bound = bindText(
      "sluice: 1\nfamily: w\nweights:\n"
      "  table: {shape: [5, 4], hf: emb}\n  layers:\n    each: {i: 2}\n"
      "    inner:\n      each: {j: 2}\n      w: {shape: [4, 4], hf: t.$i.$j}\n"
      "    inner_1: {w: {shape: [4, 4], hf: o.$i}}\n"
      "blocks:\n  one: {inputs: [x], returns: [x], nodes: "
      "[x: {linear: x, w: w}]}\n"
      "  layer:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
      "      - x: {block: one, in: \"inner[1]\", x: x}\n"
      "      - x: {block: one, in: inner_1, x: x}\n"
      "      - x: {linear: x, w: \"inner[1].w\"}\n"
      "      - x: {linear: x, w: \"layers[1].inner[0].w\"}\n"
      "      - x: {repeat: inner, block: one, x: x}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - x: {repeat: layers, block: layer, x: x}\n"
      "    outputs: {rows: x}\n",
      dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  std::string resolved = printResolved(*bound.model);
  for (const char *line :
       {"    inner_0:\n      w: {shape: [4, 4], hf: t.$i.0}",
        "    inner_1_:\n      w: {shape: [4, 4], hf: t.$i.1}",
        "    inner_1:\n      w: {shape: [4, 4], hf: o.$i}",
        "v1: {linear: x, w: inner_1_.w}", "v2: {linear: v1, w: inner_1.w}",
        "v3: {linear: v2, w: inner_1_.w}",
        "v4: {linear: v3, w: \"layers[1].inner_0.w\"}",
        "w: \"layers[1].inner_1_.w\""})
    EXPECT_NE(resolved.find(line), std::string::npos) << line << resolved;
}

} // namespace
