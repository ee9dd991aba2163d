// RUN: sluice-opt %s --lower-to-plan --verify-plan -split-input-file -verify-diagnostics | FileCheck %s

// A row and a slot take whole lines of 64 bytes.
// CHECK-DAG: plan.state @before fixed {value = [2, 10]} f32 bytes 128
// CHECK-DAG: plan.kernel @shift "shift" {} (x) -> (y, state)
llm.state @before fixed {value = [2, 10]}

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %x: tensor<?x40xf32> {llm.name = "x", llm.input = "rows"})
    -> (tensor<?x2x10xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %s = llm.slice %x from 16 size 20 : (tensor<?x40xf32>) -> tensor<?x20xf32>
  %h = llm.reshape %s to [2, 10] : (tensor<?x20xf32>) -> tensor<?x2x10xf32>
  // The columns are read where they lie.
  // CHECK: dispatch @shift(x = %x[16]) -> (y = %{{.*}}, state = @before[0]) dims {N = 20, x.stride = 40, y.stride = 32} rows tokens{{$}}
  %y = llm.shift %h in @before for %b : (tensor<?x2x10xf32>, !llm.batch) -> tensor<?x2x10xf32>
  return %y : tensor<?x2x10xf32>
}

// -----

llm.state @before fixed {value = [16]}
func.func @encode(%b: !llm.batch, %x: tensor<?x16xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x16xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %p = llm.pool_rows mean %x for %b : tensor<?x16xf32>
  // expected-error @below {{'llm.shift' takes one row per token, found sequences}}
  %y = llm.shift %p in @before for %b : (tensor<?x16xf32>, !llm.batch) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
