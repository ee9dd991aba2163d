// Weights that are those of an instance, by `same_as` and in nodes.
#include "tests/unit/spec/Fixture.h"

#include <gmock/gmock.h>

using namespace sluice;
using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

Bound bound(const std::string &text) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors(
      "model.safetensors",
      {{"emb", {5, 4}}, {"w.0", {4, 4}}, {"w.1", {4, 4}}, {"v.0", {4, 4}}});
  return bindText(text, openCheckpoint(dir.path()));
}

// Four layers, of which the last two have the weights of the first two.
std::string spec(const std::string &same, const std::string &node = "x") {
  return "sluice: 1\nfamily: m\nweights:\n"
         "  table: {shape: [5, 4], hf: emb}\n"
         "  layers:\n    each: {i: 4}\n"
         "    w: {shape: [4, 4], hf: w.$i, same_as: {use: \"" +
         same +
         "\", when: $i > 1}}\n"
         "    v: {shape: [4, 4], hf: v.$i, when: $i == 0}\n"
         "blocks:\n  layer:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
         "      - x: {linear: x, w: w}\n"
         "      - x: {linear: x, w: v, when: has(v)}\n"
         "entries:\n  generate:\n    inputs: {ids: tokens}\n    nodes:\n"
         "      - x: {embedding: ids, w: table}\n"
         "      - x: {repeat: layers, block: layer, x: x}\n"
         "      - logits: {act: " +
         node + ", fn: exp}\n    outputs: {logits: logits}\n";
}

TEST(Instances, StandForThoseThatANumberSays) {
  Bound found = bound(spec("layers[${$i % 2}].w"));
  ASSERT_TRUE(found.model) << found.messages;
  for (int64_t i = 0; i < 4; ++i) {
    const Weight *weight = found.model->weight({"layers.w", i});
    ASSERT_TRUE(weight);
    EXPECT_EQ(weight->aliasOf, i > 1 ? "layers.w" : "");
    if (i > 1) {
      EXPECT_EQ(weight->aliasIndex, i % 2);
    }
    EXPECT_EQ(found.model->stored({"layers.w", i})->source.tensors[0].tensor,
              "w." + std::to_string(i % 2));
  }
}

TEST(Instances, AreOneForAll) {
  Bound found = bound(spec("layers[1].w"));
  ASSERT_TRUE(found.model) << found.messages;
  for (int64_t i : {2, 3})
    EXPECT_EQ(found.model->weight({"layers.w", i})->aliasIndex, 1);
}

TEST(Instances, MustExist) {
  for (const char *number : {"4", "7"}) {
    Bound found = bound(spec(std::string("layers[") + number + "].w"));
    EXPECT_FALSE(found.model);
    EXPECT_NE(found.messages.find(std::string("stands for 'layers[") + number +
                                  "].w', which this checkpoint does not have"),
              std::string::npos)
        << found.messages;
  }
  Bound found = bound(spec("layers[one].w"));
  EXPECT_NE(found.messages.find("an instance has a number, found 'one'"),
            std::string::npos)
      << found.messages;
}

TEST(Instances, MayNotGoInACircle) {
  Bound found = bound(spec("layers[${5 - $i}].w"));
  EXPECT_NE(found.messages.find("stands for itself"), std::string::npos)
      << found.messages;
}

TEST(Instances, AreNamedInNodes) {
  std::string text = spec("layers[${$i % 2}].w", "y");
  size_t at = text.find("      - logits");
  text.insert(at, "      - y: {linear: x, w: \"layers[0].v\"}\n");
  Bound found = bound(text);
  ASSERT_TRUE(found.model) << found.messages;
  const Node &node = found.model->entries[0].nodes[2];
  EXPECT_EQ(*node.slot("w")->get<WeightRef>(), (WeightRef{"layers.v", 0}));
  text.replace(text.find("layers[0].v"), 11, "layers[1].v");
  found = bound(text);
  EXPECT_FALSE(found.model);
  EXPECT_NE(found.messages.find("'layers[1].v'"), std::string::npos)
      << found.messages;
}

