// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

// What a state begins with is widened, and lies in order.
// CHECK-DAG: plan.weight @layers.w f32 rows [2, 8] of ["layers.w"] layers [0, 1]
llm.weight @layers.w : tensor<2x8xbf16> layers [0, 1]
// CHECK-DAG: plan.state @layers.before fixed {value = [2, 8]} f32 bytes 64 layers [0, 1] {init = @layers.w}
llm.state @layers.before fixed {value = [2, 8]} layers [0, 1] init @layers.w

func.func @encode(%b: !llm.batch, %x: tensor<?x2x8xf32> {llm.name = "x", llm.input = "rows"})
    -> (tensor<?x2x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %one = arith.constant 1 : index
  %y = llm.shift %x in @layers.before[%one] for %b : (tensor<?x2x8xf32>, index, !llm.batch) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}
