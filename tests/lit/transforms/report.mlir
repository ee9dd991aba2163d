// What a report says of places: the innermost file, the name in the spec, and
// the op that stood in the way; each miss once, and none where the pass fired.
// RUN: sluice-opt %s --fuse-epilogue=report -o /dev/null 2>&1 | FileCheck %s

// CHECK: fuse-epilogue: fused at a.yaml:3:5 (layer/act): activation into the product
// CHECK-NEXT: fuse-epilogue: not fused at a.yaml:7:5 (layer/late): the product's result is also read here (b.yaml:1:2 (other/reader))
// CHECK-NEXT: fuse-epilogue: not fused at {{.*}}report.mlir:[[#@LINE+12]]:8: this function is not an epilogue ({{.*}}report.mlir:[[#@LINE+11]]:8)
// CHECK-NEXT: fuse-epilogue: not fused at unknown place: this function is not an epilogue
// CHECK-NOT: fuse-epilogue
func.func private @layer(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  // Fused places name the first that is known.
  %0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = llm.act silu %0 : tensor<?x64xf32> loc(fused[unknown, "layer/act"("a.yaml":3:5), "a.yaml":4:5])
  // A call names what is called.
  %2 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %3 = llm.act silu %2 : tensor<?x64xf32> loc(callsite("layer/late"("a.yaml":7:5) at "a.yaml":9:5))
  %4 = llm.softmax %2 : tensor<?x64xf32> loc("other/reader"("b.yaml":1:2))
  %5 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %6 = llm.act exp %5 : tensor<?x64xf32>
  %7 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %8 = llm.act exp %7 : tensor<?x64xf32> loc(unknown)
  return %1, %3, %4, %6, %8 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
