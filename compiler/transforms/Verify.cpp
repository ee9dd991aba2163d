// What holds before and after the fusions.
#include "compiler/transforms/Passes.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/SetVector.h"

namespace sluice {
#define GEN_PASS_DEF_VERIFYMODEL
#define GEN_PASS_DEF_VERIFYFUSED
#include "compiler/transforms/Passes.h.inc"
} // namespace sluice

using namespace mlir;
using namespace sluice;
using namespace sluice::llm;

namespace {
// Walks the program of each entry the way a step runs it.
class Checker {
public:
  Checker(ModuleOp module, bool fused) : module(module), fused(fused) {}

  LogicalResult run() {
    WalkResult ops = module.walk([&](Operation *op) {
      return failed(checkOp(op)) ? WalkResult::interrupt()
                                 : WalkResult::advance();
    });
    if (ops.wasInterrupted())
      return failure();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(checkFunction(function)))
        return failure();
      if (!function->hasAttr(entryAttr))
        continue;
      written.clear();
      if (failed(checkWrites(function, std::nullopt)))
        return failure();
    }
    return success();
  }

private:
  LogicalResult checkOp(Operation *op) {
    if (!fused && isa<DecomposeInterface>(op))
      return op->emitOpError("is a fused op, which may not stand in a model "
                             "before the fusions");
    if (isa<ModuleOp, func::FuncOp, func::CallOp, func::ReturnOp>(op) ||
        isa<LLMDialect>(op->getDialect()) || op->getParentOfType<MapOp>())
      return success();
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      if (constant.getType().isIndex())
        return success();
    return op->emitOpError("may not stand in a model: expected llm ops, "
                           "functions, calls and index constants");
  }

  LogicalResult checkFunction(func::FuncOp function) {
    if (function->hasAttr(entryAttr))
      return success();
    if (!function.isPrivate())
      return function.emitOpError("is public but no entry: expected '")
             << entryAttr << "'";
    if (function.isExternal())
      return function.emitOpError("is a block without a body");
    if (function.getNumArguments() == 0 ||
        !function.getArgumentTypes().front().isIndex())
      return function.emitOpError("is a block: expected the layer index as "
                                  "its first argument");
    return success();
  }

  // Each state is written at most once per layer; `layer` is the index the
  // function was called with.
  LogicalResult checkWrites(func::FuncOp function,
                            std::optional<int64_t> layer) {
    if (!active.insert(function))
      return function.emitOpError("calls itself");
    for (Operation &op : function.front()) {
      if (auto call = dyn_cast<func::CallOp>(op)) {
        auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
        if (!callee)
          return call.emitOpError("calls '@")
                 << call.getCallee() << "', which does not exist";
        if (callee.isExternal())
          return callee.emitOpError("is a block without a body");
        if (failed(checkWrites(callee, layerOf(call, layer))))
          return failure();
        continue;
      }
      if (failed(checkWrite(&op, layer)))
        return failure();
    }
    active.remove(function);
    return success();
  }

  static std::optional<int64_t> layerOf(func::CallOp call,
                                        std::optional<int64_t> caller) {
    IntegerAttr number;
    if (call.getNumOperands() &&
        matchPattern(call.getOperand(0), m_Constant(&number)))
      return number.getInt();
    return caller;
  }

  LogicalResult checkWrite(Operation *op, std::optional<int64_t> layer) {
    auto writer = dyn_cast<StateInterface>(op);
    if (!writer || !writer.writesState() || !writer.getStateAttr())
      return success();
    FlatSymbolRefAttr state = writer.getStateAttr();
    Value index = writer.getLayer();
    IntegerAttr number;
    if (index && matchPattern(index, m_Constant(&number)))
      layer = number.getInt();
    auto [first, isNew] = written.try_emplace(
        {state.getAttr(), index ? layer.value_or(-1) : -1}, op);
    if (isNew)
      return success();
    InFlightDiagnostic diagnostic =
        op->emitOpError("writes '@")
        << state.getValue() << "' a second time in one step"
        << (index ? " for layer " + std::to_string(layer.value_or(-1)) : "");
    diagnostic.attachNote(first->second->getLoc()) << "first written here";
    return diagnostic;
  }

  ModuleOp module;
  bool fused;
  DenseMap<std::pair<StringAttr, int64_t>, Operation *> written;
  ::llvm::SetVector<func::FuncOp> active;
};

struct VerifyModelPass : sluice::impl::VerifyModelBase<VerifyModelPass> {
  void runOnOperation() override {
    if (failed(Checker(getOperation(), /*fused=*/false).run()))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

struct VerifyFusedPass : sluice::impl::VerifyFusedBase<VerifyFusedPass> {
  void runOnOperation() override {
    if (failed(Checker(getOperation(), /*fused=*/true).run()))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
