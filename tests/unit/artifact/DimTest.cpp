// Dims of steps that do not go with their operands.
#include "runtime/artifact/PlanCheck.h"

#include "tests/unit/fixture/ToyModel.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::format;
using testing::HasSubstr;

namespace {

constexpr int64_t kWidth = test::kWidth, kVocab = test::kVocab;

Status check(const ModelT &model) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Model::Pack(builder, &model));
  return artifact::checkPlan(*GetModel(builder.GetBufferPointer()));
}

// A step of the toy's decode program with the names and dims of a kernel as the
// compiler makes it.
struct StepCase {
  size_t index;
  std::vector<std::string> operands;
  std::vector<std::pair<std::string, int64_t>> dims;
  std::string kind = "";

  DispatchT &in(ModelT &model) const {
    return *model.entries[0]->programs[0]->steps[index]->body.AsDispatch();
  }
  void apply(ModelT &model) const {
    KernelT &kernel = *model.kernels[in(model).kernel];
    kernel.operands = operands;
    if (!kind.empty())
      kernel.kind = kind;
    kernel.dims.clear();
    for (const auto &[name, value] : dims)
      kernel.dims.push_back(name);
    // All steps of the kernel, so that the others stay whole.
    for (auto &entry : model.entries)
      for (auto &program : entry->programs)
        for (auto &step : program->steps)
          if (DispatchT *one = step->body.AsDispatch();
              one && one->kernel == in(model).kernel) {
            one->dims.clear();
            for (const auto &[name, value] : dims)
              one->dims.push_back(value);
          }
  }
};

const StepCase embedding = {
    1,
    {"ids", "w", "y"},
    {{"N", kWidth}, {"V", kVocab}, {"ids.stride", 1}, {"y.stride", kWidth}}};
const StepCase attend = {3,
                         {"q", "positions", "cache", "y"},
                         {{"heads", 4},
                          {"kv_heads", 2},
                          {"q.stride", kWidth},
                          {"y.stride", kWidth}}};
const StepCase norm = {1,
                       {"ids", "w", "y"},
                       {{"N", kWidth / 2}, {"heads", 2}, {"y.stride", kWidth}},
                       "norm"};
const StepCase map = {
    5,
    {"cache", "y"},
    {{"outer", 2}, {"inner", 8}, {"y.stride", kWidth}, {"y.outer", 8}},
    "map"};
const StepCase head = {
    7, {"x", "w", "y"}, {{"K", kWidth}, {"N", kVocab}, {"y.stride", 48}}};

// Two heads of keys and of values, 4 wide, in every cache.
ModelT toy() {
  ModelT model = test::toyFile().model;
  for (auto &section : model.sections)
    section->bytes = 1 << 20;
  for (auto &state : model.states)
    for (const char *name : {"k", "v"}) {
      auto field = std::make_unique<StateFieldT>();
      field->name = name;
      field->shape = {2, 4};
      state->fields.push_back(std::move(field));
      state->block_bytes = 4 * 128 * 2 * (4 + 16);
    }
  return model;
}

int64_t &dim(ModelT &model, const StepCase &step, const char *name) {
  for (size_t i = 0; i < step.dims.size(); ++i)
    if (step.dims[i].first == name)
      return step.in(model).dims[i];
  ADD_FAILURE() << name;
  return step.in(model).dims[0];
}

struct Break {
  const StepCase &step;
  const char *dim;
  int64_t value;
  const char *message;
};

