// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-fused

// Fused ops are fine after the fusions; a second write of a state is not.
llm.state @kv cache {k = [2, 16], v = [2, 16]}
llm.weight @e : tensor<8x32xf32>
func.func @source(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) attributes {llm.entry = "source"} {
  %e = llm.use @e : tensor<8x32xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<8x32xf32>) -> tensor<?x32xf32>
  // expected-note @below {{first written here}}
  %0 = llm.fused_attention %x, %x, %x heads 2, 2 for %b in @kv mask [#llm.mask<causal>] scale 1.0 : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x32xf32>
  // expected-error @below {{writes '@kv' a second time in one step}}
  %1 = llm.fused_attention %0, %x, %x heads 2, 2 for %b in @kv mask [#llm.mask<causal>] scale 1.0 : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, !llm.batch) -> tensor<?x32xf32>
  return
}

// -----

// expected-error @below {{calls itself}}
func.func private @layer(%l: index) {
  call @layer(%l) : (index) -> ()
  return
}
func.func @encode(%b: !llm.batch) attributes {llm.entry = "encode"} {
  %l = arith.constant 0 : index
  call @layer(%l) : (index) -> ()
  return
}
