#include "runtime/sampler/BeamSearch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice {

static constexpr float kNever = -std::numeric_limits<float>::infinity();

void TokenRules::apply(std::span<float> logits,
                       std::span<const int32_t> context) const {
  for (const std::vector<int32_t> &words : never) {
    if (words.empty() || words.size() > context.size() + 1)
      continue;
    auto before = std::span(words).first(words.size() - 1);
    if (std::equal(before.begin(), before.end(),
                   context.end() - static_cast<ptrdiff_t>(before.size())) &&
        words.back() >= 0 && static_cast<size_t>(words.back()) < logits.size())
      logits[static_cast<size_t>(words.back())] = kNever;
  }
}

Result<BeamSearch> BeamSearch::create(const BeamOptions &options,
                                      std::vector<int32_t> stops,
                                      const TokenRules &rules,
                                      std::span<const int32_t> prompt) {
  auto refuse = [](const std::string &message) {
    return Status(Code::InvalidArgument, message);
  };
  constexpr int64_t most = 4096;
  if (options.beams < 1 || options.beams > most)
    return refuse("beams must be 1 to " + std::to_string(most) + ", not " +
                  std::to_string(options.beams));
  if (options.results < 1 || options.results > options.beams)
    return refuse("there can be 1 to " + std::to_string(options.beams) +
                  " results, as there are beams, not " +
                  std::to_string(options.results));
  if (!std::isfinite(options.lengthPenalty))
    return refuse("the length penalty must be a number");
  if (options.maxTokens < 1)
    return refuse("there must be room for a token");
  BeamSearch search;
  search.options_ = options;
  std::sort(stops.begin(), stops.end());
  stops.erase(std::unique(stops.begin(), stops.end()), stops.end());
  search.stops_ = std::move(stops);
  search.rules_ = rules;
  search.context_.assign(prompt.begin(), prompt.end());
  search.prompt_ = prompt.size();
  // So many that as many as there are beams go on, whatever ends.
  search.kept_ = static_cast<size_t>(options.beams) *
                 std::max<size_t>(2, 1 + search.stops_.size());
  search.beams_.resize(1);
  return search;
}

bool BeamSearch::ends(int32_t token) const {
  return std::binary_search(stops_.begin(), stops_.end(), token);
}

// Likelier ones first; of equal ones that of the first beam and token.
static bool better(float a, int32_t aBeam, int32_t aToken, float b,
                   int32_t bBeam, int32_t bToken) {
  if (a != b)
    return a > b;
  return aBeam != bBeam ? aBeam < bBeam : aToken < bToken;
}

// Keeps the best of what may follow a beam.
void BeamSearch::consider(size_t index, std::span<const float> logits) {
  const Beam &beam = beams_[index];
  scores_.assign(logits.begin(), logits.end());
  float highest = kNever;
  for (float logit : logits)
    highest = std::max(highest, logit); // no NaN is greater
  double sum = 0;
  for (float logit : logits)
    if (!std::isnan(logit))
      sum += std::exp(static_cast<double>(logit) - highest);
  const double all = highest + std::log(sum);
  for (float &score : scores_)
    score = static_cast<float>(score - all);
  if (!rules_.empty()) {
    context_.resize(prompt_);
    context_.insert(context_.end(), beam.tokens.begin(), beam.tokens.end());
    rules_.apply(scores_, context_);
    if (!rules_.last.empty() && made_ + 1 == options_.maxTokens) {
      std::fill(scores_.begin(), scores_.end(), kNever);
      for (int32_t token : rules_.last)
        if (token >= 0 && static_cast<size_t>(token) < scores_.size())
          scores_[static_cast<size_t>(token)] = 0;
    }
  }
  auto worst = [](const Candidate &a, const Candidate &b) {
    return better(a.score, a.beam, a.token, b.score, b.beam, b.token);
  };
  for (size_t token = 0; token < scores_.size(); ++token) {
    float score = beam.score + scores_[token];
    if (!(score > kNever)) // also what is not a number
      continue;
    Candidate one{score, static_cast<int32_t>(index),
                  static_cast<int32_t>(token)};
    if (candidates_.size() == kept_) {
      if (!worst(one, candidates_.front()))
        continue;
      std::pop_heap(candidates_.begin(), candidates_.end(), worst);
      candidates_.pop_back();
    }
    candidates_.push_back(one);
    std::push_heap(candidates_.begin(), candidates_.end(), worst);
  }
}

// Adds a result if it is among the best.
void BeamSearch::finish(const Candidate &candidate) {
  BeamResult result;
  result.tokens = beams_[static_cast<size_t>(candidate.beam)].tokens;
  if (ends(candidate.token))
    result.stop = candidate.token;
  else
    result.tokens.push_back(candidate.token);
  result.score =
      candidate.score / static_cast<float>(std::pow(static_cast<double>(made_),
                                                    options_.lengthPenalty));
  auto place = std::upper_bound(
      results_.begin(), results_.end(), result.score,
      [](float score, const BeamResult &other) { return score > other.score; });
  results_.insert(place, std::move(result));
  if (static_cast<int64_t>(results_.size()) > options_.beams)
    results_.pop_back();
}

Status BeamSearch::advance(std::span<const std::span<const float>> logits) {
  if (done_ || logits.size() != beams_.size())
    return Status(Code::InvalidArgument,
                  "logits of " + std::to_string(logits.size()) +
                      " beams for a search of " +
                      std::to_string(done_ ? 0 : beams_.size()));
  candidates_.clear();
  for (size_t beam = 0; beam < beams_.size(); ++beam)
    consider(beam, logits[beam]);
  if (candidates_.empty())
    return Status(Code::InvalidArgument, "no logit is a number");
  std::sort_heap(candidates_.begin(), candidates_.end(),
                 [](const Candidate &a, const Candidate &b) {
                   return better(a.score, a.beam, a.token, b.score, b.beam,
                                 b.token);
                 });
  ++made_;
  const bool longest = made_ == options_.maxTokens;
  const bool full = static_cast<int64_t>(results_.size()) == options_.beams;
  std::vector<Beam> next;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate &one = candidates_[i];
    if (longest || ends(one.token)) {
      // Those behind the first `beams` are there to go on only.
      if (static_cast<int64_t>(i) < options_.beams &&
          !(full && options_.stop == BeamStop::Full))
        finish(one);
    } else if (static_cast<int64_t>(next.size()) < options_.beams) {
      Beam beam{one.beam, one.token, one.score,
                beams_[static_cast<size_t>(one.beam)].tokens};
      beam.tokens.push_back(one.token);
      next.push_back(std::move(beam));
    }
  }
  beams_ = std::move(next);
  judge();
  return {};
}

// Whether a beam may still give a better result than the worst so far.
void BeamSearch::judge() {
  done_ = beams_.empty();
  if (done_ || static_cast<int64_t>(results_.size()) < options_.beams)
    return;
  bool far = options_.stop == BeamStop::Never && options_.lengthPenalty > 0;
  double length = static_cast<double>(far ? options_.maxTokens : made_);
  float best = beams_.front().score /
               static_cast<float>(std::pow(length, options_.lengthPenalty));
  done_ = options_.stop == BeamStop::Full || !(best > results_.back().score);
}

std::vector<BeamResult> BeamSearch::results() const {
  std::vector<BeamResult> best = results_;
  if (static_cast<int64_t>(best.size()) > options_.results)
    best.resize(static_cast<size_t>(options_.results));
  return best;
}

} // namespace sluice
