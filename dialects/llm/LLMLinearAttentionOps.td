// Linear attention, whose memory of the tokens of a sequence has a fixed size
#ifndef SLUICE_LLM_LINEAR_ATTENTION_OPS_TD
#define SLUICE_LLM_LINEAR_ATTENTION_OPS_TD

include "dialects/llm/LLMBase.td"

def : LLM_SlotDoc<"bonus", "what the current token counts more, or times, than older ones">;
def : LLM_SlotDoc<"decay", "what older tokens lose at each step">;
def : LLM_SlotDoc<"read", "key under which the old state is read to be corrected">;
def : LLM_SlotDoc<"write", "key under which what was read is added">;

def LLM_LinearAttentionOp : LLM_Op<"linear_attention",
    !listconcat([AllTypesMatch<["v", "result"]>, AllTypesMatch<["q", "k"]>, AttrSizedOperandSegments],
                LLM_UpdatesState.traits)> {
  let summary = "attention to a decaying sum of the outer products of keys and values";
  let description = [{
    For each head, with M [keys, values] the head's part of the fixed state [heads, keys, values]:
    M[t] = decay * M[t-1] + write (read^T M[t-1]) + k v^T, where `decay` scales the rows of M, and y[t] = M[t]^T q.
    With `bonus`, which scales the rows of k v^T, y[t] = (M[t-1] + bonus * k v^T)^T q instead. q, k, read and write are
    [rows, heads, keys], v [rows, heads, values]; `decay` is [heads, keys] or [heads, 1], of each token or for all of
    them, `bonus` for all. What is left out does nothing; `read` and `write` come together. Sums over keys are taken in
    their order and tokens in theirs, so that the result does not depend on how a sequence is cut into steps.

    ```mlir
    llm.state @layers.m fixed {value = [4, 16, 16]} layers [0, 1]
    %y = llm.linear_attention %q, %k, %v decay %w bonus %u in @layers.m[%l] for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<4x16xf32>, index, !llm.batch) -> tensor<?x4x16xf32>
    ```
  }];
  let words = [LLM_Word<"linear_attention">];
  let primary = ["q"];
  let arguments = (ins LLM_Heads:$q, LLM_Heads:$k, LLM_Heads:$v, Optional<LLM_Operand>:$decay, Optional<LLM_Operand>:$bonus,
      Optional<LLM_Heads>:$read, Optional<LLM_Heads>:$write, Optional<Index>:$layer, LLM_BatchType:$batch,
      FlatSymbolRefAttr:$state);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`decay` $decay^)? (`bonus` $bonus^)? (`read` $read^)? (`write` $write^)? `in` $state
    (`[` $layer^ `]`)? `for` $batch attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_UpdatesState.declaration;
}

def LLM_DecayingMeanOp : LLM_Op<"decaying_mean",
    !listconcat([AllTypesMatch<["v", "k", "result"]>, AttrSizedOperandSegments], LLM_UpdatesState.traits)> {
  let summary = "mean of the values so far, each weighed by e to its key, older ones less";
  let description = [{
    For each channel by itself: y[t] = (sum_i e^s[i] v[i]) / (sum_i e^s[i]), i = 0 ... t, with s[t] = k[t] + bonus and
    s[i] = k[i] + (t - 1 - i) decay before; v and k are [rows, channels], `decay` (below 0, as it is added) and `bonus`
    [channels]. The fixed state [3, channels] holds both sums, divided by e to the largest exponent so far, and that
    exponent; it begins at a number far below every key, with which what it holds weighs nothing.

    ```mlir
    llm.state @layers.sums fixed {value = [3, 64]} layers [0, 1] init -1.0e+30
    %y = llm.decaying_mean %v, %k decay %w bonus %u in @layers.sums[%l] for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, index, !llm.batch) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"decaying_mean">];
  let primary = ["v"];
  let arguments = (ins LLM_Rows2:$v, LLM_Rows2:$k, LLM_Operand:$decay, Optional<LLM_Operand>:$bonus, Optional<Index>:$layer,
      LLM_BatchType:$batch, FlatSymbolRefAttr:$state);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = [{
    $v `,` $k `decay` $decay (`bonus` $bonus^)? `in` $state (`[` $layer^ `]`)? `for` $batch attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_UpdatesState.declaration;
}

#endif
