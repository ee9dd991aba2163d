// Nodes that hold bodies: `repeat` (functions and calls) and `experts`
// (regions).
#include "compiler/import/Builder.h"

#include "compiler/import/Locations.h"
#include "dialects/llm/Create.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::import {

func::FuncOp BlockFunctions::insert(func::FuncOp function, StringRef block) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  flags.printGenericOpForm();
  function.setName("block");
  function.print(stream, flags);
  auto [it, isNew] = byStructure.try_emplace(text, function);
  if (!isNew) {
    function.erase();
    return it->second;
  }
  std::string name = block.str();
  for (int &count = names[block]; module.lookupSymbol(name);)
    name = block.str() + "_" + std::to_string(++count);
  function.setName(name);
  return function;
}

func::FuncOp BodyBuilder::buildBlock(const spec::Repeat::Call &call,
                                     ValueRange args, Location loc) {
  const spec::Body &body = call.body;
  MLIRContext *context = builder.getContext();
  SmallVector<Type> inputs = {builder.getIndexType(),
                              llm::BatchType::get(context)};
  llvm::append_range(inputs, args.getTypes());

  auto module = builder.getBlock()->getParent()->getParentOfType<ModuleOp>();
  OpBuilder outer = OpBuilder::atBlockEnd(module.getBody());
  Location at = locate(context, body.location);
  auto function = func::FuncOp::create(outer, at, "block",
                                       builder.getFunctionType(inputs, {}));
  function.setPrivate();
  Block *block = function.addEntryBlock();

  BodyBuilder inner(symbols, functions, options, OpBuilder::atBlockEnd(block),
                    body.valueCount);
  inner.setLayer(call.index, block->getArgument(0));
  inner.setBatch(block->getArgument(1));
  for (auto [id, argument] :
       llvm::zip(body.inputs, block->getArguments().drop_front(2)))
    inner.bind(id, argument);
  if (failed(inner.build(body.nodes))) {
    function.erase();
    return {};
  }
  SmallVector<Value> results;
  for (spec::ValueId id : body.returns)
    results.push_back(inner.value(id));
  func::ReturnOp::create(inner.builder, at, results);
  function.setType(
      builder.getFunctionType(inputs, TypeRange(ValueRange(results))));
  return functions.insert(function, body.block);
}

LogicalResult BodyBuilder::buildRepeat(const spec::Node &node, Location loc) {
  ValueRange previous;
  SmallVector<Value> results;
  for (const spec::Repeat::Call &call : node.repeat->calls) {
    SmallVector<Value> args;
    for (size_t j = 0; j < call.body.inputs.size(); ++j) {
      int carried = call.carried[j];
      args.push_back(carried >= 0 && !results.empty() ? results[carried]
                                                      : value(call.args[j]));
    }
    func::FuncOp function = buildBlock(call, args, loc);
    if (!function)
      return failure();
    Value layer = arith::ConstantIndexOp::create(builder, loc, call.index);
    SmallVector<Value> operands = {layer, batch};
    llvm::append_range(operands, args);
    auto op = func::CallOp::create(builder, loc, function, operands);
    results.assign(op.result_begin(), op.result_end());
  }
  if (results.size() < node.results.size())
    return emitError(loc, "the repeated block gives ")
           << results.size() << " results, " << node.results.size()
           << " names are written";
  for (auto [id, result] : llvm::zip(node.results, results))
    if (id.id >= 0)
      bind(id, result);
  return success();
}

LogicalResult BodyBuilder::buildExperts(const spec::Node &node, Location loc) {
  auto slotValue = [&](const char *name) -> Value {
    const spec::Operand *given = node.slot(name);
    return given ? operand(*given, loc) : Value();
  };
  Value x = operand(node.slots.front().second, loc), at = slotValue("at");
  Value inScale = slotValue("in_scale"), outScale = slotValue("out_scale");
  if (!x || !at)
    return emitError(loc, "experts needs rows and `at`");

  OperationState state(loc, llm::ExpertsOp::getOperationName());
  Block *block = new Block;
  state.addRegion()->push_back(block);
  Value rows = block->addArgument(x.getType(), loc);
  Slices stacked{block, {}};
  OpBuilder inside(builder.getContext()); // the region has no parent yet
  inside.setInsertionPointToEnd(block);
  BodyBuilder inner(symbols, functions, options, inside, node.body->valueCount);
  inner.slices = &stacked;
  inner.bind(node.body->inputs.front(), rows);
  if (failed(inner.build(node.body->nodes)))
    return failure();
  Value result = inner.value(node.body->returns.front());
  llm::YieldOp::create(inner.builder, loc, result);

  SmallVector<Value> weights;
  for (auto &[symbol, argument] : stacked.arguments)
    weights.push_back(use(symbol, loc));
  state.addOperands({x, at});
  state.addOperands(weights);
  for (Value scale : {inScale, outScale})
    if (scale)
      state.addOperands(scale);
  state.addAttribute(
      "operandSegmentSizes",
      builder.getDenseI32ArrayAttr(
          {1, 1, int32_t(weights.size()), inScale ? 1 : 0, outScale ? 1 : 0}));
  if (state.types.empty() &&
      !state.name.getRegisteredInfo()->hasInterface<InferTypeOpInterface>())
    state.addTypes(result.getType());
  return finish(node, state);
}

} // namespace sluice::import
