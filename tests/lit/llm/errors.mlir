// RUN: sluice-opt %s --split-input-file --verify-diagnostics

// expected-note @below {{the weight is declared here}}
llm.weight @w : tensor<32x64xf32> layers [0, 1]
func.func private @use(%l: index) {
  // expected-error @below {{expected 'tensor<32x64xf32>', the type of '@w', found 'tensor<64x32xf32>'}}
  %0 = llm.use @w[%l] : tensor<64x32xf32>
  return
}

// -----

// expected-note @below {{declared here}}
llm.weight @w : tensor<32x64xf32> layers [0, 1]
func.func private @use() {
  // expected-error @below {{expected a layer index, the symbol has layers}}
  %0 = llm.use @w : tensor<32x64xf32>
  return
}

// -----

func.func private @use() {
  // expected-error @below {{no symbol is named '@nothing'}}
  %0 = llm.use @nothing : tensor<32x64xf32>
  return
}

// -----

llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @use() {
  // expected-error @below {{expected '@kv' to be an llm.weight, found 'llm.state'}}
  %0 = llm.use @kv : tensor<32x64xf32>
  return
}

// -----

// expected-error @below {{expected one field in a fixed state, found 2}}
llm.state @s fixed {a = [2], b = [3]}

// -----

// expected-error @below {{'keep' must be positive, found 0}}
llm.state @s cache {k = [2, 16], v = [2, 16]} keep 0

// -----

func.func private @binary(%x: tensor<?x64xf32>, %y: tensor<?x32xf32>) {
  // expected-error @below {{shapes do not broadcast: 'tensor<?x64xf32>' and 'tensor<?x32xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.binary add %x, %y : (tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @result(%x: tensor<?x64xf32>, %y: tensor<64xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<?x64xf32>' are incompatible with return type(s) of operation 'tensor<64xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.binary add %x, %y : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return
}

// -----

func.func private @act(%x: tensor<?x64xf32>) {
  // expected-error @below {{'swish' needs 'beta'}}
  %0 = llm.act swish %x : tensor<?x64xf32>
  return
}

// -----

func.func private @act(%x: tensor<?x64xf32>) {
  // expected-error @below {{'beta' is for 'swish', found function 'silu'}}
  %0 = llm.act silu %x beta 2.0 : tensor<?x64xf32>
  return
}

// -----

func.func private @clamp(%x: tensor<?x64xf32>) {
  // expected-error @below {{needs 'low', 'high' or both}}
  %0 = llm.clamp %x : tensor<?x64xf32>
  return
}

// -----

func.func private @split(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected positive sizes that add up to 64, found [32, 16]}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = llm.split %x into [32, 16] : (tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x16xf32>)
  return
}

// -----

func.func private @slice(%x: tensor<?x64xf32>) {
  // expected-error @below {{slice of 32 elements from 40 leaves the last axis of 64}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.slice %x from 40 size 32 : (tensor<?x64xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @reshape(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected a shape of 64 elements per row, found [4, 8]}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.reshape %x to [4, 8] : (tensor<?x64xf32>) -> tensor<?x4x8xf32>
  return
}

// -----

