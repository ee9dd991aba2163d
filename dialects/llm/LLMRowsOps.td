// Ops that change how many rows there are.
#ifndef SLUICE_LLM_ROWS_OPS_TD
#define SLUICE_LLM_ROWS_OPS_TD

include "dialects/llm/LLMBase.td"

class LLM_RowsOp<string mnemonic> : LLM_SameTypeOp<mnemonic> {
  let results = (outs LLM_Rows:$result);
}

def LLM_WantedRowsOp : LLM_RowsOp<"wanted_rows"> {
  let summary = "the rows whose outputs the caller asked for, in order: one row per wanted token";
  let description = [{
    Stands in front of the `logits` of a `generate` entry, where import puts it; `wanted-rows` moves it up past
    everything that treats rows one by one.

    ```mlir
    %w = llm.wanted_rows %x for %b : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LLM_Rows:$x, LLM_BatchType:$batch);
  let assemblyFormat = "$x `for` $batch attr-dict `:` type($x)";
}

def LLM_PickRowsOp : LLM_RowsOp<"pick_rows"> {
  let summary = "the first or last row of each sequence: one row per sequence";
  let description = [{
    Of the rows of this step, in the order of the sequences.

    ```mlir
    %y = llm.pick_rows last %x for %b : tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"pick_rows">];
  let arguments = (ins LLM_Rows:$x, LLM_BatchType:$batch, LLM_WhichAttr:$which);
  let assemblyFormat = "$which $x `for` $batch attr-dict `:` type($x)";
}

def LLM_PoolRowsOp : LLM_RowsOp<"pool_rows"> {
  let summary = "mean or maximum over the rows of each sequence: one row per sequence";
  let description = [{
    Over the rows of this step, element by element.

    ```mlir
    %y = llm.pool_rows mean %x for %b : tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"pool_rows">];
  let arguments = (ins LLM_Rows:$x, LLM_BatchType:$batch, LLM_PoolAttr:$by);
  let assemblyFormat = "$by $x `for` $batch attr-dict `:` type($x)";
}

#endif
