// The same numbers at every stage, each result with its place in the YAML.
// RUN: sluice-opt %s --evaluate="steps={0,2;1|@1 3} seed=5" -o /dev/null > %t.model
// RUN: sluice-opt %s --fusion-pipeline --evaluate="steps={0,2;1|@1 3} seed=5" -o /dev/null | diff %t.model -
// RUN: sluice-opt %s --fusion-pipeline --decompose-fused --evaluate="steps={0,2;1|@1 3} seed=5" -o /dev/null | diff %t.model -
// RUN: FileCheck %s < %t.model
// RUN: sluice-opt %s --fusion-pipeline --evaluate="steps=0,2 trace" -o /dev/null | FileCheck %s --check-prefix=TRACE
// RUN: not sluice-opt %s --evaluate="steps=0,9" -o /dev/null 2>&1 | FileCheck %s --check-prefix=ERROR

// CHECK: {"steps": [
// CHECK-NEXT: {"entry": "generate", "outputs": [
// CHECK-NEXT: {"name": "logits", "shape": [3, 4], "data": [{{.*}}]}]},
// CHECK-NEXT: {"entry": "generate", "outputs": [
// CHECK-NEXT: {"name": "logits", "shape": [1, 4], "data": [{{.*}}]}]}]}

// TRACE: {"op": "llm.embedding", "result": 0, "layer": -1, "path": "generate/x", "at": ["a.yaml:7:3"], "shape": [2, 6]
// TRACE: {"op": "llm.fused_linear", "result": 0, "layer": 0, "path": "layer/h", "at": ["a.yaml:11:3","a.yaml:12:3"], "shape": [2, 8]
// TRACE: {"op": "llm.fused_linear", "result": 0, "layer": 1,

// ERROR: a.yaml:7:3: error: row 1 has id 9, the table 4 rows

llm.weight @embed : tensor<4x6xf32>
llm.weight @layers.up : tensor<8x6xf32> layers [0, 1]
llm.weight @layers.down : tensor<6x8xbf16> layers [0, 1]
llm.state @layers.kv cache {k = [3, 2], v = [3, 2]} layers [0, 1]

func.func private @layer(%l: index, %b: !llm.batch, %x: tensor<?x6xf32>, %pos: tensor<?xi32>, %f: tensor<1xf32>) -> tensor<?x6xf32> {
  %h = llm.reshape %x to [3, 2] : (tensor<?x6xf32>) -> tensor<?x3x2xf32>
  %q = llm.rope half %h, %pos, %f : (tensor<?x3x2xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x3x2xf32>
  %c = llm.append @layers.kv[%l] (%q, %h) for %b : tensor<?x3x2xf32>, tensor<?x3x2xf32>
  %a = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 5.0 : (tensor<?x3x2xf32>, !llm.cache, !llm.batch) -> tensor<?x3x2xf32>
  %r = llm.reshape %a to [6] : (tensor<?x3x2xf32>) -> tensor<?x6xf32>
  %n = llm.rms_norm %r eps 1.0e-5 : (tensor<?x6xf32>) -> tensor<?x6xf32> loc("layer/h"("a.yaml":11:3))
  %w1 = llm.use @layers.up[%l] : tensor<8x6xf32>
  %u = llm.linear %n, %w1 : (tensor<?x6xf32>, tensor<8x6xf32>) -> tensor<?x8xf32> loc("layer/h"("a.yaml":12:3))
  %w2 = llm.use @layers.down[%l] : tensor<6x8xbf16>
  %d = llm.linear %u, %w2 compute bf16 : (tensor<?x8xf32>, tensor<6x8xbf16>) -> tensor<?x6xf32>
  %y = llm.binary add %x, %d : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

func.func @generate(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x4xf32> {llm.name = "logits"}) attributes {llm.entry = "generate"} {
  %f = llm.rope_freqs 2 theta 10000.0 : tensor<1xf32>
  %e = llm.use @embed : tensor<4x6xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<4x6xf32>) -> tensor<?x6xf32> loc("generate/x"("a.yaml":7:3))
  %l0 = arith.constant 0 : index
  %x0 = call @layer(%l0, %b, %x, %pos, %f) : (index, !llm.batch, tensor<?x6xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x6xf32>
  %l1 = arith.constant 1 : index
  %x1 = call @layer(%l1, %b, %x0, %pos, %f) : (index, !llm.batch, tensor<?x6xf32>, tensor<?xi32>, tensor<1xf32>) -> tensor<?x6xf32>
  %h = llm.linear %x1, %e : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  %y = llm.wanted_rows %h for %b : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
