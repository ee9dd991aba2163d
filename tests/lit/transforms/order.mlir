// What a fusion moves still stands behind what it needs and in front of what needs it.
// RUN: sluice-opt %s --merge-siblings | FileCheck %s --check-prefix=MERGE
// RUN: sluice-opt %s --share-rope | FileCheck %s --check-prefix=ROPE
// RUN: sluice-opt %s --fuse-rope-attention=report -o - 2>&1 | FileCheck %s --check-prefix=CACHE
// RUN: sluice-opt %s --fuse-moe-dispatch=report -o - 2>&1 | FileCheck %s --check-prefix=ROUTER

llm.weight @layers.q : tensor<64x64xbf16> layers [0, 1]
llm.weight @layers.k : tensor<64x64xbf16> layers [0, 1]
llm.weight @router : tensor<4x64xf32>
llm.weight @up : tensor<4x64x64xf32>
llm.weight @correction : tensor<4xf32>
llm.state @kv cache {k = [4, 16], v = [4, 16]}

// The second layer index is a constant behind the first product.
// MERGE-LABEL: func.func private @siblings
// MERGE: llm.use @layers.k[%{{.*}}]
// MERGE: llm.fused_linear %{{.*}} weights(
func.func private @siblings(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %l0 = arith.constant 1 : index
  %q = llm.use @layers.q[%l0] : tensor<64x64xbf16>
  %0 = llm.linear %x, %q : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  %l1 = arith.constant 1 : index
  %k = llm.use @layers.k[%l1] : tensor<64x64xbf16>
  %1 = llm.linear %x, %k : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

func.func private @a(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<8xf32>) -> tensor<?x4x16xf32> {
  %0 = llm.rope half %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return %0 : tensor<?x4x16xf32>
}
func.func private @b(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>, %f: tensor<8xf32>) -> tensor<?x4x16xf32> {
  %0 = llm.rope adjacent %x, %p, %f : (tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return %0 : tensor<?x4x16xf32>
}

// Called in another order than the blocks stand.
// ROPE-LABEL: func.func private @caller
// ROPE: %[[T:.*]] = llm.rope_table
// ROPE-NEXT: call @b({{.*}}, %[[T]])
// ROPE-NOT: llm.rope_table
// ROPE: call @a({{.*}}, %[[T]])
func.func private @caller(%l: index, %x: tensor<?x4x16xf32>, %p: tensor<?xi32>) -> tensor<?x4x16xf32> {
  %f = llm.rope_freqs 16 theta 10000.0 : tensor<8xf32>
  %0 = call @b(%l, %x, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  %1 = call @a(%l, %0, %p, %f) : (index, tensor<?x4x16xf32>, tensor<?xi32>, tensor<8xf32>) -> tensor<?x4x16xf32>
  return %1 : tensor<?x4x16xf32>
}

// Another op reads the cache before this attention does.
// CACHE: not fused at (read twice): between append and attention the cache may be read
// CACHE-LABEL: func.func private @cached
// CACHE: llm.append @kv
// CACHE: llm.cached @kv
func.func private @cached(%l: index, %b: !llm.batch, %x: tensor<?x64xf32>) -> (tensor<?x4x16xf32>, tensor<?x64xf32>) {
  %h = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %c = llm.append @kv (%h, %h) for %b : tensor<?x4x16xf32>, tensor<?x4x16xf32>
  %d = llm.cached @kv
  %p = llm.act tanh %h : tensor<?x4x16xf32>
  %0 = llm.attention %p in %d for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32>
  %q = llm.reshape %x to [4, 16] : (tensor<?x64xf32>) -> tensor<?x4x16xf32>
  %1 = llm.attention %q in %c for %b mask [#llm.mask<causal>] scale 1.0 : (tensor<?x4x16xf32>, !llm.cache, !llm.batch) -> tensor<?x4x16xf32> loc("read twice")
  %r = llm.reshape %1 to [64] : (tensor<?x4x16xf32>) -> tensor<?x64xf32>
  return %0, %r : tensor<?x4x16xf32>, tensor<?x64xf32>
}

// A correction that is computed, or is one number, is none of a router.
// ROUTER-DAG: not fused at (computed): this op is not part of a router that can be fused
// ROUTER-DAG: not fused at (number): this op is not part of a router that can be fused
func.func private @routers(%l: index, %x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = llm.use @router : tensor<4x64xf32>
  %u = llm.use @up : tensor<4x64x64xf32>
  %c0 = llm.use @correction : tensor<4xf32>
  %two = llm.constant 2.0
  %c = llm.binary mul %c0, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %l0 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s0 = llm.act sigmoid %l0 : tensor<?x4xf32>
  %t0 = llm.binary add %s0, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i0 = llm.top_k %t0, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p0 = llm.pick %s0 at %i0 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %y0 = llm.fused_experts %x at %i0 weight %p0 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("computed")
  %l1 = llm.linear %x, %w : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %s1 = llm.act sigmoid %l1 : tensor<?x4xf32>
  %t1 = llm.binary add %s1, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %i1 = llm.top_k %t1, 2 : (tensor<?x4xf32>) -> tensor<?x2xi32>
  %p1 = llm.pick %s1 at %i1 : (tensor<?x4xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  %y1 = llm.fused_experts %x at %i1 weight %p1 first(%u) down(%u) act relu : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x64x64xf32>, tensor<4x64x64xf32>) -> tensor<?x64xf32> loc("number")
  return %y0, %y1 : tensor<?x64xf32>, tensor<?x64xf32>
}
