// Which programs an entry has, and what is said of the model and of entries.
// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s
// RUN: sluice-opt %s --lower-to-plan="decode-tokens=0" | FileCheck %s --check-prefix=ONE
// RUN: sluice-opt %s --lower-to-plan="decode-tokens=3 engine=false" | FileCheck %s --check-prefix=KERNELS

// CHECK: module attributes {plan.context = 128 : i64, plan.family = "toy"}
module attributes {llm.context = 128 : i64, llm.family = "toy"} {
llm.weight @w : tensor<9x16xf32>

// The program for few tokens has no bound if the other waits for a library,
// which may take none of its products.
// CHECK: plan.entry @generate "generate" inputs {ids = "tokens", n = "positions"} limits [9, 0] outputs (logits) start 2 positions {kind = "linear"}
// CHECK: plan.program @generate.decode for @generate tokens 1 {
// CHECK-NOT: matmul
// CHECK: plan.program @generate.prefill for @generate tokens 9 {
// CHECK: matmul
// ONE-NOT: plan.program @generate.decode
// ONE: plan.program @generate.all for @generate tokens 1 {
// ONE: matmul
// KERNELS: plan.program @generate.decode for @generate tokens 1 to 3 {
// KERNELS: plan.program @generate.prefill for @generate tokens 4 {
// KERNELS-NOT: matmul
func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %n: tensor<?xi32> {llm.name = "n", llm.input = "positions"}) -> (tensor<?x9xf32> {llm.name = "logits"}) attributes {llm.entry = "generate", llm.start = 2 : i64, llm.positions = {kind = "linear"}} {
  %w = llm.use @w : tensor<9x16xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %y = llm.linear %x, %w : (tensor<?x16xf32>, tensor<9x16xf32>) -> tensor<?x9xf32>
  return %y : tensor<?x9xf32>
}

// Nothing to compute by a library: disjoint ranges.
// CHECK: plan.program @plain.decode for @plain tokens 1 to 8 {
// CHECK: plan.program @plain.prefill for @plain tokens 9 {
func.func @plain(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %y = llm.act tanh %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Only generation takes many steps of few tokens.
// CHECK: plan.entry @embed "embed"
// CHECK-NOT: decode
// CHECK: plan.program @embed.all for @embed tokens 1 {
func.func @embed(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "embed"} {
  %y = llm.act tanh %x : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
}
