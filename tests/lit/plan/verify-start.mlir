// RUN: sluice-opt %s --verify-plan -split-input-file -verify-diagnostics

plan.weight @w f32 rows [2, 8] of ["w"] layers [0, 1]
plan.state @s fixed {value = [2, 8]} f32 bytes 64 layers [1] {init = @w}

// -----

// expected-note @below {{the weight is declared here}}
plan.weight @w f32 rows [8, 2] of ["w"]
// expected-error @below {{begins with @w, which is not its f32 in order}}
plan.state @s fixed {value = [2, 8]} f32 bytes 64 {init = @w}

// -----

// expected-note @below {{the weight is declared here}}
plan.weight @w f32 rows [2, 8] of ["w"] layers [0, 1]
// expected-error @below {{begins with @w, which is not its f32 in order}}
plan.state @s fixed {value = [2, 8]} f32 bytes 64 layers [1, 2] {init = @w}

// -----

// expected-error @below {{cannot begin with @w}}
plan.state @s fixed {value = [2, 8]} f32 bytes 64 {init = @w}
