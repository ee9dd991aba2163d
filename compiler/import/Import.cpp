#include "compiler/import/Import.h"

#include "compiler/import/Builder.h"
#include "compiler/import/Locations.h"
#include "dialects/llm/LLMDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace sluice::import {

// Logits of a generating entry are computed for the rows that the caller wants;
// every other output has all its rows.
static bool onlyWanted(const spec::Entry &entry) {
  return entry.kind == "generate";
}

static Type inputType(OpBuilder &builder, const spec::EntryInput &input) {
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  if (input.type != "rows") // an int for each token
    return RankedTensorType::get(shape, builder.getI32Type());
  llvm::append_range(shape, input.shape);
  return RankedTensorType::get(shape, input.elem == "f32"
                                          ? Type(builder.getF32Type())
                                          : builder.getI32Type());
}

static void describeEntry(func::FuncOp function, const spec::Entry &entry,
                          ArrayRef<const spec::EntryInput *> inputs) {
  OpBuilder builder(function);
  function->setAttr("llm.entry", builder.getStringAttr(entry.kind));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(i + 1, "llm.name", builder.getStringAttr(input->name));
    function.setArgAttr(i + 1, "llm.input", builder.getStringAttr(input->type));
    if (input->elem == "bool")
      function.setArgAttr(i + 1, llm::flagsAttr, builder.getUnitAttr());
    if (input->optional)
      function.setArgAttr(i + 1, llm::optionalAttr, builder.getUnitAttr());
  }
  if (entry.start)
    function->setAttr("llm.start", builder.getI64IntegerAttr(*entry.start));
  if (entry.positions.empty())
    return;
  NamedAttrList positions;
  positions.set("kind", builder.getStringAttr(entry.positions));
  if (entry.positionStart)
    positions.set("start", builder.getI64IntegerAttr(*entry.positionStart));
  if (entry.positionBegin) {
    SmallVector<Attribute> anchors;
    for (const std::vector<int64_t> &equal : entry.positionAnchors)
      anchors.push_back(builder.getDenseI64ArrayAttr(equal));
    positions.set("begin", builder.getI64IntegerAttr(*entry.positionBegin));
    positions.set("anchors", builder.getArrayAttr(anchors));
  }
  function->setAttr("llm.positions",
                    positions.getDictionary(builder.getContext()));
}

static LogicalResult importEntry(const spec::Entry &entry, ModuleOp module,
                                 const Symbols &symbols,
                                 BlockFunctions &functions,
                                 const ImportOptions &options) {
  MLIRContext *context = module.getContext();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = locate(context, entry.location);
  SmallVector<Type> types = {llm::BatchType::get(context)};
  SmallVector<const spec::EntryInput *> inputs;
  for (const spec::EntryInput &input : entry.inputs) {
    types.push_back(inputType(builder, input));
    inputs.push_back(&input);
  }
  auto function = func::FuncOp::create(builder, loc, entry.name,
                                       builder.getFunctionType(types, {}));
  Block *block = function.addEntryBlock();
  BodyBuilder body(symbols, functions, options, OpBuilder::atBlockEnd(block),
                   entry.valueCount);
  body.setBatch(block->getArgument(0));
  for (auto [input, argument] :
       llvm::zip(inputs, block->getArguments().drop_front()))
    body.bind(input->value, argument);
  if (failed(body.build(entry.nodes)))
    return failure();

  builder.setInsertionPointToEnd(block);
  SmallVector<Value> results;
  for (const auto &[name, id] : entry.outputs) {
    Value result = body.value(id);
    if (onlyWanted(entry))
      result = llm::WantedRowsOp::create(builder, loc, result.getType(), result,
                                         block->getArgument(0));
    results.push_back(result);
  }
  func::ReturnOp::create(builder, loc, results);
  function.setType(
      builder.getFunctionType(types, TypeRange(ValueRange(results))));
  for (auto [i, output] : llvm::enumerate(entry.outputs))
    function.setResultAttr(i, "llm.name", builder.getStringAttr(output.first));
  describeEntry(function, entry, inputs);
  return success();
}

// Weights and states that no op of this module names (of entries left out).
static void eraseUnusedSymbols(ModuleOp module) {
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (isa<llm::WeightOp, llm::StateOp>(op) &&
        SymbolTable::symbolKnownUseEmpty(&op, module))
      op.erase();
}

OwningOpRef<ModuleOp> importModel(const spec::Model &model,
                                  MLIRContext *context,
                                  const ImportOptions &options) {
  context
      ->loadDialect<llm::LLMDialect, func::FuncDialect, arith::ArithDialect>();
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(locate(context, spec::Location{model.file, 1, 1}));
  (*module)->setAttr("llm.family", StringAttr::get(context, model.family));
  Symbols symbols(model, *module, options);
  BlockFunctions functions(*module);
  for (const spec::Entry &entry : model.entries)
    if (failed(importEntry(entry, *module, symbols, functions, options)))
      return {};
  eraseUnusedSymbols(*module);
  if (failed(verify(*module)))
    return {};
  return module;
}

} // namespace sluice::import
