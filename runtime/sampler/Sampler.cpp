#include "runtime/sampler/Sampler.h"

#include <algorithm>
#include <cmath>

namespace sluice {

Result<Sampler> Sampler::create(const SamplingOptions &options) {
  auto refuse = [](const char *what, double value) {
    return Status(Code::InvalidArgument,
                  std::string(what) + ", not " + std::to_string(value));
  };
  if (!(options.repetitionPenalty > 0) ||
      !std::isfinite(options.repetitionPenalty))
    return refuse("the repetition penalty must be positive",
                  options.repetitionPenalty);
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature))
    return refuse("the temperature must be 0 or more", options.temperature);
  if (options.topK < 0)
    return refuse("top-k must be 0 or more", static_cast<double>(options.topK));
  if (!(options.topP > 0 && options.topP <= 1))
    return refuse("top-p must be above 0 and at most 1", options.topP);
  if (!(options.minP >= 0 && options.minP <= 1))
    return refuse("min-p must be between 0 and 1", options.minP);
  return Sampler(options);
}

void Sampler::penalize(std::span<const int32_t> context) {
  seen_.assign(candidates_.size(), false);
  for (int32_t token : context) {
    if (token < 0 || static_cast<size_t>(token) >= candidates_.size() ||
        seen_[token])
      continue;
    seen_[token] = true;
    float &logit = candidates_[token].value;
    logit = logit > 0 ? logit / options_.repetitionPenalty
                      : logit * options_.repetitionPenalty;
  }
}

Result<int32_t> Sampler::next(std::span<const float> logits,
                              std::span<const int32_t> context) {
  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i)
    candidates_[i] = {static_cast<int32_t>(i), logits[i]};
  if (options_.repetitionPenalty != 1)
    penalize(context);
  // A NaN would break the order below.
  std::erase_if(candidates_,
                [](const Candidate &c) { return std::isnan(c.value); });
  auto likelier = [](const Candidate &a, const Candidate &b) {
    return a.value != b.value ? a.value > b.value : a.token < b.token;
  };
  if (candidates_.empty())
    return Status(Code::InvalidArgument, "no logit is a number");
  if (options_.temperature == 0)
    return std::min_element(candidates_.begin(), candidates_.end(), likelier)
        ->token;
  if (options_.topK > 0 &&
      static_cast<size_t>(options_.topK) < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options_.topK,
                     candidates_.end(), likelier);
    candidates_.resize(static_cast<size_t>(options_.topK));
  }
  std::sort(candidates_.begin(), candidates_.end(), likelier);
  keepLikely();
  return draw();
}

// Turns logits into weights relative to the first and applies top-p and min-p.
void Sampler::keepLikely() {
  float first = candidates_.front().value;
  double sum = 0;
  for (Candidate &c : candidates_) {
    // Equal infinities have the difference NaN.
    c.value = c.value == first
                  ? 1
                  : std::exp((c.value - first) / options_.temperature);
    sum += c.value;
  }
  double wanted = options_.topP * sum, reached = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || reached < wanted) &&
         candidates_[kept].value >= options_.minP)
    reached += candidates_[kept++].value;
  candidates_.resize(kept);
}

int32_t Sampler::draw() {
  double sum = 0;
  for (const Candidate &c : candidates_)
    sum += c.value;
  // 53 bits, so that the draw is the same with every standard library.
  double point = static_cast<double>(random_() >> 11) * 0x1p-53 * sum;
  for (const Candidate &c : candidates_)
    if ((point -= c.value) < 0)
      return c.token;
  return candidates_.back().token;
}

} // namespace sluice
