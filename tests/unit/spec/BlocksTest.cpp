// What lets families share blocks: inputs that may be left out, defaults, names
// of the scope, repeats over a count, bases, and where libraries are found.
#include "tests/unit/spec/Fixture.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

// Specs and tensors of a test, and what comes of binding one.
class Blocks : public ::testing::Test {
protected:
  Blocks() {
    dir.add("m/config.json", R"({"architectures": ["A"], "width": 4})");
    dir.writeTensors("m/model.safetensors", {{"table", {8, 4}},
                                             {"a.weight", {4, 4}},
                                             {"a.bias", {4}},
                                             {"b.weight", {4, 4}},
                                             {"one", {4}},
                                             {"late", {4}}});
  }

  std::unique_ptr<Model> bindSpec(const std::string &text,
                                  const std::string &models = "") {
    sluice::checkpoint::Checkpoint ck = openCheckpoint(dir.path("m"));
    Diagnostics diagnostics;
    SpecPtr spec =
        parseSpecText(dir.path("spec.yaml"), text, diagnostics, models);
    std::unique_ptr<Model> model;
    if (spec)
      model = bind(*spec, ck, diagnostics);
    messages = diagnostics.print();
    return model;
  }

  // The ops of the one entry.
  static std::string ops(const std::unique_ptr<Model> &model) {
    std::string text;
    for (const Node &node : model ? model->entries[0].nodes : noNodes())
      text += (text.empty() ? "" : " ") + node.op;
    return text;
  }
  static const std::vector<Node> &noNodes() {
    static const std::vector<Node> none;
    return none;
  }

  Folder dir;
  std::string messages;
};

const std::string weights = "weights:\n"
                            "  table: {shape: [8, 4], hf: table}\n"
                            "  a: {shape: [4, 4], bias: optional, hf: a.*}\n"
                            "  b: {shape: [4, 4], bias: optional, hf: b.*}\n"
                            "  one: {shape: [4], hf: one}\n"
                            "ignore: {hf: [late]}\n";

std::string family(const std::string &blocks, const std::string &nodes) {
  return "sluice: 1\nfamily: f\n" + weights + "blocks:\n" + blocks +
         "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
         "      - x: {embedding: ids, w: table}\n" +
         nodes + "    outputs: {rows: x}\n";
}

const std::string useAll = "      - x: {linear: x, w: a}\n"
                           "      - x: {linear: x, w: b}\n"
                           "      - x: {mul: [x, w.one]}\n";

TEST_F(Blocks, InputsMayBeLeftOut) {
  const std::string blocks =
      "  inner:\n    inputs: [x, {z: none}]\n    returns: [x]\n    nodes:\n"
      "      - x: {add: [x, z], when: given(z)}\n"
      "  outer:\n    inputs: [x, {z: none}]\n    returns: [x]\n    nodes:\n"
      "      - x: {block: inner, x: x, z: z}\n"
      "      - x: {softmax: x, when: not given(z)}\n";
  auto built = [&](const std::string &nodes) {
    std::unique_ptr<Model> model = bindSpec(family(blocks, nodes + useAll));
    EXPECT_TRUE(model) << messages;
    return ops(model);
  };
  EXPECT_EQ(built("      - x: {block: outer, x: x, z: x}\n"),
            "embedding add linear linear mul");
  EXPECT_EQ(built("      - x: {block: outer, x: x}\n"),
            "embedding softmax linear linear mul");
  EXPECT_EQ(built("      - x: {block: outer, x: x, z: none}\n"),
            "embedding softmax linear linear mul");
  // What a false `when` left out is not given.
  EXPECT_EQ(built("      - y: {act: x, fn: relu, when: has(a) and not has(b)}\n"
                  "      - x: {block: outer, x: x, z: y}\n"),
            "embedding softmax linear linear mul");
}

