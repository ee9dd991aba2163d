// What happens to the result of a product: the value of EpilogueAttr, whose
// description says what each part does.
#pragma once

#include "dialects/llm/LLMEnums.h.inc"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

#include <optional>

namespace sluice::llm {

struct Epilogue {
  bool glu = false;
  std::optional<Act> act;
  mlir::FloatAttr beta, gateMax, upLimit, upAdd, scale, cap; // f32, or null

  bool operator==(const Epilogue &) const = default;
  explicit operator bool() const { return !(*this == Epilogue()); }
};

llvm::hash_code hash_value(const Epilogue &epilogue);

// `glu act silu scale 2.0`: each part that there is, in this order.
mlir::ParseResult parseEpilogueWords(mlir::AsmParser &parser,
                                     Epilogue &epilogue);
void printEpilogueWords(mlir::AsmPrinter &printer, const Epilogue &epilogue);

} // namespace sluice::llm
