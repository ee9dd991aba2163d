// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

llm.state @layers.m fixed {value = [4, 16, 8]} layers [0, 1]
llm.state @layers.sums fixed {value = [3, 64]} layers [0, 1] init -1.0e+30

// CHECK-LABEL: func.func private @layer
func.func private @layer(%l: index, %b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>, %d: tensor<?x4x1xf32>, %u: tensor<4x16xf32>, %x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // CHECK: llm.linear_attention %{{.*}}, %{{.*}}, %{{.*}} in @layers.m[%{{.*}}] for %{{.*}} :
  %0 = llm.linear_attention %k, %k, %v in @layers.m[%l] for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, index, !llm.batch) -> tensor<?x4x8xf32>
  // CHECK: llm.linear_attention %{{.*}}, %{{.*}}, %{{.*}} decay %{{.*}} bonus %{{.*}} read %{{.*}} write %{{.*}} in @layers.m[%{{.*}}] for
  %1 = llm.linear_attention %k, %k, %v decay %d bonus %u read %k write %k in @layers.m[%l] for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, tensor<?x4x1xf32>, tensor<4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x16xf32>, index, !llm.batch) -> tensor<?x4x8xf32>
  // CHECK: llm.decaying_mean %{{.*}}, %{{.*}} decay %{{.*}} in @layers.sums[%{{.*}}] for
  %2 = llm.decaying_mean %x, %x decay %w in @layers.sums[%l] for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, index, !llm.batch) -> tensor<?x64xf32>
  // CHECK: llm.decaying_mean %{{.*}}, %{{.*}} decay %{{.*}} bonus %{{.*}} in
  %3 = llm.decaying_mean %x, %x decay %w bonus %w in @layers.sums[%l] for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, index, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @m fixed {value = [4, 16, 8]}
func.func private @half(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>) {
  // expected-error @below {{'read' and 'write' come together}}
  %0 = llm.linear_attention %k, %k, %v write %k in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

llm.state @m fixed {value = [4, 16, 8]}
func.func private @heads(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x2x8xf32>) {
  // expected-error @below {{expected as many heads of values as of keys}}
  %0 = llm.linear_attention %k, %k, %v in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x2x8xf32>, !llm.batch) -> tensor<?x2x8xf32>
  return
}

// -----

llm.state @m fixed {value = [4, 16, 8]}
func.func private @correction(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>) {
  // expected-error @below {{expected 'write' of shape [?, 4, 16], found 'tensor<?x4x8xf32>'}}
  %0 = llm.linear_attention %k, %k, %v read %k write %v in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

llm.state @m fixed {value = [4, 16, 8]}
func.func private @decay(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>, %d: tensor<16xf32>) {
  // expected-error @below {{expected 'decay' of shape [4, 16] or [4, 1], with rows or without, found 'tensor<16xf32>'}}
  %0 = llm.linear_attention %k, %k, %v decay %d in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, tensor<16xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

llm.state @m fixed {value = [4, 16, 8]}
func.func private @bonus(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>) {
  // expected-error @below {{expected 'bonus' of shape [4, 16] or [4, 1], without rows, found 'tensor<?x4x16xf32>'}}
  %0 = llm.linear_attention %k, %k, %v bonus %k in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, tensor<?x4x16xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @m fixed {value = [4, 8, 16]}
func.func private @shape(%b: !llm.batch, %k: tensor<?x4x16xf32>, %v: tensor<?x4x8xf32>) {
  // expected-error @below {{expected '@m' to be of shape [4, 16, 8], heads, keys and values, found [4, 8, 16]}}
  %0 = llm.linear_attention %k, %k, %v in @m for %b : (tensor<?x4x16xf32>, tensor<?x4x16xf32>, tensor<?x4x8xf32>, !llm.batch) -> tensor<?x4x8xf32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @sums fixed {value = [3, 64]}
func.func private @begin(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected '@sums' to begin at a number far below every key, as -1.0e+30}}
  %0 = llm.decaying_mean %x, %x decay %w in @sums for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.state @sums fixed {value = [3, 64]} init -1.0e+30
func.func private @channels(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<1xf32>) {
  // expected-error @below {{expected 'decay' of shape [64], found 'tensor<1xf32>'}}
  %0 = llm.decaying_mean %x, %x decay %w in @sums for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<1xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

// expected-note @below {{the state is declared here}}
llm.state @sums fixed {value = [2, 64]} init -1.0e+30
func.func private @two(%b: !llm.batch, %x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{expected '@sums' to be of shape [3, 64], two sums and an exponent for each channel, found [2, 64]}}
  %0 = llm.decaying_mean %x, %x decay %w in @sums for %b : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}
