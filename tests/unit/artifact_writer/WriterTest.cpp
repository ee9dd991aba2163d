// What the compiler writes is what the runtime reads.
#include "compiler/artifact/ArtifactWriter.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/artifact/Artifact.h"
#include "tests/unit/fixture/Folder.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace sluice;
using artifact::list;
using artifact::text;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

namespace {

const char *const kPlan = R"(
module attributes {plan.family = "toy"} {
plan.weight @embed f32 rows [10, 4] of ["embed"]
plan.weight @layers.w f32 panel [16, 16] of ["layers.a", "layers.b"] layers [3, 5]
plan.weight @layers.bias f32 rows [16] of ["layers.bias"] layers [3, 5]
plan.weight @bias f32 rows [2] value dense<[1.0, 0.5]> : tensor<2xf32>
plan.weight @buckets i32 rows [3] value dense<1> : tensor<3xi32>
plan.state @kv cache {k = [1, 4], v = [1, 4]} f32 bytes 10240 layers [3, 5] {keep = 9 : i64, once}
plan.kernel @embedding "embedding" {weight = "f32"} (ids, w) -> (y) dims (N, V, ids.stride, y.stride)
plan.kernel @linear.f32 "linear" {bias, compute = "f32", residual, weight = "f32"} (x, w, bias, residual) -> (y) dims (K, N, x.stride, residual.stride, y.stride)
plan.kernel @attend "attend" {bias = "bucket", head_dim = 4 : i64, value_dim = 4 : i64} (q, cache, bias_w, buckets) -> (y) dims (heads, kv_heads, q.stride, buckets, max_distance, y.stride)
plan.entry @run "encode" inputs {ids = "tokens"} limits [10] outputs (rows) start 2 positions {kind = "linear", start = 1 : i64}
plan.program @run.all for @run tokens 1 to 4 {
  %ids = input "ids" i32[1]
  %x = buffer "x" tokens f32[16] at [0, 64, 0]
  %y = buffer "y" tokens * 2 f32[20] at [64, 128, 192]
  dispatch @embedding(ids = %ids, w = @embed[0]) -> (y = %x) dims {N = 4, V = 10, ids.stride = 1, y.stride = 16} rows tokens scratch 64 nowait loc("embed"("toy.yaml":3:5))
  dispatch @attend(q = %x, cache = @kv[5], bias_w = @bias[0], buckets = @buckets[0]) -> (y = %y) dims {buckets = 2, heads = 1, kv_heads = 1, max_distance = 1, q.stride = 16, y.stride = 32} rows tokens
  matmul @linear.f32(x = %x, w = @layers.w[5], bias = @layers.bias[5], residual = %y[2]) -> (y = %y[2]) dims {K = 16, N = 16, residual.stride = 32, x.stride = 16, y.stride = 32} rows tokens layer 5
    loc(fused["layer/a"("toy.yaml":7:9), callsite("layer/b"("toy.yaml":8:9) at "toy.yaml":20:1)])
  output "rows" %y tokens * 2[18] from 2
}
}
)";

