#include "dialects/plan/Format.h"

#include "dialects/llm/LLMDialect.h"

using namespace mlir;

namespace sluice::plan {

// Both lists have the same cases in the same order.
static_assert(int(format::RowKind::MAX) == int(getMaxEnumValForRowKind()) &&
              int(format::RowKind::Tokens) == int(RowKind::Tokens) &&
              int(format::RowKind::Wanted) == int(RowKind::Wanted) &&
              int(format::RowKind::Sequences) == int(RowKind::Sequences));
static_assert(int(format::StateKind::MAX) == int(getMaxEnumValForStateKind()) &&
              int(format::StateKind::Fixed) == int(StateKind::Fixed) &&
              int(format::StateKind::Transient) == int(StateKind::Transient));
static_assert(int(format::Layout::MAX) == int(getMaxEnumValForLayout()) &&
              int(format::Layout::Panel) == int(Layout::Panel) &&
              int(format::Layout::PanelGlu) == int(Layout::PanelGlu) &&
              int(format::Layout::VectorGlu) == int(Layout::VectorGlu));

format::RowKind asFormat(RowKind kind) {
  return static_cast<format::RowKind>(kind);
}
format::StateKind asFormat(StateKind kind) {
  return static_cast<format::StateKind>(kind);
}
format::Layout asFormat(Layout layout) {
  return static_cast<format::Layout>(layout);
}

format::Elem elemOf(Type type) { return llm::elemOf(type); }

format::Packing packingOf(WeightOp weight) {
  return {elemOf(weight.getElem()), asFormat(weight.getLayout()),
          std::vector<int64_t>(weight.getShape())};
}

} // namespace sluice::plan
