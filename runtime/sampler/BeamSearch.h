// Follows the likeliest continuations of a sequence side by side; what is
// chosen and when it ends is what transformers' generate does, so that its
// sequences and scores come out.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace sluice {

// When a search ends before all beams are as long as they may be: always once
// no beam can give a better score than the results have.
enum class BeamStop {
  Likely, // a beam is judged by its score at its present length
  Full,   // as above, and at the latest when there are as many results as beams
  Never   // by the best score that it may have at any length
};

struct BeamOptions {
  int64_t beams = 4;
  // A result's score is the sum of its tokens' log-probabilities, divided by
  // their number to this power: above 0, longer ones are favoured.
  double lengthPenalty = 1;
  BeamStop stop = BeamStop::Likely;
  int64_t results = 1;             // how many are wanted, at most `beams`
  int64_t maxTokens = 256;         // most that are made, beside the prompt
  std::vector<int32_t> stopTokens; // beside the model's own
  bool ignoreModelStops = false;   // go on behind the model's own
};

struct BeamResult {
  std::vector<int32_t> tokens; // that were made, less the one that ended them
  int32_t stop = -1; // what ended them, or -1: they are as long as may be
  float score = 0;
};

// What the checkpoint says of the tokens that may follow.
struct TokenRules {
  // Sequences that never come: the last token of one does not follow the
  // others.
  std::vector<std::vector<int32_t>> never;
  std::vector<int32_t> last; // ends a text that is as long as may be; or empty

  bool empty() const { return never.empty() && last.empty(); }
  // Sets the logits of what must not follow `context` to minus infinity.
  void apply(std::span<float> logits, std::span<const int32_t> context) const;
};

class BeamSearch {
public:
  // A sequence that is gone on with: its parent is the number of one of the
  // beams before.
  struct Beam {
    int32_t parent = 0, token = -1;
    float score = 0; // sum of log-probabilities
    std::vector<int32_t> tokens;
  };

  // `stops` are the tokens that end a sequence; `prompt` is what it begins
  // with. InvalidArgument when an option is out of range.
  static Result<BeamSearch> create(const BeamOptions &options,
                                   std::vector<int32_t> stops,
                                   const TokenRules &rules,
                                   std::span<const int32_t> prompt);

  // The beams whose next logits are wanted; at first one without tokens.
  std::span<const Beam> beams() const { return beams_; }
  bool done() const { return done_; }
  // Takes the logits of each beam. InvalidArgument when none is a number.
  Status advance(std::span<const std::span<const float>> logits);
  // Best first.
  std::vector<BeamResult> results() const;

private:
  struct Candidate {
    float score;
    int32_t beam, token;
  };

  BeamSearch() = default;
  void consider(size_t beam, std::span<const float> logits);
  bool ends(int32_t token) const;
  void finish(const Candidate &candidate);
  void judge();

  BeamOptions options_;
  std::vector<int32_t> stops_, context_; // context_: prompt, then a beam's own
  size_t prompt_ = 0;
  TokenRules rules_;
  std::vector<Beam> beams_;
  std::vector<Candidate> candidates_; // a heap, the worst first; then sorted
  size_t kept_ = 0;                   // candidates of a step
  std::vector<float> scores_;         // of the tokens behind one beam
  std::vector<BeamResult> results_;   // best first
  int64_t made_ = 0;
  bool done_ = false;
};

} // namespace sluice
