// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-model

func.func private @layer(%l: index, %x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{is a fused op, which may not stand in a model before the fusions}}
  %0 = llm.fused_linear %x weights(%w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func private @layer(%l: index) {
  // expected-error @below {{may not stand in a model: expected llm ops}}
  %0 = arith.constant 1.0 : f32
  return
}

// -----

// expected-error @below {{is a block: expected the layer index as its first argument}}
func.func private @layer(%x: tensor<?x64xf32>) {
  return
}

// -----

// expected-error @below {{is public but no entry: expected 'llm.entry'}}
func.func @layer(%l: index) {
  return
}

// -----

llm.state @kv cache {k = [2, 16], v = [2, 16]} layers [0, 1]
func.func private @layer(%l: index, %b: !llm.batch, %k: tensor<?x2x16xf32>) {
  // expected-error @below {{writes '@kv' a second time in one step for layer 1}}
  // expected-note @below {{first written here}}
  %0 = llm.append @kv[%l] (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  return
}
llm.weight @e : tensor<8x32xf32>
func.func @source(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) attributes {llm.entry = "source"} {
  %e = llm.use @e : tensor<8x32xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<8x32xf32>) -> tensor<?x32xf32>
  %k = llm.reshape %x to [2, 16] : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  call @layer(%l0, %b, %k) : (index, !llm.batch, tensor<?x2x16xf32>) -> ()
  call @layer(%l1, %b, %k) : (index, !llm.batch, tensor<?x2x16xf32>) -> ()
  call @layer(%l1, %b, %k) : (index, !llm.batch, tensor<?x2x16xf32>) -> ()
  return
}

// -----

// expected-error @below {{is a block without a body}}
func.func private @layer(index)

// -----

func.func @encode(%b: !llm.batch) attributes {llm.entry = "encode"} {
  %l = arith.constant 0 : index
  // expected-error @below {{may not stand in a model: expected llm ops, functions, calls and index constants}}
  %m = arith.addi %l, %l : index
  return
}

// -----

// Whatever stands in a map is the map's.
func.func private @layer(%l: index, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32):
    %c = arith.constant 2.0 : f32
    %m = arith.mulf %a, %c : f32
    llm.yield %m : f32
  }
  return %0 : tensor<?x64xf32>
}

// -----

// The region of experts is seen as well.
func.func private @layer(%l: index, %x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %w: tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  %y = llm.experts %x at %i with (%w) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %v: tensor<64x64xf32>):
    // expected-error @below {{is a fused op, which may not stand in a model before the fusions}}
    %0 = llm.fused_linear %r weights(%v) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
    llm.yield %0 : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}

// -----

// Other layers, other entries and reads are no second write; the layer is the
// constant of the op, or that of the call.
llm.state @kv cache {k = [2, 16], v = [2, 16]} layers [0, 1]
func.func private @layer(%l: index, %b: !llm.batch, %k: tensor<?x2x16xf32>) {
  %0 = llm.append @kv[%l] (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  %1 = llm.cached @kv[%l]
  return
}
func.func @one(%b: !llm.batch, %k: tensor<?x2x16xf32> {llm.name = "k", llm.input = "rows"}) attributes {llm.entry = "source"} {
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  call @layer(%l0, %b, %k) : (index, !llm.batch, tensor<?x2x16xf32>) -> ()
  call @layer(%l1, %b, %k) : (index, !llm.batch, tensor<?x2x16xf32>) -> ()
  return
}
func.func @two(%b: !llm.batch, %k: tensor<?x2x16xf32> {llm.name = "k", llm.input = "rows"}) attributes {llm.entry = "source"} {
  %l1 = arith.constant 1 : index
  // expected-note @below {{first written here}}
  %0 = llm.append @kv[%l1] (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  // expected-error @below {{writes '@kv' a second time in one step for layer 1}}
  %1 = llm.append @kv[%l1] (%k, %k) for %b : tensor<?x2x16xf32>, tensor<?x2x16xf32>
  return
}

// -----

// A convolution writes its state, too.
llm.state @tail fixed {value = [1, 64]}
llm.weight @w : tensor<64x2xf32>
func.func @two(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}) attributes {llm.entry = "source"} {
  %w = llm.use @w : tensor<64x2xf32>
  // expected-note @below {{first written here}}
  %0 = llm.causal_conv %x, %w in @tail for %b : (tensor<?x64xf32>, tensor<64x2xf32>, !llm.batch) -> tensor<?x64xf32>
  // expected-error @below {{writes '@tail' a second time in one step}}
  %1 = llm.causal_conv %0, %w in @tail for %b : (tensor<?x64xf32>, tensor<64x2xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}
