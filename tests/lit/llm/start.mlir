// RUN: sluice-opt %s -split-input-file -verify-diagnostics

// A weight for each layer, or one for all.
llm.weight @layers.w : tensor<4x8xbf16> layers [0, 1, 2]
llm.weight @w : tensor<4x8xf32>
llm.state @layers.a fixed {value = [4, 8]} layers [0, 2] init @layers.w
llm.state @layers.b fixed {value = [4, 8]} layers [0, 2] init @w
llm.state @c fixed {value = [4, 8]} init @w

// -----

// expected-note @below {{the weight is declared here}}
llm.weight @w : tensor<8x4xf32>
// expected-error @below {{expected '@w', which it begins with, to be of shape [4, 8], found [8, 4]}}
llm.state @s fixed {value = [4, 8]} init @w

// -----

// expected-note @below {{the weight is declared here}}
llm.weight @layers.w : tensor<4x8xf32> layers [0, 1]
// expected-error @below {{expected '@layers.w', which it begins with, to have its layers or none}}
llm.state @layers.s fixed {value = [4, 8]} layers [1, 2] init @layers.w

// -----

// expected-error @below {{no symbol is named '@w'}}
llm.state @s fixed {value = [4, 8]} init @w

// -----

llm.weight @w : tensor<2x16xf32>
// expected-error @below {{'init' is for fixed states, a cache starts empty}}
llm.state @s cache {k = [2, 16], v = [2, 16]} init @w
