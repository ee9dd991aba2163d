// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// CHECK-DAG: plan.state @past fixed {value = [2, 20]} f32 bytes 192
// CHECK-DAG: plan.kernel @recurrence.bf16.bias.lstm "recurrence" {bias, cell = "lstm", compute = "bf16", weight = "bf16"} (x, w, bias) -> (y, state)
// CHECK-DAG: plan.kernel @recurrence.f32.gru "recurrence" {cell = "gru", compute = "f32", weight = "f32"} (x, w) -> (y, state)
llm.weight @embed : tensor<9x80xf32>
llm.weight @w : tensor<80x20xbf16>
llm.weight @w.bias : tensor<80xbf16>
llm.state @past fixed {value = [2, 20]}
llm.weight @layers.v : tensor<60x20xf32> layers [0, 1]
llm.state @layers.past fixed {value = [1, 20]} layers [0, 1] init 1.0

// CHECK-LABEL: plan.program @generate.decode
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"})
    -> (tensor<?x20xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %e = llm.use @embed : tensor<9x80xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<9x80xf32>) -> tensor<?x80xf32>
  %w = llm.use @w : tensor<80x20xbf16>
  %c = llm.use @w.bias : tensor<80xbf16>
  // CHECK: dispatch @recurrence.bf16.bias.lstm(x = %{{.*}}, w = @w[0], bias = @w.bias[0]) -> (y = %{{.*}}, state = @past[0]) dims {N = 20,
  %h = llm.recurrence lstm %x, %w bias %c in @past for %b compute bf16 : (tensor<?x80xf32>, tensor<80x20xbf16>, tensor<80xbf16>, !llm.batch) -> tensor<?x20xf32>
  %z = llm.concat %h, %h, %h : (tensor<?x20xf32>, tensor<?x20xf32>, tensor<?x20xf32>) -> tensor<?x60xf32>
  %one = arith.constant 1 : index
  %v = llm.use @layers.v[%one] : tensor<60x20xf32>
  // CHECK: dispatch @recurrence.f32.gru(x = %{{.*}}, w = @layers.v[1]) -> (y = %{{.*}}, state = @layers.past[1]) dims {N = 20,
  %y = llm.recurrence gru %z, %v in @layers.past[%one] for %b : (tensor<?x60xf32>, tensor<60x20xf32>, index, !llm.batch) -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}
