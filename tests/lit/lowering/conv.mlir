// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// A row and a slot take whole lines of 64 bytes.
// CHECK-DAG: plan.state @tail fixed {value = [1, 20]} f32 bytes 128
// CHECK-DAG: plan.kernel @causal_conv "causal_conv" {} (x, w) -> (y, state)
// CHECK-DAG: plan.kernel @causal_conv.bias.silu "causal_conv" {bias, fn = "silu"} (x, w, bias) -> (y, state)
llm.weight @embed : tensor<9x20xf32>
llm.weight @layers.w : tensor<20x4xbf16> layers [0, 1]
llm.weight @layers.w.bias : tensor<20xf32> layers [0, 1]
// CHECK-DAG: plan.state @layers.tail fixed {value = [3, 20]} f32 bytes 256 layers [0, 1] {init = 1.000000e+00 : f32}
llm.state @layers.tail fixed {value = [3, 20]} layers [0, 1] init 1.0

func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"})
    -> (tensor<?x20xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %e = llm.use @embed : tensor<9x20xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<9x20xf32>) -> tensor<?x20xf32>
  %one = arith.constant 1 : index
  %w = llm.use @layers.w[%one] : tensor<20x4xbf16>
  %c = llm.use @layers.w.bias[%one] : tensor<20xf32>
  // The state of layer 1 is an operand that is written.
  // CHECK: dispatch @causal_conv.bias.silu(x = %{{.*}}, w = @layers.w[1], bias = @layers.w.bias[1]) -> (y = %{{.*}}, state = @layers.tail[1]) dims {N = 20, width = 4,
  %y = llm.causal_conv %x, %w bias %c in @layers.tail[%one] for %b fn silu : (tensor<?x20xf32>, tensor<20x4xbf16>, tensor<20xf32>, index, !llm.batch) -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}

llm.weight @w : tensor<20x2xf32>
llm.state @tail fixed {value = [1, 20]}

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x20xf32> {llm.name = "x", llm.input = "rows"})
    -> (tensor<?x20xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<20x2xf32>
  // CHECK: dispatch @causal_conv(x = %x, w = @w[0]) -> (y = %{{.*}}, state = @tail[0]) dims {N = 20, width = 2, x.stride = 20, y.stride = 32} rows tokens{{$}}
  %y = llm.causal_conv %x, %w in @tail for %b : (tensor<?x20xf32>, tensor<20x2xf32>, !llm.batch) -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}