TEST(Dims, GoWithTheirOperands) {
  for (const StepCase *step : {&embedding, &attend, &norm, &map, &head}) {
    ModelT model = toy();
    step->apply(model);
    Status status = check(model);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  const Break breaks[] = {
      {embedding, "N", 17, "'w' is 'embed', which has another shape"},
      {embedding, "V", 41, "'w' is 'embed', which has another shape"},
      {embedding, "V", 0, "'V' is 0"},
      {embedding, "ids.stride", 2, "the stride of 'ids' is 2, not 1"},
      {embedding, "y.stride", 1 << 20, "the stride of 'y' is 1048576, not 16"},
      {attend, "heads", 6,
       "'q' has rows of 16 elements, the step's dims ask "
       "for 24"},
      {attend, "heads", 0, "'heads' is 0"},
      {attend, "kv_heads", 3, "3 heads of keys for 4"},
      {attend, "kv_heads", 4, "'cache' is 'kv', which has other heads"},
      {attend, "kv_heads", -1, "'kv_heads' is -1"},
      {norm, "heads", 3,
       "'y' has rows of 16 elements, the step's dims ask for "
       "24"},
      {map, "outer", 3,
       "'y' has rows of 16 elements, the step's dims ask for "
       "24"},
      {map, "y.outer", -8, "'y.outer' is -8"},
      {map, "y.outer", 9,
       "'y' has rows of 16 elements, the step's dims ask for "
       "17"},
      {head, "K", 15, "'w' is 'head', which has another shape"},
      {head, "N", 49,
       "'y' has rows of 48 elements, the step's dims ask for "
       "49"},
      {head, "N", 65, "'w' is 'head', which has another shape"},
      {head, "y.stride", 40, "the stride of 'y' is 40, not 48"},
      {head, "y.stride", 0, "the stride of 'y' is 0, not 48"},
  };
  for (const Break &one : breaks) {
    ModelT model = toy();
    one.step.apply(model);
    dim(model, one.step, one.dim) = one.value;
    EXPECT_THAT(check(model).message(), HasSubstr(one.message)) << one.dim;
  }
}

TEST(Dims, GoWithRowsWeightsAndBlocks) {
  ModelT model = toy();
  embedding.apply(model);
  embedding.in(model).row_scale = 2;
  EXPECT_THAT(check(model).message(),
              HasSubstr("'y' has other rows than the step"));
  model = toy();
  norm.apply(model);
  norm.in(model).operands[1] = Ref(0, 1, 0, RefKind::Weight);
  model.weights[1]->shape = {4};
  model.weights[1]->layout = "rows";
  model.weights[1]->bytes = 16;
  EXPECT_THAT(check(model).message(),
              HasSubstr("'w' is 'head', which has fewer elements"));
  model = toy();
  head.apply(model);
  model.weights[1]->layout = "rows";
  EXPECT_THAT(check(model).message(),
              HasSubstr("'w' is 'head', which is not packed in panels"));
  model = toy();
  head.apply(model);
  head.in(model).operands[0] = Ref(0, 0, 0, RefKind::Input);
  EXPECT_THAT(check(model).message(),
              HasSubstr("'x' is an input, which has one element a row"));
  model = toy();
  StepCase biased = head;
  biased.operands = {"x", "w", "bias", "y"};
  biased.dims.push_back({"experts", 2});
  biased.apply(model);
  for (auto &program : model.entries[0]->programs)
    for (auto &step : program->steps)
      if (DispatchT *one = step->body.AsDispatch();
          one && one->kernel == biased.in(model).kernel) {
        one->operands.insert(one->operands.begin() + 2,
                             Ref(0, 2, 0, RefKind::Weight));
        ++one->writes;
      }
  model.weights[1]->shape = {2, kVocab, kWidth}; // two experts
  model.weights[1]->bytes *= 2;
  auto bias = std::make_unique<WeightT>(*model.weights[0]);
  bias->name = "bias";
  bias->shape = {kVocab};
  bias->bytes = kVocab * sizeof(float);
  model.weights.push_back(std::move(bias));
  EXPECT_THAT(check(model).message(),
              HasSubstr("'bias' is 'bias', which has fewer elements"));
  model = toy();
  model.states[0]->block_bytes -= 64;
  EXPECT_THAT(check(model).message(),
              HasSubstr("state 0: its blocks are smaller than its fields"));
}

} // namespace