TEST_F(Blocks, AnOptionalSlotIsLeftOutWithItsInput) {
  const std::string blocks =
      "  turn:\n    inputs: [x, {z: none}]\n    returns: [y]\n    nodes:\n"
      "      - q: {reshape: x, to: [2, 2]}\n"
      "      - y: {attention: q, k: q, v: q, scale: 1.0, bias: z, mask: "
      "[all]}\n      - y: {reshape: y, to: [4]}\n";
  for (bool given : {true, false}) {
    std::unique_ptr<Model> model = bindSpec(family(
        blocks, "      - b: {alibi: 2}\n      - x: {block: turn, x: x" +
                    std::string(given ? ", z: b" : "") + "}\n" +
                    (given ? "" : "      - x: {mul: [x, 2.0]}\n") + useAll));
    if (!given) { // the bias that nobody takes is an error of its own
      EXPECT_NE(messages.find("result 'b' is never used"), std::string::npos)
          << messages;
      continue;
    }
    ASSERT_TRUE(model) << messages;
    EXPECT_TRUE(model->entries[0].nodes[3].slot("bias"));
  }
  std::unique_ptr<Model> model =
      bindSpec(family(blocks, "      - x: {block: turn, x: x}\n" + useAll));
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(model->entries[0].nodes[2].op, "attention");
  EXPECT_FALSE(model->entries[0].nodes[2].slot("bias"));
}

TEST_F(Blocks, ARepeatedBlockMayLackAnInput) {
  const std::string text =
      "sluice: 1\nfamily: f\nweights:\n  layers:\n    each: {i: 2}\n"
      "    t: {shape: [8, 4], same_as: table, hf: no}\n"
      "  table: {shape: [8, 4], hf: table}\n"
      "ignore: {hf: [a.*, b.*, one, late]}\nblocks:\n"
      "  layer:\n    inputs: [{z: none}, ids, x]\n    returns: [x]\n    "
      "nodes:\n"
      "      - y: {embedding: ids, w: t}\n"
      "      - x: {add: [x, y]}\n"
      "      - x: {add: [x, z], when: given(z)}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n"
      "      - x: {repeat: layers, block: layer, ids: ids, x: x}\n"
      "    outputs: {rows: x}\n";
  std::unique_ptr<Model> model = bindSpec(text);
  ASSERT_TRUE(model) << messages;
  const Repeat &repeat = *model->entries[0].nodes[1].repeat;
  ASSERT_EQ(repeat.calls.size(), 2u);
  EXPECT_EQ(repeat.calls[1].body.inputNames,
            (std::vector<std::string>{"ids", "x"}));
  EXPECT_EQ(repeat.calls[1].carried, (std::vector<int>{-1, 0}));
  EXPECT_EQ(repeat.calls[1].body.nodes.size(), 2u);
}

TEST_F(Blocks, ParametersHaveDefaults) {
  const std::string blocks =
      "  scaled:\n    params: {n: {type: int, default: 3}, m: {type: float, "
      "default: $n * 2}}\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
      "      - x: {mul: [x, $n + $m]}\n";
  auto factor = [&](const std::string &args) {
    std::unique_ptr<Model> model = bindSpec(family(
        blocks, "      - x: {block: scaled, x: x" + args + "}\n" + useAll));
    EXPECT_TRUE(model) << messages;
    const auto *list =
        model->entries[0].nodes[1].slots[0].second.get<std::vector<Operand>>();
    return (*list)[1].get<Value>()->number();
  };
  EXPECT_EQ(factor(""), 9.0);
  EXPECT_EQ(factor(", n: 1"), 3.0);
  EXPECT_EQ(factor(", m: 0.5"), 3.5);
  EXPECT_FALSE(bindSpec(
      family(blocks, "      - x: {block: scaled, x: x, n: none}\n" + useAll)));
  EXPECT_NE(messages.find("parameter 'n' of block 'scaled' must be int"),
            std::string::npos)
      << messages;
}

TEST_F(Blocks, ParametersOfALibraryHaveDefaults) {
  dir.add("lib.yaml", "sluice: 1\nlibrary: lib\n"
                      "params: {n: {type: int, default: 2}}\nblocks:\n"
                      "  b:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
                      "      - x: {mul: [x, $n]}\n");
  for (const auto &[use, expected] :
       {std::pair("lib.yaml", 2.0), {"{file: lib.yaml, n: 5}", 5.0}}) {
    std::unique_ptr<Model> model =
        bindSpec("sluice: 1\nfamily: f\nuse: {lib: " + std::string(use) +
                 "}\n" + weights +
                 "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
                 "      - x: {embedding: ids, w: table}\n"
                 "      - x: {block: lib.b, x: x}\n" +
                 useAll + "    outputs: {rows: x}\n");
    ASSERT_TRUE(model) << messages;
    const auto *list =
        model->entries[0].nodes[1].slots[0].second.get<std::vector<Operand>>();
    EXPECT_EQ((*list)[1].get<Value>()->number(), expected);
  }
}

