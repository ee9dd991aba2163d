// Convolutions.
#ifndef SLUICE_LLM_CONV_OPS_TD
#define SLUICE_LLM_CONV_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_CausalConvOp : LLM_Op<"causal_conv",
    !listconcat([AllTypesMatch<["x", "result"]>, AttrSizedOperandSegments], LLM_UpdatesState.traits)> {
  let summary = "convolution over the tokens of a sequence, each channel by itself";
  let description = [{
    y[t, c] = fn(bias[c] + sum_j w[c, j] * x[t - (width - 1) + j, c]), the sum in the order of j; x [rows, channels],
    w [channels, width]. Rows in front of a step's first are those of the fixed state [width - 1, channels], which holds
    the last width - 1 rows of x afterwards. So the result does not depend on how a sequence is cut into steps.

    ```mlir
    llm.state @layers.tail fixed {value = [3, 64]} layers [0, 1]
    %y = llm.causal_conv %x, %w in @layers.tail[%l] for %b fn silu : (tensor<?x64xf32>, tensor<64x4xf32>, index, !llm.batch) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"causal_conv">];
  let arguments = (ins LLM_Rows2:$x, LLM_Weight2:$w, Optional<LLM_WeightBias>:$bias, Optional<Index>:$layer,
      LLM_BatchType:$batch, FlatSymbolRefAttr:$state, OptionalAttr<LLM_ActAttr>:$fn);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = [{
    $x `,` $w (`bias` $bias^)? `in` $state (`[` $layer^ `]`)? `for` $batch (`fn` $fn^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_UpdatesState.declaration;
}

#endif
