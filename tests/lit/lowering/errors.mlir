// RUN: sluice-opt %s --split-input-file --verify-diagnostics --lower-to-plan

// expected-error @below {{has no entry}}
module {
}

// -----

llm.weight @x.w : tensor<9x8xf32>
llm.weight @y.w : tensor<9x8xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x2x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x8xf32>
  %x.f = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x8xf32>) -> tensor<?x8xf32> loc("x")
  %x = llm.reshape %x.f to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %y.w = llm.use @y.w : tensor<9x8xf32>
  %y.f = llm.embedding %ids, %y.w : (tensor<?xi32>, tensor<9x8xf32>) -> tensor<?x8xf32> loc("y")
  %y = llm.reshape %y.f to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  // expected-error @below {{mask 'chunk' has no kernel yet}}
  %a = llm.attention %x over %y, %y for %b mask [#llm.mask<chunk, 4>] scale 1.0 : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !llm.batch) -> tensor<?x2x4xf32>
  return %a : tensor<?x2x4xf32>
}

// -----

llm.weight @x.w : tensor<9x4xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x4xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x4xf32>) -> tensor<?x4xf32> loc("x")
  %p = llm.pool_rows mean %x for %b : tensor<?x4xf32>
  // expected-error @below {{mixes values with different rows}}
  %a = llm.binary add %x, %p : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// -----

llm.weight @w : tensor<4x2x3xf32>
llm.weight @x.w : tensor<9x24xf32>
llm.weight @y.w : tensor<9x12xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4x2x3xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x24xf32>
  %x.f = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x24xf32>) -> tensor<?x24xf32> loc("x")
  %x = llm.reshape %x.f to [4, 2, 3] : (tensor<?x24xf32>) -> tensor<?x4x2x3xf32>
  %y.w = llm.use @y.w : tensor<9x12xf32>
  %y.f = llm.embedding %ids, %y.w : (tensor<?xi32>, tensor<9x12xf32>) -> tensor<?x12xf32> loc("y")
  %y = llm.reshape %y.f to [4, 1, 3] : (tensor<?x12xf32>) -> tensor<?x4x1x3xf32>
  // expected-error @below {{repeats its operands along more than two runs of axes}}
  %a = llm.binary add %x, %y : (tensor<?x4x2x3xf32>, tensor<?x4x1x3xf32>) -> tensor<?x4x2x3xf32>
  return %a : tensor<?x4x2x3xf32>
}

// -----

// A function that only kernels know.
llm.weight @x.w : tensor<9x4xf32>
llm.weight @s : tensor<4xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x4xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x4xf32>) -> tensor<?x4xf32> loc("x")
  %s = llm.use @s : tensor<4xf32>
  %p = llm.map %s : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32):
    // expected-error @below {{'math.powf' cannot be computed without rows}}
    %0 = math.powf %a, %a : f32
    llm.yield %0 : f32
  }
  %a = llm.binary add %x, %p : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}
