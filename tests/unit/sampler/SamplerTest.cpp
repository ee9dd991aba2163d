#include "runtime/sampler/Sampler.h"
#include "runtime/sampler/StopStrings.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>

using namespace sluice;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// How often each token comes in 4000 draws.
std::map<int32_t, double> frequencies(SamplingOptions options,
                                      std::vector<float> logits,
                                      std::vector<int32_t> context = {}) {
  Result<Sampler> sampler = Sampler::create(options);
  EXPECT_TRUE(sampler.ok());
  std::map<int32_t, double> counts;
  for (int i = 0; i < 4000; ++i)
    counts[*sampler->next(logits, context)] += 1.0 / 4000;
  return counts;
}

TEST(Sampler, GreedyTakesTheFirstOfTheBest) {
  Result<Sampler> sampler = Sampler::create({});
  ASSERT_TRUE(sampler.ok());
  EXPECT_EQ(*sampler->next(std::vector<float>{1, 5, 5, 2}, {}), 1);
  EXPECT_EQ(*sampler->next(std::vector<float>{kNan, -3, -2}, {}), 2);
  EXPECT_EQ(*sampler->next(std::vector<float>{0, -kInf, kInf}, {}), 2);
  EXPECT_FALSE(sampler->next(std::vector<float>{kNan, kNan}, {}).ok());
  EXPECT_FALSE(sampler->next({}, {}).ok());
}

TEST(Sampler, FollowsTheDistribution) {
  std::vector<float> logits = {std::log(0.1f), std::log(0.6f), std::log(0.3f)};
  auto found = frequencies({.temperature = 1}, logits);
  EXPECT_NEAR(found[0], 0.1, 0.03);
  EXPECT_NEAR(found[1], 0.6, 0.03);
  EXPECT_NEAR(found[2], 0.3, 0.03);
  // Temperature 0.5 squares the ratios: 0.01, 0.36, 0.09 of 0.46.
  found = frequencies({.temperature = 0.5f}, logits);
  EXPECT_NEAR(found[1], 0.36 / 0.46, 0.03);
}

TEST(Sampler, Filters) {
  std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.25f),
                               std::log(0.15f)};
  EXPECT_EQ(frequencies({.temperature = 1, .topK = 2}, logits).size(), 2u);
  EXPECT_EQ(frequencies({.temperature = 1, .topK = 9}, logits).size(), 4u);
  EXPECT_EQ(frequencies({.temperature = 1, .topP = 0.4f}, logits).size(), 1u);
  EXPECT_EQ(frequencies({.temperature = 1, .topP = 0.7f}, logits).size(), 2u);
  EXPECT_EQ(frequencies({.temperature = 1, .minP = 0.4f}, logits).size(), 2u);
  EXPECT_EQ(frequencies({.temperature = 1, .minP = 1}, logits).size(), 1u);
}

TEST(Sampler, PenalizesRepetition) {
  Result<Sampler> sampler = Sampler::create({.repetitionPenalty = 2});
  ASSERT_TRUE(sampler.ok());
  std::vector<int32_t> context = {0, 0, 2, 900, -1};
  EXPECT_EQ(*sampler->next(std::vector<float>{4, 3, 1}, context), 1);
  EXPECT_EQ(*sampler->next(std::vector<float>{-2, -3, -2}, context), 1);
}

TEST(Sampler, IsRepeatable) {
  std::vector<float> logits(50, 1);
  auto draws = [&](uint64_t seed) {
    Result<Sampler> sampler = Sampler::create({.temperature = 1, .seed = seed});
    std::vector<int32_t> out;
    for (int i = 0; i < 20; ++i)
      out.push_back(*sampler->next(logits, {}));
    return out;
  };
  EXPECT_EQ(draws(1), draws(1));
  EXPECT_NE(draws(1), draws(2));
}

TEST(Sampler, RefusesBadOptions) {
  EXPECT_FALSE(Sampler::create({.repetitionPenalty = 0}).ok());
  EXPECT_FALSE(Sampler::create({.temperature = -1}).ok());
  EXPECT_FALSE(Sampler::create({.temperature = kNan}).ok());
  EXPECT_FALSE(Sampler::create({.topK = -1}).ok());
  EXPECT_FALSE(Sampler::create({.topP = 0}).ok());
  EXPECT_FALSE(Sampler::create({.minP = 1.5f}).ok());
}

TEST(StopStrings, CutTheText) {
  StopStrings stops({"", "###", "\n\n"});
  EXPECT_EQ(stops.add("one\n"), "one");
  EXPECT_EQ(stops.add("two#"), "\ntwo");
  EXPECT_EQ(stops.add("#x"), "##x");
  EXPECT_EQ(stops.add("end##"), "end");
  EXPECT_FALSE(stops.stopped());
  EXPECT_EQ(stops.add("# more"), "");
  EXPECT_TRUE(stops.stopped());
  EXPECT_EQ(stops.add("more"), "");
  EXPECT_EQ(stops.finish(), "");
}

TEST(StopStrings, ShowWhatWasHeldBack) {
  StopStrings stops({"stop"});
  EXPECT_EQ(stops.add("full sto"), "full ");
  EXPECT_EQ(stops.finish(), "sto");
  StopStrings none({});
  EXPECT_EQ(none.add("abc"), "abc");
}

TEST(StopStrings, TakeTheFirst) {
  StopStrings stops({"cd", "bcde"});
  EXPECT_EQ(stops.add("abcdef"), "a");
}

} // namespace
