// The walk over an entry: calls are followed with their layer known, and every
// llm value is replaced by what stands for it in the plan.
#pragma once

#include "compiler/lowering/Lowering.h"
#include "compiler/lowering/PlanBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <variant>
#include <vector>

namespace sluice::plan {

// Values with rows: `width` columns of a buffer, in the order of the tensor's
// axes.
struct Rows {
  mlir::Value buffer;
  int64_t column = 0;
  int64_t width = 0;
  RowCount count;

  Ref ref() const { return {buffer, {}, column}; }
  Rows at(int64_t from, int64_t size) const {
    return {buffer, column + from, size, count};
  }
};

// A weight as `llm.use` names it. Its layout is chosen where it is used.
// `stacked`: inside `llm.experts` the slice of the expert whose rows are
// worked on.
struct Weight {
  llm::WeightOp op;
  int64_t layer = 0;
  bool stacked = false;
};

// Numbers known now: frequencies, scalars.
struct Constant {
  llvm::SmallVector<float> values;
};

// Arithmetic on weights and constants, which the packer carries out. The
// arguments of the body are the parts and after them the tables.
struct Computed {
  struct Part {
    Weight weight;
    llvm::SmallVector<int64_t> shape;
  };
  struct Table {
    Constant constant;
    llvm::SmallVector<int64_t> shape;
  };
  std::vector<Part> parts;
  std::vector<Table> tables;
  llvm::SmallVector<int64_t> shape;
  std::shared_ptr<mlir::Region> body;
};

struct Cache {
  mlir::FlatSymbolRefAttr state;
  int64_t layer = 0;
  bool full = false; // of zeros before the first token

  Ref ref() const { return {{}, state, layer}; }
};

// The op that defines a score bias; bucket_bias has a weight, distance_bias
// rows.
struct Bias {
  mlir::Operation *op;
  std::optional<Weight> weight;
  std::optional<Rows> rows;
};

struct Index {
  int64_t value;
};

struct Batch {};

using Lowered = std::variant<std::monostate, Rows, Weight, Constant, Computed,
                             Cache, Bias, Index, Batch>;

// How the rows of the current `llm.experts` were sorted.
struct Groups {
  Rows offsets, pairs, position;
  int64_t experts, topK;
};

class Walk;
using LowerFn = mlir::LogicalResult (*)(Walk &, mlir::Operation *);

// One function per op, or for all ops with an interface.
class OpTable {
public:
  template <typename Interface, mlir::LogicalResult (*fn)(Walk &, Interface)>
  void addInterface() {
    interfaces.push_back(
        [](Walk &walk, mlir::Operation *op) -> mlir::LogicalResult {
          return fn(walk, mlir::cast<Interface>(op));
        });
    has.push_back([](mlir::Operation *op) { return mlir::isa<Interface>(op); });
  }
  template <typename OpTy, mlir::LogicalResult (*fn)(Walk &, OpTy)> void add() {
    table[OpTy::getOperationName()] = [](Walk &walk, mlir::Operation *op) {
      return fn(walk, mlir::cast<OpTy>(op));
    };
  }
  LowerFn find(mlir::Operation *op) const {
    if (LowerFn fn = table.lookup(op->getName().getStringRef()))
      return fn;
    for (auto [has, fn] : llvm::zip_equal(has, interfaces))
      if (has(op))
        return fn;
    return nullptr;
  }

private:
  llvm::StringMap<LowerFn> table;
  std::vector<bool (*)(mlir::Operation *)> has;
  std::vector<LowerFn> interfaces;
};

// Of all functions `void add...Lowerings(OpTable &)`, which the build lists.
const OpTable &opTable();

// Lowers one program of one entry.
class Walk {
public:
  Walk(PlanBuilder &plan, mlir::SymbolTable &model,
       const LoweringOptions &options)
      : plan(plan), model(model), options(options) {}

  struct Input {
    std::string name;
    int64_t limit = 0;
  };

  // `few`: for steps with so few rows that each product is one kernel.
  mlir::FailureOr<ProgramOp> lowerEntry(mlir::func::FuncOp entry,
                                        const llvm::Twine &name, int64_t min,
                                        int64_t max, bool few);
  // Bounds of the entry's integer inputs, found on the way.
  llvm::ArrayRef<Input> inputs() const { return entryInputs; }

