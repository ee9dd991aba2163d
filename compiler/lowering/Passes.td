#ifndef SLUICE_COMPILER_LOWERING_PASSES_TD
#define SLUICE_COMPILER_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToPlanPass : Pass<"lower-to-plan", "::mlir::ModuleOp"> {
  let summary = "turn a model, fused or not, into a plan";
  let description = [{
    Unrolls the layers, gives every value a buffer and every op its kernels. The
    module is replaced. Buffers get no offsets: see `plan-assign-arena`.
  }];
  let options = [
    Option<"decodeTokens", "decode-tokens", "int64_t", "8",
           "most tokens of the program for few rows, 0 for one program">,
    Option<"engine", "engine", "bool", "true",
           "leave large products to the engine where it can do them">
  ];
  let dependentDialects = ["::sluice::plan::PlanDialect", "::mlir::arith::ArithDialect",
                            "::mlir::math::MathDialect"];
}

def ReuseInPlacePass : Pass<"plan-reuse-in-place", "::mlir::ModuleOp"> {
  let summary = "let a step write over an input that nothing reads again";
  let description = [{
    The residual of a product, and an operand of elementwise arithmetic, is read
    at the element that is written, so the result may take its place when the
    step is the last one that reads it. A copy whose source is dead disappears.

    Does not look at other kinds of kernels, nor at results that take only some
    columns of a buffer.
  }];
  let dependentDialects = ["::sluice::plan::PlanDialect"];
}

def RelaxBarriersPass : Pass<"plan-relax-barriers", "::mlir::ModuleOp"> {
  let summary = "drop the barrier between steps that touch different things";
  let description = [{
    A dispatch gets `nowait` when neither it nor the dispatches that may still
    run with it conflict with the next one. A buffer counts as a whole, and so
    does a state. Run it before `plan-assign-arena`, which keeps the buffers of
    steps that run together apart.
  }];
  let dependentDialects = ["::sluice::plan::PlanDialect"];
}

def AssignArenaPass : Pass<"plan-assign-arena", "::mlir::ModuleOp"> {
  let summary = "give every buffer its offset in the arena";
  let description = [{
    Buffers whose live ranges do not meet may share memory. Offsets are
    a + b*C + c*S bytes, for any token capacity C and sequence capacity S with
    1 <= S <= C; the programs of a plan share one arena. In a program with a
    bound on its tokens all offsets are constants.
  }];
  let dependentDialects = ["::sluice::plan::PlanDialect"];
}

def VerifyPlanPass : Pass<"verify-plan", "::mlir::ModuleOp"> {
  let summary = "check everything that a printed plan could get wrong";
  let description = [{
    Kernels against the signature of their kind, steps against their kernel,
    references against the weights, states and layers that exist, rows and
    strides against buffers, outputs against their entry, token ranges for
    overlaps, that nothing is read before it is written and that no two live
    buffers overlap in the arena.
  }];
  let dependentDialects = ["::sluice::plan::PlanDialect"];
}

#endif
