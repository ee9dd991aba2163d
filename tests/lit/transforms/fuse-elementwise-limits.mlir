// A chain that would be more than a kernel takes is several.
// RUN: sluice-opt %s --fuse-elementwise --lower-to-plan --verify-plan | FileCheck %s

llm.weight @w0 : tensor<8xf32>
llm.weight @w1 : tensor<8xf32>
llm.weight @w2 : tensor<8xf32>
llm.weight @w3 : tensor<8xf32>
llm.weight @w4 : tensor<8xf32>
llm.weight @w5 : tensor<8xf32>
llm.weight @w6 : tensor<8xf32>
llm.weight @w7 : tensor<8xf32>
llm.weight @w8 : tensor<8xf32>
llm.weight @w9 : tensor<8xf32>
llm.weight @w10 : tensor<8xf32>
llm.weight @w11 : tensor<8xf32>
llm.weight @w12 : tensor<8xf32>
llm.weight @w13 : tensor<8xf32>
llm.weight @w14 : tensor<8xf32>
llm.weight @w15 : tensor<8xf32>
llm.weight @w16 : tensor<8xf32>
llm.weight @c : tensor<4xf32>
llm.weight @a : tensor<2x1x1xf32>

// CHECK: plan.program @long.all
// CHECK-COUNT-2: dispatch @map
// CHECK-NOT: dispatch
func.func @long(%b: !llm.batch, %x: tensor<?x8xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x8xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %c0 = llm.use @w0 : tensor<8xf32>
  %0 = llm.binary add %x, %c0 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c1 = llm.use @w1 : tensor<8xf32>
  %1 = llm.binary add %0, %c1 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c2 = llm.use @w2 : tensor<8xf32>
  %2 = llm.binary add %1, %c2 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c3 = llm.use @w3 : tensor<8xf32>
  %3 = llm.binary add %2, %c3 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c4 = llm.use @w4 : tensor<8xf32>
  %4 = llm.binary add %3, %c4 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c5 = llm.use @w5 : tensor<8xf32>
  %5 = llm.binary add %4, %c5 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c6 = llm.use @w6 : tensor<8xf32>
  %6 = llm.binary add %5, %c6 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c7 = llm.use @w7 : tensor<8xf32>
  %7 = llm.binary add %6, %c7 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c8 = llm.use @w8 : tensor<8xf32>
  %8 = llm.binary add %7, %c8 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c9 = llm.use @w9 : tensor<8xf32>
  %9 = llm.binary add %8, %c9 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c10 = llm.use @w10 : tensor<8xf32>
  %10 = llm.binary add %9, %c10 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c11 = llm.use @w11 : tensor<8xf32>
  %11 = llm.binary add %10, %c11 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c12 = llm.use @w12 : tensor<8xf32>
  %12 = llm.binary add %11, %c12 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c13 = llm.use @w13 : tensor<8xf32>
  %13 = llm.binary add %12, %c13 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c14 = llm.use @w14 : tensor<8xf32>
  %14 = llm.binary add %13, %c14 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c15 = llm.use @w15 : tensor<8xf32>
  %15 = llm.binary add %14, %c15 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %c16 = llm.use @w16 : tensor<8xf32>
  %16 = llm.binary add %15, %c16 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %16 : tensor<?x8xf32>
}

// Each of these repeats its operand along other axes.
// CHECK: plan.program @runs.all
// CHECK-COUNT-2: dispatch @map
func.func @runs(%b: !llm.batch, %x: tensor<?x2x3x4xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x2x3x4xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %c = llm.use @c : tensor<4xf32>
  %a = llm.use @a : tensor<2x1x1xf32>
  %0 = llm.binary mul %x, %c : (tensor<?x2x3x4xf32>, tensor<4xf32>) -> tensor<?x2x3x4xf32>
  %1 = llm.binary mul %0, %a : (tensor<?x2x3x4xf32>, tensor<2x1x1xf32>) -> tensor<?x2x3x4xf32>
  return %1 : tensor<?x2x3x4xf32>
}
