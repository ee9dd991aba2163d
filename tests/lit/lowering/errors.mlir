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
  %x.p = llm.pick_rows last %x.f for %b : tensor<?x8xf32>
  %x = llm.reshape %x.p to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %y.w = llm.use @y.w : tensor<9x8xf32>
  %y.f = llm.embedding %ids, %y.w : (tensor<?xi32>, tensor<9x8xf32>) -> tensor<?x8xf32> loc("y")
  %y = llm.reshape %y.f to [2, 4] : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  // expected-error @below {{'llm.attention' takes one row per token, found sequences}}
  %a = llm.attention %x over %y, %y for %b mask [#llm.mask<all>] scale 1.0 : (tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?x2x4xf32>, !llm.batch) -> tensor<?x2x4xf32>
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

// -----

// Each step doubles what the packer would have to compute.
llm.weight @x.w : tensor<9x4xf32>
llm.weight @s : tensor<4xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %x.w = llm.use @x.w : tensor<9x4xf32>
  %x = llm.embedding %ids, %x.w : (tensor<?xi32>, tensor<9x4xf32>) -> tensor<?x4xf32> loc("x")
  %0 = llm.use @s : tensor<4xf32>
  %1 = llm.binary mul %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = llm.binary mul %1, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = llm.binary mul %2, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = llm.binary mul %3, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = llm.binary mul %4, %4 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %6 = llm.binary mul %5, %5 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %7 = llm.binary mul %6, %6 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %8 = llm.binary mul %7, %7 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %9 = llm.binary mul %8, %8 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // expected-error @below {{computes a value without rows in more than 1000 steps}}
  %10 = llm.binary mul %9, %9 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %a = llm.binary add %x, %10 : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// -----

// A handle that comes in as an argument is known here only.
llm.state @kv cache {k = [2, 8], v = [2, 8]}
llm.weight @x.w : tensor<9x16xf32>
func.func private @read(%l: index, %b: !llm.batch, %q: tensor<?x4x4xf32>, %c: !llm.cache) -> tensor<?x4x4xf32> {
  // expected-error @below {{has 4 heads of queries of width 4 and results of width 4, its cache has keys [2, 8] and values [2, 8]}}
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x4xf32>, !llm.cache, !llm.batch) -> tensor<?x4x4xf32>
  return %a : tensor<?x4x4xf32>
}
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x4x4xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %w = llm.use @x.w : tensor<9x16xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %k = llm.reshape %x to [2, 8] : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
  %q = llm.reshape %x to [4, 4] : (tensor<?x16xf32>) -> tensor<?x4x4xf32>
  %c = llm.append @kv (%k, %k) for %b : tensor<?x2x8xf32>, tensor<?x2x8xf32>
  %l = arith.constant 0 : index
  %a = func.call @read(%l, %b, %q, %c) : (index, !llm.batch, tensor<?x4x4xf32>, !llm.cache) -> tensor<?x4x4xf32>
  return %a : tensor<?x4x4xf32>
}

// -----

llm.weight @x.w : tensor<9x16xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x2xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %w = llm.use @x.w : tensor<9x16xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %i = llm.top_k %x, 2 : (tensor<?x16xf32>) -> tensor<?x2xi32>
  %s = llm.slice %x from 0 size 8 : (tensor<?x16xf32>) -> tensor<?x8xf32>
  // expected-error @below {{has 8 to choose from, its indices are chosen from 16}}
  %p = llm.pick %s at %i : (tensor<?x8xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  return %p : tensor<?x2xf32>
}

// -----

llm.weight @x.w : tensor<9x16xf32>
llm.weight @up : tensor<4x16x16xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x16xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %w = llm.use @x.w : tensor<9x16xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %i = llm.top_k %x, 2 : (tensor<?x16xf32>) -> tensor<?x2xi32>
  %up = llm.use @up : tensor<4x16x16xf32>
  // expected-error @below {{has 4 to choose from, its indices are chosen from 16}}
  %y = llm.experts %x at %i with (%up) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<4x16x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%r: tensor<?x16xf32>, %u: tensor<16x16xf32>):
    %0 = llm.linear %r, %u : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
    llm.yield %0 : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @x.w : tensor<9x16xf32>
llm.weight @layers.q : tensor<16x16xf32> layers [0, 1]
llm.weight @layers.k : tensor<16x16xf32> layers [0, 1]
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x16xf32> {llm.name = "rows"}, tensor<?x16xf32> {llm.name = "more"}) attributes {llm.entry = "encode"} {
  %w = llm.use @x.w : tensor<9x16xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  %q = llm.use @layers.q[%l0] : tensor<16x16xf32>
  %k = llm.use @layers.k[%l1] : tensor<16x16xf32>
  // expected-error @below {{cannot pack 'layers.k' of layer 1 with 'layers.q' of layer 0: the layers of both must be the same}}
  %y:2 = llm.fused_linear %x weights(%q, %k) : (tensor<?x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
  return %y#0, %y#1 : tensor<?x16xf32>, tensor<?x16xf32>
}
