// Which elements of its operands an elementwise op on rows takes.
#pragma once

#include "mlir/IR/ValueRange.h"

namespace sluice::llm {

// How operands broadcast to a result: axes that no operand tells apart are
// joined, so few are left.
class Broadcast {
public:
  Broadcast(llvm::ArrayRef<int64_t> result,
            llvm::ArrayRef<llvm::SmallVector<int64_t>> operands) {
    for (size_t axis = 0; axis < result.size(); ++axis) {
      llvm::SmallVector<int64_t> steps;
      for (const llvm::SmallVector<int64_t> &shape : operands)
        steps.push_back(stepOf(shape, result.size(), axis));
      add(result[axis], steps);
    }
  }

  // At most an outer and an inner axis, as kernels take it.
  bool fits() const { return sizes.size() <= 2; }
  int64_t inner() const { return sizes.empty() ? 1 : sizes.back(); }
  int64_t outer() const { return sizes.size() == 2 ? sizes.front() : 1; }
  bool isSplat(size_t operand) const {
    return !sizes.empty() && steps.back()[operand] == 0;
  }
  int64_t outerStep(size_t operand) const {
    return sizes.size() == 2 ? steps.front()[operand] : inner();
  }

private:
  // Elements of the operand from one index of the axis to the next, axes being
  // aligned at the right.
  static int64_t stepOf(llvm::ArrayRef<int64_t> shape, size_t rank,
                        size_t axis) {
    size_t missing = rank - shape.size();
    if (axis < missing || shape[axis - missing] == 1)
      return 0;
    int64_t step = 1;
    for (int64_t size : shape.drop_front(axis - missing + 1))
      step *= size;
    return step;
  }

  void add(int64_t size, llvm::ArrayRef<int64_t> axisSteps) {
    if (size == 1)
      return;
    bool joins = !sizes.empty();
    for (size_t i = 0; joins && i < axisSteps.size(); ++i)
      joins = steps.back()[i] == axisSteps[i] * size;
    if (joins) {
      sizes.back() *= size;
      steps.back().assign(axisSteps.begin(), axisSteps.end());
    } else {
      sizes.push_back(size);
      steps.emplace_back(axisSteps.begin(), axisSteps.end());
    }
  }

  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<llvm::SmallVector<int64_t>> steps;
};

// Operands that a kernel takes.
inline constexpr size_t maxElementwiseOperands = 16;

} // namespace sluice::llm
