// RUN: sluice-opt %s -split-input-file -verify-diagnostics | FileCheck %s

llm.weight @layers.w : tensor<256x64xbf16> layers [0, 1]
llm.weight @w : tensor<192x64xf32>
llm.weight @b : tensor<192xf32>
llm.state @layers.past fixed {value = [2, 64]} layers [0, 1]
llm.state @past fixed {value = [1, 64]}

// CHECK-LABEL: func.func private @layer
func.func private @layer(%l: index, %batch: !llm.batch, %x: tensor<?x256xf32>, %z: tensor<?x192xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %v = llm.use @layers.w[%l] : tensor<256x64xbf16>
  // CHECK: llm.recurrence lstm %{{.*}}, %{{.*}} in @layers.past[%{{.*}}] for %{{.*}} compute{{ +}}bf16 :
  %h = llm.recurrence lstm %x, %v in @layers.past[%l] for %batch compute bf16 : (tensor<?x256xf32>, tensor<256x64xbf16>, index, !llm.batch) -> tensor<?x64xf32>
  %w = llm.use @w : tensor<192x64xf32>
  %b = llm.use @b : tensor<192xf32>
  // CHECK: llm.recurrence gru %{{.*}}, %{{.*}} bias %{{.*}} in @past for %{{.*}} :
  %y = llm.recurrence gru %z, %w bias %b in @past for %batch : (tensor<?x192xf32>, tensor<192x64xf32>, tensor<192xf32>, !llm.batch) -> tensor<?x64xf32>
  return %h, %y : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

llm.weight @w : tensor<64x64xf32>
// expected-note @below {{the state is declared here}}
llm.state @past fixed {value = [2, 64]}
func.func private @state(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x64xf32>
  // expected-error @below {{expected '@past' to be of shape [1, 64], h of a row, found [2, 64]}}
  %y = llm.recurrence tanh %x, %w in @past for %b : (tensor<?x64xf32>, tensor<64x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<256x64xf32>
// expected-note @below {{the state is declared here}}
llm.state @past fixed {value = [64]}
func.func private @both(%b: !llm.batch, %x: tensor<?x256xf32>) {
  %w = llm.use @w : tensor<256x64xf32>
  // expected-error @below {{expected '@past' to be of shape [2, 64], h and c of a row, found [64]}}
  %y = llm.recurrence lstm %x, %w in @past for %b : (tensor<?x256xf32>, tensor<256x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<192x64xf32>
llm.state @past fixed {value = [2, 64]}
func.func private @gates(%b: !llm.batch, %x: tensor<?x192xf32>) {
  %w = llm.use @w : tensor<192x64xf32>
  // expected-error @below {{expected w of shape [4*N, N] for the cell lstm, found 'tensor<192x64xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %y = llm.recurrence lstm %x, %w in @past for %b : (tensor<?x192xf32>, tensor<192x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<192x64xf32>
llm.state @past fixed {value = [1, 64]}
func.func private @rows(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<192x64xf32>
  // expected-error @below {{expected x with 192 elements in a row for w 'tensor<192x64xf32>', found 'tensor<?x64xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %y = llm.recurrence gru %x, %w in @past for %b : (tensor<?x64xf32>, tensor<192x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<64x64xf32>
llm.weight @b : tensor<32xf32>
llm.state @past fixed {value = [1, 64]}
func.func private @bias(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x64xf32>
  %c = llm.use @b : tensor<32xf32>
  // expected-error @below {{expected 'bias' of shape [64]}}
  %y = llm.recurrence relu %x, %w bias %c in @past for %b : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<32xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}

// -----

llm.weight @w : tensor<64x64xf32>
llm.state @kv cache {k = [1, 64], v = [1, 64]}
func.func private @cache(%b: !llm.batch, %x: tensor<?x64xf32>) {
  %w = llm.use @w : tensor<64x64xf32>
  // expected-error @below {{expected '@kv' to be a fixed state}}
  %y = llm.recurrence relu %x, %w in @kv for %b : (tensor<?x64xf32>, tensor<64x64xf32>, !llm.batch) -> tensor<?x64xf32>
  return
}
