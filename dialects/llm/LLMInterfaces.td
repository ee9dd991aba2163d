#ifndef SLUICE_LLM_INTERFACES_TD
#define SLUICE_LLM_INTERFACES_TD

include "mlir/IR/OpBase.td"

def LLM_DecomposeInterface : OpInterface<"DecomposeInterface"> {
  let cppNamespace = "::sluice::llm";
  let description = [{
    A fused op that can be rewritten into the unfused ops it stands for. The arithmetic and its order are the same, so
    the bits are too.
  }];
  let methods = [
    InterfaceMethod<"Builds the unfused ops in front of this op and returns the values that replace its results.",
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose", (ins "::mlir::OpBuilder &":$builder)>,
  ];
}

#endif
