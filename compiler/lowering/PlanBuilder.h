// Makes the ops of one plan: weights, states and kernels once each, buffers and
// steps in the program that is being built.
#pragma once

#include "compiler/kernels/Kernels.h"
#include "dialects/llm/LLMOps.h"
#include "dialects/plan/PlanDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <list>

namespace sluice::plan {

// How many rows a value has.
struct RowCount {
  RowKind kind = RowKind::Tokens;
  int64_t scale = 1;

  bool operator==(const RowCount &) const = default;
};

// Something that a step can be given.
struct Ref {
  mlir::Value buffer;
  mlir::FlatSymbolRefAttr symbol;
  int64_t index = 0; // column or layer
};

// The attributes of a kernel. What equals its default is left out.
class Config {
public:
  explicit Config(mlir::MLIRContext *context) : builder(context) {}

  Config &word(llvm::StringRef name, llvm::StringRef value) {
    list.set(name, builder.getStringAttr(value));
    return *this;
  }
  Config &flag(llvm::StringRef name, bool value) {
    if (value)
      list.set(name, builder.getUnitAttr());
    return *this;
  }
  Config &array(llvm::StringRef name, llvm::ArrayRef<mlir::Attribute> values) {
    if (!values.empty())
      list.set(name, builder.getArrayAttr(values));
    return *this;
  }
  Config &integer(llvm::StringRef name, int64_t value) {
    list.set(name, builder.getI64IntegerAttr(value));
    return *this;
  }
  Config &real(llvm::StringRef name, mlir::FloatAttr value) {
    if (value)
      list.set(name, value);
    return *this;
  }
  mlir::DictionaryAttr get() {
    return list.getDictionary(builder.getContext());
  }

private:
  mlir::Builder builder;
  mlir::NamedAttrList list;
};

// A step about to be made. Operands and dims may come in any order: the
// kernel's signature decides, and strides are filled in from the buffers.
struct Step {
  explicit Step(llvm::StringRef kind, mlir::DictionaryAttr config = {})
      : kind(kind), config(config) {}

  // With names that are made up.
  void add(std::string name, Ref operand) {
    operands.push_back({names.emplace_back(std::move(name)), operand});
  }
  void add(std::string name, int64_t dim) {
    dims.push_back({names.emplace_back(std::move(name)), dim});
  }

  llvm::StringRef kind;
  mlir::DictionaryAttr config;
  llvm::SmallVector<std::pair<llvm::StringRef, Ref>> operands;
  llvm::SmallVector<std::pair<llvm::StringRef, int64_t>> dims;
  std::list<std::string> names; // that operands and dims refer to
  RowCount rows;
  bool engine = false;          // a plan.matmul instead of a dispatch
  mlir::Region *body = nullptr; // moved into the kernel
};

// The names in a signature, as kernels of a plan list them.
struct SignatureNames {
  SignatureNames(mlir::Builder builder, const kernels::Signature &signature);
  mlir::ArrayAttr inputs, outputs, dims;
};

class PlanBuilder {
public:
  explicit PlanBuilder(mlir::ModuleOp plan)
      : module(plan), symbols(plan), builder(plan.getContext()) {}

  mlir::OpBuilder &b() { return builder; }
  mlir::MLIRContext *context() { return builder.getContext(); }

  // The weight made of these parts in this layout; a new one on first request.
  // Norm weights and biases are widened to f32; `stacked` parts have a leading
  // axis of experts.
  mlir::FlatSymbolRefAttr weight(llvm::ArrayRef<llm::WeightOp> parts,
                                 Layout layout, bool widen, bool stacked);
  // A table that the compiler computed.
  mlir::FlatSymbolRefAttr constant(llvm::StringRef name,
                                   mlir::DenseElementsAttr value);
  // What the body computes of instances of weights and of tables.
  mlir::FlatSymbolRefAttr
  computed(llvm::ArrayRef<std::pair<llm::WeightOp, int64_t>> parts,
           llvm::ArrayRef<mlir::Attribute> tables,
           llvm::ArrayRef<int64_t> shape, mlir::Region &body);
  mlir::FlatSymbolRefAttr state(llm::StateOp state);
  // Of keys alone with a valueWidth of 0.
  mlir::FlatSymbolRefAttr transientCache(int64_t heads, int64_t keyWidth,
                                         int64_t valueWidth);

  // Shape of a field of a cache that was declared before; empty without it.
  llvm::ArrayRef<int64_t> cacheField(mlir::FlatSymbolRefAttr state,
                                     llvm::StringRef field) const;

  // Buffers and steps of the current program.
  ProgramOp beginProgram(mlir::Location loc, const llvm::Twine &name,
                         llvm::StringRef entry, int64_t min, int64_t max);
  mlir::Value buffer(mlir::Location loc, llvm::StringRef name, RowCount rows,
                     mlir::Type elem, int64_t columns);
  mlir::LogicalResult step(mlir::Location loc, const Step &step,
                           std::optional<int64_t> layer);

private:
  mlir::FailureOr<KernelOp> kernel(mlir::Location loc, const Step &step);
  template <typename OpTy> OpTy declare(OpTy op);
  // A name made of the words of the kernel's attributes, or of its body.
  static std::string kernelName(const Step &step);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  mlir::OpBuilder builder;
  // Things already made, by their own text.
  llvm::StringMap<mlir::Operation *> made;
  mlir::Operation *lastDeclaration = nullptr;
};

} // namespace sluice::plan
