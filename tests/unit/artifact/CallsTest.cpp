// Calls of kernels that do not go with their operands.
#include "runtime/artifact/Calls.h"
#include "runtime/artifact/PlanCheck.h"
#include "runtime/artifact/Table.h"

#include "runtime/format/SignatureWriter.h"
#include "tests/unit/fixture/ToyModel.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

using namespace sluice;
using namespace sluice::format;
using sluice::artifact::list;
using testing::HasSubstr;

namespace {

constexpr int64_t kWidth = test::kWidth, kVocab = test::kVocab;

Status check(const ModelT &model) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Model::Pack(builder, &model));
  return artifact::checkPlan(*GetModel(builder.GetBufferPointer()));
}

// A step of the toy's decode program whose kernel has another signature.
struct StepCase {
  size_t index;
  std::function<void(SignatureWriter &)> describe;
  std::map<std::string, int64_t> dims;

  DispatchT &in(ModelT &model) const {
    return *model.entries[0]->programs[0]->steps[index]->body.AsDispatch();
  }
  // All steps of the kernel, so that the others stay whole.
  void each(ModelT &model, std::function<void(DispatchT &)> change) const {
    uint32_t kernel = in(model).kernel;
    for (auto &entry : model.entries)
      for (auto &program : entry->programs)
        for (auto &step : program->steps)
          for (DispatchT *one :
               {step->body.AsDispatch(),
                step->body.AsMatmul() ? step->body.AsMatmul()->fallback.get()
                                      : nullptr})
            if (one && one->kernel == kernel)
              change(*one);
  }
  void apply(ModelT &model) const {
    SignatureWriter builder;
    describe(builder);
    KernelT &kernel = *model.kernels[in(model).kernel];
    kernel.signature = std::make_unique<SignatureT>(builder.take());
    each(model, [&](DispatchT &one) {
      one.dims.clear();
      for (const auto &dim : kernel.signature->dims)
        one.dims.push_back(dims.at(dim->name));
    });
  }
};

const StepCase embedding = {
    1,
    [](SignatureWriter &s) {
      Size n = s.dim("N"), v = s.dim("V");
      s.rows("ids", 1).elem(Elem::I32);
      s.matrix("w", v, n, {Layout::Rows}, Elem::F32).lookedUp();
      s.writes();
      s.rows("y", n);
    },
    {{"N", kWidth}, {"V", kVocab}, {"ids.stride", 1}, {"y.stride", kWidth}}};
const StepCase attend = {
    3,
    [](SignatureWriter &s) {
      Size heads = s.dim("heads"), keyHeads = s.dim("kv_heads");
      s.multipleOf(heads, keyHeads);
      s.rows("q", heads * 4);
      s.dense("positions", 1).elem(Elem::I32);
      s.cache("cache", {{"k", keyHeads, 4}, {"v", keyHeads, 4}});
      s.writes();
      s.rows("y", heads * 4);
    },
    {{"heads", 4},
     {"kv_heads", 2},
     {"q.stride", kWidth},
     {"y.stride", kWidth}}};
const StepCase norm = {1,
                       [](SignatureWriter &s) {
                         Size n = s.dim("N"), heads = s.dim("heads");
                         s.dense("ids", 1).elem(Elem::I32);
                         s.vector("w", heads * n);
                         s.writes();
                         s.rows("y", heads * n);
                       },
                       {{"N", kWidth / 2}, {"heads", 2}, {"y.stride", kWidth}}};
const StepCase map = {1,
                      [](SignatureWriter &s) {
                        Size outer = s.dim("outer"), inner = s.dim("inner");
                        s.dense("ids", 1).elem(Elem::I32);
                        s.rows("x0",
                               (outer - 1) * s.dim("x0.outer", 0) + inner);
                        s.writes();
                        s.rows("y", (outer - 1) * s.dim("y.outer", 0) + inner);
                      },
                      {{"outer", 2},
                       {"inner", 8},
                       {"x0.stride", 0},
                       {"x0.outer", 8},
                       {"y.stride", kWidth},
                       {"y.outer", 8}}};
