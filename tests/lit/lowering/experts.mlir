// RUN: sluice-opt %s --lower-to-plan | FileCheck %s

llm.weight @embed : tensor<9x64xf32>
llm.weight @router : tensor<4x64xf32>
llm.weight @gate : tensor<4x32x64xbf16>
llm.weight @up : tensor<4x32x64xbf16>
llm.weight @up.bias : tensor<4x32xbf16>
llm.weight @gate.bias : tensor<4x32xbf16>
llm.weight @down : tensor<4x64x32xbf16>

// CHECK: plan.weight @gate_up bf16 panel_glu [4, 64, 64] of ["gate", "up"]
// CHECK: plan.weight @gate.bias_bias f32 vector_glu [4, 64] of ["gate.bias", "up.bias"]

// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x64xf32> {llm.name = "rows"}) attributes {llm.entry = "encode"} {
  %e = llm.use @embed : tensor<9x64xf32>
  %x = llm.embedding %ids, %e : (tensor<?xi32>, tensor<9x64xf32>) -> tensor<?x64xf32> loc("x")
  %wr = llm.use @router : tensor<4x64xf32>
  %gate = llm.use @gate : tensor<4x32x64xbf16>
  %gate.bias = llm.use @gate.bias : tensor<4x32xbf16>
  %up = llm.use @up : tensor<4x32x64xbf16>
  %up.bias = llm.use @up.bias : tensor<4x32xbf16>
  %down = llm.use @down : tensor<4x64x32xbf16>
  // CHECK: matmul @linear.f32(x = %x, w = @router[0]) -> (y = %router)
  // CHECK: dispatch @route.top_first.softmax(x = %router) -> (idx = %[[I:.*]], weight = %[[P:.*]]) dims {experts = 4, {{.*}} top_k = 2,
  %h, %i, %p = llm.fused_router %x weights(%wr) softmax top_first top 2 : (tensor<?x64xf32>, tensor<4x64xf32>) -> (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>)

  // Rows are read through the sorted pairs; results are added in the order of
  // the router, the residual last.
  // CHECK: %offsets = buffer "offsets" one i32[5]
  // CHECK: dispatch @group(idx = %[[I]]) -> (offsets = %offsets, pairs = %pairs, position = %position)
  // CHECK: dispatch @linear.bf16.silu.bias.glu.tokens(x = %x, w = @gate_up[0], bias = @gate.bias_bias[0], offsets = %offsets, pairs = %pairs) -> (y = %expert.hidden) dims {K = 64, N = 32, experts = 4, {{.*}} rows tokens * 2
  // CHECK: dispatch @linear.bf16.pairs(x = %expert.hidden, w = @down[0], offsets = %offsets) -> (y = %expert.out)
  // CHECK: dispatch @combine.weight.residual(x = %expert.out, position = %position, weight = %[[P]], residual = %x) -> (y = %[[Y:.*]]) dims {{.*}} rows tokens{{$}}
  %y = llm.fused_experts %h at %i weight %p first(%gate, %up) bias(%gate.bias, %up.bias) down(%down) residual %x compute bf16 glu act silu
      : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x32x64xbf16>, tensor<4x32x64xbf16>, tensor<4x64x32xbf16>, tensor<4x32xbf16>, tensor<4x32xbf16>, tensor<?x64xf32>) -> tensor<?x64xf32>

  // Unfused, the rows are gathered and the function runs on all pairs at once;
  // its activation is elementwise.
  // CHECK: dispatch @gather_pairs.scale(x = %[[Y]], pairs = %[[PAIRS:.*]], weight = %[[P]]) -> (y = %gathered) {{.*}} rows tokens * 2
  // CHECK: dispatch @linear.bf16.pairs(x = %gathered, w = @up[0],
  // CHECK: dispatch @map.{{.*}} rows tokens * 2
  // CHECK: dispatch @linear.bf16.pairs({{.*}}, w = @down[0],
  // CHECK: dispatch @combine(x =
  %z = llm.experts %y at %i with (%up, %down) in_scale %p : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<4x32x64xbf16>, tensor<4x64x32xbf16>, tensor<?x2xf32>) -> tensor<?x64xf32> {
  ^bb0(%r: tensor<?x64xf32>, %u: tensor<32x64xbf16>, %d: tensor<64x32xbf16>):
    %0 = llm.linear %r, %u compute bf16 : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
    %1 = llm.act relu %0 : tensor<?x32xf32>
    %2 = llm.linear %1, %d compute bf16 : (tensor<?x32xf32>, tensor<64x32xbf16>) -> tensor<?x64xf32>
    llm.yield %2 : tensor<?x64xf32>
  }
  return %z : tensor<?x64xf32>
}
