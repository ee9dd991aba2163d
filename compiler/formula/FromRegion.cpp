#include "compiler/formula/FromRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Operation.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace sluice::formula {

static std::optional<Op> comparison(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OLT:
    return Op::Less;
  case arith::CmpFPredicate::OLE:
    return Op::LessEqual;
  case arith::CmpFPredicate::OGT:
    return Op::Greater;
  case arith::CmpFPredicate::OGE:
    return Op::GreaterEqual;
  case arith::CmpFPredicate::OEQ:
    return Op::Equal;
  case arith::CmpFPredicate::UNE:
    return Op::Unequal;
  default:
    return std::nullopt;
  }
}

static std::optional<Op> opOf(Operation &op) {
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return comparison(compare.getPredicate());
  if (auto narrow = dyn_cast<arith::TruncFOp>(op))
    return narrow.getType().isF16()    ? std::optional(Op::RoundF16)
           : narrow.getType().isBF16() ? std::optional(Op::RoundBf16)
                                       : std::nullopt;
  return llvm::StringSwitch<std::optional<Op>>(op.getName().getStringRef())
      .Case("arith.addf", Op::Add)
      .Case("arith.subf", Op::Sub)
      .Case("arith.mulf", Op::Mul)
      .Case("arith.divf", Op::Div)
      .Case("arith.negf", Op::Neg)
      .Case("arith.select", Op::Select)
      .Case("math.fma", Op::Fma)
      .Case("math.absf", Op::Abs)
      .Case("math.sqrt", Op::Sqrt)
      .Case("math.exp", Op::Exp)
      .Case("math.log", Op::Log)
      .Case("math.log1p", Op::Log1p)
      .Case("math.tanh", Op::Tanh)
      .Case("math.erf", Op::Erf)
      .Case("math.sin", Op::Sin)
      .Case("math.cos", Op::Cos)
      .Case("math.floor", Op::Floor)
      .Case("math.roundeven", Op::RoundEven)
      .Default(std::nullopt);
}

// The step of an op on numbered operands.
static std::optional<Step> stepOf(Operation &op, ArrayRef<int> operands) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto number = dyn_cast<FloatAttr>(constant.getValue());
    if (!number || !number.getType().isF32())
      return std::nullopt;
    return Step{Op::Constant, 0, 0, 0, number.getValue().convertToFloat()};
  }
  // Narrow arithmetic would round, which no step does.
  if (!isa<arith::TruncFOp>(op) &&
      llvm::any_of(
          llvm::concat<Type>(SmallVector<Type>(op.getOperandTypes()),
                             SmallVector<Type>(op.getResultTypes())),
          [](Type type) { return !type.isF32() && !type.isInteger(1); }))
    return std::nullopt;
  std::optional<Op> kind = opOf(op);
  if (!kind || operands.empty() || operands.size() > 3)
    return std::nullopt;
  Step step{*kind, operands[0], operands[0], operands[0]};
  if (operands.size() > 1)
    step.b = operands[1];
  if (operands.size() > 2)
    step.c = operands[2];
  return step;
}

FailureOr<Formula> fromRegion(Region &region) {
  Formula formula;
  llvm::DenseMap<Value, int> numbers;
  for (BlockArgument argument : region.getArguments())
    numbers[argument] = formula.inputs++;
  for (Operation &op : region.front().without_terminator()) {
    SmallVector<int> operands;
    for (Value operand : op.getOperands())
      operands.push_back(numbers.lookup(operand));
    // A narrowed number is kept as the f32 of the same value.
    if (isa<arith::ExtFOp>(op) && op.getResult(0).getType().isF32()) {
      numbers[op.getResult(0)] = operands[0];
      continue;
    }
    std::optional<Step> step = stepOf(op, operands);
    if (!step)
      return op.emitError()
             << "'" << op.getName() << "' cannot be computed without rows";
    numbers[op.getResult(0)] =
        formula.inputs + static_cast<int>(formula.steps.size());
    formula.steps.push_back(*step);
  }
  formula.result =
      numbers.lookup(region.front().getTerminator()->getOperand(0));
  return formula;
}

} // namespace sluice::formula
