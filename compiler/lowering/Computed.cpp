// Elementwise ops on values without rows. Of constants they are computed here;
// where a weight takes part the packer computes them, once for every run.
#include "compiler/formula/FromRegion.h"
#include "compiler/lowering/Common.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace sluice::plan {

namespace {

// Elements of `from` for each element of `to`, axes being aligned at the right.
SmallVector<float> broadcastTo(ArrayRef<int64_t> to, ArrayRef<int64_t> from,
                               ArrayRef<float> values) {
  SmallVector<float> out;
  for (int64_t i = 0, count = ShapedType::getNumElements(to); i < count; ++i) {
    int64_t at = 0, step = 1, rest = i;
    for (size_t axis = to.size(); axis-- > 0; rest /= to[axis]) {
      size_t missing = to.size() - from.size();
      if (axis < missing)
        continue;
      int64_t size = from[axis - missing];
      at += rest % to[axis] % size * step;
      step *= size;
    }
    out.push_back(values[at]);
  }
  return out;
}

Constant fold(const formula::Formula &formula, const Elements &elements,
              ArrayRef<const Constant *> constants) {
  SmallVector<int64_t> shape = rowShape(elements.result);
  SmallVector<SmallVector<float>> inputs;
  SmallVector<const float *> pointers;
  for (auto [operand, constant] : llvm::zip(elements.operands, constants))
    inputs.push_back(broadcastTo(shape, rowShape(operand), constant->values));
  for (const SmallVector<float> &input : inputs)
    pointers.push_back(input.data());
  Constant result;
  result.values.resize(ShapedType::getNumElements(shape));
  formula::evaluate(formula, pointers, result.values.size(),
                    result.values.data());
  return result;
}

// Puts what the operands are computed by in front of the op's own body.
class Composer {
public:
  Composer(Walk &walk, Elements &elements) : walk(walk), elements(elements) {
    made.shape = rowShape(elements.result);
    made.body = std::make_shared<Region>();
  }

  FailureOr<Computed> compose() {
    for (Value operand : elements.operands)
      if (failed(addInputs(operand)))
        return failure();
    Block &block = made.body->emplaceBlock();
    Location loc = elements.op->getLoc();
    OpBuilder builder(walk.plan.context());
    builder.setInsertionPointToStart(&block);
    for (size_t i = 0; i < made.parts.size() + made.tables.size(); ++i)
      block.addArgument(builder.getF32Type(), loc);
    part = block.args_begin();
    table = part + made.parts.size();
    IRMapping own;
    for (auto [argument, operand] :
         llvm::zip(elements.body.getArguments(), elements.operands))
      own.map(argument, valueOf(operand, builder));
    YieldOp::create(builder, loc, inlineBody(elements.body, own, builder));
    return made;
  }

private:
  LogicalResult addInputs(Value operand) {
    if (const Computed *inner = walk.tryGet<Computed>(operand)) {
      llvm::append_range(made.parts, inner->parts);
      llvm::append_range(made.tables, inner->tables);
      return success();
    }
    if (const Constant *constant = walk.tryGet<Constant>(operand)) {
      made.tables.push_back({*constant, rowShape(operand)});
      return success();
    }
    FailureOr<Weight> weight = walk.weight(elements.op, operand);
    if (failed(weight))
      return failure();
    if (weight->stacked)
      return elements.op->emitError()
             << "'" << elements.op->getName()
             << "' has no kernel for an expert's weight; only linear has";
    made.parts.push_back({*weight, rowShape(operand)});
    return success();
  }

  // In the order of addInputs.
  Value valueOf(Value operand, OpBuilder &builder) {
    const Computed *inner = walk.tryGet<Computed>(operand);
    if (!inner)
      return walk.tryGet<Constant>(operand) ? *table++ : *part++;
    IRMapping mapping;
    for (BlockArgument argument : inner->body->getArguments())
      mapping.map(argument, argument.getArgNumber() < inner->parts.size()
                                ? *part++
                                : *table++);
    return inlineBody(*inner->body, mapping, builder);
  }

  static Value inlineBody(Region &body, IRMapping &mapping,
                          OpBuilder &builder) {
    for (Operation &op : body.front().without_terminator())
      builder.clone(op, mapping);
    return mapping.lookup(body.front().getTerminator()->getOperand(0));
  }

  Walk &walk;
  Elements &elements;
  Computed made;
  Block::args_iterator part, table;
};

} // namespace

LogicalResult lowerWithoutRows(Walk &walk, Elements &elements) {
  FailureOr<formula::Formula> formula = formula::fromRegion(elements.body);
  if (failed(formula))
    return failure();
  SmallVector<const Constant *> constants;
  for (Value operand : elements.operands)
    constants.push_back(walk.tryGet<Constant>(operand));
  if (llvm::all_of(constants, [](const Constant *c) { return c; })) {
    walk.set(elements.result, fold(*formula, elements, constants));
    return success();
  }
  FailureOr<Computed> computed = Composer(walk, elements).compose();
  if (failed(computed))
    return failure();
  walk.set(elements.result, *computed);
  return success();
}

} // namespace sluice::plan
