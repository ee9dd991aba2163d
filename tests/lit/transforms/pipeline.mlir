// The fusions in their order, and without some of them.
// RUN: sluice-opt %s --fusion-pipeline | FileCheck %s
// RUN: sluice-opt %s --pass-pipeline="builtin.module(fusion-pipeline{disable=merge-siblings})" | FileCheck %s --check-prefix=ALONE
// RUN: sluice-opt %s --pass-pipeline="builtin.module(fusion-pipeline{disable=fuse-swiglu,fuse-epilogue})" | FileCheck %s --check-prefix=PARTS

// Siblings merge before a norm with two readers is looked at, the unit before
// what comes behind it.
// CHECK-LABEL: func.func private @layer
// CHECK-NEXT: %[[R:.*]] = llm.fused_linear %arg1 norm <rms, {{.*}}>(%arg2) weights(%arg3, %arg4) residual %arg1 glu act silu scale 5.000000e-01 :
// CHECK-NEXT: return %[[R]]

// The unit finds its products itself, but the norm's rows are a value by then.
// ALONE-LABEL: func.func private @layer
// ALONE-NEXT: %[[N:.*]] = llm.rms_norm %arg1, %arg2
// ALONE-NEXT: %[[R:.*]] = llm.fused_linear %[[N]] weights(%arg3, %arg4) residual %arg1 glu act silu scale 5.000000e-01 :
// ALONE-NEXT: return %[[R]]

// What is left behind the product is a chain.
// PARTS-LABEL: func.func private @layer
// PARTS-NEXT: %[[P:.*]]:2 = llm.fused_linear %arg1 norm <rms, {{.*}}>(%arg2) weights(%arg3, %arg4) :
// PARTS-NEXT: llm.map
// PARTS: math.exp
func.func private @layer(%l: index, %x: tensor<?x64xf32>, %n: tensor<64xf32>, %g: tensor<64x64xf32>, %u: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %half = llm.constant 0.5
  %h = llm.rms_norm %x, %n eps 1.0e-5 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %0 = llm.linear %h, %g : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.linear %h, %u : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %a = llm.act silu %0 : tensor<?x64xf32>
  %m = llm.binary mul %a, %1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %s = llm.binary mul %m, %half : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %y = llm.binary add %x, %s : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
