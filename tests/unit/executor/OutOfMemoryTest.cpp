// Every call of the API with memory running out at each of its allocations in
// turn: an error as a value, and the model is as good as before. Left out are
// calls that parse or write JSON, as the library for it allocates memory where
// it gives some back, and products by oneDNN, which ends the process.
#include "runtime/api/sluice.h"

#include "tests/unit/executor/LimitedMemory.h"
#include "tests/unit/fixture/ToyModel.h"

#include <gtest/gtest.h>
#include <ostream>

using namespace sluice;

using test::allowed;

namespace {

const std::vector<int32_t> kIds = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};

std::unique_ptr<Model> load(bool source = false) {
  std::string path = test::toyPath("memory", {.source = source});
  auto model = Model::load(
      path, {.threads = 2, .slots = 2, .reproducible = true, .shareAll = true});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(*model);
}

bool computes(Model &model, std::span<const int32_t> source) {
  Sequence sequence;
  sequence.tokens = kIds;
  auto results = model.run("generate", {&sequence, 1}, 5);
  std::vector<float> expected;
  for (const std::vector<float> &row : test::expectedLogits(kIds, source))
    expected.insert(expected.end(), row.begin(), row.end());
  return results.ok() && (*results)[0][0].data == expected;
}

bool isSound(Model &model) {
  return model.reset(0).ok() && computes(model, {});
}

bool isSourceSound(Model &model) {
  return model.source(0, kIds).ok() && computes(model, kIds);
}

// Calls with ever more memory until it is enough.
template <typename Call, typename Check>
void withEverLess(Call call, Check isSoundAfter) {
  for (int64_t memory = 0; memory < 100000; ++memory) {
    allowed = memory;
    Status status = call();
    bool enough = allowed > 0 || (status.ok() && allowed == 0);
    allowed = -1;
    if (enough) {
      EXPECT_TRUE(status.ok()) << status.message();
      EXPECT_GT(memory, 0) << "the call allocates nothing";
      return;
    }
    ASSERT_EQ(status.code(), Code::Resource)
        << status.message() << " after " << memory << " allocations";
    if (memory % 7 == 0) {
      ASSERT_TRUE(isSoundAfter()) << "after " << memory << " allocations";
    }
  }
  FAIL() << "it never succeeds";
}

template <typename Call> void onModel(Call call, bool source = false) {
  std::unique_ptr<Model> model = load(source);
  ASSERT_TRUE(model->tokenizer().ok()); // parsed once
  auto isGood = [&] {
    return source ? isSourceSound(*model) : isSound(*model);
  };
  withEverLess([&] { return call(*model); }, isGood);
  EXPECT_TRUE(isGood());
}

TEST(OutOfMemory, Load) {
  const std::string path = test::toyPath("load");
  withEverLess(
      [&] {
        return Model::load(path,
                           {.threads = 2, .reproducible = true, .verify = true})
            .status();
      },
      [] { return true; });
}

TEST(OutOfMemory, Steps) {
  Sequence sequence;
  sequence.tokens = kIds;
  std::span<const Sequence> one(&sequence, 1);
  onModel([&](Model &model) {
    (void)model.reset(0);
    return model.step("generate", one);
  });
  onModel([&](Model &model) {
    (void)model.reset(0);
    return model.run("generate", one, 3).status();
  });
  onModel([&](Model &model) { return model.source(0, kIds); }, true);
}

TEST(OutOfMemory, Text) {
  GenerateOptions generate;
  generate.maxTokens = 3;
  TextOptions text;
  text.maxTokens = 3;
  text.stopStrings = {"no such text as this"};
  auto goOn = [](auto) { return true; };
  onModel([&](Model &model) {
    (void)model.reset(0);
    return model.generate(0, kIds, generate, goOn);
  });
  onModel([&](Model &model) {
    (void)model.reset(0);
    return model.generateText(0, "abcdefghijklmnopqrstuvwxyz", text, goOn);
  });
  onModel([&](Model &model) {
    (void)model.reset(0);
    return model.generateText(0, kIds, text, goOn);
  });
}

TEST(OutOfMemory, Slots) {
  Sequence sequence;
  sequence.tokens = kIds;
  onModel([&](Model &model) {
    if (*model.length(0) == 0)
      return model.step("generate", {&sequence, 1});
    (void)model.reset(1);
    return model.copy(0, 1);
  });
  // A copy is whole or refused.
  std::unique_ptr<Model> model = load();
  ASSERT_TRUE(model->step("generate", {&sequence, 1}).ok());
  withEverLess(
      [&] {
        (void)model->reset(1);
        return model->copy(0, 1);
      },
      [&] {
        Sequence next;
        next.slot = 1;
        next.tokens = {1};
        return !model->step("generate", {&next, 1}).ok();
      });
  // So is a snapshot.
  ASSERT_TRUE(model->reset(1).ok());
  auto bytes = model->saveSlot(0);
  ASSERT_TRUE(bytes.ok());
  withEverLess([&] { return model->saveSlot(0).status(); },
               [&] { return *model->length(0) == 12; });
  withEverLess([&] { return model->loadSlot(1, *bytes).status(); },
               [&] { return *model->length(1) == 0; });
  EXPECT_EQ(*model->tokens(1), kIds);
}

TEST(OutOfMemory, Reports) {
  class Nowhere : public std::streambuf {
    int overflow(int c) override { return c; }
  } nowhere;
  std::ostream out(&nowhere);
  onModel([&](Model &model) { return model.startProfile(); });
  onModel([&](Model &model) { return model.entry("").status(); });
  std::unique_ptr<Model> profiled = load();
  ASSERT_TRUE(profiled->startProfile().ok());
  EXPECT_TRUE(isSound(*profiled));
  withEverLess([&] { return profiled->printProfile(out); },
               [] { return true; });
  Sequence sequence;
  sequence.tokens = kIds;
  onModel([&](Model &model) {
    (void)model.reset(0);
    if (Status status = model.startProfile(); !status.ok())
      return status;
    return model.step("generate", {&sequence, 1});
  });
}

} // namespace
