// Rows moved along their sequence.
#ifndef SLUICE_LLM_SHIFT_OPS_TD
#define SLUICE_LLM_SHIFT_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_ShiftOp : LLM_Op<"shift", !listconcat([AllTypesMatch<["x", "result"]>], LLM_UpdatesState.traits)> {
  let summary = "the row before, in the same sequence";
  let description = [{
    y[t] = x[t - 1]. A step's first row takes what the fixed state holds, which is of the shape of a row and holds the
    step's last row of x afterwards. So the result does not depend on how a sequence is cut into steps.

    ```mlir
    llm.state @layers.before fixed {value = [64]} layers [0, 1]
    %y = llm.shift %x in @layers.before[%l] for %b : (tensor<?x64xf32>, index, !llm.batch) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"shift">];
  let arguments = (ins LLM_Rows:$x, Optional<Index>:$layer, LLM_BatchType:$batch, FlatSymbolRefAttr:$state);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = [{
    $x `in` $state (`[` $layer^ `]`)? `for` $batch attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = LLM_UpdatesState.declaration;
}

#endif
