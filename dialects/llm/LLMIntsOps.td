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
    `by` is from 0 to 2^24; a sum beyond 2^31 - 1 stays there. What limits the result limits x, and the caller's ids or
    positions with it.

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

def LLM_EqualsOp : LLM_SameTypeOp<"equals"> {
  let summary = "1 where x is `value`, else 0";
  let description = [{
    `value` is from 0 to 2^31 - 1.

    ```mlir
    %ends = llm.equals %ids value 2 : tensor<?xi32>
    ```
  }];
  let words = [LLM_Word<"equals">];
  let arguments = (ins LLM_Ids:$x, LLM_Int:$value);
  let results = (outs LLM_Ids:$result);
  let assemblyFormat = "$x `value` $value attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def LLM_PositiveOp : LLM_PureOp<"positive"> {
  let summary = "1 where x is greater than 0, else 0: [rows, 1] -> [rows]";
  let description = [{
    So what arithmetic has found can be one of a mask's values.

    ```mlir
    %m = llm.positive %x : (tensor<?x1xf32>) -> tensor<?xi32>
    ```
  }];
  let words = [LLM_Word<"positive">];
  let arguments = (ins LLM_Rows2:$x);
  let results = (outs LLM_Ids:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def LLM_StartAfterOp : LLM_Op<"start_after", !listconcat([AllTypesMatch<["x", "result"]>], LLM_UpdatesState.traits)> {
  let summary = "where the part of the sequence begins that a row is in, parts ending with the rows whose x is not 0";
  let description = [{
    The place in the sequence, from 0, of the row after the last one before this row whose x is not 0; 0 if there is
    none. A row whose x is not 0 is the last of its own part. As the mask term `from` this keeps a query within its part.

    The fixed state [2] holds the sequence's rows so far and the begin of the part that comes next, as bits of i32, so
    its `init` is 0. So the result does not depend on how a sequence is cut into steps.

    ```mlir
    llm.state @part fixed {value = [2]}
    %begin = llm.start_after %ends in @part for %b : (tensor<?xi32>, !llm.batch) -> tensor<?xi32>
    ```
  }];
  let words = [LLM_Word<"start_after">];
  let arguments = (ins LLM_Ids:$x, Optional<Index>:$layer, LLM_BatchType:$batch, FlatSymbolRefAttr:$state);
  let results = (outs LLM_Ids:$result);
  let assemblyFormat = [{
    $x `in` $state (`[` $layer^ `]`)? `for` $batch attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = LLM_UpdatesState.declaration;
}

def : LLM_SlotDoc<"value", "what x is compared with">;

#endif
