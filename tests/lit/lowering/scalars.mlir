// The arithmetic of every elementwise op, as the body of its kernel. Constants
// are rounded to f32 once, here.
// RUN: sluice-opt %s --lower-to-plan | FileCheck %s

func.func @scalars(%b: !llm.batch, %x: tensor<?x64xf32> {llm.name = "x", llm.input = "rows"}, %y: tensor<?x64xf32> {llm.name = "y", llm.input = "rows"}) -> (tensor<?x64xf32> {llm.name = "r"}) attributes {llm.entry = "encode"} {
  // CHECK: plan.kernel @map.subf "map" {{.*}} body(%[[X:.*]]: f32, %[[Y:.*]]: f32) {
  // CHECK-NEXT: %[[R:.*]] = arith.subf %[[X]], %[[Y]]
  // CHECK-NEXT: plan.yield %[[R]]
  %0 = llm.binary sub %x, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: plan.kernel @map.divf "map"
  // CHECK-NEXT: arith.divf %arg0, %arg1
  %1 = llm.binary div %0, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: plan.kernel @map.cmpf.select "map"
  // CHECK-NEXT: %[[C:.*]] = arith.cmpf olt, %arg0, %arg1
  // CHECK-NEXT: arith.select %[[C]], %arg0, %arg1
  %2 = llm.binary min %1, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: plan.kernel @map.cmpf.select_0 "map"
  // CHECK-NEXT: %[[C:.*]] = arith.cmpf ogt, %arg0, %arg1
  // CHECK-NEXT: arith.select %[[C]], %arg0, %arg1
  %3 = llm.binary max %2, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>

  // a + (b - a) * by
  // CHECK: plan.kernel @map.subf.mulf.addf "map" {inputs = 3 : i64
  // CHECK-NEXT: %[[D:.*]] = arith.subf %arg1, %arg0
  // CHECK-NEXT: %[[M:.*]] = arith.mulf %[[D]], %arg2
  // CHECK-NEXT: arith.addf %arg0, %[[M]]
  %4 = llm.lerp %3, %y by %x : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  // b where `by` is 1
  // CHECK: %[[ONE:.*]] = arith.constant 1.0{{.*}} : f32
  // CHECK-NEXT: %[[C:.*]] = arith.cmpf oeq, %arg2, %[[ONE]]
  // CHECK-NEXT: arith.select %[[C]], %arg1, %arg0
  %5 = llm.select %4, %y by %x : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>

  // The upper limit first, so that `low` wins; a side left out is no op.
  // CHECK: plan.kernel @map.cmpf.select.cmpf.select "map"
  // CHECK-NEXT: %[[HIGH:.*]] = arith.constant 2.0
  // CHECK-NEXT: %[[C:.*]] = arith.cmpf olt, %arg0, %[[HIGH]]
  // CHECK-NEXT: %[[S:.*]] = arith.select %[[C]], %arg0, %[[HIGH]]
  // CHECK-NEXT: %[[LOW:.*]] = arith.constant -1.0
  // CHECK-NEXT: %[[C:.*]] = arith.cmpf ogt, %[[S]], %[[LOW]]
  // CHECK-NEXT: arith.select %[[C]], %[[S]], %[[LOW]]
  %6 = llm.clamp %5 low -1.0 high 2.0 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.cmpf.select_2 "map"
  // CHECK-NEXT: arith.constant -3.0
  // CHECK-NEXT: arith.cmpf ogt
  // CHECK-NEXT: arith.select
  // CHECK-NEXT: plan.yield
  %7 = llm.clamp %6 low -3.0 : tensor<?x64xf32>

  // CHECK: plan.kernel @map.divf.tanh.mulf "map"
  // CHECK-NEXT: %[[LIMIT:.*]] = arith.constant 3.0{{.*}}e+01
  // CHECK-NEXT: %[[D:.*]] = arith.divf %arg0, %[[LIMIT]]
  // CHECK-NEXT: %[[T:.*]] = math.tanh %[[D]]
  // CHECK-NEXT: %[[LIMIT:.*]] = arith.constant 3.0{{.*}}e+01
  // CHECK-NEXT: arith.mulf %[[T]], %[[LIMIT]]
  %8 = llm.softcap %7 limit 30.0 : tensor<?x64xf32>
  // CHECK: arith.truncf %arg0 : f32 to f16
  // CHECK-NEXT: arith.extf {{.*}} : f16 to f32
  %9 = llm.round %8 to f16 : tensor<?x64xf32>
  // CHECK: arith.truncf %arg0 : f32 to bf16
  // CHECK-NEXT: arith.extf {{.*}} : bf16 to f32
  %10 = llm.round %9 to bf16 : tensor<?x64xf32>

  // Alphas are operands: numbers here, weights in most models.
  // CHECK: plan.kernel {{.*}} splat = "011"
  // CHECK: %[[E:.*]] = math.exp
  // CHECK: %[[M1:.*]] = arith.subf %[[E]],
  // CHECK: %[[MX:.*]] = arith.subf %[[M1]], %arg0
  // CHECK: %[[BELOW:.*]] = arith.mulf %[[MX]], %arg2
  // CHECK: %[[BETA:.*]] = arith.constant 5.0{{.*}}e-01
  // CHECK: %[[BX:.*]] = arith.mulf %arg0, %[[BETA]]
  // CHECK: %[[XX:.*]] = arith.mulf %arg0, %arg0
  // CHECK: %[[ABOVE:.*]] = arith.mulf %[[XX]], %arg1
  // CHECK: arith.cmpf ogt, %arg0
  // CHECK: %[[S:.*]] = arith.select %{{.*}}, %[[ABOVE]], %[[BELOW]]
  // CHECK: arith.addf %[[S]], %[[BX]]
  %p = llm.constant 0.8
  %n = llm.constant 0.7
  %11 = llm.xielu %10, %p, %n beta 0.5 eps -1.0e-6 : (tensor<?x64xf32>, tensor<f32>, tensor<f32>) -> tensor<?x64xf32>

  // CHECK: plan.kernel @map.mulf.negf.exp.addf "map"
  // CHECK-NEXT: %[[BETA:.*]] = arith.constant 1.5
  // CHECK-NEXT: %[[M:.*]] = arith.mulf %arg0, %[[BETA]]
  // CHECK: arith.divf %arg0,
  %12 = llm.act swish %11 beta 1.5 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.cmpf.select.mulf "map"
  // CHECK: %[[S:.*]] = arith.select
  // CHECK-NEXT: arith.mulf %[[S]], %[[S]]
  %13 = llm.act relu2 %12 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.mulf.mulf.mulf.addf "map"
  // CHECK: arith.constant 4.471500e-02
  // CHECK: arith.constant 0.797884583
  // CHECK: math.tanh
  %14 = llm.act gelu_tanh %13 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.mulf.erf.addf.mulf "map"
  // CHECK-NEXT: arith.constant 0.707106769
  // CHECK: math.erf
  %15 = llm.act gelu_erf %14 : tensor<?x64xf32>
  // log(1 + e^x) that does not overflow: max(x, 0) + log1p(e^-|x|)
  // CHECK: plan.kernel @map.absf.negf.exp.log1p "map"
  // CHECK: %[[L:.*]] = math.log1p
  // CHECK: %[[S:.*]] = arith.select
  // CHECK-NEXT: arith.addf %[[S]], %[[L]]
  %16 = llm.act softplus %15 : tensor<?x64xf32>
  // CHECK: math.log1p %arg0
  %17 = llm.act log1p %16 : tensor<?x64xf32>
  // CHECK: math.floor %arg0
  %18 = llm.act floor %17 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.negf.exp.addf.divf "map"
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK-NEXT: %[[ONE:.*]] = arith.constant 1.0
  // CHECK-NEXT: arith.divf %[[ONE]], %[[SUM]]
  %19 = llm.act sigmoid %18 : tensor<?x64xf32>
  // CHECK: math.tanh %arg0
  %20 = llm.act tanh %19 : tensor<?x64xf32>
  // CHECK: plan.kernel @map.negf.exp.addf.divf_{{.*}} "map"
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK-NEXT: arith.divf %arg0, %[[SUM]]
  %21 = llm.act silu %20 : tensor<?x64xf32>
  // CHECK: arith.cmpf ogt, %arg0
  // CHECK-NEXT: arith.select
  // CHECK-NEXT: plan.yield
  %22 = llm.act relu %21 : tensor<?x64xf32>
  // CHECK: math.exp %arg0
  %23 = llm.act exp %22 : tensor<?x64xf32>
  // CHECK: math.log %arg0
  %24 = llm.act log %23 : tensor<?x64xf32>
  // CHECK: math.sqrt %arg0
  %25 = llm.act sqrt %24 : tensor<?x64xf32>
  // A map is its own region.
  // CHECK: plan.kernel @map.absf.mulf "map" {inputs = 2 : i64
  // CHECK-NEXT: %[[A:.*]] = math.absf %arg0
  // CHECK-NEXT: arith.mulf %[[A]], %arg1
  %26 = llm.map %25, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%u: f32, %v: f32):
    %s = math.absf %u : f32
    %t = arith.mulf %s, %v : f32
    llm.yield %t : f32
  }
  // What is not read is not computed.
  // CHECK-NOT: plan.kernel
  %27 = llm.act tanh %26 : tensor<?x64xf32>
  %28 = llm.binary sub %26, %26 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %26 : tensor<?x64xf32>
}