// Two experts with a bias each.
const StepCase head = {
    7,
    [](SignatureWriter &s) {
      Size k = s.dim("K"), n = s.dim("N"), experts = s.dim("experts");
      s.rows("x", k);
      s.matrix("w", n, k, {Layout::Panel}, Elem::F32).count(experts);
      s.writes();
      s.rows("y", n);
    },
    {{"K", kWidth},
     {"N", kVocab},
     {"experts", 1},
     {"x.stride", kWidth},
     {"y.stride", 48}}};

// Two heads of keys and of values, 4 wide, in every cache.
ModelT toy() {
  ModelT model = test::toyFile().model;
  for (auto &section : model.sections)
    section->bytes = 1 << 20;
  for (auto &state : model.states) {
    state->fields.clear();
    for (const char *name : {"k", "v"}) {
      auto field = std::make_unique<StateFieldT>();
      field->name = name;
      field->shape = {2, 4};
      state->fields.push_back(std::move(field));
      state->block_bytes = 4 * 128 * 2 * (4 + 16);
    }
  }
  return model;
}

void set(ModelT &model, const StepCase &step, const char *name, int64_t value) {
  const KernelT &kernel = *model.kernels[step.in(model).kernel];
  for (size_t i = 0; i < kernel.signature->dims.size(); ++i)
    if (kernel.signature->dims[i]->name == name)
      step.in(model).dims[i] = value;
}

struct Break {
  const StepCase &step;
  const char *dim;
  int64_t value;
  const char *message;
};

