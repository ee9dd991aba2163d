// Positions, masks, states and attention.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

func.func private @freqs() {
  // expected-error @below {{expected an even number of dims, at most 65536, found 3}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.rope_freqs 3 theta 10000.0 : tensor<1xf32>
  return
}

// -----

func.func private @freqs() {
  // expected-error @below {{expected an even number of dims, at most 65536, found 65538}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.rope_freqs 65538 theta 10000.0 : tensor<32769xf32>
  return
}

// -----

func.func private @rope(%x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<4xf32>) {
  // expected-error @below {{rotates 8 channels from -1, but a head of 'tensor<?x4x16xf32>' has 16}}
  %0 = llm.rope half %x, %p, %f from -1 : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<4xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @rotate(%x: tensor<?x4x16xf32>, %t: tensor<?x3x8xf32>) {
  // expected-error @below {{expected a table of shape [?, 2, pairs], found 'tensor<?x3x8xf32>'}}
  %0 = llm.rotate half %x by %t : (tensor<?x4x16xf32>, tensor<?x3x8xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @rotate(%x: tensor<?x4x16xf32>, %t: tensor<?x2x9xf32>) {
  // expected-error @below {{rotates 18 channels from 0, but a head of 'tensor<?x4x16xf32>' has 16}}
  %0 = llm.rotate half %x by %t : (tensor<?x4x16xf32>, tensor<?x2x9xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @alibi() {
  // expected-error @below {{expected 1 to 65536 heads, found 65537}}
  %0 = llm.alibi 65537
  return
}

// -----

func.func private @no_heads(%w: tensor<32x0xf32>) {
  // expected-error @below {{expected w of [buckets, heads], found 'tensor<32x0xf32>'}}
  %0 = llm.bucket_bias %w max_distance 128 both_ways false : tensor<32x0xf32>
  return
}

// -----

func.func private @type() {
  // expected-error @below {{a bias has a positive number of heads, found 0}}
  %0 = "llm.alibi"() <{heads = 4 : i64}> : () -> !llm.bias<0>
  return
}

// -----

func.func private @mask(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>) {
  // expected-error @below {{expected a mask; #llm.mask<all> lets every key of the sequence be seen}}
  %0 = llm.attention %q over %k, %k for %b mask [] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

// A sink for each head of queries.
func.func private @sinks(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %s: tensor<2xf32>) {
  // expected-error @below {{expected 'sinks' of shape [4], found 'tensor<2xf32>'}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 sinks %s : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, tensor<2xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @bias(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>) {
  // expected-note @below {{the bias is made here}}
  %s = llm.alibi 2
  // expected-error @below {{expected a bias of 4 heads, as many as the queries have, found one of 2}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<2>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @bias(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %s: !llm.bias<2>) {
  // expected-error @below {{expected a bias of 4 heads, as many as the queries have, found one of 2}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 bias %s : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch, !llm.bias<2>) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @width(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x8xf32>) {
  // expected-error @below {{expected keys as wide as queries (16), found 'tensor<?x2x8xf32>'}}
  %0 = llm.attention %q over %k, %k for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

func.func private @values(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %v: tensor<?x4x16xf32>) {
  // expected-error @below {{expected the 4 query heads to be a multiple of the key heads, and as many value heads, found 'tensor<?x2x16xf32>' and 'tensor<?x4x16xf32>'}}
  %0 = llm.attention %q over %k, %v for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @both(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %c: !llm.cache) {
  // expected-error @below {{expected either a cache ('in') or keys and values ('over')}}
  %0 = llm.attention %q in %c over %k, %k for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, tensor<?x2x16xf32>, tensor<?x2x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

// What is appended is looked at before the state is.
llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @axes(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x32xf32>) {
  %c = llm.append @kv (%k, %k) for %b : tensor<?x32xf32>, tensor<?x32xf32>
  // expected-error @below {{expected keys and values of shape [?, heads, width], found 'tensor<?x32xf32>' and 'tensor<?x32xf32>'}}
  %0 = llm.attention %q in %c for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x32xf32>
  return
}

// -----

llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @appended(%b: !llm.batch, %q: tensor<?x3x16xf32>, %k: tensor<?x2x16xf32>) {
  %c = llm.append @kv (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  // expected-error @below {{expected the 3 query heads to be a multiple of the key heads}}
  %0 = llm.attention %q in %c for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x3x16xf32>, !llm.cache, !llm.batch) -> tensor<?x3x16xf32>
  return
}

// -----

// expected-error @below {{mask 'causal' takes 0 numbers, found 1}}
module attributes {llm.m = #llm.mask<causal, 4>} {}

// -----

// expected-error @below {{mask 'band' needs a positive number, found -4}}
module attributes {llm.m = #llm.mask<band, -4>} {}

// -----

// expected-error @below {{needs at least one field}}
llm.state @s fixed {}

// -----

// expected-error @below {{'init' is for fixed states, a cache starts empty}}
llm.state @s cache {k = [2, 16], v = [2, 16]} init 1.0

// -----

// expected-error @below {{field 'v' must have positive sizes, found [2, 0]}}
llm.state @s cache {k = [2, 16], v = [2, 0]}

// -----

// expected-error @below {{'chunk' must be positive, found -1}}
llm.state @s cache {k = [2, 16], v = [2, 16]} chunk -1

// -----

// expected-error @below {{a cache has the field k = [heads, width], and behind it v = [heads, width] unless its values are channels of its keys}}
llm.state @s cache {k = [16], v = [16]}

// -----

// expected-note @below {{declared here}}
llm.state @kv cache {k = [2, 16], v = [2, 16]}
func.func private @cached(%l: index) {
  // expected-error @below {{expected no layer index, the symbol has no layers}}
  %0 = llm.cached @kv[%l]
  return
}

// -----

func.func private @cached() {
  // expected-error @below {{no symbol is named '@kv'}}
  %0 = llm.cached @kv
  return
}

// -----

llm.weight @kv : tensor<4xf32>
func.func private @cached() {
  // expected-error @below {{expected '@kv' to be an llm.state, found 'llm.weight'}}
  %0 = llm.cached @kv
  return
}

// -----

func.func private @result(%b: !llm.batch, %q: tensor<?x4x16xf32>, %k: tensor<?x2x16xf32>, %v: tensor<?x2x8xf32>) {
  // expected-error @below {{expected values as wide as the result (16), found 'tensor<?x2x8xf32>'}}
  %0 = llm.attention %q over %k, %v for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x16xf32>, tensor<?x2x16xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

llm.state @kv cache {k = [1, 24]}
func.func private @keys_alone(%b: !llm.batch, %q: tensor<?x4x24xf32>, %k: tensor<?x1x24xf32>) {
  %c = llm.append @kv (%k) for %b : tensor<?x1x24xf32>
  // expected-error @below {{has keys alone, so 'values' must say how many of their channels are the values}}
  %0 = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x24xf32>, !llm.cache, !llm.batch) -> tensor<?x4x24xf32>
  return
}

// -----

func.func private @values_and_v(%b: !llm.batch, %q: tensor<?x4x24xf32>, %k: tensor<?x1x24xf32>) {
  // expected-error @below {{has values besides the channels of the keys that are to be the values}}
  %0 = llm.attention %q over %k, %k values 16 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x24xf32>, tensor<?x1x24xf32>, tensor<?x1x24xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return
}

// -----

func.func private @too_many_values(%b: !llm.batch, %q: tensor<?x4x24xf32>, %k: tensor<?x1x24xf32>) {
  // expected-error @below {{expected 1 to 24 channels of the keys as values, found 25}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.attention %q over %k values 25 for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x4x24xf32>, tensor<?x1x24xf32>, !llm.batch) -> tensor<?x4x25xf32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @kv cache {k = [2, 16]}
func.func private @fused(%b: !llm.batch, %x: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @below {{expected '@kv' to be a cache of [2, 16] and [2, 16]}}
  %0 = llm.fused_attention %x, %k, %k heads 4, 2 for %b in @kv mask [#llm.mask<causal>] scale 1.0 : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @ntk(%x: tensor<?x2xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected one number for each row, found 'tensor<?x2xf32>'}}
  %0 = llm.freqs_ntk %x dims 8 theta 10000.0 : (tensor<?x2xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func private @ntk(%x: tensor<?x1xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected an even number of dims from 4 to 65536, found 2}}
  %0 = llm.freqs_ntk %x dims 2 theta 10000.0 : (tensor<?x1xf32>) -> tensor<?x1xf32>
  return
}