TEST_F(Blocks, RepeatOverACount) {
  const std::string blocks =
      "  step:\n    params: {by: float}\n    inputs: [x, y]\n"
      "    returns: [x]\n    nodes:\n      - x: {add: [x, y]}\n"
      "      - x: {mul: [x, $by]}\n";
  std::unique_ptr<Model> model = bindSpec(family(
      blocks, "      - y: {act: x, fn: relu}\n"
              "      - x: {repeat: {n: 3}, block: step, x: x, y: y, by: $n * "
              "10.0}\n" +
                  useAll));
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(ops(model),
            "embedding act add mul add mul add mul linear linear mul");
  const std::vector<Node> &nodes = model->entries[0].nodes;
  auto operands = [&](size_t i) {
    return *nodes[i].slots[0].second.get<std::vector<Operand>>();
  };
  // x is what the step before gave, y stays.
  EXPECT_EQ(*operands(4)[0].get<ValueId>(), nodes[3].results[0]);
  EXPECT_EQ(*operands(4)[1].get<ValueId>(), nodes[1].results[0]);
  EXPECT_EQ(operands(7)[1].get<Value>()->number(), 20.0);
}

TEST_F(Blocks, HasOfABias) {
  const std::string config =
      "config:\n  a_has: has(a.bias)\n  b_has: has(b.bias)\n";
  std::string text =
      family("", "      - x: {act: x, fn: relu, when: has(a.bias)}\n"
                 "      - x: {softmax: x, when: has(b.bias)}\n" +
                     useAll);
  text.replace(text.find("blocks:\n"), 8, "");
  text.replace(text.find("weights:"), 0, config);
  std::unique_ptr<Model> model = bindSpec(text);
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(ops(model), "embedding act linear linear mul");
  EXPECT_EQ(*model->parameter("a_has"), Value(true));
  EXPECT_EQ(*model->parameter("b_has"), Value(false));
}

TEST_F(Blocks, ABiasWithASourceOfItsOwnMayHaveACondition) {
  auto text = [&](const std::string &a) {
    std::string text =
        family("", "      - x: {act: x, fn: relu, when: has(a.bias)}\n"
                   "      - x: {softmax: x, when: has(b.bias)}\n" +
                       useAll);
    text.replace(text.find("blocks:\n"), 8, "");
    auto replace = [&](const std::string &from, const std::string &to) {
      text.replace(text.find(from), from.size(), to);
    };
    replace("bias: optional, hf: a.*",
            "bias: {hf: a.bias, when: " + a + "}, hf: a.weight");
    replace("bias: optional, hf: b.*",
            "bias: {hf: b.bias, when: false}, hf: b.weight");
    return text;
  };
  std::unique_ptr<Model> model = bindSpec(text("true"));
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(ops(model), "embedding act linear linear mul");
  EXPECT_TRUE(model->bias({"a", -1}));
  EXPECT_FALSE(model->bias({"b", -1}));
  EXPECT_FALSE(bindSpec(text("false")));
  EXPECT_NE(messages.find("tensor 'a.bias' [4] of the checkpoint is used by "
                          "no weight"),
            std::string::npos)
      << messages;
}