TEST(Calls, HaveDimsThatGoWithTheirOperands) {
  for (const StepCase *step : {&embedding, &attend, &norm, &map, &head}) {
    ModelT model = toy();
    step->apply(model);
    Status status = check(model);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  const Break breaks[] = {
      {embedding, "N", 17,
       "'w' is 'embed', which is [40, 16], the step's dims ask for [40, 17]"},
      {embedding, "V", 41, "'w' is 'embed', which is [40, 16]"},
      {embedding, "V", 0, "'V' is 0, it must be at least 1"},
      {embedding, "ids.stride", 2,
       "'ids' has rows 1 elements apart, its stride is 2"},
      {embedding, "y.stride", 1 << 20,
       "'y' has rows 16 elements apart, its stride is 1048576"},
      {attend, "heads", 6,
       "'q' has rows of 16 elements, the step's dims ask for 24"},
      {attend, "heads", 0, "'heads' is 0"},
      {attend, "kv_heads", 3, "heads = 4 is no multiple of kv_heads = 3"},
      {attend, "kv_heads", 4,
       "'cache' is 'kv', whose 'k' are [2, 4], the step's [4, 4]"},
      {attend, "kv_heads", -1, "'kv_heads' is -1"},
      {norm, "heads", 81,
       "'w' is 'embed', which has 640 elements, the step's dims ask for 648"},
      {norm, "heads", 3,
       "'y' has rows of 16 elements, the step's dims ask for 24"},
      {map, "outer", 3,
       "'y' has rows of 16 elements, the step's dims ask for 24"},
      {map, "outer", 100, "'x0' is 'embed', which has 640 elements"},
      {map, "x0.stride", 16,
       "'x0' is the weight 'embed', which has no rows of its own"},
      {map, "y.outer", -8, "'y.outer' is -8"},
      {map, "y.outer", 9,
       "'y' has rows of 16 elements, the step's dims ask for 17"},
      {head, "K", 15, "'w' is 'head', which is [40, 16]"},
      {head, "N", 65, "'w' is 'head', which is [40, 16]"},
      {head, "experts", 2,
       "'w' is 'head', which is [40, 16], the step's dims ask for [2, 40, 16]"},
      {head, "y.stride", 40,
       "'y' has rows 48 elements apart, its stride is 40"},
      {head, "y.stride", 0, "'y' has rows 48 elements apart, its stride is 0"},
  };
  for (const Break &one : breaks) {
    ModelT model = toy();
    one.step.apply(model);
    set(model, one.step, one.dim, one.value);
    EXPECT_THAT(check(model).message(), HasSubstr(one.message)) << one.dim;
  }
}

TEST(Calls, StayInsideWhatTheyAreGiven) {
  ModelT model = toy();
  embedding.apply(model);
  embedding.in(model).row_scale = 2;
  EXPECT_THAT(check(model).message(),
              HasSubstr("'ids' has other rows than the step"));
  model = toy();
  head.apply(model);
  model.weights[1]->layout = Layout::Rows;
  EXPECT_THAT(check(model).message(),
              HasSubstr("'w' is 'head' in the layout 'rows', the kernel reads "
                        "'panel'"));
  model = toy();
  head.apply(model);
  head.in(model).operands[0] = Ref(0, 0, 0, RefKind::Input);
  EXPECT_THAT(check(model).message(),
              HasSubstr("'x' is of i32, the kernel takes f32"));
  model = toy();
  norm.apply(model);
  norm.in(model).operands[1] = Ref(0, 0, 0, RefKind::Buffer);
  EXPECT_THAT(check(model).message(),
              HasSubstr("'w' is 'x', which is not one vector"));
  model = toy();
  attend.apply(model);
  model.states[0]->fields[1]->name = "w";
  EXPECT_THAT(check(model).message(),
              HasSubstr("'cache' is 'kv', which has no field 'v'"));
  model = toy();
  attend.apply(model);
  model.states[0]->fields.pop_back();
  EXPECT_THAT(check(model).message(),
              HasSubstr("'cache' is 'kv', which keeps 1 fields"));
  model = toy();
  model.states[0]->block_bytes -= 64;
  EXPECT_THAT(check(model).message(),
              HasSubstr("state 0: its blocks are smaller than its fields"));
  model = toy();
  StateT &state = *model.states[0];
  state.kind = StateKind::Fixed;
  state.fields[0]->shape = {2, 4, 3};
  state.slot_bytes = 64; // 24 and 8 elements
  EXPECT_THAT(check(model).message(),
              HasSubstr("state 0: its slots are smaller than its fields"));
  state.fields[0]->shape = {-1};
  EXPECT_THAT(check(model).message(), HasSubstr("state 0: bad shape of"));
}

// What profiles print of a step follows from the signature alone.
TEST(Calls, CostWhatTheirSignaturesSay) {
  auto workOf = [](const StepCase &step, int64_t rows,
                   const artifact::Looked &looked = {}) {
    ModelT model = toy();
    step.apply(model);
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Model::Pack(builder, &model));
    const Model &packed = *GetModel(builder.GetBufferPointer());
    return artifact::workOf(packed, artifact::Signatures(packed),
                            *list(list(list(packed.entries())[0]->programs())[0]
                                      ->steps())[step.index],
                            rows, looked);
  };
  StepCase costly = attend;
  costly.describe = [](SignatureWriter &s) {
    attend.describe(s);
    s.flopsPerPosition(Size::ofDim(0) * 16); // heads
  };
  artifact::Work work = workOf(costly, 3, {10, 24});
  EXPECT_EQ(work.flops, 24 * 4 * 16);
  // Rows of q and y, positions, keys and values.
  EXPECT_EQ(work.bytes, 3 * (16 + 16 + 1) * 4 + 10 * work.bytesPerPosition);
  EXPECT_GT(work.bytesPerPosition, 0);
  // A table is not read as a whole.
  EXPECT_EQ(workOf(embedding, 3).bytes, 3 * (1 + kWidth + kWidth) * 4);
}

// What a damaged file may say of a kernel.
TEST(Calls, RefuseSignaturesThatNameNothing) {
  using Change = std::function<void(SignatureT &)>;
  for (const Change &change : std::initializer_list<Change>{
           [](SignatureT &s) { s.operands[0]->stride = 3; },
           [](SignatureT &s) { s.operands[0]->width = Size::ofDim(9).count(); },
           [](SignatureT &s) { s.operands[1]->layouts.clear(); },
           [](SignatureT &s) { s.operands[1]->role = static_cast<Role>(9); },
           [](SignatureT &s) { s.flops = Size::ofDim(3).count(); }}) {
    ModelT model = toy();
    change(*model.kernels[head.in(model).kernel]->signature);
    EXPECT_THAT(check(model).message(), HasSubstr("its signature names"));
  }
  ModelT model = toy();
  SignatureT &signature = *model.kernels[head.in(model).kernel]->signature;
  signature.writes = 4;
  EXPECT_THAT(check(model).message(), HasSubstr("writes from operand 4"));
  signature.writes = 2;
  for (int i = 0; i < 100; ++i)
    signature.flops->terms.push_back(std::make_unique<TermT>());
  EXPECT_THAT(check(model).message(), HasSubstr("too many parts"));
}

} // namespace
