#include "runtime/sampler/BeamSearch.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>

using namespace sluice;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Options that differ from the usual ones.
BeamOptions with(const std::function<void(BeamOptions &)> &change) {
  BeamOptions options;
  change(options);
  return options;
}

// The probabilities of the next token, by the tokens so far.
using Language =
    std::function<std::vector<double>(const std::vector<int32_t> &)>;

std::vector<BeamResult> search(const BeamOptions &options,
                               const Language &language,
                               std::vector<int32_t> stops = {0},
                               const TokenRules &rules = {},
                               std::vector<int32_t> prompt = {9}) {
  Result<BeamSearch> search =
      BeamSearch::create(options, std::move(stops), rules, prompt);
  EXPECT_TRUE(search.ok()) << search.status().message();
  while (search.ok() && !search->done()) {
    std::vector<std::vector<float>> logits;
    for (const BeamSearch::Beam &beam : search->beams()) {
      logits.emplace_back();
      for (double p : language(beam.tokens))
        logits.back().push_back(static_cast<float>(std::log(p) + 3));
    }
    std::vector<std::span<const float>> rows(logits.begin(), logits.end());
    Status status = search->advance(rows);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok())
      break;
  }
  return search->results();
}

// Token 1 is the likeliest first one, but 2 has the likelier end.
std::vector<double> garden(const std::vector<int32_t> &tokens) {
  if (tokens.empty())
    return {0.01, 0.6, 0.38, 0.01};
  if (tokens[0] == 1)
    return {0.3, 0.25, 0.25, 0.2};
  return {0.9, 0.04, 0.03, 0.03};
}

TEST(BeamSearch, FindsWhatGreedyMisses) {
  auto one = search(with([](BeamOptions &o) {
                      o.beams = 1;
                      o.maxTokens = 5;
                    }),
                    garden);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].tokens, std::vector<int32_t>{1});
  auto two = search(with([](BeamOptions &o) {
                      o.beams = 2;
                      o.maxTokens = 5;
                    }),
                    garden);
  ASSERT_EQ(two.size(), 1u);
  EXPECT_EQ(two[0].tokens, std::vector<int32_t>{2});
  EXPECT_EQ(two[0].stop, 0);
  EXPECT_NEAR(two[0].score, std::log(0.38 * 0.9) / 2, 1e-6);
}

TEST(BeamSearch, DividesByThePowerOfTheLength) {
  // One token and the end, or always another token.
  auto language = [](const std::vector<int32_t> &) {
    return std::vector<double>{0.4, 0.6};
  };
  auto shortest = search(with([](BeamOptions &o) {
                           o.beams = 2;
                           o.lengthPenalty = 0;
                           o.maxTokens = 6;
                         }),
                         language, {0});
  EXPECT_EQ(shortest[0].tokens.size(), 0u);
  EXPECT_NEAR(shortest[0].score, std::log(0.4), 1e-6);
  auto longest = search(with([](BeamOptions &o) {
                          o.beams = 2;
                          o.lengthPenalty = 3;
                          o.stop = BeamStop::Never;
                          o.maxTokens = 6;
                        }),
                        language, {0});
  EXPECT_EQ(longest[0].tokens.size(), 6u);
  EXPECT_EQ(longest[0].stop, -1);
  EXPECT_NEAR(longest[0].score, 6 * std::log(0.6) / 216, 1e-6);
}

TEST(BeamSearch, GivesSeveralResultsBestFirst) {
  auto all = search(with([](BeamOptions &o) {
                      o.beams = 3;
                      o.results = 3;
                      o.maxTokens = 5;
                    }),
                    garden);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_GE(all[0].score, all[1].score);
  EXPECT_GE(all[1].score, all[2].score);
}

