// Several ops as one unit of lowering. Each can be decomposed into the ops it stands for.
#ifndef SLUICE_LLM_FUSED_OPS_TD
#define SLUICE_LLM_FUSED_OPS_TD

include "dialects/llm/LLMBase.td"

class LLM_FusedOp<string mnemonic, list<Trait> traits = []>
    : LLM_InferOp<mnemonic, !listconcat(traits, [AttrSizedOperandSegments, DeclareOpInterfaceMethods<LLM_DecomposeInterface>])>;

// The epilogue, nothing if there is none.
def LLM_HasEpilogue {
  code declaration = [{
    Epilogue epilogue() { return getEpilogueAttr() ? getEpilogueAttr().getValue() : Epilogue(); }
  }];
}

def LLM_FusedLinearOp : LLM_FusedOp<"fused_linear", [LLM_RowWise, Pure]> {
  let summary = "linear products of the same rows, with what comes before and after";
  let description = [{
    h = norm(x) (or x), a_j = h w_j^T + bias_j. Biases: none or one per weight. Then

    - without `glu`: one result per weight; with one weight the `epilogue` applies, then + residual;
    - with `glu` (two weights, gate and up): the epilogue, then + residual. One result.

    x [rows, K], weights [N_j, K], residual [rows, N].

    ```mlir
    %q, %k, %v = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wq, %wk, %wv) compute bf16 : (tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xbf16>, tensor<32x64xbf16>, tensor<32x64xbf16>) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
    %y = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%wg, %wu) compute bf16 glu act silu : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xf32>
    %z = llm.fused_linear %y weights(%wd) residual %x compute bf16 : (tensor<?x96xf32>, tensor<64x96xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LLM_Rows2:$x, Optional<LLM_Weight>:$norm_weight, Optional<LLM_WeightBias>:$norm_bias,
      Variadic<LLM_Weight2>:$weights, Variadic<LLM_WeightBias>:$biases, Optional<LLM_Rows2>:$residual,
      OptionalAttr<LLM_NormAttr>:$norm, DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute,
      OptionalAttr<LLM_EpilogueAttr>:$epilogue);
  let results = (outs Variadic<LLM_Rows2>:$outputs);
  let assemblyFormat = [{
    $x (`norm` $norm^)? (`(` $norm_weight^ (`,` $norm_bias^)? `)`)? `weights` `(` $weights `)`
    (`bias` `(` $biases^ `)`)? (`residual` $residual^)? (`compute` $compute^)? (custom<Epilogue>($epilogue)^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_HasEpilogue.declaration;
}

def LLM_FusedAttentionOp : LLM_FusedOp<"fused_attention", LLM_UpdatesState.traits> {
  let summary = "normalise and rotate q and k, append k and v, attend";
  let description = [{
    q [rows, heads*d], k [rows, kv_heads*d], v [rows, kv_heads*dv] as the projections leave them. In order:
    q and k split into heads; `qk_norm` with weights q_norm, k_norm ([d], [heads, d] or absent); rotation by `table` (`pairing`, `from`);
    with `norm_after_rope` these two are exchanged; with `state` k and v are appended to it and attention reads the
    cache, else it reads this step's k and v; attention as in `attention`. Result [rows, heads*dv].

    ```mlir
    llm.state @layers.kv cache {k = [2, 16], v = [2, 16]} layers [0, 1]
    %a = llm.fused_attention %q, %k, %v heads 4, 2 for %b in @layers.kv[%l] rope half %t mask [#llm.mask<causal>] scale 0.25 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, index, tensor<?x2x8xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LLM_Rows2:$q, LLM_Rows2:$k, LLM_Rows2:$v, LLM_BatchType:$batch, Optional<Index>:$layer,
      Optional<LLM_Heads>:$table, Optional<LLM_Weight>:$q_norm, Optional<LLM_Weight>:$k_norm,
      Variadic<LLM_MaskValues>:$mask_values, Optional<LLM_Weight>:$sinks, Optional<LLM_BiasType>:$bias,
      LLM_Int:$heads, LLM_Int:$kv_heads,
      OptionalAttr<FlatSymbolRefAttr>:$state, LLM_Float:$scale, LLM_MaskArray:$mask, OptionalAttr<LLM_Float>:$cap,
      OptionalAttr<LLM_PairingAttr>:$pairing, DefaultValuedAttr<LLM_Int, "0">:$from, OptionalAttr<LLM_NormAttr>:$qk_norm,
      UnitAttr:$norm_after_rope);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = [{
    $q `,` $k `,` $v `heads` $heads `,` $kv_heads `for` $batch (`in` $state^ (`[` $layer^ `]`)?)?
    (`qk_norm` $qk_norm^)? (`q_norm` $q_norm^)? (`k_norm` $k_norm^)? (`norm_after_rope` $norm_after_rope^)?
    (`rope` $pairing^ $table (`from` $from^)?)? `mask` $mask (`(` $mask_values^ `)`)? `scale` $scale
    (`cap` $cap^)? (`sinks` $sinks^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeadDim() { return getQ().getType().getDimSize(1) / getHeads(); }
    int64_t getValueDim() { return getV().getType().getDimSize(1) / getKvHeads(); }
    static bool readsState() { return true; }
    static bool writesState() { return true; }
  }];
}

def LLM_FusedRouterOp : LLM_FusedOp<"fused_router", [Pure]> {
  let summary = "normalise, score, choose experts and weigh them";
  let description = [{
    h = norm(x) (or x); l = h w^T + bias [rows, E].
    `score_first`: s = score(l); idx = top `k` of s + correction; p = s at idx. `top_first`: idx = top `k` of
    l; p = score(l at idx). Then p / (sum p + normalize) if `normalize` is given, and p * scale if `scale` is.
    Results h [rows, K] (what the experts read), idx [rows, k], p [rows, k].
    Ties take the lower index.

    ```mlir
    %h, %i, %p = llm.fused_router %x norm <rms, 1.0e-5 : f32>(%n) weights(%w) softmax top_first top 2 : (tensor<?x64xf32>, tensor<64xf32>, tensor<8x64xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
    ```
  }];
  let arguments = (ins LLM_Rows2:$x, Optional<LLM_Weight>:$norm_weight, Optional<LLM_WeightBias>:$norm_bias, LLM_Weight2:$w,
      Optional<LLM_WeightBias>:$bias, Optional<LLM_Weight>:$correction, OptionalAttr<LLM_NormAttr>:$norm,
      DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute, LLM_ScoreAttr:$score,
      LLM_RouterOrderAttr:$order, LLM_Int:$k, OptionalAttr<LLM_Float>:$normalize, OptionalAttr<LLM_Float>:$scale);
  let results = (outs LLM_Rows2:$rows, LLM_Choice2:$idx, LLM_Rows2:$weight);
  let assemblyFormat = [{
    $x (`norm` $norm^)? (`(` $norm_weight^ (`,` $norm_bias^)? `)`)? `weights` `(` $w `)` (`bias` $bias^)?
    (`correction` $correction^)? (`compute` $compute^)? $score $order `top` $k (`normalize` $normalize^)?
    (`scale` $scale^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def LLM_FusedExpertsOp : LLM_FusedOp<"fused_experts", [Pure]> {
  let summary = "two-layer experts on the rows sent to them, weighed and summed";
  let description = [{
    x [rows, K], at [rows, k], weight [rows, k]. First layer: with `glu` two stacked weights gate, up [E, I, K], else
    one; its `epilogue` as in `fused_linear`, without factor and cap. Second: `down` [E, N, I]. Biases [E, .] of the first layer
    (none or one per weight) and of the second. For row r: y[r] = sum_i weight[r, i] * f_at[r,i](x[r]), in the order of at, then
    + residual. With `scale_input` the row is multiplied by weight before the expert instead.

    ```mlir
    %y = llm.fused_experts %h at %i weight %p first(%wg, %wu) down(%wd) residual %x compute bf16 glu act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x96x64xbf16>, tensor<8x96x64xbf16>, tensor<8x64x96xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LLM_Rows2:$x, LLM_Choice2:$at, Optional<LLM_Rows2>:$weight, Variadic<LLM_Weight>:$first, LLM_Weight:$down,
      Variadic<LLM_WeightBias>:$first_bias, Optional<LLM_WeightBias>:$down_bias, Optional<LLM_Rows2>:$residual,
      DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute, 
      OptionalAttr<LLM_EpilogueAttr>:$epilogue, UnitAttr:$scale_input);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = [{
    $x `at` $at (`weight` $weight^)? `first` `(` $first `)` (`bias` `(` $first_bias^ `)`)? `down` `(` $down `)`
    (`down_bias` $down_bias^)? (`residual` $residual^)? (`compute` $compute^)? (custom<Epilogue>($epilogue)^)?
    (`scale_input` $scale_input^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_HasEpilogue.declaration;
}

#endif