TEST_F(Blocks, ACallNamesTheWeights) {
  const std::string blocks =
      "  inner:\n    inputs: [x]\n    weights: [w]\n    returns: [x]\n"
      "    nodes:\n      - x: {linear: x, w: w, when: has(w)}\n"
      "      - x: {act: x, fn: relu, when: has(w.bias)}\n"
      "  outer:\n    inputs: [x]\n    weights: [w, v]\n    returns: [x]\n"
      "    nodes:\n      - x: {block: inner, x: x}\n"
      "      - x: {block: inner, x: x, w: v}\n";
  std::unique_ptr<Model> model = bindSpec(
      family(blocks, "      - x: {block: outer, x: x, w: b, v: a}\n"
                     "      - x: {block: outer, x: x, v: b}\n" // no `w` here
                     "      - x: {mul: [x, w.one]}\n"));
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(ops(model), "embedding linear linear act linear mul");
  const std::vector<Node> &nodes = model->entries[0].nodes;
  EXPECT_EQ(nodes[1].slot("w")->get<WeightRef>()->path, "b");
  EXPECT_EQ(nodes[2].slot("w")->get<WeightRef>()->path, "a");
  EXPECT_EQ(nodes[4].slot("w")->get<WeightRef>()->path, "b");
  EXPECT_FALSE(bindSpec(family(
      blocks, "      - x: {block: outer, x: x, w: c, v: a}\n" + useAll)));
  EXPECT_NE(messages.find("unknown weight 'c'"), std::string::npos) << messages;
}

const std::string base =
    "sluice: 1\nbase: common\n"
    "config:\n  width: {type: int, hf: width, default: 7}\n  kind: plain\n"
    "inert: {hf: [x1]}\n"
    "check:\n  - {that: $width > 0, else: no width}\n" +
    weights +
    "blocks:\n"
    "  first:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
    "      - x: {linear: x, w: a}\n"
    "  second:\n    inputs: [x]\n    weights: [b, late]\n    returns: [x]\n"
    "    nodes:\n      - x: {linear: x, w: b, when: has(b)}\n"
    "      - x: {mul: [x, w.late], when: has(late)}\n"
    "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
    "      - x: {embedding: ids, w: table}\n"
    "      - x: {block: first, x: x}\n"
    "      - x: {block: second, x: x}\n"
    "      - x: {mul: [x, w.one]}\n"
    "    outputs: {rows: x}\n";

TEST_F(Blocks, AFamilyExtendsABase) {
  dir.add("base.yaml", base);
  const std::string head = "sluice: 1\nfamily: f\nextends: base.yaml\n"
                           "match: {hf: {architectures: [A]}}\n";
  std::unique_ptr<Model> model = bindSpec(head);
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(model->family, "f");
  EXPECT_EQ(ops(model), "embedding linear linear mul");
  EXPECT_EQ(*model->parameter("width"), Value(4));

  // Keys are put over keys, `none` takes away, the rest stays.
  model = bindSpec(head + "config:\n  width: {hf: breadth}\n  kind: odd\n"
                          "weights:\n  b: none\n"
                          "  late: {shape: [4], hf: late}\n"
                          "ignore: {hf: [b.weight]}\n"
                          "check:\n  - {that: $kind == 'odd', else: even}\n"
                          "blocks:\n  first:\n    nodes:\n"
                          "      - x: {linear: x, w: a}\n"
                          "      - x: {act: x, fn: relu}\n");
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(ops(model), "embedding linear act mul mul");
  EXPECT_EQ(*model->parameter("width"), Value(7));
  EXPECT_EQ(*model->parameter("kind"), Value("odd"));

  // Lists of checks grow; places are those of the file that says it.
  EXPECT_FALSE(bindSpec(head + "check:\n  - {that: $width < 4, else: wide}\n"));
  EXPECT_NE(messages.find("spec.yaml:6:12: error: wide"), std::string::npos)
      << messages;
  EXPECT_FALSE(bindSpec(head + "config: {width: 0}\n"));
  EXPECT_NE(messages.find("base.yaml:8:12: error: no width"), std::string::npos)
      << messages;
}

TEST_F(Blocks, WhatALibraryPassesOverIsPassedOver) {
  dir.add("inner.yaml", "sluice: 1\nlibrary: inner\nparams: {name: text}\n"
                        "ignore: {hf: [\"${$name}.*\"]}\n");
  dir.add("outer.yaml", "sluice: 1\nlibrary: outer\n"
                        "use: {inner: {file: inner.yaml, name: b}}\n"
                        "ignore: {hf: [a.*]}\n");
  auto spec = [](const std::string &use) {
    return "sluice: 1\nfamily: f\nmatch: {hf: {architectures: [A]}}\n" + use +
           "weights:\n  table: {shape: [8, 4], hf: table}\n"
           "ignore: {hf: [one, late]}\n"
           "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
           "      - x: {embedding: ids, w: table}\n    outputs: {rows: x}\n";
  };
  EXPECT_FALSE(bindSpec(spec("")));
  EXPECT_NE(messages.find("tensor 'a.weight'"), std::string::npos) << messages;
  EXPECT_TRUE(bindSpec(spec("use: {outer: outer.yaml}\n"))) << messages;
}

