// What can be said about an op of a plan alone.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{has element type 'f16', expected f32, bf16 or i32}}
plan.weight @w f16 rows [4] of ["w"]

// -----

// Only weights come in blocks.
// expected-error @below {{has element type '!llm.blocks<i8x32>', expected f32, bf16 or i32}}
plan.state @s fixed {value = [4]} !llm.blocks<i8x32> bytes 64

// -----

// expected-error @below {{has an empty list of layers}}
plan.weight @w f32 rows [4] of ["w"] layers []

// -----

// expected-error @below {{has layers that do not ascend from 0}}
plan.weight @w f32 rows [4] of ["w"] layers [2, 2]

// -----

// expected-error @below {{has layers that do not ascend from 0}}
plan.state @s fixed {value = [4]} f32 bytes 64 layers [-1, 0]

// -----

// expected-error @below {{needs a shape with positive sizes}}
plan.weight @w f32 rows [4, 0] of ["w"]

// -----

// expected-error @below {{needs either parts or a value}}
plan.weight @w f32 rows [4]

// -----

// expected-error @below {{needs either parts or a value}}
plan.weight @w f32 rows [1] of ["w"] value dense<1.0> : tensor<1xf32>

// -----

// expected-error @below {{is packed in panels, so its shape must be [N, K] or [E, N, K], found rank 1}}
plan.weight @w f32 panel [4] of ["w"]

// -----

// expected-error @below {{interleaves two parts, gate and up}}
plan.weight @w f32 panel_glu [4, 4] of ["w"]

// -----

// expected-error @below {{interleaves two parts, gate and up}}
plan.weight @w f32 vector_glu [4] of ["u", "v", "w"]

// -----

// expected-error @below {{has a value of type 'tensor<2xf32>', expected 'f32' of the stated shape}}
plan.weight @w f32 rows [1] value dense<1.0> : tensor<2xf32>

// -----

// expected-error @below {{has a value of type 'tensor<1xf32>', expected 'i32' of the stated shape}}
plan.weight @w i32 rows [1] value dense<1.0> : tensor<1xf32>

// -----

// expected-error @below {{has a value, which is stored as rows}}
plan.weight @w f32 panel [1, 1] value dense<1.0> : tensor<1x1xf32>

// -----

// expected-error @below {{has a body that does not yield one f32}}
plan.weight @w f32 rows [4] of ["a"] body(%a: f32) {
  %0 = arith.cmpf oeq, %a, %a : f32
  plan.yield %0 : i1
}

// -----

// expected-error @below {{an instance is at least 0}}
plan.weight @w f32 rows [4] of ["a"[-1]]

// -----

// expected-error @below {{needs a shape for each of its fields}}
plan.state @s fixed {} f32 bytes 64

// -----

// expected-error @below {{needs field shapes with positive sizes}}
plan.state @s fixed {value = [4, 0]} f32 bytes 64

// -----

// expected-error @below {{has 0 bytes, its fields take 64}}
plan.state @s fixed {value = [4]} f32 bytes 0

// -----

// expected-error @below {{needs field shapes with positive sizes}}
plan.state @s fixed {value = [4, 4294967296]} f32 bytes 64

// -----

// A line of memory is 64 bytes.
// expected-error @below {{has 240 bytes, its fields take 256}}
plan.state @s fixed {a = [3, 16], b = [12]} f32 bytes 240

// -----

// Rows of values are rounded up to 16 columns.
// expected-error @below {{has 4096 bytes, its fields take 10240}}
plan.state @kv cache {k = [1, 4], v = [1, 4]} f32 bytes 4096

// -----

// expected-error @below {{has 12288 bytes, its fields take 16384}}
plan.state @step transient {k = [1, 24]} f32 bytes 12288

// -----

// expected-error @below {{declares operand 'x' twice}}
plan.kernel @k "norm" {} (x) -> (x) dims (N)

// -----

// expected-error @below {{writes nothing}}
plan.kernel @k "norm" {} (x) -> () dims (N)

