// How far the values of two evaluations, or of an evaluation and a run, are
// apart.
#pragma once

#include "compiler/evaluate/Trace.h"

#include <optional>

namespace sluice::evaluate {

struct Difference {
  double absolute = 0; // the largest
  double relative = 0; // that, to the largest magnitude of what was expected

  bool operator<(const Difference &other) const {
    return relative < other.relative;
  }
};

// Of as many elements; infinite where only one side is no number.
Difference differenceOf(llvm::ArrayRef<float> expected,
                        llvm::ArrayRef<float> found);

// The largest difference of two evaluations' outputs of the same steps.
Difference differenceOf(llvm::ArrayRef<StepResults> expected,
                        llvm::ArrayRef<StepResults> found);

// An op's result that moved.
struct Moved {
  size_t step;
  const Record *record; // of `found`
  Difference difference;
};

// The first op in the order of evaluation whose result is farther than
// `tolerance` from everything that the same lines of the YAML gave before, of
// the same layer and as many elements. What has no such counterpart is passed
// over. Rows that are wanted are compared with those of all rows.
std::optional<Moved> firstMoved(llvm::ArrayRef<Step> steps,
                                llvm::ArrayRef<StepResults> expected,
                                llvm::ArrayRef<StepResults> found,
                                double tolerance);

} // namespace sluice::evaluate
