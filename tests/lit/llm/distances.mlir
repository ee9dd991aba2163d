// Scores by distance, caches that are full of zeros, parts of tables.
// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK: llm.state @kv{{ +}}cache {k = [2, 16], v = [2, 16]} layers [0, 1] keep 10 full
llm.state @kv cache {k = [2, 16], v = [2, 16]} layers [0, 1] keep 10 full
// CHECK: llm.distance_bias %{{.*}} : (tensor<?x4x7xf32>) -> !llm.bias<4>
// CHECK: llm.embedding %{{.*}}, %{{.*}} from 50 of 70 : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
// CHECK: llm.log_softmax %{{.*}} : tensor<?x16xf32>
func.func private @forms(%x: tensor<?x4x7xf32>, %ids: tensor<?xi32>, %w: tensor<9x16xf32>) -> tensor<?x16xf32> {
  %s = llm.distance_bias %x : (tensor<?x4x7xf32>) -> !llm.bias<4>
  %e = llm.embedding %ids, %w from 50 of 70 : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  %p = llm.log_softmax %e : tensor<?x16xf32>
  return %p : tensor<?x16xf32>
}

// -----

func.func private @no_distance(%x: tensor<?x4x0xf32>) {
  // expected-error @below {{operand #0 must be f32 rows of heads, tensor<?xHxDxf32>, but got 'tensor<?x4x0xf32>'}}
  %s = llm.distance_bias %x : (tensor<?x4x0xf32>) -> !llm.bias<4>
  return
}

// -----

func.func private @before_the_first(%ids: tensor<?xi32>, %w: tensor<9x16xf32>) {
  // expected-error @below {{expected a part of a table: rows -3 to 5 of 70}}
  // expected-error @below {{failed to infer returned types}}
  %e = llm.embedding %ids, %w from -3 of 70 : (tensor<?xi32>, tensor<9x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

// expected-error @below {{'full' is for caches that say how many rows they 'keep', and not with 'once'}}
llm.state @kv cache {k = [2, 16], v = [2, 16]} full

// -----

// expected-error @below {{'full' is for caches that say how many rows they 'keep', and not with 'once'}}
llm.state @kv cache {k = [2, 16], v = [2, 16]} keep 10 full once

// -----

// expected-error @below {{'full' is for caches that say how many rows they 'keep', and not with 'once'}}
llm.state @tail fixed {value = [2, 16]} keep 10 full
