// Arithmetic on the ints of rows: ids, positions.
#ifndef SLUICE_LLM_INTS_OPS_TD
#define SLUICE_LLM_INTS_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_NumberOp : LLM_PureOp<"number"> {
  let summary = "ints as f32, for arithmetic with them: [rows] -> [rows, 1], [rows, ...] -> [rows, ...]";
  let description = [{
    Rounded to nearest, so exact up to 2^24.

    ```mlir
    %t = llm.number %pos : (tensor<?xi32>) -> tensor<?x1xf32>
    ```
  }];
  let words = [LLM_Word<"number">];
  let arguments = (ins LLM_Ints:$x);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def LLM_OffsetOp : LLM_SameTypeOp<"offset"> {
  let summary = "x + by: positions of a table whose first rows are for something else";
  let description = [{
    `by` is from 0 to 2^24. What limits the result limits x, and the caller's ids or positions with it.

    ```mlir
    %p = llm.offset %pos by 2 : tensor<?xi32>
    ```
  }];
  let words = [LLM_Word<"offset">];
  let arguments = (ins LLM_Ids:$x, LLM_Int:$by);
  let results = (outs LLM_Ids:$result);
  let assemblyFormat = "$x `by` $by attr-dict `:` type($x)";
  let hasVerifier = 1;
}

#endif