func.func private @linear(%x: tensor<?x64xf32>, %w: tensor<32x48xbf16>) {
  // expected-error @below {{expected w of shape [N, 64] for x 'tensor<?x64xf32>', found 'tensor<32x48xbf16>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<32x48xbf16>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @bias(%x: tensor<?x64xf32>, %w: tensor<32x64xbf16>, %b: tensor<64xf32>) {
  // expected-error @below {{expected a bias of 32 elements for w 'tensor<32x64xbf16>', found 'tensor<64xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.linear %x, %w bias %b : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<64xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @storage(%x: tensor<?x64xf32>, %w: tensor<32x64xf16>) {
  // expected-error @below {{operand #1 must be a matrix [out, in] of f32, bf16 or blocks, but got 'tensor<32x64xf16>'}}
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @norm(%x: tensor<?x4x16xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected 'w' of shape [16] or [4, 16] for x 'tensor<?x4x16xf32>', found 'tensor<64xf32>'}}
  %0 = llm.rms_norm %x, %w eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<64xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @rope(%x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<8xf32>) {
  // expected-error @below {{rotates 16 channels from 4, but a head of 'tensor<?x4x16xf32>' has 16}}
  %0 = llm.rope half %x, %p, %f from 4 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @freqs() {
  // expected-error @below {{expected an even number of dims, at most 65536, found 15}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.rope_freqs 15 theta 10000.0 : tensor<7xf32>
  return
}

// -----

llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @append(%k: tensor<?x2x16xf32>, %b: !llm.batch) {
  // expected-error @below {{expected 2 values, one per field of '@kv', found 1}}
  %0 = llm.append @kv (%k) for %b : tensor<?x2x16xf32>
  return
}

// -----

llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @append(%k: tensor<?x2x16xf32>, %v: tensor<?x4x8xf32>, %b: !llm.batch) {
  // expected-error @below {{expected 'tensor<?x2x16xf32>' for field 'v', found 'tensor<?x4x8xf32>'}}
  %0 = llm.append @kv (%k, %v) for %b : tensor<?x2x16xf32>, tensor<?x4x8xf32>
  return
}

// -----

llm.state @s fixed {value = [16]}
func.func private @cached() {
  // expected-error @below {{expected '@s' to be a cache, found a fixed state}}
  %0 = llm.cached @s
  return
}

// -----

func.func private @attention(%q: tensor<?x4x16xf32>, %k: tensor<?x3x16xf32>, %b: !llm.batch) {
  // expected-error @below {{expected the 4 query heads to be a multiple of the key heads}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @attention(%q: tensor<?x4x16xf32>, %b: !llm.batch) {
  // expected-error @below {{expected either a cache ('in') or keys and values ('over')}}
  %0 = llm.attention %q for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

// expected-error @below {{mask 'window' takes 1 number, found 0}}
module attributes {llm.m = #llm.mask<window>} {}

// -----

func.func private @top(%s: tensor<?x4xf32>) {
  // expected-error @below {{expected k between 1 and 4, found 5}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.top_k %s, 5 : (tensor<?x4xf32>) -> tensor<?x5xi32>
  return
}

// -----

func.func private @experts(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %w: tensor<4x64x64xf32>) {
  // expected-error @below {{expected region argument 1 to be 'tensor<64x64xf32>', found 'tensor<4x64x64xf32>'}}
  %0 = llm.experts %x at %i with (%w) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %s: tensor<4x64x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @map(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected one region argument per operand (1), found 2}}
  %0 = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32, %b: f32):
    llm.yield %a : f32
  }
  return
}

// -----

func.func private @glu(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) {
  // expected-error @below {{'glu' needs an activation ('act')}}
  %0 = llm.fused_linear %x weights(%w, %w) glu : (tensor<?x64xf32>, tensor<32x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func private @epilogue(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{expected one result with an epilogue, found 2}}
  %0:2 = llm.fused_linear %x weights(%w, %w) residual %x : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func private @parameters(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<64x64xf32>) {
  // expected-error @below {{has the parameters of a norm but no norm}}
  %0 = llm.fused_linear %x (%n) weights(%w) : (tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @table(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %b: !llm.batch, %t: tensor<?x2x16xf32>) {
  // expected-error @below {{rotates at most the 16 channels of a head, found 'tensor<?x2x16xf32>'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b rope half %t mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<?x2x16xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @heads(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %b: !llm.batch) {
  // expected-error @below {{expected heads to be a multiple of kv_heads, found 3 and 2}}
  %0 = llm.fused_attention %q, %k, %k heads 3, 2 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x48xf32>
  return
}

// -----

// expected-error @below {{the first argument of an entry must be !llm.batch}}
func.func @generate(%ids: tensor<?xi32>) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{'llm.entry' must be one of "generate", "encode"}}
func.func @generate(%b: !llm.batch) attributes {llm.entry = "talk"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry must be rows of f32 or i32}}
func.func @generate(%b: !llm.batch, %x: tensor<?x4xbf16> {llm.name = "x", llm.input = "rows"}) attributes {llm.entry = "encode"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry must be one i32 for each token}}
func.func @generate(%b: !llm.batch, %x: tensor<?x4xi32> {llm.name = "x", llm.input = "tokens"}) attributes {llm.entry = "encode"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry needs 'llm.name' and 'llm.input'}}
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32>) attributes {llm.entry = "generate"} {
  return
}