class Writer : public testing::Test {
protected:
  Writer() {
    context.loadDialect<plan::PlanDialect>();
    module = parseSourceString<ModuleOp>(kPlan, &context);
    inputs.plan = *module;
    inputs.code.push_back({"any", {"sse2"}, {"avx2"}, {'E', 'L', 'F'}});
    inputs.spec = "family: toy\n";
    inputs.ir.push_back({"plan", "text"});
    inputs.context = 100;
    inputs.vocab = 10;
    inputs.stopTokens = {1, 2};
    // Each instance is filled with its number, one byte over and over.
    inputs.weights = [this](const artifact::WeightInstance &instance,
                            const pack::Sink &sink) {
      asked.push_back(instance);
      std::vector<char> data(size_t(instance.packing.bytes()),
                             char(asked.size()));
      size_t half = data.size() / 2;
      Status status = sink(data.data(), half);
      return status.ok() ? sink(data.data() + half, data.size() - half)
                         : status;
    };
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  artifact::ArtifactInputs inputs;
  std::vector<artifact::WeightInstance> asked;
  test::Folder folder;
  std::string path = folder.path("writer_test.slc");
};

TEST_F(Writer, SectionsComeBack) {
  ASSERT_TRUE(module);
  Status status = artifact::writeArtifact(path, inputs);
  ASSERT_TRUE(status.ok()) << status.message();
  auto file = artifact::Artifact::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE(file->verifyWeights().ok());
  EXPECT_EQ(file->textOf(format::SectionKind::Spec), "family: toy\n");
  EXPECT_EQ(file->textOf(format::SectionKind::Ir, "plan"), "text");
  auto code = file->code();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(text((*code)->name()), "any");
  const format::Model &model = file->model();
  EXPECT_EQ(text(model.family()), "toy");
  EXPECT_THAT(*model.stop_tokens(), ElementsAre(1, 2));
}

TEST_F(Writer, WeightsLieWhereTheHeaderSays) {
  ASSERT_TRUE(module);
  ASSERT_TRUE(artifact::writeArtifact(path, inputs).ok());
  auto file = artifact::Artifact::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(asked.size(), 5u);
  auto part = [](const char *path, int64_t layer) {
    return AllOf(Field(&artifact::WeightInstance::Part::path, path),
                 Field(&artifact::WeightInstance::Part::layer, layer));
  };
  EXPECT_THAT(asked[2].parts,
              ElementsAre(part("layers.a", 5), part("layers.b", 5)));
  EXPECT_EQ(asked[2].packing.bytes(), 64 * 16 * 4);
  EXPECT_EQ(asked[0].parts.front().layer, -1);
  const format::Weight *w = list(file->model().weights())[1];
  EXPECT_EQ(w->bank(), 2u);
  EXPECT_EQ(file->weight(0, 0)[159], 1);
  EXPECT_EQ(file->weight(1, 0)[0], 2);
  EXPECT_EQ(file->weight(1, 1)[0], 3);
  EXPECT_EQ(file->weight(1, 1)[64 * 16 * 4 - 1], 3);
  EXPECT_EQ(file->weight(2, 1)[0], 5);
  EXPECT_EQ(reinterpret_cast<const float *>(file->weight(3, 0))[1], 0.5f);
  EXPECT_EQ(reinterpret_cast<const int32_t *>(file->weight(4, 0))[2], 1);
}

TEST_F(Writer, StepsKeepOperandsAndPlaces) {
  ASSERT_TRUE(module);
  ASSERT_TRUE(artifact::writeArtifact(path, inputs).ok());
  auto file = artifact::Artifact::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const format::Model &model = file->model();
  const format::Entry &entry = *list(model.entries())[0];
  EXPECT_EQ(entry.start(), 2);
  EXPECT_EQ(entry.position_start(), 1);
  EXPECT_EQ(list(entry.inputs())[0]->limit(), 10);
  EXPECT_EQ(list(entry.outputs())[0]->columns(), 18);
  const format::Program &program = *list(entry.programs())[0];
  EXPECT_EQ(program.max(), 4);
  EXPECT_EQ(list(program.outputs())[0]->column(), 2);

  const format::Dispatch *first = list(program.steps())[0]->body_as_Dispatch();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->nowait());
  EXPECT_EQ(first->scratch()->constant(), 64);
  EXPECT_THAT(*first->dims(), ElementsAre(4, 10, 1, 16));
  EXPECT_EQ((*first->operands())[0]->kind(), format::RefKind::Input);
  EXPECT_EQ(text(list(program.steps())[0]->place()->path()), "embed");

  const format::Dispatch *second = list(program.steps())[1]->body_as_Dispatch();
  ASSERT_TRUE(second);
  EXPECT_EQ((*second->operands())[1]->kind(), format::RefKind::State);
  EXPECT_EQ((*second->operands())[1]->layer(), 1u);

  const format::Step &third = *list(program.steps())[2];
  const format::Matmul *matmul = third.body_as_Matmul();
  ASSERT_TRUE(matmul);
  EXPECT_TRUE(matmul->accumulate());
  EXPECT_EQ(matmul->w()->layer(), 1u);
  EXPECT_EQ(matmul->y()->column(), 2);
  const format::Kernel *linear = list(model.kernels())[1];
  EXPECT_EQ(linear->signature()->writes(), 4u);
  EXPECT_EQ(text(linear->symbol()), "slc_k_linear.f32");
  EXPECT_EQ(text(third.place()->path()), "layer/a");
  EXPECT_EQ(third.place()->layer(), 5);
  EXPECT_EQ(list(third.place()->fused())[0]->line(), 8u);
}

TEST_F(Writer, NoFileIsLeftAfterAnError) {
  ASSERT_TRUE(module);
  inputs.weights = [](const artifact::WeightInstance &, const pack::Sink &) {
    return Status(Code::Corrupt, "tensor is cut short");
  };
  Status status = artifact::writeArtifact(path, inputs);
  EXPECT_THAT(status.message(), HasSubstr("weight 'embed'"));
  EXPECT_THAT(status.message(), HasSubstr("tensor is cut short"));
  EXPECT_FALSE(std::filesystem::exists(path));
  // Too few bytes are an error as well.
  inputs.weights = [](const artifact::WeightInstance &,
                      const pack::Sink &sink) { return sink("1234", 4); };
  EXPECT_THAT(artifact::writeArtifact(path, inputs).message(),
              HasSubstr("packed into 4 bytes, expected 160"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(Writer, ArenaMustBeAssigned) {
  ASSERT_TRUE(module);
  module->walk([](plan::BufferOp buffer) { buffer.removeOffsetAttr(); });
  EXPECT_THAT(artifact::writeArtifact(path, inputs).message(),
              HasSubstr("has no place in the arena"));
}

} // namespace
