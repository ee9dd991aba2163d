// RUN: sluice-opt %s --lower-to-plan --verify-plan | FileCheck %s

llm.weight @w : tensor<40x8xf32>

// The table has 40 rows: positions up to 34, ids up to 36, as 3 + 2 and 3 are added.
// CHECK: plan.entry @encode "encode" inputs {ids = "tokens", pos = "positions"} limits [37, 35]
// CHECK-LABEL: plan.program @encode.all
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}, %pos: tensor<?xi32> {llm.name = "pos", llm.input = "positions"}) -> (tensor<?x8xf32> {llm.name = "y"}, tensor<?x2xf32> {llm.name = "z"}) attributes {llm.entry = "encode"} {
  %w = llm.use @w : tensor<40x8xf32>
  // CHECK: dispatch @offset(x = %pos) -> (y = %[[P:.*]]) dims {N = 1, by = 3,
  %p = llm.offset %pos by 3 : tensor<?xi32>
  // CHECK: dispatch @offset(x = %[[P]]) -> (y = %[[Q:.*]]) dims {N = 1, by = 2,
  %q = llm.offset %p by 2 : tensor<?xi32>
  // CHECK: dispatch @embedding.{{.*}}(ids = %[[Q]], w = @w[0])
  %e = llm.embedding %q, %w : (tensor<?xi32>, tensor<40x8xf32>) -> tensor<?x8xf32>
  %i = llm.offset %ids by 3 : tensor<?xi32>
  %f = llm.embedding %i, %w : (tensor<?xi32>, tensor<40x8xf32>) -> tensor<?x8xf32>
  %y = llm.binary add %e, %f : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK: dispatch @number(x = %pos) -> (y = %[[N:.*]]) dims {N = 1,
  %n = llm.number %pos : (tensor<?xi32>) -> tensor<?x1xf32>
  %v = llm.vector [1.0, 0.5]
  // CHECK: dispatch @map{{.*}}(x0 = %[[N]], x1 = @constant[0])
  %z = llm.binary mul %n, %v : (tensor<?x1xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x2xf32>
}

llm.state @part fixed {value = [2]}

// CHECK-LABEL: plan.program @parts.all
func.func @parts(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x1xf32> {llm.name = "y"}) attributes {llm.entry = "encode"} {
  // CHECK: dispatch @equals(x = %ids) -> (y = %[[E:.*]]) dims {N = 1, value = 7,
  %e = llm.equals %ids value 7 : tensor<?xi32>
  // CHECK: dispatch @start_after(x = %[[E]]) -> (y = %{{.*}}, state = @part[0]) dims {
  %m = llm.start_after %e in @part for %b : (tensor<?xi32>, !llm.batch) -> tensor<?xi32>
  %n = llm.number %m : (tensor<?xi32>) -> tensor<?x1xf32>
  // CHECK: dispatch @number(x = %{{.*}}) -> (y = %[[N:.*]]) dims
  // CHECK: dispatch @positive(x = %[[N]]) -> (y = %{{.*}}) dims {N = 1,
  %p = llm.positive %n : (tensor<?x1xf32>) -> tensor<?xi32>
  %y = llm.number %p : (tensor<?xi32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
