// What a plan has no step for is an error at the op.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics --lower-to-plan

llm.weight @w : tensor<16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16xf32>
  // expected-error @below {{'llm.slice' has no kernel for an operand without rows, found 'tensor<16xf32>'}}
  %s = llm.slice %w from 0 size 1 : (tensor<16xf32>) -> tensor<1xf32>
  %y = llm.binary add %x, %s : (tensor<?x16xf32>, tensor<1xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<16x16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16x16xf32>
  %v = llm.binary add %w, %w : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
  // expected-error @below {{'llm.linear' needs a weight as it is declared, found a computed value of type 'tensor<16x16xf32>'}}
  %y = llm.linear %x, %v : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16xf32>
  // expected-error @below {{'llm.freqs_llama3' needs frequencies that are known now}}
  %f = llm.freqs_llama3 %w {factor = 8.0 : f32, low = 1.0 : f32, high = 4.0 : f32, original = 8192} : tensor<16xf32>
  %y = llm.binary add %x, %f : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Only products choose the expert of a row.
llm.weight @w : tensor<4x16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}, %s: tensor<?x4xf32> {llm.name = "s", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %w = llm.use @w : tensor<4x16xf32>
  %y = llm.experts %x at %i with (%w) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%r: tensor<?x16xf32>, %v: tensor<16xf32>):
    // expected-error @below {{'llm.binary' has no kernel for an expert's weight; only linear has}}
    %0 = llm.binary mul %r, %v : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
    llm.yield %0 : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<4x16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}, %s: tensor<?x4xf32> {llm.name = "s", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %w = llm.use @w : tensor<4x16xf32>
  %y = llm.experts %x at %i with (%w) : (tensor<?x16xf32>, tensor<?x2xi32>, tensor<4x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%r: tensor<?x16xf32>, %v: tensor<16xf32>):
    // expected-error @below {{'llm.act' has no kernel for an expert's weight; only linear has}}
    %0 = llm.act exp %v : tensor<16xf32>
    %1 = llm.binary mul %r, %0 : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
    llm.yield %1 : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}, %s: tensor<?x4xf32> {llm.name = "s", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %i = llm.top_k %s, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  // expected-error @below {{has no kernel for experts without weights}}
  %y = llm.experts %x at %i with () : (tensor<?x16xf32>, tensor<?x2xi32>) -> tensor<?x16xf32> {
  ^bb0(%r: tensor<?x16xf32>):
    llm.yield %r : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x2xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  %i = llm.top_k %p, 2 : (tensor<?x16xf32>) -> tensor<?x2xi32>
  // expected-error @below {{takes as many rows of values as of indices}}
  %y = llm.pick %x at %i : (tensor<?x16xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x32xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  // expected-error @below {{joins values with different rows}}
  %y = llm.concat %x, %p : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  // expected-error @below {{'llm.wanted_rows' takes one row per token, found sequences}}
  %y = llm.wanted_rows %p for %b : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// One row per token: kernels look at a token's sequence.
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  // expected-error @below {{'llm.fused_attention' takes one row per token, found sequences}}
  %y = llm.fused_attention %p, %x, %x heads 2, 2 for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, !llm.batch) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x2x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  %q = llm.reshape %p to [2, 8] : (tensor<?x16xf32>) -> tensor<?x2x8xf32>
  // expected-error @below {{'llm.attention' takes one row per token, found sequences}}
  %y = llm.attention %q over %q, %q for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// -----

llm.weight @w : tensor<16x4xf32>
llm.state @tail fixed {value = [3, 16]}
func.func @generate(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "generate"} {
  %w = llm.use @w : tensor<16x4xf32>
  %p = llm.pick_rows last %x for %b : tensor<?x16xf32>
  // expected-error @below {{'llm.causal_conv' takes one row per token, found sequences}}
  %y = llm.causal_conv %p, %w in @tail for %b : (tensor<?x16xf32>, tensor<16x4xf32>, !llm.batch) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<16x16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16x16xf32>
  // expected-error @below {{linear computes in bf16 only with bf16 weights}}
  %y = llm.linear %x, %w compute bf16 : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  // expected-error @below {{map takes 1 to 16 inputs, found 17}}
  %y = llm.map %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32, %a4: f32, %a5: f32, %a6: f32, %a7: f32, %a8: f32, %a9: f32, %a10: f32, %a11: f32, %a12: f32, %a13: f32, %a14: f32, %a15: f32, %a16: f32):
    llm.yield %a0 : f32
  }
  return %y : tensor<?x16xf32>
}

// -----

// Tables are not merged, so they double with each step.
llm.weight @w : tensor<16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16xf32>
  %c = llm.constant 2.0
  %0 = llm.binary mul %w, %c : (tensor<16xf32>, tensor<f32>) -> tensor<16xf32>
  %1 = llm.binary add %0, %0 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %2 = llm.binary add %1, %1 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %3 = llm.binary add %2, %2 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %4 = llm.binary add %3, %3 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %5 = llm.binary add %4, %4 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  // expected-error @below {{computes a value without rows from more than 64 weights and tables}}
  %6 = llm.binary add %5, %5 : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %y = llm.binary add %x, %6 : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<16xf32> layers [0, 2]
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 1 : index
  // expected-error @below {{'arith.addi' has no kernel yet}}
  %m = arith.addi %l, %l : index
  %w = llm.use @w[%m] : tensor<16xf32>
  %y = llm.binary add %x, %w : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

func.func private @layer(%l: index, %x: tensor<?x16xf32>) -> tensor<?x16xf32>
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %l = arith.constant 0 : index
  // expected-error @below {{'layer' has no body}}
  %y = call @layer(%l, %x) : (index, tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// expected-error @below {{result 'y' of an entry is one of its inputs}}
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  return %x : tensor<?x16xf32>
}

// -----

// expected-error @below {{result 0 of entry 'encode' has no rows or no name}}
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32>) attributes {llm.entry = "encode"} {
  %y = llm.act exp %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

llm.weight @w : tensor<16xf32>
// expected-error @below {{result 0 of entry 'encode' has no rows or no name}}
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<16xf32>
  return %w : tensor<16xf32>
}

// -----

// Every int would lie behind the table.
llm.weight @w : tensor<4x16xf32>
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<4x16xf32>
  %p = llm.offset %ids by 3 : tensor<?xi32>
  %q = llm.offset %p by 1 : tensor<?xi32>
  // expected-error @below {{'llm.embedding' has 3 rows to choose from, its ints begin with 3}}
  %y = llm.embedding %q, %w : (tensor<?xi32>, tensor<4x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
