// What slots keep between the steps of an evaluation.
#pragma once

#include "compiler/evaluate/Value.h"

#include <map>

namespace sluice::evaluate {

// The rows of one slot in a state of one layer, a tensor per field: [tokens,
// ...]. All rows are kept: masks say which of them are read.
using Fields = std::vector<Tensor>;

class States {
public:
  // Tokens that the slot has seen.
  int64_t length(int32_t slot) const {
    auto found = lengths.find(slot);
    return found == lengths.end() ? 0 : found->second;
  }
  void advance(int32_t slot, int64_t tokens) { lengths[slot] += tokens; }

  // What is counted from a slot's first step on.
  struct Counts {
    int64_t prompt = 0;
    int64_t begin = 0, anchor = 0; // of positions of kind spans
  };
  Counts &counts(int32_t slot) { return counted[slot]; }

  // Null where nothing was written yet.
  const Fields *find(int32_t slot, const Cache &cache) const {
    auto found = rows.find({slot, cache});
    return found == rows.end() ? nullptr : &found->second;
  }
  Fields &at(int32_t slot, const Cache &cache) { return rows[{slot, cache}]; }

  // The slot is as new.
  void reset(int32_t slot) {
    lengths.erase(slot);
    counted.erase(slot);
    std::erase_if(rows,
                  [&](const auto &one) { return one.first.first == slot; });
  }

private:
  std::map<int32_t, int64_t> lengths;
  std::map<int32_t, Counts> counted;
  std::map<std::pair<int32_t, Cache>, Fields> rows;
};

} // namespace sluice::evaluate