// has() of a group means the same in the config and in the graph.
class Groups : public ::testing::Test {
protected:
  // A root group of two instances, one inside of each of two layers.
  Bound bind(const std::vector<std::string> &tensors,
             const std::string &optional = "optional: true, ") {
    Folder dir;
    dir.add("config.json", "{}");
    Shapes all = {{"emb", {5, 4}}, {"n.0", {4}}, {"n.1", {4}}};
    for (const std::string &name : tensors)
      all.emplace(name, std::vector<int64_t>{4});
    dir.writeTensors("model.safetensors", all);
    return bindText(
        "sluice: 1\nfamily: m\nconfig:\n"
        "  wide: 1 if has(extra) else 0\n"
        "  deep: 1 if has(layers.gate) else 0\n"
        "weights:\n"
        "  table: {shape: [5, 4], hf: emb}\n"
        "  extra: {each: {i: 2}, " +
            optional +
            "w: {shape: [4], hf: e.$i}}\n"
            "  layers:\n    each: {i: 2}\n"
            "    n: {shape: [4], hf: n.$i}\n"
            "    gate: {optional: true, w: {shape: [4], hf: g.$i}}\n"
            "blocks:\n"
            "  more:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
            "      - x: {sub: [x, w.w]}\n"
            "  layer:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
            "      - x: {mul: [x, w.n]}\n"
            "      - x: {div: [x, w.gate.w], when: has(gate)}\n"
            "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
            "      - x: {embedding: ids, w: table}\n"
            "      - x: {repeat: extra, block: more, x: x, when: has(extra)}\n"
            "      - x: {softmax: x, when: $wide == 1}\n"
            "      - x: {repeat: layers, block: layer, x: x}\n"
            "      - x: {act: x, fn: exp, when: $deep == 1}\n"
            "    outputs: {rows: x}\n",
        openCheckpoint(dir.path()));
  }

  // The ops in order, those of a repeat once for each instance.
  static std::string ops(const std::vector<Node> &nodes) {
    std::string text;
    for (const Node &node : nodes) {
      if (!node.repeat)
        text += node.op + " ";
      else
        for (const Repeat::Call &call : node.repeat->calls)
          text += ops(call.body.nodes);
    }
    return text;
  }
  static std::string ops(const Bound &found) {
    return found.model ? ops(found.model->entries[0].nodes) : found.messages;
  }
};

TEST_F(Groups, AreThereOrNot) {
  EXPECT_EQ(ops(bind({})), "embedding mul mul ");
  EXPECT_EQ(ops(bind({"e.0", "e.1", "g.0", "g.1"})),
            "embedding sub sub softmax mul div mul div act ");
}

TEST_F(Groups, OfALayerAreTheLayersOwn) {
  EXPECT_EQ(ops(bind({"g.1"})), "embedding mul mul div act ");
  EXPECT_EQ(ops(bind({"g.0"})), "embedding mul div mul act ");
}

TEST_F(Groups, ThatAreOptionalHaveAllInstancesOrNone) {
  EXPECT_THAT(bind({"e.1"}).messages,
              testing::HasSubstr("weight 'extra[0].w' is not in the "
                                 "checkpoint: no tensor e.0"));
  EXPECT_THAT(bind({"e.0"}).messages,
              testing::HasSubstr("weight 'extra[1].w' is not in the "
                                 "checkpoint: no tensor e.1"));
}

TEST_F(Groups, OfAFalseConditionAreNotThere) {
  EXPECT_EQ(ops(bind({"e.0", "e.1"}, "when: true, ")),
            "embedding sub sub softmax mul mul ");
  Bound found = bind({"e.0", "e.1"}, "when: false, ");
  EXPECT_THAT(found.messages, testing::HasSubstr("e.0"));
}

} // namespace
