// RUN: not sluice-opt %s --evaluate="steps=q=1,2" 2>&1 | FileCheck %s

// CHECK: errors.mlir:[[#@LINE+1]]:1: error: entry 'encode' takes rows of 'f32' as 'q', which cannot be given for an evaluation; only integers can
func.func @encode(%b: !llm.batch, %q: tensor<?x12xf32> {llm.name = "q", llm.input = "rows"}) -> (tensor<?x12xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  return %q : tensor<?x12xf32>
}
