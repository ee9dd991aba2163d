// Elementwise ops, changes of shape and convolutions.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

func.func private @clamp(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected low <= high, found 2.000000e+00 > 1.000000e+00}}
  %0 = llm.clamp %x low 2.0 high 1.0 : tensor<?x64xf32>
  return
}

// -----

func.func private @softcap(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected a positive limit, found 0.000000e+00}}
  %0 = llm.softcap %x limit 0.0 : tensor<?x64xf32>
  return
}

// -----

// A row is one number.
func.func private @sum(%x: tensor<?xf32>) {
  // expected-error @below {{expected x to have a last axis to sum, found 'tensor<?xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.sum %x : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func private @slice(%x: tensor<?xf32>) {
  // expected-error @below {{expected x to have an axis to cut, found 'tensor<?xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.slice %x from 0 size 1 : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func private @slice(%x: tensor<?x64xf32>) {
  // expected-error @below {{slice of 4 elements from -1 leaves the last axis of 64}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.slice %x from -1 size 4 : (tensor<?x64xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func private @slice(%x: tensor<?x64xf32>) {
  // expected-error @below {{slice of 0 elements from 0 leaves the last axis of 64}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.slice %x from 0 size 0 : (tensor<?x64xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func private @split(%x: tensor<?xf32>) {
  // expected-error @below {{expected x to have an axis to cut, found 'tensor<?xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.split %x into [1] : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// The sum alone would be right.
func.func private @split(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected positive sizes that add up to 64, found [65, -1]}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = llm.split %x into [65, -1] : (tensor<?x64xf32>) -> (tensor<?x65xf32>, tensor<?x1xf32>)
  return
}

// -----

func.func private @concat() {
  // expected-error @below {{expected at least one part}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.concat : () -> tensor<?x64xf32>
  return
}

// -----

func.func private @concat(%x: tensor<?x4x16xf32>, %y: tensor<?x2x16xf32>) {
  // expected-error @below {{parts must agree except in the last axis: 'tensor<?x4x16xf32>' and 'tensor<?x2x16xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.concat %x, %y : (tensor<?x4x16xf32>, tensor<?x2x16xf32>) -> tensor<?x4x32xf32>
  return
}

// -----

func.func private @concat(%x: tensor<?x64xf32>, %y: tensor<?x4x16xf32>) {
  // expected-error @below {{parts must agree except in the last axis: 'tensor<?x64xf32>' and 'tensor<?x4x16xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.concat %x, %y : (tensor<?x64xf32>, tensor<?x4x16xf32>) -> tensor<?x80xf32>
  return
}

// -----

func.func private @repeat(%x: tensor<?x4x16xf32>) {
  // expected-error @below {{expected times from 1 to 4096, found 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.repeat_heads %x times 0 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  return
}

// -----

// The product of sizes does not fit a number.
func.func private @reshape(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected a shape of 64 elements per row, found [4294967296, 4294967296]}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.reshape %x to [4294967296, 4294967296] : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @map() {
  // expected-error @below {{expected at least one operand}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.map : () -> tensor<?x64xf32> {
  ^bb0:
    %c = arith.constant 1.0 : f32
    llm.yield %c : f32
  }
  return
}

// -----

func.func private @map(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected region argument 0 to be f32, found 'f64'}}
  %0 = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f64):
    %c = arith.truncf %a : f64 to f32
    llm.yield %c : f32
  }
  return
}

// -----

func.func private @map(%x: tensor<?x64xf32>) {
  %0 = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32):
    // expected-error @below {{may not stand in llm.map, which takes arith and math ops}}
    %c = llm.constant 1.0
    llm.yield %a : f32
  }
  return
}

// -----

func.func private @map(%x: tensor<?x64xf32>) {
  // expected-error @below {{expected the region to yield an f32}}
  %0 = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32):
    %c = arith.cmpf oeq, %a, %a : f32
    llm.yield %c : i1
  }
  return
}

// -----

func.func private @yield(%x: tensor<?x64xf32>) {
  // expected-error @below {{expects parent op to be one of 'llm.map, llm.experts'}}
  llm.yield %x : tensor<?x64xf32>
  return
}

// -----

func.func private @rows(%x: tensor<64xf32>) {
  // expected-error @below {{operand #0 must be f32 rows (only the first axis is dynamic), but got 'tensor<64xf32>'}}
  %0 = llm.softmax %x : tensor<64xf32>
  return
}

// -----

func.func private @axes(%x: tensor<?x?xf32>) {
  // expected-error @below {{operand #0 must be f32 rows or an f32 tensor without rows, but got 'tensor<?x?xf32>'}}
  %0 = llm.act exp %x : tensor<?x?xf32>
  return
}

// -----

llm.state @tail fixed {value = [3, 64]}
func.func private @conv(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<64x4xf32>) {
  // expected-error @below {{'swish' needs 'beta', which a convolution has not}}
  %0 = llm.causal_conv %x, %w in @tail for %b fn swish : (tensor<?x64xf32>, tensor<64x4xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @tail fixed {value = [3, 64]}
func.func private @conv(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<32x4xf32>) {
  // expected-error @below {{expected 'w' of shape [64, 4], found 'tensor<32x4xf32>'}}
  %0 = llm.causal_conv %x, %w in @tail for %b : (tensor<?x64xf32>, tensor<32x4xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @tail fixed {value = [3, 64]}
func.func private @conv(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<64x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'bias' of shape [64], found 'tensor<4xf32>'}}
  %0 = llm.causal_conv %x, %w bias %c in @tail for %b : (tensor<?x64xf32>, tensor<64x4xf32>, tensor<4xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @kv cache {k = [3, 64], v = [3, 64]}
func.func private @conv(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<64x4xf32>) {
  // expected-error @below {{expected '@kv' to be a fixed state, found a cache}}
  %0 = llm.causal_conv %x, %w in @kv for %b : (tensor<?x64xf32>, tensor<64x4xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

func.func private @heads_unlike(%x: tensor<?x3x12xf32>, %w: tensor<2x5x12xf32>) {
  // expected-error @below {{expected w of shape [3, N, 12] for x 'tensor<?x3x12xf32>', found 'tensor<2x5x12xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.head_linear %x, %w : (tensor<?x3x12xf32>, tensor<2x5x12xf32>) -> tensor<?x3x5xf32>
  return
}

// -----

func.func private @head_bias_unlike(%x: tensor<?x3x12xf32>, %w: tensor<3x5x12xf32>, %v: tensor<3x4xf32>) {
  // expected-error @below {{expected a bias of shape [3, 5] for w 'tensor<3x5x12xf32>', found 'tensor<3x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.head_linear %x, %w bias %v : (tensor<?x3x12xf32>, tensor<3x5x12xf32>, tensor<3x4xf32>) -> tensor<?x3x5xf32>
  return
}
