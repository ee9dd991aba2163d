// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

llm.state @layers.part fixed {value = [2]} layers [0, 1]

// CHECK-LABEL: func.func private @layer
func.func private @layer(%l: index, %b: !llm.batch, %ids: tensor<?xi32>) -> tensor<?xi32> {
  // CHECK: llm.equals %{{.*}} value 7 : tensor<?xi32>
  %e = llm.equals %ids value 7 : tensor<?xi32>
  // CHECK: llm.start_after %{{.*}} in @layers.part[%{{.*}}] for %{{.*}} : (tensor<?xi32>, index, !llm.batch) -> tensor<?xi32>
  %m = llm.start_after %e in @layers.part[%l] for %b : (tensor<?xi32>, index, !llm.batch) -> tensor<?xi32>
  return %m : tensor<?xi32>
}

// -----

// CHECK-LABEL: func.func private @positive
func.func private @positive(%x: tensor<?x1xf32>) -> tensor<?xi32> {
  // CHECK: llm.positive %{{.*}} : (tensor<?x1xf32>) -> tensor<?xi32>
  %m = llm.positive %x : (tensor<?x1xf32>) -> tensor<?xi32>
  return %m : tensor<?xi32>
}

// -----

func.func private @wide(%x: tensor<?x3xf32>) {
  // expected-error @below {{expected one number per row, found 'tensor<?x3xf32>'}}
  %m = llm.positive %x : (tensor<?x3xf32>) -> tensor<?xi32>
  return
}

// -----

func.func private @negative(%ids: tensor<?xi32>) {
  // expected-error @below {{expected 'value' from 0 to 2147483647, found -1}}
  %e = llm.equals %ids value -1 : tensor<?xi32>
  return
}

// -----

func.func private @large(%ids: tensor<?xi32>) {
  // expected-error @below {{expected 'value' from 0 to 2147483647, found 2147483648}}
  %e = llm.equals %ids value 2147483648 : tensor<?xi32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @part fixed {value = [3]}
func.func private @shape(%b: !llm.batch, %ids: tensor<?xi32>) {
  // expected-error @below {{expected '@part' to be of shape [2], two ints, found [3]}}
  %m = llm.start_after %ids in @part for %b : (tensor<?xi32>, !llm.batch) -> tensor<?xi32>
  return
}

// -----

llm.state @part fixed {value = [2]} init 1.0
func.func private @init(%b: !llm.batch, %ids: tensor<?xi32>) {
  // expected-error @below {{expected '@part' to begin with 0, found 1.0}}
  %m = llm.start_after %ids in @part for %b : (tensor<?xi32>, !llm.batch) -> tensor<?xi32>
  return
}
