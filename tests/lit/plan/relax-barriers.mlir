// RUN: sluice-opt %s --plan-relax-barriers | FileCheck %s

plan.kernel @f "norm" {} (x) -> (y) dims (N)
plan.kernel @append "append" {} (x) -> (cache) dims (N)
plan.state @kv cache {k = [1, 4], v = [1, 4]} f32 bytes 2048
plan.weight @w f32 panel [64, 64] of ["w"]

// CHECK-LABEL: plan.program @independent
// CHECK: dispatch @f(x = %x) -> (y = %a) {{.*}} nowait
// CHECK: dispatch @f(x = %x) -> (y = %b) {{.*}} nowait
// CHECK: dispatch @append(x = %x) {{.*}} rows tokens{{$}}
// %c is made of %a, which may still be written.
// CHECK: dispatch @f(x = %a) -> (y = %c) {{.*}} rows tokens{{$}}
plan.program @independent for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %b) dims {N = 64} rows tokens
  dispatch @append(x = %x) -> (cache = @kv[0]) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %c) dims {N = 64} rows tokens
}

// The second write to %a has to wait for the read of the first.
// CHECK-LABEL: plan.program @overwritten
// CHECK: dispatch @f(x = %x) -> (y = %a) {{.*}} rows tokens{{$}}
// CHECK: dispatch @f(x = %a) -> (y = %b) {{.*}} rows tokens{{$}}
// CHECK: dispatch @f(x = %x) -> (y = %a) {{.*}} rows tokens{{$}}
plan.program @overwritten for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
}

// The library's products stand alone.
// CHECK-LABEL: plan.program @library
// CHECK-NOT: nowait
plan.program @library for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  matmul @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %b) dims {N = 64} rows tokens
}
