// Experts, fused or not.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

func.func private @first(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{expected 2 weights in the first layer, found 1}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) glu act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @first(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{expected 1 weights in the first layer, found 2}}
  %0 = llm.fused_experts %x at %i first(%u, %u) down(%d) act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @biases(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %c: tensor<4x32xf32>) {
  // expected-error @below {{expected no bias or one per weight (2), found 1}}
  %0 = llm.fused_experts %x at %i first(%u, %u) bias(%c) down(%d) glu act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @numbers(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{'gate_max', 'up_limit' and 'up_add' need 'glu'}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) act silu up_add 1.0 : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @scale(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{'scale_input' needs 'weight'}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) act silu scale_input : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @beta(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{'swish' needs 'beta'}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) act swish : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @shape(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>) {
  // expected-error @below {{expected 'first' of shape [4, 32, 64], found 'tensor<4x64x32xf32>'}}
  %0 = llm.fused_experts %x at %i first(%d) down(%d) act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x32xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @bias(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %c: tensor<4x64xf32>) {
  // expected-error @below {{expected 'bias' of shape [4, 32], found 'tensor<4x64xf32>'}}
  %0 = llm.fused_experts %x at %i first(%u) bias(%c) down(%d) act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @down_bias(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %c: tensor<4x32xf32>) {
  // expected-error @below {{expected 'down_bias' of shape [4, 64], found 'tensor<4x32xf32>'}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) down_bias %c act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<4x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @weight(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %c: tensor<?x3xf32>) {
  // expected-error @below {{expected 'weight' of shape [?, 2], found 'tensor<?x3xf32>'}}
  %0 = llm.fused_experts %x at %i weight %c first(%u) down(%d) act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x3xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @residual(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x2xf32>, %u: tensor<4x32x64xf32>, %d: tensor<4x64x32xf32>, %c: tensor<?x32xf32>) {
  // expected-error @below {{expected 'residual' of shape [?, 64], found 'tensor<?x32xf32>'}}
  %0 = llm.fused_experts %x at %i first(%u) down(%d) residual %c act silu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func private @arguments(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected 2 region arguments (rows, then one per weight), found 1}}
  %0 = llm.experts %x at %i with (%u) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @rows(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected the region's rows to be 'tensor<?x64xf32>', found 'tensor<?x32xf32>'}}
  %0 = llm.experts %x at %i with (%u) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x32xf32>, %e: tensor<64x32xf32>):
    %o = llm.linear %r, %e : (tensor<?x32xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
    llm.yield %o : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @axis(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected weights with a leading expert axis, found 'tensor<64xf32>'}}
  %0 = llm.experts %x at %i with (%w) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @count(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected 4 experts in every weight, found 'tensor<3x64xf32>'}}
  %0 = llm.experts %x at %i with (%u, %v) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<3x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>, %c: tensor<64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @in_scale(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected 'in_scale' of shape [?, 2], found 'tensor<?x3xf32>'}}
  %0 = llm.experts %x at %i with (%u) in_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<?x3xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @out_scale(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %u: tensor<4x64x64xf32>, %v: tensor<3x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected 'out_scale' of shape [?, 2], found 'tensor<?x3xf32>'}}
  %0 = llm.experts %x at %i with (%u) out_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>, tensor<?x3xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %a: tensor<64x64xf32>):
    llm.yield %r : tensor<?x64xf32>
  }
  return
}

// -----

func.func private @top(%s: tensor<?x4xf32>) {
  // expected-error @below {{expected k between 1 and 4, found 5}}
  // expected-error @below {{failed to infer returned types}}
  %0 = llm.top_k %s, 5 : (tensor<?x4xf32>) -> tensor<?x5xi32>
  return
}
