// What a kernel asks of its attributes, and how it states what it takes.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics --verify-plan

// expected-error @below {{has the outputs (z), its kind has (y)}}
plan.kernel @k "convert" {} (x) -> (z) dims (N, x.stride, y.stride)

// -----

// Dims are passed by their place.
// expected-error @below {{has the dims (x.stride, y.stride), its kind has (N, x.stride, y.stride)}}
plan.kernel @k "convert" {} (x) -> (y) dims (x.stride, y.stride)

// -----

// expected-error @below {{kernel kind 'norm' needs the attribute 'eps'}}
plan.kernel @k "norm" {kind = "rms"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel kind 'convert' has no attribute 'eps'}}
plan.kernel @k "convert" {eps = 1.0 : f32} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel attribute 'weight' is a flag, found 1 : i64}}
plan.kernel @k "norm" {eps = 1.0 : f32, kind = "rms", weight = 1 : i64} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel attribute 'eps' is a float, found 1 : i64}}
plan.kernel @k "norm" {eps = 1 : i64, kind = "rms"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel attribute 'inputs' is an integer, found true}}
plan.kernel @k "map" {inputs = true} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel attribute 'kind' is one of rms, layer, l2; found "max"}}
plan.kernel @k "norm" {eps = 1.0 : f32, kind = "max"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{kernel attribute 'splat' is a text; found 0 : i64}}
plan.kernel @k "map" {inputs = 1 : i64, splat = 0 : i64} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{map takes 1 to 16 inputs, found 0}}
plan.kernel @k "map" {inputs = 0 : i64} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{map attribute 'splat' is a 0 or 1 for each of 2 inputs, found '0'}}
plan.kernel @k "map" {inputs = 2 : i64, splat = "0"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{map attribute 'splat' is a 0 or 1 for each of 2 inputs, found '02'}}
plan.kernel @k "map" {inputs = 2 : i64, splat = "02"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{attend needs a head_dim and a value_dim of at least 1}}
plan.kernel @k "attend" {head_dim = 16 : i64, value_dim = 0 : i64} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{prepare has a norm weight but no norm}}
plan.kernel @k "prepare" {k_norm} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{linear computes in bf16 only with bf16 weights}}
plan.kernel @k "linear" {compute = "bf16", weight = "f32"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{linear with rows of bf16 computes in bf16}}
plan.kernel @k "linear" {compute = "f32", input = "bf16", weight = "bf16"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{linear normalises rows of f32 only}}
plan.kernel @k "linear" {compute = "bf16", eps = 1.0 : f32, input = "bf16", norm = "rms", weight = "bf16"} (x) -> (y) dims (N, x.stride, y.stride)

// -----

// expected-error @below {{linear has a norm weight or bias but no norm}}
plan.kernel @k "linear" {compute = "f32", norm_weight, weight = "f32"} (x) -> (y) dims (N, x.stride, y.stride)
