// Beam search: which slot a beam lives in, and the steps around the choice.
#include "runtime/api/Impl.h"
#include "runtime/support/Caught.h"
#include "runtime/support/Json.h"

#include <algorithm>

namespace sluice {

using nlohmann::json;

// Sequences of ids, each an array.
static bool addSequences(const json &list,
                         std::vector<std::vector<int32_t>> &out) {
  if (!list.is_array())
    return false;
  for (const json &words : list) {
    out.emplace_back();
    if (!words.is_array())
      return false;
    for (const json &id : words) {
      if (!id.is_number_integer())
        return false;
      out.back().push_back(id.get<int32_t>());
    }
  }
  return true;
}

// The compiler has checked them; an artifact may still be anything.
Status Model::Impl::readRules() {
  std::string_view text = artifact.textOf(format::SectionKind::TokenizerConfig);
  if (text.find("\"generation\"") == std::string_view::npos)
    return {};
  Result<json> parsed = parseJson<json>(text);
  if (!parsed.ok())
    return parsed.status().in("the tokenizer's config");
  const json own = parsed->value("generation", json::object());
  std::vector<std::vector<int32_t>> last;
  if (!own.is_object() ||
      !addSequences(own.value("never", json::array()), rules.never) ||
      !addSequences(json::array({own.value("last", json::array())}), last))
    return Status(Code::Corrupt, "what may be generated: expected ids");
  rules.last = std::move(last.front());
  return {};
}

namespace {

// The slots of the beams. A beam that is gone on with once stays in its slot;
// others become copies, which share all blocks of the caches with it until one
// of them writes into a block.
class Lanes {
public:
  Lanes(int32_t first, int64_t count) : first_(first), count_(count) {
    slots_.push_back(first);
  }

  std::span<const int32_t> slots() const { return slots_; } // per beam
  // Moves on to `beams`; `copy` takes the slot to copy and the free one.
  template <typename Copy>
  void follow(std::span<const BeamSearch::Beam> beams, Copy copy) {
    std::vector<int32_t> next(beams.size(), -1);
    std::vector<bool> taken(static_cast<size_t>(count_));
    std::vector<bool> inherited(slots_.size());
    for (size_t b = 0; b < beams.size(); ++b) {
      size_t parent = static_cast<size_t>(beams[b].parent);
      if (inherited[parent])
        continue;
      inherited[parent] = true;
      next[b] = slots_[parent];
      taken[static_cast<size_t>(next[b] - first_)] = true;
    }
    size_t free = 0;
    for (size_t b = 0; b < beams.size(); ++b) {
      if (next[b] >= 0)
        continue;
      while (taken[free])
        ++free;
      taken[free] = true;
      next[b] = first_ + static_cast<int32_t>(free);
      copy(slots_[static_cast<size_t>(beams[b].parent)], next[b]);
    }
    slots_ = std::move(next);
  }

private:
  int32_t first_;
  int64_t count_;
  std::vector<int32_t> slots_;
};

} // namespace

static Status checkRoom(const BeamOptions &options, int32_t slot,
                        const state::Limits &limits) {
  if (options.beams > limits.sequences || options.beams > limits.capacity ||
      options.beams > limits.slots - slot)
    return Status(
        Code::InvalidArgument,
        std::to_string(options.beams) + " beams from slot " +
            std::to_string(slot) + " on, but there are " +
            std::to_string(limits.slots) + " slots and a step takes " +
            std::to_string(std::min(limits.sequences, limits.capacity)));
  return {};
}

Status Model::Impl::stepEach(const executor::ReadyEntry &entry,
                             std::span<const int32_t> slots,
                             std::span<const int32_t> tokens,
                             std::vector<std::span<const float>> &rows) {
  std::vector<executor::StepSequence> sequences;
  for (size_t i = 0; i < slots.size(); ++i) {
    sequences.push_back(tokensOf(entry, slots[i], tokens.subspan(i, 1)));
    sequences.back().wanted = executor::Wanted::Last;
  }
  if (Status status = step(entry, sequences); !status.ok())
    return status;
  auto logits = this->logits(static_cast<int64_t>(slots.size()));
  if (!logits.ok())
    return logits.status();
  rows.clear();
  for (size_t i = 0; i < slots.size(); ++i)
    rows.push_back((*logits)->row(static_cast<int64_t>(i)));
  return {};
}

Result<std::vector<BeamResult>>
Model::searchBeams(int32_t slot, std::span<const int32_t> prompt,
                   const BeamOptions &options) try {
  const executor::ReadyEntry *entry = impl_->ofKind("generate");
  Result<int64_t> length = impl_->checkPrompt(entry, slot, prompt);
  if (!length.ok())
    return length.status();
  const state::Limits &limits = impl_->executor->limits();
  if (Status status = checkRoom(options, slot, limits); !status.ok())
    return status;
  // The last token need not be taken in.
  BeamOptions own = options;
  own.maxTokens = std::min(own.maxTokens, limits.context - *length + 1);
  std::vector<int32_t> seen = impl_->held[static_cast<size_t>(slot)];
  seen.resize(static_cast<size_t>(*length) - prompt.size());
  seen.insert(seen.end(), prompt.begin(), prompt.end());
  TokenRules rules = impl_->rules;
  if (options.ignoreModelStops)
    rules.last.clear();
  Result<BeamSearch> search = BeamSearch::create(
      own, impl_->stopsWith(options.stopTokens, options.ignoreModelStops),
      rules, seen);
  if (!search.ok())
    return search.status();
  auto row = impl_->logitsAfter(*entry, slot, prompt);
  if (!row.ok())
    return row.status();
  std::vector<std::span<const float>> rows = {*row};
  Lanes lanes(slot, options.beams);
  std::vector<int32_t> tokens;
  while (true) {
    if (Status status = search->advance(rows); !status.ok())
      return status;
    if (search->done())
      break;
    auto beams = search->beams();
    Status copied;
    lanes.follow(beams, [&](int32_t from, int32_t to) {
      if (copied.ok())
        copied = copy(from, to);
    });
    if (!copied.ok())
      return copied;
    tokens.clear();
    for (const BeamSearch::Beam &beam : beams)
      tokens.push_back(beam.token);
    Status status = impl_->stepEach(*entry, lanes.slots(), tokens, rows);
    if (!status.ok())
      return status;
  }
  for (int64_t beam = 0; beam < options.beams; ++beam)
    impl_->executor->slots().reset(slot + static_cast<int32_t>(beam));
  return search->results();
} catch (...) {
  return caught();
}

} // namespace sluice
