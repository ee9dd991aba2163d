#include "runtime/api/sluice.h"

#include "runtime/executor/Engine.h"
#include "runtime/format/CpuFeatures.h"
#include "tests/unit/fixture/ToyModel.h"

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace sluice;
using testing::HasSubstr;

namespace {

using Logits = std::vector<std::vector<float>>;

std::unique_ptr<Model> load(LoadOptions options = {},
                            test::ToyOptions toy = {.source = false}) {
  std::string path = test::toyPath("model", toy);
  options.shareAll = true; // its steps are short
  Result<std::unique_ptr<Model>> model = Model::load(path, options);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(*model);
}

std::vector<int32_t> tokens(int64_t count, int32_t salt = 0) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>((i * i + 7 * i + salt) % test::kStop));
  return ids;
}

Sequence sequence(std::vector<int32_t> ids, int32_t slot = 0) {
  Sequence sequence;
  sequence.slot = slot;
  sequence.tokens = std::move(ids);
  return sequence;
}

Logits rows(const Output &output) {
  Logits rows;
  for (int64_t r = 0; r < output.rows; ++r)
    rows.emplace_back(output.data.begin() + r * output.columns,
                      output.data.begin() + (r + 1) * output.columns);
  return rows;
}

Logits runAlone(Model &model, const std::vector<int32_t> &ids, int64_t chunk) {
  EXPECT_TRUE(model.reset(0).ok());
  Sequence one = sequence(ids);
  auto results = model.run("generate", {&one, 1}, chunk);
  EXPECT_TRUE(results.ok()) << results.status().message();
  return results.ok() ? rows((*results)[0][0]) : Logits();
}

TEST(Model, ComputesThePlanInAnyChunks) {
  std::vector<int32_t> ids = tokens(290);
  Logits expected = test::expectedLogits(ids, {});
  auto check = [&](int threads, int64_t capacity, int64_t chunk) {
    auto model = load({.threads = threads, .capacity = capacity});
    EXPECT_TRUE(runAlone(*model, ids, chunk) == expected)
        << threads << " threads, capacity " << capacity << ", chunk " << chunk;
  };
  for (int64_t capacity : {1, 50, 300})
    check(2, capacity, 0);
  for (int64_t chunk : {7, 128}) {
    check(1, 300, chunk);
    check(2, 300, chunk);
  }
  check(3, 300, 0);
}

TEST(Model, GeneratedKernelsGiveTheSameBits) {
  auto model = load({.reproducible = true});
  std::vector<int32_t> ids = tokens(40);
  EXPECT_TRUE(runAlone(*model, ids, 0) == test::expectedLogits(ids, {}));
}

