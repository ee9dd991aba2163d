#ifndef SLUICE_TRANSFORMS_PASSES_TD
#define SLUICE_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

// A pass that makes fused ops. Alone in sluice-opt it can print where it fired and where it nearly did.
class FusionPass<string name> : Pass<name, "::mlir::ModuleOp"> {
  let options = [Option<"print", "report", "bool", "false", "print where the pass fired and why near misses did not">];
  let dependentDialects = ["::sluice::llm::LLMDialect"];
}

def ShareRope : FusionPass<"share-rope"> {
  let summary = "compute cos and sin once per step instead of once per layer";
  let description = [{
    A `rope` becomes a `rotate` by a `rope_table`. Where positions and frequencies are arguments of a block, the table is
    made by the callers, once for all calls with the same operands, and becomes an argument of the block; arguments
    that are no longer read are removed.

    Not handled: frequencies computed inside a block keep a table per layer (reported); a table is not hoisted through
    more than one level of calls.
  }];
}

def WantedRows : FusionPass<"wanted-rows"> {
  let summary = "select the wanted rows before work that treats rows one by one";
  let description = [{
    Moves `wanted_rows` up past products, norms, elementwise ops and changes of shape, so that a prompt's other rows
    never reach the output layer. Stops at calls, attention and other ops that mix rows, and at values that are also
    used elsewhere (reported).

    Not handled: ops with several results, and ops that read ids.
  }];
}

def MergeSiblings : FusionPass<"merge-siblings"> {
  let summary = "products of the same rows become one op with several results";
  let description = [{
    `linear`s with the same x, compute type, storage type and with or without biases alike become a `fused_linear`.
    Two that meet in a gated unit (act(g) * u) are paired with each other only, and a product that runs into an
    activation of its own stays alone, because a later pass gives it an epilogue.

    Declines, with a report, if types or biases differ, if weights are of different layers or are not there in the same
    layers (they are packed as one), if a width other than the last is not a multiple of 16 (an output column would not
    be aligned), or if a weight is not known before the first product.
  }];
}

def FuseNormMatmul : FusionPass<"fuse-norm-matmul"> {
  let summary = "a norm becomes part of the product that reads it";
  let description = [{
    `rms_norm` or `layer_norm` in front of a `linear` or `fused_linear`. Declines, with a report, if the normalised
    rows have another user: they would be computed twice. Products that share a norm are merged before (merge-siblings).
  }];
}

def FuseSwiglu : FusionPass<"fuse-swiglu"> {
  let summary = "act(gate) * up becomes part of the product";
  let description = [{
    gate and up come from one `fused_linear` with two results, or from two `linear`s of the same rows. Between product and act
    or multiplication there may be a clamp (of the gate from above, of up on both sides alike) and a number added to up. Every
    value on the way must have one user (reported otherwise).

    Not handled: clamps of other forms; gates that are sums of products.
  }];
}

def FuseEpilogue : FusionPass<"fuse-epilogue"> {
  let summary = "what happens to a product's result becomes part of it";
  let description = [{
    An activation, a factor, a soft cap and a residual sum, in this order, each at most once. Declines, with a report, if
    the product's result has another user or if the order differs.

    Not handled: products with several results; a residual of another shape (broadcast).
  }];
}

def FuseRopeAttention : FusionPass<"fuse-rope-attention"> {
  let summary = "norms and rotation of q and k, append and attention become one op";
  let description = [{
    Matches attention over a cache that is appended to in the same block, or over this step's keys and values. q and k
    must be reshaped from rows and treated alike: norm then rotation, rotation then norm, one of them, or neither; their
    norms' weights are both for each head or both for all.

    Not handled: attention over a `cached` state; rotation without a shared table (run share-rope before); rotation
    of v; a result that is not reshaped to rows. All reported.
  }];
}

def FuseMoeDispatch : FusionPass<"fuse-moe-dispatch"> {
  let summary = "experts become one op, and the router that feeds them another";
  let description = [{
    Experts whose body is a first product with activation or gated unit (as the passes before leave it) and a second
    product become `fused_experts`, with the residual sum. A router made of product, softmax or sigmoid, top_k, pick,
    normalize and a factor, in either order, with the norm in front of it, becomes `fused_router`.

    Not handled: other bodies, and routers with other ops; these stay as they are (reported).
  }];
}

def FuseElementwise : FusionPass<"fuse-elementwise"> {
  let summary = "chains of elementwise ops become one map";
  let description = [{
    A value with rows that one elementwise op makes and only one other reads is not stored: both become one `map`, numbers become
    part of its region. Declines, with a report, if the value would be computed more often (broadcast).

    Not handled: single elementwise ops (nothing to gain); arithmetic on values without rows, which is folded when
    the plan is made.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def DecomposeFused : Pass<"decompose-fused", "::mlir::ModuleOp"> {
  let summary = "rewrite every fused op into the unfused ops it stands for";
  let description = "The opposite of the fusions, for tests. `map` is not a fused op and stays.";
  let dependentDialects = ["::sluice::llm::LLMDialect"];
}

def VerifyModel : Pass<"verify-model", "::mlir::ModuleOp"> {
  let summary = "checks what holds before the fusions";
  let description = [{
    Only llm ops that are not fused, functions, calls and index constants; blocks begin with a layer index; calls do not
    recurse; in each entry a state is written at most once per layer.
  }];
}

def VerifyFused : Pass<"verify-fused", "::mlir::ModuleOp"> {
  let summary = "checks what holds after the fusions";
  let description = "As verify-model, with fused ops allowed.";
}

#endif
