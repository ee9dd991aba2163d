// RUN: sluice-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{mask 'window' takes 1 number, found 0}}
#m = #llm.mask<window>

// -----

// expected-error @below {{mask 'causal' takes 0 numbers, found 1}}
#m = #llm.mask<causal, 4>

// -----

// expected-error @below {{mask 'band' needs a positive number, found 0}}
#m = #llm.mask<band, 0>

// -----

// expected-error @below {{mask 'blocks' takes 4 numbers, found 2}}
#m = #llm.mask<blocks, 4, 2>

// -----

// expected-error @below {{mask 'any' needs terms}}
#m = #llm.mask<any>

// -----

// expected-error @below {{mask 'causal' takes no terms}}
#m = #llm.mask<causal of [#llm.mask<all>]>

// -----

// expected-error @below {{mask 'any' joins masks, found [1]}}
#m = #llm.mask<any of [1]>

// -----

func.func @f(%q: tensor<?x2x8xf32>, %m: tensor<?xi32>, %b: !llm.batch) {
  // expected-error @below {{mask 'keys' names value 1 of 1}}
  %a = llm.attention %q over %q, %q for %b mask [#llm.mask<keys, 1>] (%m) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x8xf32>, %m: tensor<?xi32>, %b: !llm.batch) {
  // expected-error @below {{mask 'queries' names value 2 of 1}}
  %a = llm.attention %q over %q, %q for %b mask [#llm.mask<queries, 2>] (%m) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  return
}

// -----

// expected-error @below {{mask 'queries' takes 1 number, found 0}}
#m = #llm.mask<queries>

// -----

func.func @f(%q: tensor<?x2x8xf32>, %m: tensor<?xi32>, %b: !llm.batch) {
  // expected-error @below {{has a value of its mask that no term names}}
  %a = llm.attention %q over %q, %q for %b mask [#llm.mask<all>] (%m) scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  return
}

// -----

llm.state @kv cache {k = [2, 8], v = [2, 8]}
func.func @f(%q: tensor<?x2x8xf32>, %m: tensor<?xi32>, %b: !llm.batch) {
  %c = llm.append @kv (%q, %q) for %b : tensor<?x2x8xf32>, tensor<?x2x8xf32>
  // expected-error @below {{mask 'segments' tells keys by what their rows hold, which a cache does not keep}}
  %a = llm.attention %q in %c for %b mask [#llm.mask<any of [#llm.mask<segments, 0>]>] (%m) scale 1.0 : (tensor<?x2x8xf32>, !llm.cache, !llm.batch, tensor<?xi32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x8xf32>, %b: !llm.batch) {
  // expected-error @below {{expected a positive cap, found 0}}
  %a = llm.attention %q over %q, %q for %b mask [#llm.mask<all>] scale 1.0 cap 0.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @f() {
  // expected-error @below {{expected 3 slopes, one per head, found 2}}
  %a = llm.alibi 3 slopes [0.5, 0.25]
  return
}

// -----

func.func @f() {
  // expected-error @below {{takes slopes or their maximum, not both}}
  %a = llm.alibi 2 maximum 4.0 slopes [0.5, 0.25]
  return
}
