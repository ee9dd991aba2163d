// RUN: sluice-opt %s --plan-relax-barriers | FileCheck %s

plan.kernel @f "norm" {} (x) -> (y) dims (N)
plan.kernel @append "append" {} (x) -> (cache) dims (N)
plan.state @kv cache {k = [1, 4], v = [1, 4]} f32 bytes 10240
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

// A step waits for whatever may still run, however long ago it began.
// CHECK-LABEL: plan.program @still_running
// CHECK: dispatch @f(x = %x) -> (y = %a) {{.*}} nowait
// CHECK: dispatch @f(x = %x) -> (y = %b) {{.*}} nowait
// CHECK: dispatch @f(x = %x) -> (y = %c) {{.*}} rows tokens{{$}}
// CHECK: dispatch @f(x = %a) -> (y = %d) {{.*}} nowait
// After the barrier %b is done, too.
// CHECK: dispatch @f(x = %b) -> (y = %e) {{.*}} rows tokens{{$}}
plan.program @still_running for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  %d = buffer "d" tokens f32[64]
  %e = buffer "e" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %c) dims {N = 64} rows tokens
  dispatch @f(x = %a) -> (y = %d) dims {N = 64} rows tokens
  dispatch @f(x = %b) -> (y = %e) dims {N = 64} rows tokens
}

// Two writers of one buffer, even of other columns of it: it counts as a whole.
// CHECK-LABEL: plan.program @two_writers
// CHECK-NOT: nowait
plan.program @two_writers for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[128]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %a[64]) dims {N = 64} rows tokens
}

plan.state @other cache {k = [1, 4], v = [1, 4]} f32 bytes 10240
plan.state @layers.kv cache {k = [1, 4], v = [1, 4]} f32 bytes 10240 layers [0, 1]
plan.kernel @attend "attend" {} (q, cache) -> (y) dims (N)
plan.kernel @linear "linear" {} (x, w) -> (y) dims (N)

// A state is written and read like a buffer, all its layers as one.
// CHECK-LABEL: plan.program @states
// CHECK: dispatch @append(x = %x) -> (cache = @layers.kv[0]) {{.*}} rows tokens{{$}}
// CHECK: dispatch @attend(q = %x, cache = @layers.kv[1]) {{.*}} rows tokens{{$}}
// CHECK: dispatch @append(x = %x) -> (cache = @layers.kv[0]) {{.*}} nowait
// CHECK: dispatch @append(x = %x) -> (cache = @other[0]) {{.*}} rows tokens{{$}}
plan.program @states for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  dispatch @append(x = %x) -> (cache = @layers.kv[0]) dims {N = 64} rows tokens
  dispatch @attend(q = %x, cache = @layers.kv[1]) -> (y = %a) dims {N = 64} rows tokens
  dispatch @append(x = %x) -> (cache = @layers.kv[0]) dims {N = 64} rows tokens
  dispatch @append(x = %x) -> (cache = @other[0]) dims {N = 64} rows tokens
}

// Readers of one weight do not wait for each other.
// CHECK-LABEL: plan.program @readers
// CHECK: dispatch @linear(x = %x, w = @w[0]) -> (y = %a) {{.*}} nowait
plan.program @readers for @e tokens 1 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  dispatch @linear(x = %x, w = @w[0]) -> (y = %a) dims {N = 64} rows tokens
  dispatch @linear(x = %x, w = @w[0]) -> (y = %b) dims {N = 64} rows tokens
}

// Nor does anything run into the library's products; what was said before of
// barriers is forgotten, and nothing is left running at the end.
// CHECK-LABEL: plan.program @around_library
// CHECK-NOT: nowait
plan.program @around_library for @e tokens 9 {
  %x = input "x" f32[64]
  %a = buffer "a" tokens f32[64]
  %b = buffer "b" tokens f32[64]
  %c = buffer "c" tokens f32[64]
  dispatch @f(x = %x) -> (y = %a) dims {N = 64} rows tokens nowait
  matmul @linear(x = %x, w = @w[0]) -> (y = %b) dims {N = 64} rows tokens
  dispatch @f(x = %x) -> (y = %c) dims {N = 64} rows tokens nowait
}
