// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK: llm.weight @w : tensor<48x64x!llm.blocks<i8x32>>
llm.weight @w : tensor<48x64x!llm.blocks<i8x32>>

// CHECK-LABEL: func.func private @product
func.func private @product(%x: tensor<?x64xf32>) -> tensor<?x48xf32> {
  %w = llm.use @w : tensor<48x64x!llm.blocks<i8x32>>
  %y = llm.linear %x, %w : (tensor<?x64xf32>, tensor<48x64x!llm.blocks<i8x32>>) -> tensor<?x48xf32>
  // CHECK: llm.linear %{{.*}}, %{{.*}} compute i8 :
  %z = llm.linear %x, %w compute i8 : (tensor<?x64xf32>, tensor<48x64x!llm.blocks<i8x32>>) -> tensor<?x48xf32>
  return %z : tensor<?x48xf32>
}

// -----

// expected-error @below {{'bf16' is no block format}}
llm.weight @w : tensor<48x64x!llm.blocks<bf16>>