// -----

func.func private @bias_heads(%q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %b: !llm.batch) {
  // expected-note @below {{the bias is made here}}
  %s = llm.alibi 8
  // expected-error @below {{expected a bias of 4 heads, as many as the queries have, found one of 8}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<8>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @bias_heads(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %b: !llm.batch, %s: !llm.bias<2>) {
  // expected-error @below {{expected a bias of 4 heads, as many as the queries have, found one of 2}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b mask [#llm.mask<causal>] scale 1.0 bias %s : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, !llm.bias<2>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @alibi() {
  // expected-error @below {{expected 1 to 65536 heads, found 0}}
  %s = llm.alibi 0
  return
}

// -----

func.func private @one_bucket(%w: tensor<1x4xf32>) {
  // expected-error @below {{expected at least 2 buckets, found 1}}
  %s = llm.bucket_bias %w max_distance 128 both_ways false : tensor<1x4xf32>
  return
}

// -----

func.func private @one_bucket_a_side(%w: tensor<3x4xf32>) {
  // expected-error @below {{expected at least 4 buckets, found 3}}
  %s = llm.bucket_bias %w max_distance 128 both_ways true : tensor<3x4xf32>
  return
}

// -----

func.func private @no_far_distance(%w: tensor<32x4xf32>) {
  // expected-error @below {{expected a max_distance above 16, up to which distances have a bucket each, and at most 65536, found 16}}
  %s = llm.bucket_bias %w max_distance 16 both_ways false : tensor<32x4xf32>
  return
}

// -----

func.func private @too_far(%w: tensor<32x4xf32>) {
  // expected-error @below {{at most 65536, found 67108864}}
  %s = llm.bucket_bias %w max_distance 67108864 both_ways false : tensor<32x4xf32>
  return
}

// -----

func.func private @norms_unlike(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %b: !llm.batch, %n: tensor<4x16xf32>, %m: tensor<16xf32>) {
  // expected-error @below {{expected the norms of q and k both with a weight for each head or both with one for all, found 'tensor<4x16xf32>' and 'tensor<16xf32>'}}
  %0 = llm.fused_attention %q, %k, %k heads 4, 2 for %b qk_norm <rms, 1.0e-5 : f32> q_norm %n k_norm %m mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch, tensor<4x16xf32>, tensor<16xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @norm_parts_unlike(%x: tensor<?x4x16xf32>, %n: tensor<4x16xf32>, %m: tensor<16xf32>) {
  // expected-error @below {{expected 'bias' of shape [4, 16], found 'tensor<16xf32>'}}
  %0 = llm.layer_norm %x, %n bias %m eps 1.0e-5 : (tensor<?x4x16xf32>, tensor<4x16xf32>, tensor<16xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

// expected-error @below {{a cache has the field k = [heads, width], and behind it v = [heads, width] unless its values are channels of its keys}}
llm.state @kv cache {v = [2, 16], k = [2, 16]}

// -----

// expected-error @below {{a cache has the field k = [heads, width], and behind it v = [heads, width] unless its values are channels of its keys}}
llm.state @kv cache {k = [2, 16], v = [4, 16]}

// -----

func.func private @reshape(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected a shape of 64 elements per row, found [-2, -32]}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.reshape %x to [-2, -32] : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @heads(%x: tensor<?x4x16xf32>) {
  // expected-error @below {{expected times from 1 to 4096, found 1000000000}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.repeat_heads %x times 1000000000 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  return
}
