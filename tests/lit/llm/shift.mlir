// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

llm.state @layers.before fixed {value = [64]} layers [0, 1]

// CHECK-LABEL: func.func private @layer
func.func private @layer(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.shift %{{.*}} in @layers.before[%{{.*}}] for %{{.*}} : (tensor<?x64xf32>, index, !llm.batch) -> tensor<?x64xf32>
  %y = llm.shift %x in @layers.before[%l] for %b : (tensor<?x64xf32>, index, !llm.batch) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Rows of any shape, which is the state's.
llm.state @before fixed {value = [4, 16]}
func.func private @heads(%b: !llm.batch, %x: tensor<?x4x16xf32>) -> tensor<?x4x16xf32> {
  // CHECK: llm.shift %{{.*}} in @before for %{{.*}} : (tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  %y = llm.shift %x in @before for %b : (tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x16xf32>
  return %y : tensor<?x4x16xf32>
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @before fixed {value = [1, 64]}
func.func private @shape(%b: !llm.batch, %x: tensor<?x64xf32>) {
  // expected-error @below {{expected '@before' to be of shape [64], that of a row, found [1, 64]}}
  %y = llm.shift %x in @before for %b : (tensor<?x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @kv cache {k = [1, 64], v = [1, 64]}
func.func private @cache(%b: !llm.batch, %x: tensor<?x64xf32>) {
  // expected-error @below {{expected '@kv' to be a fixed state, found a cache}}
  %y = llm.shift %x in @kv for %b : (tensor<?x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}
