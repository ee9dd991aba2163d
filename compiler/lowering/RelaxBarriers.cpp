// Finds the steps that can do without a barrier behind them.
#include "compiler/lowering/Passes.h"

namespace sluice::plan {
#define GEN_PASS_DEF_RELAXBARRIERSPASS
#include "compiler/lowering/Passes.h.inc"
} // namespace sluice::plan

using namespace mlir;
using namespace sluice::plan;

namespace {

// What a group of steps reads and writes: buffers, and states and weights by
// name.
struct Touched {
  llvm::SmallDenseSet<const void *> read, written;

  static const void *key(const sluice::plan::Operand &operand) {
    return operand.buffer ? operand.buffer.getAsOpaquePointer()
                          : operand.symbol.getAsOpaquePointer();
  }

  void add(StepOpInterface step) {
    for (const sluice::plan::Operand &operand : operandsOf(step))
      (operand.written ? written : read).insert(key(operand));
  }

  bool conflicts(StepOpInterface step) const {
    return llvm::any_of(
        operandsOf(step), [&](const sluice::plan::Operand &operand) {
          return written.contains(key(operand)) ||
                 (operand.written && read.contains(key(operand)));
        });
  }
};

struct RelaxBarriers
    : sluice::plan::impl::RelaxBarriersPassBase<RelaxBarriers> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<ProgramOp>())
      relax(program);
  }

  void relax(ProgramOp program) {
    Touched running;
    DispatchOp previous;
    for (Operation &op : program.getBody().front()) {
      auto step = dyn_cast<StepOpInterface>(op);
      if (!step)
        continue;
      // Products of the engine run outside the parallel region.
      auto dispatch = dyn_cast<DispatchOp>(op);
      bool together = previous && dispatch && !running.conflicts(step);
      if (previous)
        previous.setNowait(together);
      if (!together)
        running = Touched();
      running.add(step);
      previous = dispatch;
    }
    if (previous)
      previous.setNowait(false);
  }
};

} // namespace
