// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

llm.weight @w : tensor<64x4xf32>
llm.state @layers.tail fixed {value = [3, 64]} layers [0, 1]

// CHECK-LABEL: func.func private @layer
func.func private @layer(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = llm.use @w : tensor<64x4xf32>
  // CHECK: llm.causal_conv %{{.*}}, %{{.*}} in @layers.tail[%{{.*}}] for %{{.*}} fn{{ +}}silu :
  %y = llm.causal_conv %x, %w in @layers.tail[%l] for %b fn silu : (tensor<?x64xf32>, tensor<64x4xf32>, index, !llm.batch) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

llm.weight @w : tensor<64x4xf32>
// expected-note @below {{the state is declared here}}
llm.state @tail fixed {value = [4, 64]}
func.func private @rows(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x4xf32>
  // expected-error @below {{expected '@tail' to be of shape [3, 64], the rows in front of a step, found [4, 64]}}
  %y = llm.causal_conv %x, %w in @tail for %b : (tensor<?x64xf32>, tensor<64x4xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<64x1xf32>
llm.state @tail fixed {value = [1, 64]}
func.func private @kernel(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x1xf32>
  // expected-error @below {{expected a kernel of at least 2 rows}}
  %y = llm.causal_conv %x, %w in @tail for %b : (tensor<?x64xf32>, tensor<64x1xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}
