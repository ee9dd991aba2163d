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

// Bounds of what one value is computed from: bodies are inlined, so a chain of
// values that each use the one before twice would double at every step.
constexpr size_t maxInputs = 64, maxOps = 1000;

// Puts what the operands are computed by in front of the op's own body. A
// weight that is used several times is one part.
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
    if (made.parts.size() + made.tables.size() > maxInputs)
      return elements.op->emitError()
             << "computes a value without rows from more than " << maxInputs
             << " weights and tables";
    Block &block = made.body->emplaceBlock();
    Location loc = elements.op->getLoc();
    OpBuilder builder(walk.plan.context());
    builder.setInsertionPointToStart(&block);
    for (size_t i = 0; i < made.parts.size() + made.tables.size(); ++i)
      block.addArgument(builder.getF32Type(), loc);
    IRMapping own;
    for (auto [argument, operand] :
         llvm::zip(elements.body.getArguments(), elements.operands))
      own.map(argument, valueOf(operand, block, builder));
    YieldOp::create(builder, loc, inlineBody(elements.body, own, builder));
    if (block.getOperations().size() > maxOps)
      return elements.op->emitError()
             << "computes a value without rows in more than " << maxOps
             << " steps";
    return made;
  }

private:
  LogicalResult addInputs(Value operand) {
    if (const Computed *inner = walk.tryGet<Computed>(operand)) {
      for (const Computed::Part &part : inner->parts)
        addPart(part);
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
    addPart({*weight, rowShape(operand)});
    return success();
  }

  void addPart(const Computed::Part &part) {
    auto found = llvm::find_if(made.parts, [&](const Computed::Part &other) {
      return other.weight.op == part.weight.op &&
             other.weight.layer == part.weight.layer &&
             other.shape == part.shape;
    });
    partAt.push_back(static_cast<unsigned>(found - made.parts.begin()));
    if (found == made.parts.end())
      made.parts.push_back(part);
  }

  // In the order of addInputs.
  Value valueOf(Value operand, Block &block, OpBuilder &builder) {
    auto nextPart = [&] { return block.getArgument(partAt[partsDone++]); };
    auto nextTable = [&] {
      return block.getArgument(made.parts.size() + tablesDone++);
    };
    const Computed *inner = walk.tryGet<Computed>(operand);
    if (!inner)
      return walk.tryGet<Constant>(operand) ? nextTable() : nextPart();
    IRMapping mapping;
    for (BlockArgument argument : inner->body->getArguments())
      mapping.map(argument, argument.getArgNumber() < inner->parts.size()
                                ? nextPart()
                                : nextTable());
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
  SmallVector<unsigned> partAt; // for each use of a part, in turn
  size_t partsDone = 0, tablesDone = 0;
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
