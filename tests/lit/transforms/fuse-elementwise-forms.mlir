// What a chain may hold, and where it ends.
// RUN: sluice-opt %s --fuse-elementwise=report -o - 2>&1 | FileCheck %s

// CHECK-DAG: fuse-elementwise: not fused at (widens): the value between is broadcast (
// CHECK-DAG: fuse-elementwise: not fused at (tail): the value between is also read here (

// Every elementwise op on rows joins; numbers become constants of the body, and
// a value that is read twice is one argument.
// CHECK-LABEL: func.func private @all
// CHECK-NEXT: %[[M:.*]] = llm.map %arg0, %arg1 : (tensor<?x64xf32>, tensor<64xbf16>) -> tensor<?x64xf32> {
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32):
// CHECK: arith.subf %[[W]], %[[X]]
// CHECK: arith.constant 3.000000e+01
// CHECK: math.tanh
// CHECK: arith.truncf {{.*}} to bf16
// CHECK: arith.constant 2.000000e+00
// CHECK: math.absf
// CHECK: %[[L:.*]] = arith.addf
// CHECK-NEXT: %[[S:.*]] = arith.mulf %[[L]], %[[L]]
// CHECK-NEXT: llm.yield %[[S]]
// CHECK: return %[[M]]
func.func private @all(%x: tensor<?x64xf32>, %w: tensor<64xbf16>) -> tensor<?x64xf32> {
  %two = llm.constant 2.0
  %0 = llm.lerp %x, %w by %two : (tensor<?x64xf32>, tensor<64xbf16>, tensor<f32>) -> tensor<?x64xf32>
  %1 = llm.softcap %0 limit 30.0 : tensor<?x64xf32>
  llm.tap %1 "gone" : tensor<?x64xf32>
  %2 = llm.round %1 to bf16 : tensor<?x64xf32>
  %3 = llm.binary max %2, %two : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xf32>
  %4 = llm.map %3, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%a: f32, %b: f32):
    %r = math.absf %a : f32
    %s = arith.addf %r, %b : f32
    llm.yield %s : f32
  }
  %5 = llm.binary mul %4, %4 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %5 : tensor<?x64xf32>
}

// Two chains that meet are one; either operand may be the value between.
// CHECK-LABEL: func.func private @meeting
// CHECK-NEXT: %[[M:.*]] = llm.map %arg1, %arg0 :
// CHECK-NEXT: ^bb0(%[[Y:.*]]: f32, %[[X:.*]]: f32):
// CHECK-DAG: %[[EX:.*]] = math.exp %[[X]]
// CHECK-DAG: %[[EY:.*]] = math.exp %[[Y]]
// CHECK: arith.subf %[[EX]], %[[EY]]
// CHECK: return %[[M]]
func.func private @meeting(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = llm.act exp %x : tensor<?x64xf32>
  %1 = llm.act exp %y : tensor<?x64xf32>
  %2 = llm.binary sub %0, %1 : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// A chain ends at a value that is stored anyway, at one that would be computed
// once per channel, and at ops that see a whole row.
// CHECK-LABEL: func.func private @ends
// CHECK-NEXT: %[[E:.*]] = llm.act exp %arg0
// CHECK-NEXT: %[[T:.*]] = llm.act tanh %[[E]]
// CHECK-NEXT: %[[S:.*]] = llm.act sigmoid %arg1
// CHECK-NEXT: %[[W:.*]] = llm.binary add %arg0, %[[S]]
// CHECK-NEXT: %[[N:.*]] = llm.softmax %[[W]]
// CHECK-NEXT: %[[R:.*]] = llm.act relu %[[N]]
// CHECK-NEXT: return %[[E]], %[[T]], %[[R]]
func.func private @ends(%x: tensor<?x4x16xf32>, %h: tensor<?x4x1xf32>) -> (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>) {
  %0 = llm.act exp %x : tensor<?x4x16xf32>
  %1 = llm.act tanh %0 : tensor<?x4x16xf32> loc("tail")
  %2 = llm.act sigmoid %h : tensor<?x4x1xf32>
  %3 = llm.binary add %x, %2 : (tensor<?x4x16xf32>, tensor<?x4x1xf32>) -> tensor<?x4x16xf32> loc("widens")
  %4 = llm.softmax %3 : tensor<?x4x16xf32>
  %5 = llm.act relu %4 : tensor<?x4x16xf32>
  return %0, %1, %5 : tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>
}
