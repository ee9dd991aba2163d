// What the runtime counts for a model: the positions of sequences that fill in
// a part of their prefix, that prefix, and how long a prompt is.
#include "runtime/api/sluice.h"
#include "tests/unit/fixture/ToyModel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using testing::HasSubstr;

namespace {

using Numbers = std::vector<int32_t>;
using ModelPtr = std::unique_ptr<Model>;

// The prefix ends before the 7, and the 5 stands for what comes then.
const Numbers ids = {3, 5, 9, 7, 4, 2, 8};

// A model whose second input, by which it multiplies, is of that type.
ModelPtr load(const std::string &type, bool spans, int64_t capacity = 20) {
  test::ToyFile toy = test::toyFile({.source = false});
  for (auto &entry : toy.model.entries) {
    if (entry->name != "generate")
      continue;
    entry->inputs[1]->type = type;
    if (!spans)
      continue;
    entry->positions = "spans";
    entry->begin = 7;
    for (const Numbers &equal : {Numbers{6}, Numbers{9, 5}}) {
      entry->anchors.push_back(std::make_unique<format::AnchorsT>());
      entry->anchors.back()->tokens = equal;
    }
  }
  // A file of its own: others may be mapped.
  static int number = 0;
  auto model = Model::load(
      test::writeFile("count" + std::to_string(number++), toy.bytes()),
      {.capacity = capacity, .slots = 2});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(*model);
}

Sequence sequence(Numbers tokens, int64_t prompt = 0) {
  Sequence one;
  one.tokens = std::move(tokens);
  one.prompt = prompt;
  return one;
}

std::vector<float> run(Model &model, const Sequence &one, int64_t chunk = 0) {
  EXPECT_TRUE(model.reset(0).ok());
  auto results = model.run("generate", {&one, 1}, chunk);
  EXPECT_TRUE(results.ok()) << results.status().message();
  return results.ok() ? (*results)[0][0].data : std::vector<float>();
}

// What the model gives for these numbers.
std::vector<float> given(const Numbers &numbers) {
  Sequence one = sequence(ids);
  one.inputs["pos"] = numbers;
  return run(*load("positions", false), one);
}

std::vector<float> lastRow(Model &model) {
  auto row = model.outputs()[0].row(model.outputs()[0].rows - 1);
  return {row.begin(), row.end()};
}

TEST(Count, PositionsOfSpans) {
  const std::pair<const char *, Numbers> cases[] = {
      {"positions", {0, 1, 2, 1, 1, 1, 1}},
      {"block_positions", {0, 0, 0, 1, 2, 3, 4}},
      {"prefix", {3, 3, 3, 3, 3, 3, 3}}};
  for (const auto &[type, numbers] : cases) {
    ModelPtr model = load(type, true);
    std::vector<float> expected = given(numbers);
    for (int64_t chunk : {0, 1, 5})
      EXPECT_EQ(run(*model, sequence(ids), chunk), expected)
          << type << ", chunks of " << chunk;
  }
}

TEST(Count, KeepsAPrefixInOneStep) {
  ModelPtr model = load("prefix", true);
  EXPECT_EQ(model->entry("generate")->prefixEnd, 7);
  auto message = [&](Numbers tokens) {
    EXPECT_TRUE(model->reset(0).ok());
    Sequence one = sequence(std::move(tokens));
    return model->step("generate", {&one, 1}).message();
  };
  EXPECT_THAT(message({3, 5, 9}),
              HasSubstr("there is no token 7, up to which"));
  EXPECT_THAT(message({3, 4, 7}),
              HasSubstr("none of the tokens 6, 9, 5 before token 7"));
  EXPECT_EQ(message({5, 7, 1}), "");
  model = load("prefix", true, 3);
  Sequence one = sequence(ids);
  EXPECT_THAT(model->run("generate", {&one, 1}).status().message(),
              HasSubstr("its first 4 tokens see each other and come in one "
                        "step, the capacity is 3"));
}

TEST(Count, PromptsAsTheyAreAnnounced) {
  ModelPtr model = load("prompt", false);
  for (int64_t chunk : {0, 1, 3}) {
    EXPECT_EQ(run(*model, sequence(ids), chunk), given(Numbers(7, 7)));
    EXPECT_EQ(run(*model, sequence(ids, 4), chunk), given(Numbers(7, 4)));
  }
  Sequence one = sequence(ids, 301);
  EXPECT_TRUE(model->reset(0).ok());
  EXPECT_THAT(model->run("generate", {&one, 1}).status().message(),
              HasSubstr("longer than the context of 300"));
  one = sequence(ids);
  one.inputs["pos"] = Numbers(7, 7);
  EXPECT_THAT(model->run("generate", {&one, 1}).status().message(),
              HasSubstr("the runtime counts the input 'pos' itself"));
}

// run() is given all, step() what the caller says, generate() nothing that
// ends.
TEST(Count, WhatIsAnnouncedIsKept) {
  ModelPtr model = load("announced", false);
  EXPECT_EQ(run(*model, sequence(ids), 3), given(Numbers(7, 7)));
  EXPECT_EQ(run(*model, sequence(ids, 9), 3), given(Numbers(7, 9)));
  auto step = [&](Numbers tokens, int64_t prompt = 0) {
    Sequence one = sequence(std::move(tokens), prompt);
    EXPECT_TRUE(model->step("generate", {&one, 1}).ok());
    return lastRow(*model);
  };
  auto last = [](int32_t number) {
    std::vector<float> all = given(Numbers(7, number));
    return std::vector<float>(all.end() - test::kVocab, all.end());
  };
  const Numbers most(ids.begin(), ids.end() - 1);
  for (int64_t announced : {0, 12}) {
    ASSERT_TRUE(model->reset(0).ok());
    step(most, announced);
    auto saved = model->saveSlot(0);
    ASSERT_TRUE(saved.ok() && model->copy(0, 1).ok());
    EXPECT_EQ(step({ids.back()}), last(int32_t(announced)));
    ASSERT_TRUE(model->copy(1, 0).ok());
    EXPECT_EQ(step({ids.back()}), last(int32_t(announced)));
    model = load("announced", false);
    ASSERT_TRUE(model->loadSlot(0, *saved).ok());
    EXPECT_EQ(step({ids.back()}), last(int32_t(announced)));
  }
  auto stop = [](int32_t) { return false; };
  for (bool ends : {false, true}) {
    GenerateOptions options;
    options.maxTokens = 5;
    options.ends = ends;
    ASSERT_TRUE(model->reset(0).ok());
    ASSERT_TRUE(model->generate(0, most, options, stop).ok());
    EXPECT_EQ(step({ids.back()}), last(ends ? 11 : 0));
  }
}

TEST(Count, KeepsThePromptOfASequence) {
  ModelPtr model = load("prompt", false);
  auto step = [&](Numbers tokens, int64_t prompt = 0) {
    Sequence one = sequence(std::move(tokens), prompt);
    return model->step("generate", {&one, 1}).message();
  };
  std::vector<float> all = given(Numbers(7, 3));
  std::vector<float> expected(all.end() - test::kVocab, all.end());
  ASSERT_EQ(step({3, 5, 9}), "");
  EXPECT_THAT(step({7}, 4),
              HasSubstr("a prompt of 4 tokens, but with its first "
                        "tokens the sequence had one of 3"));
  ASSERT_EQ(step({7, 4, 2}, 3), "");
  auto saved = model->saveSlot(0);
  ASSERT_TRUE(saved.ok());
  ASSERT_EQ(step({8}), "");
  EXPECT_EQ(lastRow(*model), expected);
  model = load("prompt", false);
  ASSERT_TRUE(model->loadSlot(0, *saved).ok());
  ASSERT_EQ(step({8}), "");
  EXPECT_EQ(lastRow(*model), expected);
}

} // namespace
