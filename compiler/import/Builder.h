// Builds the ops of one body (an entry, a block, an expert's function) from its
// nodes. No op has code of its own here: slots come from the op registry.
#pragma once

#include "compiler/import/Symbols.h"
#include "dialects/llm/OpRegistry.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace sluice::import {

// Functions of blocks; equal ones are shared.
class BlockFunctions {
public:
  explicit BlockFunctions(mlir::ModuleOp module) : module(module) {}

  // Takes `function`, which nothing refers to yet, into the module, or erases
  // it and returns the equal one that is there.
  mlir::func::FuncOp insert(mlir::func::FuncOp function, llvm::StringRef block);

private:
  mlir::ModuleOp module;
  llvm::StringMap<mlir::func::FuncOp> byStructure;
  llvm::StringMap<int> names;
};

class BodyBuilder {
public:
  BodyBuilder(const Symbols &symbols, BlockFunctions &functions,
              const ImportOptions &options, mlir::OpBuilder builder,
              int valueCount)
      : symbols(symbols), functions(functions), options(options),
        builder(builder), values(valueCount) {}

  void bind(spec::ValueId id, mlir::Value value) { values[id.id] = value; }
  mlir::Value value(spec::ValueId id) const { return values[id.id]; }
  // Inside a block: the index that it is called with, and its argument.
  void setLayer(int64_t index, mlir::Value argument) {
    layerIndex = index;
    layerArgument = argument;
  }
  void setBatch(mlir::Value value) { batch = value; }

  mlir::LogicalResult build(const std::vector<spec::Node> &nodes);

private:
  mlir::LogicalResult build(const spec::Node &node);
  mlir::LogicalResult buildOp(const spec::Node &node, const llm::OpInfo &info,
                              mlir::Location loc);
  mlir::LogicalResult buildFold(const spec::Node &node, const llm::OpInfo &info,
                                mlir::Location loc);
  mlir::LogicalResult buildRepeat(const spec::Node &node, mlir::Location loc);
  mlir::func::FuncOp buildBlock(const spec::Repeat::Call &call,
                                mlir::ValueRange args, mlir::Location loc);
  mlir::LogicalResult buildExperts(const spec::Node &node, mlir::Location loc);

  // Operands and attributes of one slot, added to `state`; the number of
  // operands goes to `segments`.
  mlir::LogicalResult addSlot(const spec::Node &node, const llm::Slot &slot,
                              mlir::OperationState &state,
                              llvm::SmallVectorImpl<int32_t> &segments);
  mlir::LogicalResult addState(const spec::Node &node, const llm::Slot &slot,
                               mlir::OperationState &state);
  mlir::LogicalResult addAttribute(const spec::Node &node,
                                   const llm::Slot &slot,
                                   const spec::Operand &operand,
                                   mlir::OperationState &state);
  // The values that terms of a mask name, in the order of their first use.
  static llvm::SmallVector<spec::ValueId> maskValues(const spec::Mask &mask);
  mlir::ArrayAttr maskAttr(const spec::Mask &mask,
                           llvm::ArrayRef<spec::ValueId> values);

  mlir::Value operand(const spec::Operand &operand, mlir::Location loc);
  mlir::Value use(const WeightSymbol &symbol, mlir::Location loc);
  mlir::Value layerOf(int64_t index, mlir::Location loc);
  mlir::LogicalResult finish(const spec::Node &node,
                             mlir::OperationState &state);
  void setCompute(mlir::OperationState &state);

  const Symbols &symbols;
  BlockFunctions &functions;
  const ImportOptions &options;
  mlir::OpBuilder builder;
  std::vector<mlir::Value> values;
  int64_t layerIndex = -1;
  mlir::Value layerArgument, batch;

  // Inside the function of an expert: the stacked weights it uses, each with
  // the argument that stands for its slice.
  struct Slices {
    mlir::Block *block;
    std::vector<std::pair<WeightSymbol, mlir::Value>> arguments;
  };
  Slices *slices = nullptr;
};

} // namespace sluice::import