// -----

// expected-error @below {{has a body of 1 arguments, expected one for each of its 2 inputs}}
plan.kernel @k "map" {} (x0, x1) -> (y) dims (N) body(%a: f32) {
  plan.yield %a : f32
}

// -----

// expected-error @below {{has a body that does not yield one value per output}}
plan.kernel @k "map" {} (x0) -> (y) dims (N) body(%a: f32) {
  plan.yield %a, %a : f32, f32
}

// -----

// expected-error @below {{needs a kind and a limit for each of its inputs}}
plan.entry @e "encode" inputs {x = "rows"} limits [0, 0] outputs (rows)

// -----

// Only a source has none: it fills a state.
plan.entry @s "source" inputs {x = "rows"} limits [0] outputs ()
// expected-error @below {{has no output}}
plan.entry @e "encode" inputs {x = "rows"} limits [0] outputs ()

// -----

// expected-error @below {{has an empty range of token counts}}
plan.program @p for @e tokens 9 to 8 {
}

// -----

// expected-error @below {{has an empty range of token counts}}
plan.program @p for @e tokens 0 {
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{needs at least one column and row}}
  %b = buffer "b" tokens f32[0]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{needs at least one column and row}}
  %b = buffer "b" tokens * 0 f32[4]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{needs an offset of three terms: bytes, per token, per sequence}}
  %b = buffer "b" tokens f32[4] at [0, 64]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{needs offset terms that are multiples of 64}}
  %b = buffer "b" tokens f32[4] at [0, 32, 0]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{needs offset terms that are multiples of 64}}
  %b = buffer "b" tokens f32[4] at [-64, 0, 0]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{expected one, tokens, wanted or sequences, found 'layers'}}
  %b = buffer "b" layers f32[4]
}

// -----

plan.program @p for @e tokens 1 {
  // expected-error @below {{has rows of 12 numbers in 16 columns}}
  %b = input "b" f32[16] shape [3, 4]
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{reads columns 8 to 24 of a buffer with 16}}
  output "y" %y tokens[16] from 8
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{has other rows than its buffer: tokens * 1}}
  output "y" %y wanted[16]
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{has other rows than its buffer: tokens * 1}}
  output "y" %y tokens * 2[16]
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{writes nothing}}
  dispatch @k(x = %x) -> () dims {N = 16} rows tokens
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{takes 'x' from column 16 of a buffer with 16}}
  dispatch @k(x = %x[16]) -> (y = %y) dims {N = 16} rows tokens
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{takes 'x' from column -1 of a buffer with 16}}
  dispatch @k(x = %x[-1]) -> (y = %y) dims {N = 16} rows tokens
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{writes 'y' to an input of the entry}}
  dispatch @k(x = %y) -> (y = %x) dims {N = 16} rows tokens
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{needs a positive row factor}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16} rows tokens * 0
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{needs a positive row factor}}
  matmul @k(x = %x) -> (y = %y) dims {N = 16} rows tokens * 0
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{a dimension is given twice}}
  dispatch @k(x = %x) -> (y = %y) dims {N = 16, N = 16} rows tokens
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{needs a reference for each name}}
  "plan.dispatch"(%x, %y) <{dims = {N = 16}, kernel = @k, names = ["x", "y"], refs = [#plan.ref<@w at 0>], rows = 1 : i32, writes = 1 : i64}> : (!plan.buffer, !plan.buffer) -> ()
}

// -----

plan.program @p for @e tokens 1 {
  %x = input "x" f32[16]
  %y = buffer "y" tokens f32[16]
  // expected-error @below {{refers to 0 buffers but has 2}}
  "plan.dispatch"(%x, %y) <{dims = {N = 16}, kernel = @k, names = ["x", "y"], refs = [#plan.ref<@v at 0>, #plan.ref<@w at 0>], rows = 1 : i32, writes = 1 : i64}> : (!plan.buffer, !plan.buffer) -> ()
}
