// Embedding, matrix products and normalisations.
#ifndef SLUICE_LLM_LINEAR_OPS_TD
#define SLUICE_LLM_LINEAR_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_EmbeddingOp : LLM_PureOp<"embedding"> {
  let summary = "row `ids[r]` of a table: ids [rows], w [V, H] -> [rows, H]";
  let description = [{
    Ids lie in [0, V); a step with others is refused. With `from` the table is a part of one of `of` rows, whose row
    `from` is its first: ids lie in [0, of), those that the part has not give rows of zeros. bf16 and blocks are widened
    to f32.

    ```mlir
    %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<50257x768xbf16>) -> tensor<?x768xf32>
    %y = llm.embedding %ids, %v from 50257 of 60000 : (tensor<?xi32>, tensor<1000x96xf32>) -> tensor<?x96xf32>
    ```
  }];
  let words = [LLM_Word<"embedding">];
  let primary = ["ids"];
  let arguments = (ins LLM_Ids:$ids, LLM_Weight2:$w, OptionalAttr<LLM_Int>:$from, OptionalAttr<LLM_Int>:$of);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = "$ids `,` $w (`from` $from^)? (`of` $of^)? attr-dict `:` functional-type(operands, results)";
}

def LLM_LinearOp : LLM_PureOp<"linear", [LLM_RowWise]> {
  let summary = "y[r, n] = sum_k x[r, k] * w[n, k] + bias[n]";
  let description = [{
    x [rows, K], w [N, K], bias [N] -> [rows, N]. `compute = bf16` rounds x and w to bf16 before multiplying; sums are
    f32 in blocks of 1024 along K (512 for K up to 1024), added in order. `compute = i8`, with a weight in
    blocks, rounds x to multiples of s = max |x| / 127 for each 32 of a row, to nearest; whole numbers are multiplied
    and added exactly where they share s and a group of the weight, all else in f32 as above.

    ```mlir
    %y = llm.linear %x, %w bias %b compute bf16 : (tensor<?x768xf32>, tensor<2304x768xbf16>, tensor<2304xf32>) -> tensor<?x2304xf32>
    ```
  }];
  let words = [LLM_Word<"linear">];
  let arguments = (ins LLM_Rows2:$x, LLM_Weight2:$w, Optional<LLM_WeightBias>:$bias,
      DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = "$x `,` $w (`bias` $bias^)? (`compute` $compute^)? attr-dict `:` functional-type(operands, results)";
}

def LLM_HeadLinearOp : LLM_PureOp<"head_linear", [LLM_RowWise]> {
  let summary = "y[r, h, n] = sum_k x[r, h, k] * w[h, n, k] + bias[h, n]";
  let description = [{
    x [rows, H, K], w [H, N, K], bias [H, N] -> [rows, H, N]: each head has a matrix of its own. `compute` and the order
    of the sums as in `linear`.

    ```mlir
    %y = llm.head_linear %x, %w compute bf16 : (tensor<?x16x128xf32>, tensor<16x512x128xbf16>) -> tensor<?x16x512xf32>
    ```
  }];
  let words = [LLM_Word<"head_linear">];
  let arguments = (ins LLM_Heads:$x, LLM_Weight3:$w, Optional<LLM_WeightBias>:$bias,
      DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = "$x `,` $w (`bias` $bias^)? (`compute` $compute^)? attr-dict `:` functional-type(operands, results)";
}

def LLM_RmsNormOp : LLM_SameTypeOp<"rms_norm", [LLM_RowWise]> {
  let summary = "x / sqrt(mean(x^2) + eps) * w over the last axis";
  let description = [{
    w [d] for the last axis d, or [heads, d] for a value [rows, heads, d]; without w nothing is multiplied.
    Source: arXiv 1910.07467.

    ```mlir
    %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"rms_norm">];
  let arguments = (ins LLM_Rows:$x, Optional<LLM_Weight>:$w, LLM_Float:$eps);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x (`,` $w^)? `eps` $eps attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def LLM_LayerNormOp : LLM_SameTypeOp<"layer_norm", [LLM_RowWise, AttrSizedOperandSegments]> {
  let summary = "(x - mean) / sqrt(variance + eps) * w + bias over the last axis";
  let description = [{
    w and bias as in `rms_norm`; the variance is the mean of squared differences.
    Source: arXiv 1607.06450.

    ```mlir
    %h = llm.layer_norm %x, %n bias %b eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"layer_norm">];
  let arguments = (ins LLM_Rows:$x, Optional<LLM_Weight>:$w, Optional<LLM_WeightBias>:$bias, LLM_Float:$eps);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = [{
    $x (`,` $w^)? (`bias` $bias^)? `eps` $eps attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LLM_L2NormOp : LLM_SameTypeOp<"l2_norm", [LLM_RowWise]> {
  let summary = "x / length over the last axis";
  let description = [{
    length = sqrt(sum(x^2) + eps) with `eps_in = sum`, max(sqrt(sum(x^2)), eps) with `eps_in = max`.

    ```mlir
    %u = llm.l2_norm %x eps 1.0e-6 in max : tensor<?x4x16xf32>
    ```
  }];
  let words = [LLM_Word<"l2_norm">];
  let arguments = (ins LLM_Rows:$x, LLM_Float:$eps, LLM_EpsInAttr:$eps_in);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x `eps` $eps `in` $eps_in attr-dict `:` type($x)";
}

#endif
