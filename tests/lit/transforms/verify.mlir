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