TEST(BeamSearch, EndsWhenItIsFull) {
  auto language = [](const std::vector<int32_t> &tokens) {
    return tokens.size() < 2 ? std::vector<double>{0.2, 0.8}
                             : std::vector<double>{0.7, 0.3};
  };
  auto early = search(with([](BeamOptions &o) {
                        o.beams = 1;
                        o.lengthPenalty = 2;
                        o.stop = BeamStop::Full;
                        o.maxTokens = 8;
                      }),
                      language);
  EXPECT_EQ(early[0].tokens.size(), 2u);
}

TEST(BeamSearch, NamesTheParentOfEachBeam) {
  Result<BeamSearch> search = BeamSearch::create(with([](BeamOptions &o) {
                                                   o.beams = 2;
                                                   o.maxTokens = 9;
                                                 }),
                                                 {}, {}, {});
  ASSERT_TRUE(search.ok());
  std::vector<float> first = {1, 3, 2.9f}, high = {9, 8.9f, 0},
                     flat = {0, 0, 0};
  std::vector<std::span<const float>> rows = {first};
  ASSERT_TRUE(search->advance(rows).ok());
  ASSERT_EQ(search->beams().size(), 2u);
  EXPECT_EQ(search->beams()[0].token, 1);
  EXPECT_EQ(search->beams()[1].token, 2);
  rows = {flat, high}; // both go on from the second
  ASSERT_TRUE(search->advance(rows).ok());
  EXPECT_EQ(search->beams()[0].parent, 1);
  EXPECT_EQ(search->beams()[0].tokens, (std::vector<int32_t>{2, 0}));
  EXPECT_FALSE(search->advance({}).ok()); // as many rows as beams
}

TEST(BeamSearch, KeepsRules) {
  auto language = [](const std::vector<int32_t> &) {
    return std::vector<double>{0.1, 0.5, 0.4};
  };
  BeamOptions options = with([](BeamOptions &o) {
    o.beams = 2;
    o.maxTokens = 3;
  });
  TokenRules rules;
  rules.never = {{1, 1}, {9, 2}}; // 9 is the prompt's
  auto found = search(options, language, {}, rules);
  EXPECT_EQ(found[0].tokens, (std::vector<int32_t>{1, 2, 1}));
  rules = {};
  rules.last = {0};
  found = search(options, language, {0}, rules);
  EXPECT_EQ(found[0].stop, 0);
  // The last one is certain.
  EXPECT_NEAR(found[0].score, 2 * std::log(0.5) / 3, 1e-6);
}

TEST(BeamSearch, MasksLogits) {
  TokenRules rules;
  rules.never = {{2}, {5, 0}, {7, 5, 1}, {99}, {-1}, {}};
  std::vector<float> logits = {1, 2, 3};
  rules.apply(logits, std::vector<int32_t>{5});
  EXPECT_EQ(logits, (std::vector<float>{-kInf, 2, -kInf}));
  rules.apply(logits, std::vector<int32_t>{7, 5});
  EXPECT_EQ(logits[1], -kInf);
}

TEST(BeamSearch, RefusesWhatMakesNoSense) {
  auto code = [](const BeamOptions &options) {
    return BeamSearch::create(options, {}, {}, {}).status().code();
  };
  EXPECT_EQ(code(with([](BeamOptions &o) { o.beams = 0; })),
            Code::InvalidArgument);
  EXPECT_EQ(code(with([](BeamOptions &o) { o.beams = 1 << 20; })),
            Code::InvalidArgument);
  EXPECT_EQ(code(with([](BeamOptions &o) {
              o.beams = 2;
              o.results = 3;
            })),
            Code::InvalidArgument);
  EXPECT_EQ(code(with([](BeamOptions &o) { o.lengthPenalty = std::nan(""); })),
            Code::InvalidArgument);
  EXPECT_EQ(code(with([](BeamOptions &o) { o.maxTokens = 0; })),
            Code::InvalidArgument);
  Result<BeamSearch> search = BeamSearch::create({}, {}, {}, {});
  std::vector<float> nothing = {std::nanf(""), -kInf};
  std::vector<std::span<const float>> rows = {nothing};
  EXPECT_FALSE(search->advance(rows).ok());
}

} // namespace