  // Lowers a region in place; its arguments stand for `arguments`. Returns what
  // its terminator gives.
  mlir::FailureOr<llvm::SmallVector<Lowered>>
  lowerRegion(mlir::Region &region, llvm::ArrayRef<Lowered> arguments);

  // What stands for a value.
  const Lowered &get(mlir::Value value) const;
  void set(mlir::Value value, Lowered lowered);
  template <typename T> const T *tryGet(mlir::Value value) const {
    return std::get_if<T>(&get(value));
  }
  // As above, with an error at `op` when the value is something else.
  mlir::FailureOr<Rows> rows(mlir::Operation *op, mlir::Value value) const;
  // Rows of which there is one for each token, as kernels take them that look
  // at a token's sequence.
  mlir::FailureOr<Rows> tokenRows(mlir::Operation *op, mlir::Value value) const;

  // What a kernel reads and writes that walks each sequence and makes a row of
  // `result` of each row of `from`; sets `result`.
  struct Sequences {
    Rows x, y;
    Ref state;
  };
  mlir::FailureOr<Sequences> sequences(llm::StateInterface op, mlir::Value from,
                                       mlir::Value result);
  mlir::FailureOr<Weight> weight(mlir::Operation *op, mlir::Value value) const;
  int64_t layerOf(mlir::Value index) const;

  // A new buffer that takes its name and columns from `value`.
  Rows result(mlir::Value value, RowCount count);
  Rows temporary(mlir::Location loc, llvm::StringRef name, RowCount count,
                 mlir::Type elem, int64_t columns);

  mlir::LogicalResult emit(mlir::Operation *op, const Step &step);
  Config config() { return Config(plan.context()); }

  // References for the operands of steps.
  mlir::FailureOr<Ref> state(llm::StateInterface op);
  Ref ref(const Weight &weight, Layout layout, bool widen);
  Ref ref(llvm::StringRef name, const Constant &constant);
  Ref ref(const Computed &computed);
  // Of a vector or number, whatever it comes from; `name` is for a constant.
  mlir::FailureOr<Ref> refWithoutRows(mlir::Operation *op, mlir::Value value,
                                      llvm::StringRef name);
  Ref ref(llvm::StringRef name, mlir::DenseElementsAttr constant);

  // The caller's ints from which `rows` come must stay below such a limit that
  // those stay below `limit`; fails if none can.
  mlir::LogicalResult noteLimit(mlir::Operation *op, const Rows &rows,
                                int64_t limit);
  void noteOffset(const Rows &from, const Rows &to, int64_t by) {
    offsets[to.buffer] = {from, by};
  }
  llvm::StringRef nameOf(mlir::Operation *op) const;

  PlanBuilder &plan;
  mlir::SymbolTable &model;
  const LoweringOptions &options;
  bool few = false;
  // Set while the region of `llm.experts` is lowered.
  const Groups *groups = nullptr;
  // Rows already converted to bf16: several products may read them.
  struct Conversion {
    Rows from, to;
  };
  llvm::SmallVector<Conversion> converted;
  // How many things the indices of a buffer choose from.
  void noteChoice(const Rows &idx, int64_t from) { choices[idx.buffer] = from; }
  mlir::LogicalResult checkChoice(mlir::Operation *op, const Rows &idx,
                                  int64_t among) const;

private:
  struct Frame {
    llvm::DenseMap<mlir::Value, Lowered> values;
    std::optional<int64_t> layer;
    mlir::Operation *call = nullptr;
    llvm::SmallVector<Lowered> returned;
  };

  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::FailureOr<Frame> lowerFrame(Frame frame, mlir::Block &block);
  mlir::LogicalResult lowerOp(mlir::Operation *op);
  mlir::LogicalResult lowerCall(mlir::func::CallOp call);
  mlir::LogicalResult bindInputs(mlir::func::FuncOp entry);
  mlir::LogicalResult bindOutputs(mlir::func::FuncOp entry);
  mlir::Location locate(mlir::Location loc) const;

  llvm::DenseMap<mlir::Value, int64_t> choices;
  llvm::DenseMap<mlir::Value, std::pair<Rows, int64_t>> offsets;
  std::vector<Frame> frames;
  llvm::SmallVector<Input> entryInputs;
};

// The product of row axes: columns that a value takes.
int64_t widthOf(mlir::Value value);
// The axes of a value per row, in C order.
llvm::SmallVector<int64_t> rowShape(mlir::Value value);

} // namespace sluice::plan
