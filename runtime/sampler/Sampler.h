// Chooses the next token from logits.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace sluice {

// Filters apply in the order of the fields; the defaults are greedy.
struct SamplingOptions {
  float repetitionPenalty = 1; // > 1 makes tokens of the context less likely
  float temperature = 0;       // 0: the most likely token, whatever follows
  int64_t topK = 0;            // 0: all; else only the K most likely
  float topP = 1; // the fewest likely tokens that sum to at least this
  float minP = 0; // only tokens at least this times as likely as the first
  uint64_t seed = 0;
};

class Sampler {
public:
  // InvalidArgument when an option is out of range.
  static Result<Sampler> create(const SamplingOptions &options);

  // `context`: all tokens so far, for the repetition penalty. Equal logits go
  // to the lower token. InvalidArgument when no logit is a number.
  Result<int32_t> next(std::span<const float> logits,
                       std::span<const int32_t> context);

private:
  explicit Sampler(const SamplingOptions &options)
      : options_(options), random_(options.seed) {}

  struct Candidate {
    int32_t token;
    float value; // logit, then weight
  };
  void penalize(std::span<const int32_t> context);
  void keepLikely();
  int32_t draw();

  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_; // most likely first once sorted
  std::vector<bool> seen_;            // per token
};

} // namespace sluice
