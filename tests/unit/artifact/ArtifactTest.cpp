#include "runtime/artifact/Artifact.h"

#include "runtime/format/CpuFeatures.h"
#include "runtime/format/container.h"
#include "tests/unit/fixture/ToyModel.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::artifact;
using sluice::test::toyFile;
using sluice::test::ToyFile;
using sluice::test::writeFile;
using testing::HasSubstr;

namespace {

Status openBytes(std::span<const uint8_t> bytes) {
  return Artifact::open(writeFile("artifact", bytes)).status();
}

TEST(Artifact, OpensAndFindsItsParts) {
  Result<Artifact> file = Artifact::open(test::toyPath("opens"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(text(file->model().family()), "toy");
  EXPECT_EQ(file->textOf(format::SectionKind::Ir, "plan"), "plan");
  EXPECT_EQ(file->textOf(format::SectionKind::Ir, "fused"), "");
  auto *embed = reinterpret_cast<const float *>(file->weight(0, 0));
  EXPECT_EQ(embed[test::kWidth], test::embedding(1)[0]);
  EXPECT_TRUE(file->verifyWeights().ok());
  Result<const format::Section *> code = file->code();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(text((*code)->name()), "x86-64");
}

TEST(Artifact, RefusesOtherFiles) {
  EXPECT_EQ(Artifact::open("/nonexistent").status().code(), Code::Io);
  EXPECT_THAT(openBytes({}).message(), HasSubstr("not an artifact"));
  std::vector<uint8_t> text(100, 'x');
  EXPECT_THAT(openBytes(text).message(), HasSubstr("magic"));
  ToyFile file = toyFile();
  file.version = 7;
  Status status = openBytes(file.bytes());
  EXPECT_EQ(status.code(), Code::Unsupported);
  EXPECT_THAT(status.message(), HasSubstr("version 7"));
}

TEST(Artifact, RefusesEveryTruncation) {
  std::vector<uint8_t> bytes = toyFile().bytes();
  // Inside the preamble, inside the header, and around every page.
  for (size_t size = 0; size < bytes.size(); size += size < 300 ? 7 : 4093) {
    Status status = openBytes(std::span(bytes).first(size));
    EXPECT_EQ(status.code(), Code::Corrupt) << size;
    if (size >= 64) {
      EXPECT_THAT(status.message(), HasSubstr("truncated")) << size;
    }
  }
  bytes.push_back(0);
  EXPECT_THAT(openBytes(bytes).message(), HasSubstr("too long"));
}

// One flipped bit in every part of the file.
TEST(Artifact, NamesTheCorruptedSection) {
  std::string path = test::toyPath("flips");
  Result<Artifact> file = Artifact::open(path);
  ASSERT_TRUE(file.ok());
  std::vector<uint8_t> bytes = toyFile().bytes();
  for (const format::Section *section : list(file->model().sections())) {
    std::vector<uint8_t> broken = bytes;
    broken[section->offset() + section->bytes() / 2] ^= 4;
    std::string expected =
        std::string("section ") + sectionName(section->kind());
    Result<Artifact> opened = Artifact::open(writeFile("flip", broken));
    if (section->kind() == format::SectionKind::Weights) {
      ASSERT_TRUE(opened.ok()) << "weights are checked on request only";
      EXPECT_THAT(opened->verifyWeights().message(), HasSubstr(expected));
    } else {
      EXPECT_THAT(opened.status().message(), HasSubstr(expected));
    }
  }
  for (size_t at = 8; at < 64; ++at) {
    std::vector<uint8_t> broken = bytes;
    broken[at] ^= 1;
    EXPECT_FALSE(openBytes(broken).ok()) << "byte " << at;
  }
  bytes[70] ^= 1;
  EXPECT_THAT(openBytes(bytes).message(), HasSubstr("header is corrupted"));
}

TEST(Artifact, NamesMissingFeatures) {
  ToyFile toy = toyFile();
  toy.model.sections[1]->features = {"sse2", "warp-drive"};
  Result<Artifact> file = Artifact::open(writeFile("features", toy.bytes()));
  ASSERT_TRUE(file.ok());
  Status status = file->code().status();
  EXPECT_EQ(status.code(), Code::Unsupported);
  EXPECT_THAT(status.message(), HasSubstr("x86-64 needs warp-drive"));
  EXPECT_TRUE(format::cpuHas("sse2"));
}

TEST(Artifact, PrefersTheMostDemandingTarget) {
  ToyFile toy = toyFile();
  auto better = std::make_unique<format::SectionT>(*toy.model.sections[1]);
  better->name = "better";
  better->features = {"sse2"};
  toy.model.sections.push_back(std::move(better));
  toy.contents.push_back(toy.contents[1]);
  Result<Artifact> file = Artifact::open(writeFile("targets", toy.bytes()));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(text((*file->code())->name()), "better");
}

// The first state as a fixed one of one instance that starts with a weight.
format::StateT &started(format::ModelT &model, format::Ref ref) {
  format::StateT &state = *model.states[0];
  state.kind = format::StateKind::Fixed;
  state.bank = 1;
  state.slot_bytes = 64;
  state.start = {ref};
  return state;
}

struct Break {
  const char *what;
  std::function<void(format::ModelT &)> apply;
  const char *message;
};

format::DispatchT &dispatch(format::ModelT &model, size_t step) {
  return *model.entries[0]->programs[0]->steps[step]->body.AsDispatch();
}

format::MatmulT &matmul(format::ModelT &model) {
  return *model.entries[0]->programs[1]->steps.back()->body.AsMatmul();
}

TEST(Artifact, RefusesBrokenPlans) {
  using format::Extent, format::Ref, format::RefKind;
  const Break breaks[] = {
      {"context", [](auto &m) { m.context = 0; }, "context of 0"},
      {"buffer stride", [](auto &m) { m.buffers[1]->stride = 3; },
       "buffer 1: columns 16 with stride 3"},
      {"buffer offset",
       [](auto &m) {
         m.buffers[0]->offset = std::make_unique<Extent>(3, 0, 0);
       },
       "buffer 0: size or offset term 3"},
      {"huge buffer",
       [](auto &m) {
         m.buffers[0]->columns = m.buffers[0]->stride = 1LL << 60;
       },
       "buffer 0: columns"},
      {"weight outside", [](auto &m) { m.weights[1]->offset = 1 << 20; },
       "'head' lies outside its section"},
      {"weight bank", [](auto &m) { m.weights[0]->bank = 1u << 31; },
       "weight 0: bad size, alignment or bank"},
      {"weight layers", [](auto &m) { m.weights[0]->layers = {0, 1, 2}; },
       "weight 0: a bank of 1 with 3 layers"},
      {"weight overflow",
       [](auto &m) {
         m.weights[0]->bank = 0xffffffff;
         m.weights[0]->bank_stride = 1ull << 44;
       },
       "lies outside its section"},
      {"weight section",
       [](auto &m) { m.weights[0]->section = format::SectionKind::Spec; },
       "holds no weights"},
      {"state size", [](auto &m) { m.states[0]->block_bytes = 0; }, "state 0"},
      {"state kind",
       [](auto &m) { m.states[0]->kind = static_cast<format::StateKind>(9); },
       "unknown kind"},
      {"start of no weight",
       [](auto &m) { started(m, Ref(0, 0, 0, RefKind::Buffer)); },
       "starts with no weight"},
      {"start of a missing weight",
       [](auto &m) { started(m, Ref(0, 99, 0, RefKind::Weight)); },
       "starts with no weight"},
      {"start of a missing layer",
       [](auto &m) { started(m, Ref(0, 0, 99, RefKind::Weight)); },
       "layer 99 does not exist"},
      {"start of other instances",
       [](auto &m) { started(m, Ref(0, 0, 0, RefKind::Weight)).bank = 2; },
       "starts for 1 instances of 2"},
      {"start of a larger weight",
       [](auto &m) { started(m, Ref(0, 0, 0, RefKind::Weight)); },
       "starts with a weight that is not its f32 in order"},
      {"start of a cache",
       [](auto &m) { m.states[0]->start = {Ref(0, 0, 0, RefKind::Weight)}; },
       "starts with weights, but is not fixed"},
      {"symbol", [](auto &m) { m.kernels[0]->symbol = "system"; },
       "symbol 'system'"},
      {"input type", [](auto &m) { m.entries[0]->inputs[0]->type = "x"; },
       "type 'x'"},
      {"input columns", [](auto &m) { m.entries[0]->inputs[0]->columns = 2; },
       "2 columns, which are not what its shape or type has"},
      {"input shape", [](auto &m) { m.entries[0]->inputs[0]->shape = {1, 0}; },
       "input 0: bad shape"},
      {"input element",
       [](auto &m) { m.entries[0]->inputs[0]->elem = format::Elem::BF16; },
       "takes f32, i32 or bool for each token"},
      {"input rows",
       [](auto &m) { m.entries[0]->inputs[0]->rows = format::RowKind::Wanted; },
       "takes f32, i32 or bool for each token"},
      {"type of ids",
       [](auto &m) { m.entries[0]->inputs[0]->elem = format::Elem::F32; },
       "which are not what its shape or type has"},
      {"no program", [](auto &m) { m.entries[1]->programs.clear(); },
       "'encode' has no program"},
      {"range", [](auto &m) { m.entries[0]->programs[0]->max = -4; },
       "token range [1, -4]"},
      {"kernel index", [](auto &m) { dispatch(m, 0).kernel = 99; },
       "kernel 99 does not exist, there are 9"},
      {"buffer index",
       [](auto &m) {
         dispatch(m, 1).operands[2] = Ref(0, 50, 0, RefKind::Buffer);
       },
       "step 1: operand 2: buffer 50 does not exist"},
      {"weight index",
       [](auto &m) {
         dispatch(m, 1).operands[1] = Ref(0, 2, 0, RefKind::Weight);
       },
       "weight 2 does not exist"},
      {"layer",
       [](auto &m) {
         dispatch(m, 1).operands[1] = Ref(0, 0, 1, RefKind::Weight);
       },
       "layer 1 does not exist"},
      {"state index",
       [](auto &m) {
         dispatch(m, 2).operands[1] = Ref(0, 4, 0, RefKind::State);
       },
       "state 4 does not exist"},
      {"input index",
       [](auto &m) {
         dispatch(m, 1).operands[0] = Ref(0, 2, 0, RefKind::Input);
       },
       "input 2 does not exist"},
      {"ref kind",
       [](auto &m) {
         dispatch(m, 1).operands[0] = Ref(0, 0, 0, static_cast<RefKind>(8));
       },
       "unknown kind of operand"},
      {"column of an input",
       [](auto &m) {
         dispatch(m, 1).operands[0] = Ref(1, 0, 0, RefKind::Input);
       },
       "column 1 is outside the input"},
      {"column",
       [](auto &m) {
         dispatch(m, 1).operands[2] = Ref(16, 0, 0, RefKind::Buffer);
       },
       "column 16 is outside the buffer"},
      {"writes a weight",
       [](auto &m) { m.kernels[dispatch(m, 1).kernel]->signature->writes = 1; },
       "operand 1 is written but read-only"},
      {"operands", [](auto &m) { dispatch(m, 1).operands.pop_back(); },
       "takes 3 operands, not 2"},
      {"dims", [](auto &m) { dispatch(m, 3).dims.clear(); },
       "takes 1 dims, not 0"},
      {"row scale", [](auto &m) { dispatch(m, 1).row_scale = 0; },
       "row scale 0"},
      {"outputs", [](auto &m) { m.entries[0]->programs[0]->outputs.clear(); },
       "0 outputs, the entry has 1"},
      {"output columns",
       [](auto &m) { m.entries[0]->outputs[0]->columns = 999; },
       "output 0 does not match its buffer"},
      {"matmul k", [](auto &m) { matmul(m).k = 17; }, "x: has fewer columns"},
      {"matmul n", [](auto &m) { matmul(m).n = 49; }, "y: has fewer columns"},
      {"matmul weight", [](auto &m) { m.weights[1]->bytes -= 64; },
       "'head' has 4032 bytes, fewer than its shape and layout take"},
      {"matmul depth",
       [](auto &m) {
         m.weights[1]->layout = format::Layout::Rows;
         m.weights[1]->bytes -= 64;
       },
       "in the layout 'rows', the kernel reads 'panel'"},
      {"weight shape", [](auto &m) { m.weights[0]->shape = {40, 17}; },
       "'embed' has 2560 bytes, fewer than its shape and layout take"},
      {"weight axis", [](auto &m) { m.weights[0]->shape = {40, -16}; },
       "bad shape"},
      {"matmul type", [](auto &m) { matmul(m).elem = format::Elem::BF16; },
       "x: has another element type"},
      {"matmul fallback", [](auto &m) { matmul(m).fallback->kernel = 77; },
       "fallback: kernel 77"},
  };
  for (const Break &one : breaks) {
    ToyFile toy = toyFile();
    one.apply(toy.model);
    Status status = openBytes(toy.bytes());
    EXPECT_FALSE(status.ok()) << one.what;
    EXPECT_THAT(status.message(), HasSubstr(one.message)) << one.what;
  }
}

} // namespace
