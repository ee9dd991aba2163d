// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @f32 : tensor<40x64xf32>
llm.weight @bf16 : tensor<30x64xbf16>
llm.weight @blocks : tensor<50x64x!llm.blocks<i8x32>>
llm.weight @tied : tensor<48x64xbf16>
llm.weight @halves : tensor<64x64xbf16>
llm.weight @layers.e : tensor<9x64xf32> layers [2, 4]

// A table is kept as it is, and lies in panels only if a product reads it alone.
// CHECK-DAG: plan.weight @f32 f32 rows [40, 64] of ["f32"]
// CHECK-DAG: plan.weight @bf16 bf16 rows [30, 64] of ["bf16"]
// CHECK-DAG: plan.weight @blocks !llm.blocks<i8x32> rows [50, 64] of ["blocks"]
// CHECK-DAG: plan.weight @tied bf16 panel [48, 64] of ["tied"]
// CHECK-DAG: plan.weight @halves bf16 rows [64, 64] of ["halves"]
// CHECK-DAG: plan.weight @halves_halves bf16 panel [128, 64] of ["halves", "halves"]
// CHECK-DAG: plan.kernel @embedding.f32.rows "embedding" {layout = "rows", weight = "f32"}
// CHECK-DAG: plan.kernel @embedding.bf16.rows "embedding" {layout = "rows", weight = "bf16"}
// CHECK-DAG: plan.kernel @embedding.i8x32.rows "embedding" {layout = "rows", weight = "i8x32"}
// CHECK-DAG: plan.kernel @embedding.bf16.panel "embedding" {layout = "panel", weight = "bf16"}

// Ids must stay below the rows of the smallest table that they index; 0 is no
// bound.
// CHECK: plan.entry @embed "encode" inputs {ids = "tokens", types = "token_types", pos = "positions"} limits [30, 9, 0]
// CHECK-LABEL: plan.program @embed.all
func.func @embed(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %types: tensor<?xi32> {llm.name = "types", llm.input = "token_types"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x64xf32> {llm.name = "y"}, tensor<?x48xf32> {llm.name = "z"}, tensor<?x64xf32> {llm.name = "u"}) attributes {llm.entry = "encode"} {
  %wf = llm.use @f32 : tensor<40x64xf32>
  %wb = llm.use @bf16 : tensor<30x64xbf16>
  %wq = llm.use @blocks : tensor<50x64x!llm.blocks<i8x32>>
  %wt = llm.use @tied : tensor<48x64xbf16>
  %wh = llm.use @halves : tensor<64x64xbf16>
  // CHECK: dispatch @embedding.f32.rows(ids = %ids, w = @f32[0]) -> (y = %{{.*}}) dims {N = 64, V = 40, ids.stride = 1, y.stride = 64} rows tokens
  %0 = llm.embedding %ids, %wf : (tensor<?xi32>, tensor<40x64xf32>) -> tensor<?x64xf32>
  // CHECK: dispatch @embedding.bf16.rows(ids = %ids, w = @bf16[0])
  %1 = llm.embedding %ids, %wb : (tensor<?xi32>, tensor<30x64xbf16>) -> tensor<?x64xf32>
  // CHECK: dispatch @embedding.i8x32.rows(ids = %ids, w = @blocks[0])
  %2 = llm.embedding %ids, %wq : (tensor<?xi32>, tensor<50x64x!llm.blocks<i8x32>>) -> tensor<?x64xf32>
  // CHECK: dispatch @embedding.bf16.panel(ids = %ids, w = @tied[0])
  %3 = llm.embedding %ids, %wt : (tensor<?xi32>, tensor<48x64xbf16>) -> tensor<?x64xf32>
  // CHECK: dispatch @embedding.bf16.rows(ids = %ids, w = @halves[0])
  %4 = llm.embedding %ids, %wh : (tensor<?xi32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %l = arith.constant 4 : index
  %we = llm.use @layers.e[%l] : tensor<9x64xf32>
  // CHECK: dispatch @embedding.f32.rows(ids = %types, w = @layers.e[4])
  %5 = llm.embedding %types, %we : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32>
  %6 = llm.map %0, %1, %2, %3, %4, %5 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32, %c: f32, %d: f32, %e: f32, %f: f32, %g: f32):
    %s = arith.addf %a, %c : f32
    llm.yield %s : f32
  }
  // CHECK: w = @tied[0])
  %7 = llm.linear %6, %wt compute bf16 : (tensor<?x64xf32>, tensor<48x64xbf16>) -> tensor<?x48xf32>
  %8:2 = llm.fused_linear %6 weights(%wh, %wh) compute bf16 : (tensor<?x64xf32>, tensor<64x64xbf16>, tensor<64x64xbf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return %6, %7, %8#1 : tensor<?x64xf32>, tensor<?x48xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: plan.program @choose.all
func.func @choose(%b: !llm.batch, %x: tensor<?x4x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x4x16xf32> {llm.name = "wanted"}, tensor<?x4x16xf32> {llm.name = "first"}, tensor<?x4x16xf32> {llm.name = "last"}, tensor<?x4x16xf32> {llm.name = "mean"}, tensor<?x4x16xf32> {llm.name = "max"}) attributes {llm.entry = "encode"} {
  // CHECK: buffer "wanted_rows" wanted f32[64]
  // CHECK-NEXT: dispatch @gather_rows.wanted(x = %x) -> (y = %{{.*}}) dims {N = 64, x.stride = 64, y.stride = 64} rows wanted
  %0 = llm.wanted_rows %x for %b : tensor<?x4x16xf32>
  // CHECK: buffer "pick_rows" sequences f32[64]
  // CHECK-NEXT: dispatch @gather_rows.first(x = %x) -> (y = %{{.*}}) {{.*}} rows sequences
  %1 = llm.pick_rows first %x for %b : tensor<?x4x16xf32>
  // CHECK: dispatch @gather_rows.last(x = %x) -> (y = %{{.*}}) {{.*}} rows sequences
  %2 = llm.pick_rows last %x for %b : tensor<?x4x16xf32>
  // CHECK: buffer "pool_rows" sequences f32[64]
  // CHECK-NEXT: dispatch @pool_rows.mean(x = %x) -> (y = %{{.*}}) {{.*}} rows sequences
  %3 = llm.pool_rows mean %x for %b : tensor<?x4x16xf32>
  // CHECK: dispatch @pool_rows.max(x = %x) -> (y = %[[M:.*]]) {{.*}} rows sequences
  %4 = llm.pool_rows max %x for %b : tensor<?x4x16xf32>
  // What follows has as many rows.
  // CHECK: buffer "act" sequences f32[64]
  // CHECK-NEXT: dispatch @map.tanh(x0 = %[[M]]) {{.*}} rows sequences
  %5 = llm.act tanh %4 : tensor<?x4x16xf32>
  // CHECK: output "wanted" %{{.*}} wanted[64]
  // CHECK: output "max" %{{.*}} sequences[64]
  return %0, %1, %2, %3, %5 : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
}