TEST_F(Blocks, AFusedWeightTakesThePlaceOfItsParts) {
  dir.add("base.yaml", base);
  dir.writeTensors("m/model.safetensors",
                   {{"table", {8, 4}}, {"ab", {8, 4}}, {"one", {4}}});
  std::unique_ptr<Model> model =
      bindSpec("sluice: 1\nfamily: f\nextends: base.yaml\nweights:\n"
               "  ab: {holds: [a: 4, b: 4], cols: 4, hf: ab}\n");
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(model->weight({"b", -1})->source.rows.offset, 4);
}

TEST_F(Blocks, BasesAreChecked) {
  dir.add("base.yaml", base);
  dir.add("lib.yaml", "sluice: 1\nlibrary: lib\n");
  dir.add("loop.yaml", "sluice: 1\nbase: loop\nextends: loop.yaml\n");
  dir.add("matched.yaml", "sluice: 1\nbase: m\nmatch: {hf: {model_type: x}}\n");
  dir.add("more.yaml", "sluice: 1\nbase: more\nextends: base.yaml\n"
                       "config: {kind: more}\n");
  auto said = [&](const std::string &rest) {
    EXPECT_FALSE(bindSpec("sluice: 1\nfamily: f\nextends: " + rest));
    return messages;
  };
  EXPECT_NE(said("lib.yaml\n").find("lib.yaml' is not a base"),
            std::string::npos);
  EXPECT_NE(said("loop.yaml\n").find("uses itself"), std::string::npos);
  EXPECT_NE(said("matched.yaml\n").find("a base has no match"),
            std::string::npos);
  EXPECT_NE(said("nowhere.yaml\n").find("cannot read base 'nowhere.yaml'"),
            std::string::npos);
  EXPECT_NE(
      said("base.yaml\nweights: {c: none}\n")
          .find("spec.yaml:4:11: error: the base has no 'c' to take away"),
      std::string::npos)
      << messages;
  // What a node of the base takes cannot go.
  EXPECT_NE(said("base.yaml\nweights: {a: none}\n")
                .find("base.yaml:20:27: error: unknown weight 'a'"),
            std::string::npos)
      << messages;
  std::unique_ptr<Model> model =
      bindSpec("sluice: 1\nfamily: f\nextends: more.yaml\n");
  ASSERT_TRUE(model) << messages;
  EXPECT_EQ(*model->parameter("kind"), Value("more"));
  EXPECT_FALSE(bindSpec(base));
  EXPECT_NE(messages.find("this is a base; only a family can be bound"),
            std::string::npos);
}

TEST_F(Blocks, FilesAreFoundBesideTheSpecAndInTheFolderOfSpecs) {
  dir.add("models/blocks/base.yaml", base);
  const std::string text = "sluice: 1\nfamily: f\nextends: blocks/base.yaml\n";
  EXPECT_TRUE(bindSpec(text, dir.path("models"))) << messages;
  EXPECT_FALSE(bindSpec(text));
  EXPECT_NE(messages.find("spec.yaml:3:10: error: cannot read base "
                          "'blocks/base.yaml'; looked at " +
                          dir.path("blocks/base.yaml") + "\n"),
            std::string::npos)
      << messages;
  EXPECT_FALSE(bindSpec(text, dir.path("elsewhere")));
  EXPECT_NE(messages.find("looked at " + dir.path("blocks/base.yaml") + ", " +
                          dir.path("elsewhere/blocks/base.yaml")),
            std::string::npos)
      << messages;
  // The nearer one counts.
  dir.add("blocks/base.yaml", "sluice: 1\nlibrary: near\n");
  EXPECT_FALSE(bindSpec(text, dir.path("models")));
  EXPECT_NE(messages.find("is not a base"), std::string::npos) << messages;
}

} // namespace
