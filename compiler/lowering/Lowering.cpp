#include "compiler/lowering/Lowering.h"

#include "compiler/lowering/Passes.h"
#include "compiler/lowering/Walk.h"

using namespace mlir;

namespace sluice::plan {
#define GEN_PASS_DEF_LOWERTOPLANPASS
#include "compiler/lowering/Passes.h.inc"

// What the module says about the model (llm.family, llm.context, ...) is kept
// under this dialect's name.
static void copyModelAttributes(ModuleOp from, ModuleOp to) {
  for (NamedAttribute attr : from->getDiscardableAttrs()) {
    StringRef name = attr.getName();
    if (name.consume_front("llm."))
      to->setDiscardableAttr(("plan." + name).str(), attr.getValue());
  }
}

static void declareEntry(PlanBuilder &plan, func::FuncOp entry,
                         ArrayRef<Walk::Input> inputs, ProgramOp first) {
  OpBuilder::InsertionGuard guard(plan.b());
  plan.b().setInsertionPoint(first);
  SmallVector<StringRef> names, kinds, outputs, optional;
  SmallVector<int64_t> limits;
  for (const Walk::Input &input : inputs) {
    names.push_back(input.name);
    limits.push_back(input.limit);
  }
  for (unsigned i = 0; i < entry.getNumArguments(); ++i)
    if (entry.getArgAttr(i, "llm.name")) {
      kinds.push_back(
          entry.getArgAttrOfType<StringAttr>(i, "llm.input").getValue());
      if (entry.getArgAttr(i, "llm.optional"))
        optional.push_back(names[kinds.size() - 1]);
    }
  for (auto output : first.getBody().getOps<OutputOp>()) // taps, then results
    outputs.push_back(output.getName());
  Builder &b = plan.b();
  EntryOp::create(plan.b(), entry.getLoc(), entry.getSymName(),
                  entry->getAttrOfType<StringAttr>("llm.entry").getValue(),
                  b.getStrArrayAttr(names), b.getStrArrayAttr(kinds),
                  b.getDenseI64ArrayAttr(limits), b.getStrArrayAttr(outputs),
                  optional.empty() ? ArrayAttr() : b.getStrArrayAttr(optional),
                  entry->getAttrOfType<IntegerAttr>("llm.start"),
                  entry->getAttrOfType<DictionaryAttr>("llm.positions"));
}

static LogicalResult lowerEntry(Walk &walk, PlanBuilder &plan,
                                func::FuncOp entry,
                                const LoweringOptions &options) {
  std::string name = entry.getSymName().str();
  // Only generation takes many steps of few tokens.
  bool decodes =
      options.decodeTokens > 0 &&
      entry->getAttrOfType<StringAttr>("llm.entry").getValue() == "generate";
  ProgramOp first;
  if (decodes) {
    FailureOr<ProgramOp> program = walk.lowerEntry(
        entry, name + ".decode", 1, options.decodeTokens, /*few=*/true);
    if (failed(program))
      return failure();
    first = *program;
  }
  FailureOr<ProgramOp> program =
      walk.lowerEntry(entry, name + (decodes ? ".prefill" : ".all"),
                      decodes ? options.decodeTokens + 1 : 1, 0,
                      /*few=*/false);
  if (failed(program))
    return failure();
  // It steps in where the engine takes no product.
  if (first && program->hasProductsForEngine())
    first.removeMaxAttr();
  declareEntry(plan, entry, walk.inputs(), first ? first : *program);
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> lowerToPlan(ModuleOp module,
                                             const LoweringOptions &options) {
  OwningOpRef<ModuleOp> result = ModuleOp::create(module.getLoc());
  copyModelAttributes(module, *result);
  PlanBuilder plan(*result);
  SymbolTable model(module);
  Walk walk(plan, model, options);
  bool any = false;
  for (auto entry : module.getOps<func::FuncOp>()) {
    if (!entry->hasAttrOfType<StringAttr>("llm.entry"))
      continue;
    any = true;
    if (failed(lowerEntry(walk, plan, entry, options)))
      return failure();
  }
  if (!any)
    return module.emitError("has no entry");
  return result;
}

namespace {

struct LowerToPlan : impl::LowerToPlanPassBase<LowerToPlan> {
  using LowerToPlanPassBase::LowerToPlanPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<OwningOpRef<ModuleOp>> plan =
        lowerToPlan(module, {decodeTokens, engine});
    if (failed(plan))
      return signalPassFailure();
    module->setAttrs((*plan)->getOperation()->getAttrs());
    module.getBodyRegion().takeBody((**plan).getBodyRegion());
  }
};

} // namespace
} // namespace sluice::plan
