// Fused products, attention and routers.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

func.func private @rms_bias(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %n: tensor<64xf32>) {
  // expected-error @below {{expected a bias only with a layer norm, found it with an rms norm}}
  %0 = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n, %n) weights(%w) : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @norm_weight(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %n: tensor<32xf32>) {
  // expected-error @below {{expected 'norm_weight' of shape [64] for x 'tensor<?x64xf32>', found 'tensor<32xf32>'}}
  %0 = llm.fused_linear %x norm <rms, 1.0e-5 : f32>(%n) weights(%w) : (tensor<?x64xf32>, tensor<32xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @norm_bias(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %n: tensor<64xf32>, %c: tensor<32xf32>) {
  // expected-error @below {{expected 'norm_bias' of shape [64] for x 'tensor<?x64xf32>', found 'tensor<32xf32>'}}
  %0 = llm.fused_linear %x norm <layer, 1.0e-5 : f32>(%n, %c) weights(%w) : (tensor<?x64xf32>, tensor<64xf32>, tensor<32xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @beta(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{'beta' is for 'swish' only}}
  %0 = llm.fused_linear %x weights(%w) act silu beta 1.5 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @beta(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{'swish' needs 'beta'}}
  %0 = llm.fused_linear %x weights(%w) act swish : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @biases(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %c: tensor<64xf32>) {
  // expected-error @below {{expected no bias or one per weight (2), found 1}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = llm.fused_linear %x weights(%w, %w) bias(%c) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func private @glu(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{expected two weights of one shape (gate, up) with 'glu'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.fused_linear %x weights(%w) glu act silu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @glu(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<32x64xf32>) {
  // expected-error @below {{expected two weights of one shape (gate, up) with 'glu'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.fused_linear %x weights(%w, %v) glu act silu : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<32x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @numbers(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{'gate_max', 'up_limit' and 'up_add' need 'glu'}}
  %0 = llm.fused_linear %x weights(%w) act silu gate_max 1.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @numbers(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{'gate_max', 'up_limit' and 'up_add' need 'glu'}}
  %0 = llm.fused_linear %x weights(%w) act silu up_limit 1.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @numbers(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{'gate_max', 'up_limit' and 'up_add' need 'glu'}}
  %0 = llm.fused_linear %x weights(%w) act silu up_add 1.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @cap(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{expected a positive cap, found -1.000000e+00}}
  %0 = llm.fused_linear %x weights(%w) cap -1.0 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @storage(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %v: tensor<64x64xbf16>) {
  // expected-error @below {{expected weights of one storage type, found 'tensor<64x64xf32>' and 'tensor<64x64xbf16>'}}
  %0:2 = llm.fused_linear %x weights(%w, %v) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xbf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func private @residual(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) {
  // expected-error @below {{expected 'residual' of shape [?, 32], found 'tensor<?x64xf32>'}}
  %0 = llm.fused_linear %x weights(%w) residual %x : (tensor<?x64xf32>, tensor<32x64xf32>, tensor<?x64xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @columns(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x33xf32>) {
  // expected-error @below {{expected v of a multiple of kv_heads = 2 columns, found 'tensor<?x33xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.fused_attention %q, %k, %v heads 4, 2 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x33xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @widths(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @below {{expected heads of one width in q and k, found 'tensor<?x64xf32>' for 2 heads and 'tensor<?x32xf32>' for 2}}
  %0 = llm.fused_attention %q, %k, %k heads 2, 2 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x32xf32>
  return
}

// -----

func.func private @no_norm(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %n: tensor<16xf32>) {
  // expected-error @below {{has weights of a norm of q or k but no 'qk_norm'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b k_norm %n mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<16xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @q_norm(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %n: tensor<2x16xf32>) {
  // expected-error @below {{expected 'q_norm' of shape [16] or [4, 16] for x 'tensor<?x4x16xf32>', found 'tensor<2x16xf32>'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b qk_norm <rms, 1.0e-5 : f32> q_norm %n mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<2x16xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @k_norm(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %n: tensor<4x16xf32>) {
  // expected-error @below {{expected 'k_norm' of shape [16] or [2, 16] for x 'tensor<?x2x16xf32>', found 'tensor<4x16xf32>'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b qk_norm <rms, 1.0e-5 : f32> k_norm %n mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<4x16xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @mask(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @below {{expected a mask}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b mask [] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @sinks(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %s: tensor<2xf32>) {
  // expected-error @below {{expected 'sinks' of shape [4], found 'tensor<2xf32>'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b mask [#llm.mask<causal>] scale 1.0 sinks %s : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<2xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @bias(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %s: !llm.bias<2>) {
  // expected-error @below {{expected a bias of 4 heads, as many as the queries have, found one of 2}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b mask [#llm.mask<causal>] scale 1.0 bias %s : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, !llm.bias<2>) -> tensor<?x64xf32>
  return
}

// -----

// These three have no short form.
func.func private @table(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %t: tensor<?x2x8xf32>) {
  // expected-error @below {{has a rotary table but no pairing}}
  %0 = "llm.fused_attention"(%q, %k, %k, %b, %t) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0>, heads = 4 : i64, kv_heads = 2 : i64, mask = [#llm.mask<causal>], scale = 1.0 : f32}> : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<?x2x8xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @pairing(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @below {{has a pairing but no rotary table}}
  %0 = "llm.fused_attention"(%q, %k, %k, %b) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0>, heads = 4 : i64, kv_heads = 2 : i64, mask = [#llm.mask<causal>], scale = 1.0 : f32, pairing = #llm<pairing half>}> : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @layer(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %l: index) {
  // expected-error @below {{has a layer index but no state}}
  %0 = "llm.fused_attention"(%q, %k, %k, %b, %l) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0>, heads = 4 : i64, kv_heads = 2 : i64, mask = [#llm.mask<causal>], scale = 1.0 : f32}> : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, index) -> tensor<?x64xf32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @kv cache {k = [2, 16], v = [2, 8]}
func.func private @state(%b: !llm.batch, %q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @below {{expected '@kv' to be a cache of [2, 16] and [2, 16]}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b in @kv mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @k(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>) {
  // expected-error @below {{expected k between 1 and 4, found 5}}
  // expected-error @below {{failed to infer returned types}}
  %0, %1, %2 = llm.fused_router %x weights(%w) softmax score_first top 5 : (tensor<?x64xf32>, tensor<4x64xf32>) -> (tensor<?x64xf32>, tensor<?x5xi32>, tensor<?x5xf32>)
  return
}

// -----

// Only scores are corrected.
func.func private @order(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{'correction' needs the order score_first}}
  %0, %1, %2 = llm.fused_router %x weights(%w) correction %c softmax top_first top 2 : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<4xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func private @correction(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %c: tensor<2xf32>) {
  // expected-error @below {{expected 'correction' of shape [4], found 'tensor<2xf32>'}}
  %0, %1, %2 = llm.fused_router %x weights(%w) correction %c softmax score_first top 2 : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<2xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func private @parameters(%x: tensor<?x64xf32>, %w: tensor<4x64xf32>, %n: tensor<64xf32>) {
  // expected-error @below {{has the parameters of a norm but no norm}}
  %0, %1, %2 = llm.fused_router %x (%n) weights(%w) softmax score_first top 2 : (tensor<?x64xf32>, tensor<64xf32>, tensor<4x64xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  return
}
