#include "dialects/llm/OpRegistry.h"

#include <algorithm>

namespace sluice::llm {

#include "dialects/llm/OpRegistry.inc"

std::span<const OpInfo> opRegistry() { return registry; }

const OpInfo *findOp(std::string_view word) {
  auto found = std::ranges::lower_bound(registry, word, {}, &OpInfo::word);
  return found != std::end(registry) && found->word == word ? found : nullptr;
}

const Slot *findSlot(const OpInfo &op, std::string_view name) {
  auto found = std::ranges::find(op.slots, name, &Slot::name);
  return found == op.slots.end() ? nullptr : &*found;
}

} // namespace sluice::llm
