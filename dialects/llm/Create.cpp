#include "dialects/llm/Create.h"

#include "dialects/llm/OpRegistry.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;

namespace sluice::llm {

namespace {
// Inherent attributes of an op, in the form that type inference reads. An op
// under construction has them only as a dictionary.
class Properties {
public:
  Properties(RegisteredOperationName info) : info(info) {
    if (int size = info.getOpPropertyByteSize()) {
      storage.resize((size + sizeof(std::max_align_t) - 1) /
                     sizeof(std::max_align_t));
      info.initOpProperties(raw(), OpaqueProperties(nullptr));
    }
  }
  ~Properties() {
    if (!storage.empty())
      info.destroyOpProperties(raw());
  }
  OpaqueProperties raw() {
    return storage.empty() ? OpaqueProperties(nullptr)
                           : OpaqueProperties(storage.data());
  }

private:
  RegisteredOperationName info;
  std::vector<std::max_align_t> storage;
};
} // namespace

static LogicalResult inferTypes(OperationState &state) {
  MLIRContext *context = state.location.getContext();
  std::optional<RegisteredOperationName> info = state.name.getRegisteredInfo();
  auto *infer = info ? info->getInterface<InferTypeOpInterface>() : nullptr;
  if (!infer)
    return success();
  auto error = [&] { return emitError(state.location); };
  Properties properties(*info);
  DictionaryAttr attributes = state.attributes.getDictionary(context);
  if (info->getOpPropertyByteSize() > 0 &&
      failed(info->setOpPropertiesFromAttribute(state.name, properties.raw(),
                                                attributes, error)))
    return failure();
  SmallVector<Region *> regions;
  for (std::unique_ptr<Region> &region : state.regions)
    regions.push_back(region.get());
  SmallVector<Type> types;
  if (failed(infer->inferReturnTypes(context, state.location, state.operands,
                                     attributes, properties.raw(), regions,
                                     types)))
    return failure();
  state.addTypes(types);
  return success();
}

Operation *create(OpBuilder &builder, OperationState &state) {
  if (!state.name.isRegistered()) {
    emitError(state.location, "no op is named '") << state.name << "'";
    return nullptr;
  }
  if (state.types.empty() && failed(inferTypes(state)))
    return nullptr;
  return builder.create(state);
}

Attribute wordAttr(MLIRContext *context, std::string_view op,
                   std::string_view slot, std::string_view word) {
  const Slot *found = nullptr;
  for (const OpInfo &info : opRegistry())
    if (info.op == op)
      for (const Slot &candidate : info.slots)
        if (candidate.name == slot && candidate.kind == SlotKind::Word)
          found = &candidate;
  if (!found || !llvm::is_contained(found->words, word))
    return {};
  std::string text =
      "#llm<" + std::string(found->wordKind) + " " + std::string(word) + ">";
  return parseAttribute(text, context);
}

} // namespace sluice::llm
