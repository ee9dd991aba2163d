#ifndef SLUICE_LLM_DIALECT_TD
#define SLUICE_LLM_DIALECT_TD

include "mlir/IR/OpBase.td"

def LLM_Dialect : Dialect {
  let name = "llm";
  let cppNamespace = "::sluice::llm";
  let summary = "what a language model computes, before anything is placed in memory";
  let description = [{
    The dialect between a model family's description and the `plan` dialect:

    ```
    spec + checkpoint -> [import] -> llm -> [transforms] -> llm, fused -> [lowering] -> plan
    ```

    **Values.** A step runs T tokens of S sequences as one ragged batch. A value with one row per token (or per
    sequence, or per wanted token) is a tensor whose first axis is dynamic: `tensor<?x4096xf32>`; all arithmetic is
    f32. A tensor without a dynamic axis is the same for every row (a weight, rotary frequencies, a number). What the
    rows are, where each sequence begins and where its state lives is the opaque `!llm.batch`; only ops that mix rows
    or touch state take it. There is no padding.

    **Weights and states** are symbols. A symbol with `layers` stands for one tensor per listed layer and is read
    with a layer index: `llm.use @layers.q[%l]`. Element types are storage types (f32, bf16); memory layouts belong to
    `plan`.

    **Blocks** are private functions whose first argument is the layer index; a layer is one `func.call`.
    **Entries** are public functions with `llm.entry = "<kind>"`; their first argument is the batch, further ones are
    named by `llm.name` and typed by `llm.input`; results are named by `llm.name`.

    On entry (`verify-model`): no fused op. On exit (`verify-fused`): fused ops, and any unfused op that no pass
    could use. A module in which nothing was fused is as valid as one in which everything was, and computes the same bits.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif
