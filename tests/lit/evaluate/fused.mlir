// Fused ops, evaluated by their own definition, give what their parts give.
// RUN: sluice-opt %s --evaluate="steps={0,1,2;4,3} seed=3" -o /dev/null > %t.fused
// RUN: sluice-opt %s --decompose-fused --evaluate="steps={0,1,2;4,3} seed=3" -o /dev/null | diff %t.fused -
// RUN: sluice-opt %s --decompose-fused | FileCheck %s

// CHECK-NOT: llm.fused

llm.weight @x : tensor<5x6xf32>
llm.weight @n : tensor<6xf32>
llm.weight @n.bias : tensor<6xf32>
llm.weight @w : tensor<6x6xf32>
llm.weight @v : tensor<6x6xbf16>
llm.weight @w.bias : tensor<6xf32>
llm.weight @heads : tensor<3x2xf32>
llm.weight @sinks : tensor<3xf32>
llm.weight @router : tensor<4x6xf32>
llm.weight @router.bias : tensor<4xf32>
llm.weight @gate : tensor<4x5x6xf32>
llm.weight @up : tensor<4x5x6xf32>
llm.weight @down : tensor<4x6x5xf32>
llm.weight @gate.bias : tensor<4x5xf32>
llm.weight @up.bias : tensor<4x5xf32>
llm.weight @down.bias : tensor<4x6xf32>

func.func @e(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x6xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  %e = llm.use @x : tensor<5x6xf32>
  %small = llm.embedding %ids, %e : (tensor<?xi32>, tensor<5x6xf32>) -> tensor<?x6xf32>
  %c = llm.constant 50.0
  %x = llm.binary mul %small, %c : (tensor<?x6xf32>, tensor<f32>) -> tensor<?x6xf32>
  %n = llm.use @n : tensor<6xf32>
  %nb = llm.use @n.bias : tensor<6xf32>
  %w = llm.use @w : tensor<6x6xf32>
  %v = llm.use @v : tensor<6x6xbf16>
  %wb = llm.use @w.bias : tensor<6xf32>
  %p0 = llm.fused_linear %x norm <layer, 1.0e-3 : f32>(%n, %nb) weights(%w) bias(%wb) residual %x act swish beta 1.5 scale 3.0 cap 2.0 : (tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6x6xf32>, tensor<6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
  %p1 = llm.fused_linear %p0 weights(%v, %v) compute bf16 glu act gelu_erf gate_max 1.0e-2 up_limit 2.0e-2 up_add 1.0 scale 40.0 : (tensor<?x6xf32>, tensor<6x6xbf16>, tensor<6x6xbf16>) -> tensor<?x6xf32>
  %q, %k = llm.fused_linear %p1 norm <rms, 1.0e-3 : f32> weights(%w, %w) bias(%wb, %nb) : (tensor<?x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>, tensor<6xf32>, tensor<6xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  %f = llm.rope_freqs 2 theta 10.0 : tensor<1xf32>
  %t = llm.rope_table %pos, %f amplitude 1.5 : (tensor<?xi32>, tensor<1xf32>) -> tensor<?x2x1xf32>
  %h = llm.use @heads : tensor<3x2xf32>
  %s = llm.use @sinks : tensor<3xf32>
  %a = llm.alibi 3
  %a0 = llm.fused_attention %q, %k, %x heads 3, 3 for %b qk_norm <rms, 1.0e-3 : f32> q_norm %h k_norm %h norm_after_rope rope adjacent %t mask [#llm.mask<window, 2>] scale 5.0 cap 3.0 sinks %s bias %a : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x6xf32>, !llm.batch, tensor<?x2x1xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<3xf32>, !llm.bias<3>) -> tensor<?x6xf32>
  %r = llm.use @router : tensor<4x6xf32>
  %rb = llm.use @router.bias : tensor<4xf32>
  %x1, %i1, %w1 = llm.fused_router %a0 norm <rms, 1.0e-3 : f32>(%n) weights(%r) bias %rb correction %rb sigmoid score_first top 3 normalize 1.0e-2 scale 2.0 : (tensor<?x6xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x6xf32>, tensor<?x3xi32>, tensor<?x3xf32>)
  %x2, %i2, %w2 = llm.fused_router %a0 weights(%r) softmax top_first top 2 : (tensor<?x6xf32>, tensor<4x6xf32>) -> (tensor<?x6xf32>, tensor<?x2xi32>, tensor<?x2xf32>)
  %g = llm.use @gate : tensor<4x5x6xf32>
  %u = llm.use @up : tensor<4x5x6xf32>
  %d = llm.use @down : tensor<4x6x5xf32>
  %gb = llm.use @gate.bias : tensor<4x5xf32>
  %ub = llm.use @up.bias : tensor<4x5xf32>
  %db = llm.use @down.bias : tensor<4x6xf32>
  %y1 = llm.fused_experts %x1 at %i1 weight %w1 first(%g, %u) bias(%gb, %ub) down(%d) down_bias %db residual %x2 glu act silu gate_max 1.0 up_limit 0.5 up_add 1.0 : (tensor<?x6xf32>, tensor<?x3xi32>, tensor<?x3xf32>, tensor<4x5x6xf32>, tensor<4x5x6xf32>, tensor<4x6x5xf32>, tensor<4x5xf32>, tensor<4x5xf32>, tensor<4x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
  %y2 = llm.fused_experts %x2 at %i2 weight %w2 first(%g) down(%d) act relu scale_input : (tensor<?x6xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x5x6xf32>, tensor<4x6x5xf32>) -> tensor<?x6xf32>
  %y = llm.binary add %y1, %y2 : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
