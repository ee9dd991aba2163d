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

def LLM_StateInterface : OpInterface<"StateInterface"> {
  let cppNamespace = "::sluice::llm";
  let description = [{
    An op that reads or writes a state: the attribute `state` names it (without one it touches none), the operand
    `layer` is there exactly when the state has layers. Ops take effect in the order of the program, and a step writes
    a state at most once per layer. An op finds what the step before has left, or an op in front of it has written.
  }];
  let methods = [
    InterfaceMethod<"The state's symbol, or null.", "::mlir::FlatSymbolRefAttr", "getStateAttr">,
    InterfaceMethod<"The layer index, or null.", "::mlir::Value", "getLayer">,
    StaticInterfaceMethod<"Whether results depend on what the state held.", "bool", "readsState">,
    StaticInterfaceMethod<"Whether it changes the state.", "bool", "writesState">,
  ];
}

def LLM_ScalarInterface : OpInterface<"ScalarInterface"> {
  let cppNamespace = "::sluice::llm";
  let description = [{
    Every result element is a function of one element of each operand, operands broadcast as in `llm.binary`. The
    function is stated once: the lowering of single ops, fused chains, and weights that are computed when they are
    packed all emit it, so that their bits are the same.
  }];
  let methods = [
    InterfaceMethod<"Emits the function on scalars of f32, one per operand.", "::sluice::expr::Expr", "scalar",
      (ins "::mlir::ImplicitLocOpBuilder &":$builder, "::llvm::ArrayRef<::sluice::expr::Expr>":$in)>,
  ];
}

#endif
