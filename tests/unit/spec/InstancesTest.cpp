// Weights that are those of an instance, by `same_as` and in nodes.
#include "tests/unit/spec/Fixture.h"

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

} // namespace