// The program for the engine refuses an id here, so that it shows who ran.
TEST(Model, LeavesNoTokensToAProgramWhoseProductsNobodyTakes) {
  test::ToyFile toy = test::toyFile({.source = false});
  auto &programs = toy.model.entries[0]->programs;
  programs[1]->steps[0]->body.AsDispatch()->dims = {5};
  Sequence many = sequence({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (bool spare : {false, true}) {
    programs[0]->max = spare ? 0 : test::kEngineRows - 1;
    auto model = Model::load(test::writeFile("spare", toy.bytes()),
                             {.reproducible = true});
    ASSERT_TRUE(model.ok()) << model.status().message();
    auto results = (*model)->run("generate", {&many, 1});
    ASSERT_EQ(results.ok(), spare);
    if (spare) {
      EXPECT_TRUE(rows((*results)[0][0]) ==
                  test::expectedLogits(many.tokens, {}));
    }
  }
}

TEST(Model, RunsRaggedBatches) {
  auto model = load({.capacity = 16, .sequences = 3});
  std::vector<Sequence> batch = {sequence(tokens(150, 1), 2),
                                 sequence(tokens(3, 2), 0),
                                 sequence(tokens(40, 3), 1)};
  for (int64_t chunk : {0, 1, 5}) {
    for (int32_t slot = 0; slot < 3; ++slot)
      ASSERT_TRUE(model->reset(slot).ok());
    auto results = model->run("generate", batch, chunk);
    ASSERT_TRUE(results.ok()) << results.status().message();
    for (size_t s = 0; s < batch.size(); ++s)
      EXPECT_TRUE(rows((*results)[s][0]) ==
                  test::expectedLogits(batch[s].tokens, {}))
          << "sequence " << s << ", chunk " << chunk;
  }
}

TEST(Model, GoesOnFromCopiesOfASlot) {
  auto model = load({.slots = 2});
  std::vector<int32_t> ids = tokens(140);
  std::span<const int32_t> all(ids);
  Sequence head = sequence({all.begin(), all.begin() + 100});
  ASSERT_TRUE(model->step("generate", {&head, 1}).ok());
  ASSERT_TRUE(model->copy(0, 1).ok());
  EXPECT_EQ(*model->length(1), 100);
  Logits expected = test::expectedLogits(ids, {});
  // Slot 0 goes another way first; slot 1 must not notice.
  Sequence other = sequence(tokens(60, 5), 0);
  ASSERT_TRUE(model->step("generate", {&other, 1}).ok());
  Sequence tail = sequence({all.begin() + 100, all.end()}, 1);
  auto results = model->run("generate", {&tail, 1});
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE(rows((*results)[0][0]) ==
              Logits(expected.begin() + 100, expected.end()));
}

TEST(Model, CannotCutFixedState) {
  auto model = load();
  Sequence one = sequence(tokens(10));
  ASSERT_TRUE(model->step("generate", {&one, 1}).ok());
  EXPECT_EQ(model->rewind(0, 5).code(), Code::Unsupported);
  EXPECT_THAT(model->rewind(0, 5).message(),
              HasSubstr("state 'shift' holds what the last token left"));
  EXPECT_TRUE(model->rewind(0, 10).ok());
}

TEST(Model, GoesBackAsFarAsAWindowHolds) {
  auto model =
      load({.capacity = 16}, {.source = false, .shift = false, .window = true});
  std::vector<int32_t> ids = tokens(280);
  Sequence all = sequence(ids);
  ASSERT_TRUE(model->run("generate", {&all, 1}).ok());
  // Rows up to 127 are given back; 20 rows are looked at.
  EXPECT_THAT(model->rewind(0, 140).message(),
              HasSubstr("it can be cut to 147 or more"));
  EXPECT_EQ(*model->length(0), 280);
  for (size_t length : {200u, 147u}) {
    ASSERT_TRUE(model->rewind(0, static_cast<int64_t>(length)).ok());
    ids.resize(length);
    Sequence other = sequence(tokens(60, 11));
    ids.insert(ids.end(), other.tokens.begin(), other.tokens.end());
    auto results = model->run("generate", {&other, 1});
    ASSERT_TRUE(results.ok()) << results.status().message();
    Logits expected = test::expectedLogits(ids, {}, false, true);
    EXPECT_TRUE(rows((*results)[0][0]) ==
                Logits(expected.begin() + static_cast<ptrdiff_t>(length),
                       expected.end()))
        << length;
  }
}

// As another process would, with other limits.
TEST(Model, GoesOnFromASnapshot) {
  const test::ToyOptions toy = {.window = true};
  std::vector<int32_t> source = tokens(150, 4), ids = tokens(280);
  Logits expected = test::expectedLogits(ids, source, true, true);
  std::vector<uint8_t> bytes;
  {
    auto model = load({.capacity = 200}, toy);
    ASSERT_TRUE(model->source(0, source).ok());
    Sequence head = sequence({ids.begin(), ids.begin() + 201});
    ASSERT_TRUE(model->run("generate", {&head, 1}).ok());
    auto saved = model->saveSlot(0, "what it was about");
    ASSERT_TRUE(saved.ok()) << saved.status().message();
    bytes = *saved;
    std::string file = test::testFile("slot");
    ASSERT_TRUE(model->saveSlotFile(0, file, "what it was about").ok());
    std::ifstream stream(file, std::ios::binary);
    EXPECT_EQ(std::vector<uint8_t>(std::istreambuf_iterator<char>(stream), {}),
              bytes);
  }
  for (int64_t capacity : {1, 7, 64}) {
    auto model = load({.threads = 3, .capacity = capacity, .slots = 3}, toy);
    auto note = model->loadSlot(2, bytes);
    ASSERT_TRUE(note.ok()) << note.status().message();
    EXPECT_EQ(*note, "what it was about");
    EXPECT_EQ(*model->length(2), 201);
    EXPECT_EQ(*model->tokens(2),
              std::vector<int32_t>(ids.begin(), ids.begin() + 201));
    Sequence tail = sequence({ids.begin() + 201, ids.end()}, 2);
    auto results = model->run("generate", {&tail, 1});
    ASSERT_TRUE(results.ok()) << results.status().message();
    EXPECT_TRUE(rows((*results)[0][0]) ==
                Logits(expected.begin() + 201, expected.end()))
        << "capacity " << capacity;
  }
}

TEST(Model, RefusesSnapshotsOfOthers) {
  auto model = load();
  auto loaded = Model::load(
      test::toyPath("other", {.source = false, .window = true}), {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  Model *other = loaded->get();
  Sequence one = sequence(tokens(10));
  ASSERT_TRUE(model->step("generate", {&one, 1}).ok());
  ASSERT_TRUE(other->step("generate", {&one, 1}).ok());
  auto bytes = other->saveSlot(0);
  ASSERT_TRUE(bytes.ok());
  EXPECT_THAT(model->loadSlot(0, *bytes).status().message(),
              HasSubstr("made with another model"));
  bytes->back() ^= 1;
  EXPECT_EQ(other->loadSlot(0, *bytes).status().code(), Code::Corrupt);
  EXPECT_EQ(other->loadSlotFile(0, "missing").status().code(), Code::Io);
  std::string file = test::testFile("damaged");
  std::ofstream(file) << "SLCSLOT";
  EXPECT_THAT(other->loadSlotFile(0, file).status().message(),
              HasSubstr(file + ": not a snapshot"));
  EXPECT_EQ(*model->tokens(0), one.tokens);
  EXPECT_EQ(*other->length(0), 10);
  EXPECT_FALSE(other->saveSlotFile(0, "/missing/file").ok());
}

TEST(Model, ReadsWhatTheSourceWrote) {
  auto model = load({.sequences = 2}, {.source = true});
  std::vector<int32_t> source = tokens(200, 4), ids = tokens(20);
  Sequence alone = sequence(ids);
  EXPECT_THAT(model->step("generate", {&alone, 1}).message(),
              HasSubstr("slot 0 has no source to look at"));
  EXPECT_EQ(*model->length(0), 0);
  ASSERT_TRUE(model->source(0, source).ok());
  ASSERT_TRUE(model->source(1, tokens(3, 9)).ok());
  EXPECT_EQ(model->startToken(), 1);
  std::vector<Sequence> both = {sequence(ids, 0), sequence(ids, 1)};
  auto results = model->run("generate", both, 4);
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE(rows((*results)[0][0]) == test::expectedLogits(ids, source));
  EXPECT_TRUE(rows((*results)[1][0]) ==
              test::expectedLogits(ids, tokens(3, 9)));
}

TEST(Model, KeepsWholeSequencesWhole) {
  auto model = load({.capacity = 12, .sequences = 2});
  std::vector<Sequence> two = {sequence({1, 2, 3}, 0), sequence(tokens(10), 1)};
  auto pooled = model->run("embed", two, 1); // does not fit into one step
  ASSERT_TRUE(pooled.ok()) << pooled.status().message();
  ASSERT_EQ((*pooled)[0][0].rows, 1);
  EXPECT_TRUE((*pooled)[0][0].perSequence);
  float sum = 0, weighted = 0;
  for (int32_t i = 1; i <= 3; ++i) {
    sum += test::embedding(i)[0];
    weighted += test::embedding(i)[0] * static_cast<float>(i);
  }
  EXPECT_EQ((*pooled)[0][0].data[0], weighted + 3 * sum);
  auto encoded = model->run("encode", {two.data(), 1});
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ((*encoded)[0][0].rows, 3);
  EXPECT_EQ((*encoded)[0][0].data[0], test::embedding(1)[0] + sum);
  Sequence longer = sequence(tokens(13));
  EXPECT_THAT(model->run("encode", {&longer, 1}).status().message(),
              HasSubstr("needs all 13 tokens of a sequence in one step"));
}

// Rows of f32, i32 and bool, in any chunks.
TEST(Model, TakesInputsOfAnyTypeAndShape) {
  auto model = load({.capacity = 7}, {.source = false, .mix = true});
  auto entry = model->entry("mix");
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->inputs[0].elem, "f32");
  EXPECT_EQ(entry->inputs[0].shape, (std::vector<int64_t>{2, 8}));
  EXPECT_EQ(entry->inputs[1].elem, "i32");
  EXPECT_EQ(entry->inputs[2].elem, "bool");
  EXPECT_TRUE(entry->inputs[2].optional);
  constexpr int64_t length = 20;
  std::vector<float> x, expected, without;
  std::vector<int32_t> n;
  std::vector<uint8_t> b;
  for (int64_t t = 0; t < length; ++t) {
    n.push_back(static_cast<int32_t>(t % test::kMixLimit));
    b.push_back(t % 3 == 0);
    b.push_back(t % 2 == 0);
    for (int64_t c = 0; c < test::kWidth; ++c) {
      x.push_back(static_cast<float>(t * 100 + c));
      without.push_back(x.back() * static_cast<float>(n.back()));
      expected.push_back(without.back() +
                         static_cast<float>(b[size_t(2 * t + c % 2)]));
    }
  }
  Sequence one;
  one.inputs = {{"x", Values({length, 2, 8}, x)},
                {"n", n},
                {"b", Values({length, 2}, b)}};
  for (int64_t chunk : {0, 1, 3}) {
    auto results = model->run("mix", {&one, 1}, chunk);
    ASSERT_TRUE(results.ok()) << results.status().message();
    EXPECT_EQ((*results)[0][0].data, expected);
  }
  auto message = [&](const std::string &name, Values values) {
    Sequence bad = one;
    bad.inputs[name] = std::move(values);
    return model->run("mix", {&bad, 1}).status().message();
  };
  EXPECT_EQ(message("x", Values({length, 16}, x)),
            "sequence 0: input 'x': found [20, 16] f32, expected [20, 2, 8] "
            "f32");
  EXPECT_THAT(message("x", n),
              HasSubstr("found [20] i32, expected [20, 2, 8]"));
  EXPECT_THAT(message("x", Values({length, 2, 8}, std::vector<float>(3))),
              HasSubstr("3 numbers in the shape [20, 2, 8] f32"));
  EXPECT_THAT(message("x", Values({-1, 2, 8}, x)), HasSubstr("numbers in"));
  EXPECT_THAT(message("n", std::vector<int32_t>(19)), HasSubstr("tokens of"));
  EXPECT_THAT(message("n", std::vector<int32_t>(20, test::kMixLimit)),
              HasSubstr("n[0] is 5, it must be at least 0 and less than 5"));
  EXPECT_THAT(message("b", Values({length, 2}, std::vector<uint8_t>(40, 2))),
              HasSubstr("b[0] is 2, expected 0 or 1"));
  EXPECT_THAT(message("z", n),
              HasSubstr("the entry has no input 'z'; it takes: x, n, b"));
  one.inputs.erase("b");
  auto results = model->run("mix", {&one, 1});
  ASSERT_TRUE(results.ok()) << results.status().message();
  EXPECT_EQ((*results)[0][0].data, without);
  one.inputs.erase("n");
  EXPECT_THAT(model->run("mix", {&one, 1}).status().message(),
              HasSubstr("the input 'n' is missing"));
  one.tokens = {1};
  EXPECT_THAT(model->run("mix", {&one, 1}).status().message(),
              HasSubstr("takes no tokens"));
}

TEST(Model, RefusesBadRequests) {
  auto model = load({.capacity = 32});
  auto message = [&](Sequence one) {
    return model->step("generate", {&one, 1}).message();
  };
  EXPECT_THAT(
      message(sequence({3, test::kVocab})),
      HasSubstr("ids[1] is 40, it must be at least 0 and less than 40"));
  EXPECT_THAT(message(sequence({-1})), HasSubstr("ids[0] is -1"));
  EXPECT_THAT(message(sequence({})), HasSubstr("no tokens"));
  EXPECT_THAT(message(sequence({1}, 4)), HasSubstr("slot 4 of 1"));
  EXPECT_THAT(message(sequence(tokens(33))),
              HasSubstr("33 tokens in a step, the capacity is 32"));
  Sequence tooLong = sequence(tokens(test::kContext + 1));
  EXPECT_THAT(model->run("generate", {&tooLong, 1}).status().message(),
              HasSubstr("longer than the context of 300"));
  EXPECT_THAT(model->entry("encoder").status().message(),
              HasSubstr("there are: generate, encode, embed"));
  std::vector<Sequence> twice = {sequence({1}), sequence({2})};
  EXPECT_FALSE(model->step("generate", twice).ok());
  EXPECT_FALSE(Model::load(test::toyPath("limits"), {.capacity = 0}).ok());
  EXPECT_THAT(
      Model::load(test::toyPath("limits"), {.context = 301}).status().message(),
      HasSubstr("context must be between 1 and 300"));
}

TEST(Model, RefusesBadSlotsEverywhere) {
  auto model = load({.sequences = 2}, {.source = true});
  GenerateOptions generate;
  TextOptions text;
  auto goOn = [](auto) { return true; };
  std::vector<int32_t> ids = {1, 2};
  for (int32_t slot : {-1, 2, INT32_MAX, INT32_MIN}) {
    Sequence one = sequence(ids, slot);
    for (const Status &status :
         {model->step("generate", {&one, 1}),
          model->run("generate", {&one, 1}).status(),
          model->generate(slot, ids, generate, goOn),
          model->generateText(slot, "ab", text, goOn),
          model->generateText(slot, ids, text, goOn), model->source(slot, ids),
          model->length(slot).status(), model->reset(slot),
          model->copy(0, slot), model->copy(slot, 0), model->rewind(slot, 0),
          model->tokens(slot).status(), model->saveSlot(slot).status(),
          model->saveSlotFile(slot, test::testFile("none")),
          model->loadSlot(slot, {}).status()}) {
      EXPECT_EQ(status.code(), Code::InvalidArgument);
      EXPECT_THAT(status.message(),
                  HasSubstr("slot " + std::to_string(slot) + " of 2"));
    }
  }
}

TEST(Model, RefusesNumbersBelowTheirRange) {
  std::string path = test::toyPath("negative");
  for (const LoadOptions &options : std::vector<LoadOptions>{{.threads = -1},
                                                             {.capacity = -1},
                                                             {.sequences = -1},
                                                             {.slots = -1},
                                                             {.context = -1}})
    EXPECT_THAT(Model::load(path, options).status().message(),
                HasSubstr("must be between 1 and"));
  auto model = load();
  Sequence one = sequence({1, 2});
  EXPECT_EQ(model->run("generate", {&one, 1}, -1).status().code(),
            Code::InvalidArgument);
  EXPECT_TRUE(model->cost("generate", 1, 1, 0).ok());
  for (auto [sequences, tokens, held] :
       {std::tuple<int64_t, int64_t, int64_t>(0, 1, 0),
        {1, -1, 0},
        {1, 1, -1},
        {INT64_MAX, 2, 0}})
    EXPECT_EQ(model->cost("generate", sequences, tokens, held).status().code(),
              Code::InvalidArgument);
}

TEST(Model, TurnsWhatCallbacksThrowIntoAStatus) {
  auto model = load();
  std::vector<int32_t> ids = {1, 2};
  Status status = model->generate(0, ids, {}, [](int32_t) -> bool {
    throw std::runtime_error("the caller gave up");
  });
  EXPECT_EQ(status.code(), Code::Internal);
  EXPECT_EQ(status.message(), "the caller gave up");
  EXPECT_EQ(model->generate(0, ids, {}, nullptr).code(), Code::Internal);
  ASSERT_TRUE(model->reset(0).ok());
  EXPECT_TRUE(runAlone(*model, ids, 0) == test::expectedLogits(ids, {}));
}

TEST(Model, ReportsAFailingStepAndItsPlace) {
  auto model = load();
  Sequence bad = sequence({1, test::kRefused, 2});
  EXPECT_THAT(model->step("generate", {&bad, 1}).message(),
              HasSubstr("step refuse (refuse, toy.yaml:18) failed"));
  Sequence good = sequence({1, 2});
  EXPECT_THAT(model->step("generate", {&good, 1}).message(),
              HasSubstr("left by a failed step"));
  ASSERT_TRUE(model->reset(0).ok());
  EXPECT_TRUE(model->step("generate", {&good, 1}).ok());
}

TEST(Model, ReportsAMissingKernel) {
  test::ToyFile toy = test::toyFile();
  toy.model.kernels[3]->symbol = "slc_k_nowhere";
  EXPECT_THAT(Model::load(test::writeFile("missing", toy.bytes()), {})
                  .status()
                  .message(),
              HasSubstr("no kernel slc_k_nowhere"));
  toy = test::toyFile();
  toy.contents[1] = {'E', 'L', 'F'};
  EXPECT_EQ(
      Model::load(test::writeFile("elf", toy.bytes()), {}).status().code(),
      Code::Corrupt);
}

TEST(Model, GeneratesGreedily) {
  auto model = load({.capacity = 4});
  std::vector<int32_t> prompt = tokens(10), expected, found;
  std::vector<int32_t> ids = prompt;
  for (int i = 0; i < 12; ++i) {
    std::vector<float> last = test::expectedLogits(ids, {}).back();
    int32_t best = static_cast<int32_t>(
        std::max_element(last.begin(), last.end()) - last.begin());
    expected.push_back(best);
    ids.push_back(best);
  }
  ASSERT_THAT(expected, testing::Not(testing::Contains(test::kRefused)));
  GenerateOptions options;
  options.maxTokens = 12;
  options.ignoreModelStops = true;
  auto collect = [&](int32_t token) {
    found.push_back(token);
    return true;
  };
  ASSERT_TRUE(model->generate(0, prompt, options, collect).ok());
  EXPECT_EQ(found, expected);
  // A stop token ends the text and is not part of it.
  options.stopTokens = {expected[3]};
  size_t first = static_cast<size_t>(
      std::find(expected.begin(), expected.end(), expected[3]) -
      expected.begin());
  found.clear();
  ASSERT_TRUE(model->reset(0).ok());
  ASSERT_TRUE(model->generate(0, prompt, options, collect).ok());
  EXPECT_EQ(found,
            std::vector<int32_t>(expected.begin(), expected.begin() + first));
}

// The most likely token when those that came before are less likely, by hand.
int32_t penalized(const std::vector<int32_t> &ids, float penalty) {
  std::vector<float> logits = test::expectedLogits(ids, {}, false).back();
  for (int32_t id : std::set<int32_t>(ids.begin(), ids.end()))
    logits[size_t(id)] *= logits[size_t(id)] > 0 ? 1 / penalty : penalty;
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) -
                              logits.begin());
}

// However the tokens came there: as a prompt, made, copied, and not those that
// were taken back.
TEST(Model, PenalizesAllThatASlotHolds) {
  auto model =
      load({.capacity = 4, .slots = 2}, {.source = false, .shift = false});
  GenerateOptions options;
  options.ignoreModelStops = true;
  options.maxTokens = 6;
  options.sampling.repetitionPenalty = 3;
  std::vector<int32_t> ids;
  auto turn = [&](int32_t slot, std::vector<int32_t> prompt) {
    std::vector<int32_t> expected;
    ids.insert(ids.end(), prompt.begin(), prompt.end());
    for (int64_t i = 0; i < options.maxTokens; ++i) {
      expected.push_back(penalized(ids, options.sampling.repetitionPenalty));
      ids.push_back(expected.back());
    }
    std::vector<int32_t> found;
    EXPECT_TRUE(model
                    ->generate(slot, prompt, options,
                               [&](int32_t token) {
                                 found.push_back(token);
                                 return true;
                               })
                    .ok());
    EXPECT_EQ(found, expected);
    ids.pop_back(); // the last token was made, not taken in
  };
  turn(0, tokens(5));
  // An entry that keeps nothing leaves the slot as it is.
  Sequence passing = sequence(tokens(4, 9));
  ASSERT_TRUE(model->step("encode", {&passing, 1}).ok());
  turn(0, tokens(3));
  ASSERT_TRUE(model->copy(0, 1).ok());
  ASSERT_TRUE(model->rewind(1, 8).ok());
  ids.resize(8);
  turn(1, tokens(2));
  auto bytes = model->saveSlot(1);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  ASSERT_TRUE(model->reset(1).ok());
  ASSERT_TRUE(model->loadSlot(0, *bytes).ok());
  turn(0, tokens(1, 3));
  ids.clear();
  turn(1, tokens(4));
}

TEST(Model, StopsAtTheContext) {
  auto model = load({.context = 20});
  GenerateOptions options;
  options.maxTokens = 1000;
  options.ignoreModelStops = true;
  options.sampling.temperature = 1;
  options.sampling.topK = 3;
  int made = 0;
  ASSERT_TRUE(
      model->generate(0, tokens(15), options, [&](int32_t) { return ++made; })
          .ok());
  EXPECT_EQ(made, 6); // the last one has no room to go in
  ASSERT_TRUE(model->reset(0).ok());
  EXPECT_THAT(
      model->generate(0, tokens(21), options, [](int32_t) { return true; })
          .message(),
      HasSubstr("21 tokens long, longer than the context of 20"));
}

// oneDNN takes the head of the prefill program where it has a fast path.
TEST(Model, ProfilesStepsAndUsesTheEngine) {
  auto model = load({.capacity = 64});
  EXPECT_EQ(model->writeProfile(test::testFile("none.json")).code(),
            Code::InvalidArgument);
  ASSERT_TRUE(model->startProfile().ok());
  runAlone(*model, tokens(20), 0);
  runAlone(*model, tokens(4), 0);
  std::string path = test::testFile("trace.json");
  ASSERT_TRUE(model->writeProfile(path).ok());
  std::ifstream stream(path);
  nlohmann::json trace = nlohmann::json::parse(stream);
  int engine = 0, generated = 0;
  for (const auto &event : trace["traceEvents"])
    if (event["name"] == "linear") {
      (event["args"]["engine"] == "generated" ? generated : engine) += 1;
      EXPECT_EQ(event["args"]["flops"],
                2.0 * test::kWidth * test::kVocab *
                    event["args"]["rows"].get<double>());
    }
  auto oneDnn = executor::Engine::create();
  ASSERT_TRUE(oneDnn.ok()) << oneDnn.status().message();
  bool fast = (*oneDnn)->fast(
      {.k = test::kWidth, .n = test::kVocab, .xStride = 16, .yStride = 48});
  EXPECT_TRUE(fast || !format::cpuHas("avx512bw"));
  EXPECT_EQ(engine, fast ? 1 : 0);
  EXPECT_GE(generated, 1);
  std::ostringstream table;
  ASSERT_TRUE(model->printProfile(table).ok());
  EXPECT_THAT(table.str(), HasSubstr("toy.yaml:11"));
}

} // namespace
