// Choosing experts and running them.
#ifndef SLUICE_LLM_ROUTING_OPS_TD
#define SLUICE_LLM_ROUTING_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_TopKOp : LLM_PureOp<"top_k"> {
  let summary = "indices of the k largest of the last axis, largest first; ties take the lower index";
  let description = [{
    [rows, E] -> [rows, k], or for each of several groups [rows, G, E] -> [rows, G, k]; 1 <= k <= E.

    ```mlir
    %i = llm.top_k %s, 2 : (tensor<?x8xf32>) -> tensor<?x2xi32>
    ```
  }];
  let words = [LLM_Word<"top_k">];
  let primary = ["scores"];
  let arguments = (ins LLM_Rows:$scores, LLM_Int:$k);
  let results = (outs LLM_Choice:$result);
  let assemblyFormat = "$scores `,` $k attr-dict `:` functional-type(operands, results)";
}

def LLM_PickOp : LLM_PureOp<"pick"> {
  let summary = "y[r, i] = x[r, at[r, i]]: x [rows, E], at [rows, k] -> [rows, k], or the same for each group";
  let description = [{
    Entries of `at` lie in [0, E).

    ```mlir
    %p = llm.pick %s at %i : (tensor<?x8xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
    ```
  }];
  let words = [LLM_Word<"pick">];
  let arguments = (ins LLM_Rows:$x, LLM_Choice:$at);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x `at` $at attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def LLM_ChosenOp : LLM_PureOp<"chosen"> {
  let summary = "1 at the indices of a row and 0 elsewhere: [rows, k] -> [rows, of]";
  let description = [{
    `at` was chosen from as many. With `select` it is a mask: experts outside the best groups, for example.

    ```mlir
    %m = llm.chosen %i of 8 : (tensor<?x2xi32>) -> tensor<?x8xf32>
    ```
  }];
  let words = [LLM_Word<"chosen">];
  let primary = ["at"];
  let arguments = (ins LLM_Choice2:$at, LLM_Int:$of);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = "$at `of` $of attr-dict `:` functional-type(operands, results)";
}

def LLM_NormalizeOp : LLM_SameTypeOp<"normalize", [LLM_RowWise]> {
  let summary = "x / (sum(x) + eps) over the last axis";
  let description = [{
    Each vector along the last axis by itself; without `eps` the sum must not be 0.

    ```mlir
    %w = llm.normalize %p eps 1.0e-20 : tensor<?x2xf32>
    ```
  }];
  let words = [LLM_Word<"normalize">];
  let arguments = (ins LLM_Rows:$x, DefaultValuedAttr<LLM_Float, "0.0f">:$eps);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x (`eps` $eps^)? attr-dict `:` type($x)";
}

def LLM_ExpertsOp : LLM_PureOp<"experts", [AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock]> {
  let summary = "runs a function on the rows that were sent to each expert and adds the results per row";
  let description = [{
    x [rows, K], at [rows, k], weights stacked along a leading expert axis. The region is the function of one expert:
    its first argument is the expert's rows [rows, K] (here the rows are those of the expert), the others are the
    weights without their leading axis, in order; it yields [rows, N]. For row r, in the order of at[r, :]:
    y[r] = sum_i out_scale[r, i] * f_at[r,i](in_scale[r, i] * x[r]).

    ```mlir
    %y = llm.experts %x at %i with(%up, %down) out_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x128x64xbf16>, tensor<8x64x128xbf16>, tensor<?x2xf32>) -> tensor<?x64xf32> {
    ^bb0(%h: tensor<?x64xf32>, %u: tensor<128x64xbf16>, %d: tensor<64x128xbf16>):
      %a = llm.linear %h, %u : (tensor<?x64xf32>, tensor<128x64xbf16>) -> tensor<?x128xf32>
      %b = llm.act relu %a : tensor<?x128xf32>
      %r = llm.linear %b, %d : (tensor<?x128xf32>, tensor<64x128xbf16>) -> tensor<?x64xf32>
      llm.yield %r : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins LLM_Rows2:$x, LLM_Choice2:$at, Variadic<LLM_Weight>:$weights, Optional<LLM_Rows2>:$in_scale,
      Optional<LLM_Rows2>:$out_scale);
  let results = (outs LLM_Rows2:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $x `at` $at `with` `(` $weights `)` (`in_scale` $in_scale^)? (`out_scale` $out_scale^)? attr-dict `:`
    functional-type(operands, results) $body
  }];
  let hasRegionVerifier = 1;
}

#endif
