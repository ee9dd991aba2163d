#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Lowering.h"
#include "compiler/codegen/VerifyKernel.h"
#include "runtime/executor/KernelCode.h"
#include "runtime/format/CpuFeatures.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace sluice;
using namespace sluice::codegen;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace {

Target native() {
  Result<Target> target = parseTarget("native");
  EXPECT_TRUE(target.ok());
  return *target;
}

class Codegen : public ::testing::Test {
protected:
  Codegen() {
    DialectRegistry registry;
    registerKernelDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      llvm::raw_string_ostream(errors) << diagnostic << '\n';
      for (Diagnostic &note : diagnostic.getNotes())
        llvm::raw_string_ostream(errors) << note << '\n';
    });
  }
  ModuleOp parse(const std::string &body, const std::string &name = "k") {
    modules.push_back(parseSourceString<ModuleOp>(
        "func.func @" + name + "(%call: !llvm.ptr) -> i32 {\n" + body + "\n}",
        &context));
    EXPECT_TRUE(modules.back()) << errors;
    return *modules.back();
  }

  executor::KernelCode load(const std::vector<char> &image) {
    Result<executor::KernelCode> library = executor::KernelCode::load(
        {reinterpret_cast<const uint8_t *>(image.data()), image.size()});
    EXPECT_TRUE(library.ok()) << library.status().message();
    return *library;
  }
  static auto find(const executor::KernelCode &library, const char *name) {
    Result<slc_kernel_fn> found = library.kernel(name);
    EXPECT_TRUE(found.ok()) << found.status().message();
    return reinterpret_cast<int (*)(void *)>(*found);
  }

  // Compiles `expression` from vector %x to %y and applies it in place.
  void apply(const std::string &expression, std::vector<float> &values) {
    ModuleOp module = parse(R"(
      %zero = llvm.mlir.constant(0 : i32) : i32
      %x = llvm.load %call : !llvm.ptr -> vector<16xf32>
      )" + expression + R"(
      llvm.store %y, %call : vector<16xf32>, !llvm.ptr
      return %zero : i32)");
    auto image = compileKernels({module}, native());
    ASSERT_TRUE(succeeded(image)) << errors;
    executor::KernelCode library = load(*image);
    auto function = find(library, "k");
    values.resize((values.size() + 15) / 16 * 16, 1.0f);
    for (size_t i = 0; i < values.size(); i += 16) {
      alignas(64) float lanes[16];
      std::copy_n(&values[i], 16, lanes);
      function(lanes);
      std::copy_n(lanes, 16, &values[i]);
    }
  }

  // The largest error over [from, to], relative to max(|expected|, floor).
  double worst(const std::string &name, double (*exact)(double), double from,
               double to, double floor = 0) {
    std::vector<float> x;
    for (int i = 0; i <= 20000; ++i)
      x.push_back(static_cast<float>(from + (to - from) * i / 20000));
    std::vector<float> y = x;
    apply("%y = math." + name + " %x : vector<16xf32>", y);
    double error = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double expected = exact(x[i]);
      error = std::max(error, std::fabs(y[i] - expected) /
                                  std::max(std::fabs(expected), floor));
    }
    RecordProperty(name, std::to_string(error * 1e9) + "e-9");
    return error;
  }

  MLIRContext context;
  std::string errors;
  std::vector<OwningOpRef<ModuleOp>> modules;
};

const char *const returnFive = R"(
  %five = arith.constant 5 : i32
  return %five : i32)";

TEST(TargetTest, LevelsAndProcessors) {
  Result<Target> plain = parseTarget("x86-64-v3");
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->hasAvx512);
  EXPECT_EQ(plain->vectorLanes(), 8);
  EXPECT_EQ(plain->features, "");
  EXPECT_THAT(plain->required, Contains("avx2"));
  EXPECT_THAT(plain->required, Not(Contains("avx512f")));

  Result<Target> level4 = parseTarget("x86-64-v4");
  ASSERT_TRUE(level4.ok());
  EXPECT_TRUE(level4->hasAvx512);
  EXPECT_FALSE(level4->hasAvx512Bf16);

  Result<Target> zen = parseTarget("znver4");
  ASSERT_TRUE(zen.ok());
  EXPECT_TRUE(zen->hasAvx512Bf16);
  EXPECT_EQ(zen->cpu, "x86-64-v4");
  EXPECT_EQ(zen->tune, "znver4");
  EXPECT_THAT(zen->required, Contains("avx512bf16"));
  EXPECT_EQ(zen->name, "x86-64-v4+vnni+bf16+vbmi+vbmi2");
  EXPECT_FALSE(zen->hasAmx);
}

TEST(TargetTest, NamesSayWhatTheCodeNeeds) {
  Result<Target> rapids = parseTarget("sapphirerapids");
  ASSERT_TRUE(rapids.ok());
  EXPECT_EQ(rapids->name, "x86-64-v4+vnni+bf16+vbmi+vbmi2+amx");
  EXPECT_TRUE(rapids->hasAmx);
  EXPECT_THAT(rapids->required, Contains("amx-bf16"));
  EXPECT_EQ(rapids->tune, "sapphirerapids");

  // With tiles come the instructions that convert their elements.
  Result<Target> tiles = parseTarget("x86-64-v4+amx");
  ASSERT_TRUE(tiles.ok());
  EXPECT_EQ(tiles->name, "x86-64-v4+bf16+amx");
  EXPECT_EQ(tiles->features, "+avx512bf16,+amx-tile,+amx-bf16,+amx-int8");

  Result<Target> emulated = parseTarget("x86-64-v3+amx-emulated");
  ASSERT_TRUE(emulated.ok());
  EXPECT_TRUE(emulated->hasAmx);
  EXPECT_THAT(emulated->required, Not(Contains("amx-tile")));

  for (const char *name :
       {"native", "znver4", "x86-64-v3+amx-emulated", "sapphirerapids"}) {
    Result<Target> target = parseTarget(name);
    ASSERT_TRUE(target.ok());
    Result<Target> again = parseTarget(target->name);
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->name, target->name);
    EXPECT_EQ(again->required, target->required);
  }
}

// The runtime must know every feature that this machine's kernels may need, and
// find it here.
TEST(TargetTest, TheRuntimeKnowsTheFeaturesOfTheHost) {
  EXPECT_THAT(format::missingFeatures(native().required), IsEmpty());
}

// Where the dot is slow it is only used when it is asked for.
TEST(TargetTest, LeavesOutASlowDot) {
  if (!format::cpuHas("avx512bf16"))
    GTEST_SKIP() << "this machine has no dot of bf16";
  bool uses = format::cpuHas("amx-tile") || !format::hasSlowBf16Dot();
  EXPECT_EQ(native().hasAvx512Bf16, uses);
  EXPECT_EQ(native().name.find("+bf16") != std::string::npos, uses);
  EXPECT_TRUE(parseTarget("native+bf16")->hasAvx512Bf16);
}

TEST(TargetTest, RefusesWhatItCannotServe) {
  EXPECT_THAT(parseTarget("znver44").status().message(), HasSubstr("znver4"));
  EXPECT_EQ(parseTarget("x86-64-v2").status().code(), Code::Unsupported);
  EXPECT_EQ(parseTarget("").status().code(), Code::InvalidArgument);
  EXPECT_THAT(parseTarget("x86-64-v4+bf61").status().message(),
              HasSubstr("did you mean 'bf16'?"));
  EXPECT_THAT(parseTarget("x86-64-v3+amx").status().message(),
              HasSubstr("goes with x86-64-v4"));
}

TEST_F(Codegen, EqualKernelsAreCompiledOnceUnderAllTheirNames) {
  CodegenStatistics statistics;
  auto image = compileKernels(
      {parse(returnFive, "one"), parse(returnFive, "two"),
       parse("%six = arith.constant 6 : i32\n return %six : i32", "other")},
      native(), {}, &statistics);
  ASSERT_TRUE(succeeded(image)) << errors;
  EXPECT_EQ(statistics.kernels, 3u);
  EXPECT_EQ(statistics.distinct, 2u);
  executor::KernelCode library = load(*image);
  for (auto [name, value] :
       {std::pair("one", 5), std::pair("two", 5), std::pair("other", 6)})
    EXPECT_EQ(find(library, name)(nullptr), value);
}

TEST_F(Codegen, DumpsEveryStageAskedFor) {
  std::string assembly, ir;
  CodegenOptions options;
  options.dumpStages = {DumpStage::LLVM, DumpStage::Assembly};
  options.dump = [&](std::string_view symbol, DumpStage stage,
                     std::string_view text) {
    EXPECT_EQ(symbol, "k");
    (stage == DumpStage::LLVM ? ir : assembly) = text;
  };
  ASSERT_TRUE(
      succeeded(compileKernels({parse(returnFive)}, native(), options)));
  EXPECT_THAT(ir, HasSubstr("ret i32 5"));
  EXPECT_THAT(ir, HasSubstr("no-builtins"));
  EXPECT_THAT(assembly, HasSubstr("movl\t$5, %eax"));
}

TEST_F(Codegen, RefusesAllocationAndCalls) {
  EXPECT_TRUE(failed(verifyKernel(parse(R"(
    %buffer = memref.alloc() : memref<4xf32>
    %zero = arith.constant 0 : i32
    return %zero : i32)"))));
  EXPECT_THAT(errors, HasSubstr("allocates memory"));
  EXPECT_TRUE(failed(verifyKernel(parse(R"(
    %code = func.call @k(%call) : (!llvm.ptr) -> i32
    return %code : i32)"))));
  EXPECT_THAT(errors, HasSubstr("calls a function"));
  EXPECT_TRUE(failed(verifyKernel(parse(R"(
    %zero = arith.constant 0 : i32
    %a = arith.constant 0 : index
    %b = arith.constant 8 : index
    %c = arith.constant 1 : index
    scf.for %i = %a to %b step %c {
      %buffer = memref.alloca() : memref<4xf32>
    }
    return %zero : i32)"))));
  EXPECT_THAT(errors, HasSubstr("stack in a loop"));
}

TEST_F(Codegen, ALibraryFunctionIsAnErrorOfTheCompiler) {
  EXPECT_TRUE(failed(compileKernels({parse(R"(
    %x = llvm.load %call : !llvm.ptr -> f32
    %y = math.atan2 %x, %x : f32
    llvm.store %y, %call : f32, !llvm.ptr
    %zero = arith.constant 0 : i32
    return %zero : i32)")},
                                    native())));
  EXPECT_THAT(errors, HasSubstr("math.atan2"));
}

TEST_F(Codegen, ASymbolFromOutsideDoesNotLink) {
  // A remainder of floats is fmod, which no pass expands.
  EXPECT_TRUE(failed(compileKernels({parse(R"(
    %x = llvm.load %call : !llvm.ptr -> f32
    %y = arith.remf %x, %x : f32
    llvm.store %y, %call : f32, !llvm.ptr
    %zero = arith.constant 0 : i32
    return %zero : i32)")},
                                    native())));
  EXPECT_THAT(errors, HasSubstr("fmod"));
}

TEST_F(Codegen, MathIsAccurate) {
  EXPECT_LT(worst("exp", std::exp, -87, 88), 1.2e-7);
  EXPECT_LT(worst("log", std::log, 1e-30, 10, 1e-1), 1.5e-7);
  EXPECT_LT(worst("log1p", std::log1p, -0.9, 10), 2.5e-7);
  EXPECT_LT(worst("tanh", std::tanh, -12, 12), 5e-7);
  EXPECT_LT(worst("erf", std::erf, -5, 5), 5e-7);
  EXPECT_LT(worst("sin", std::sin, -3.15, 3.15, 1), 3e-7);
  EXPECT_LT(worst("cos", std::cos, -3.15, 3.15, 1), 3e-7);
}

TEST_F(Codegen, ExpOfMinusInfinityIsZero) {
  std::vector<float> x = {-INFINITY, -1000, 0, INFINITY};
  apply("%y = math.exp %x : vector<16xf32>", x);
  EXPECT_EQ(x[0], 0);
  EXPECT_EQ(x[1], 0);
  EXPECT_EQ(x[2], 1);
  EXPECT_EQ(x[3], INFINITY);
}

// Rounding to bf16 has no instruction on all targets; it must not become a
// call.
TEST_F(Codegen, EveryTargetRoundsToBf16) {
  for (const char *name : {"x86-64-v3", "x86-64-v4", "znver5"}) {
    auto image = compileKernels({parse(R"(
      %x = llvm.load %call : !llvm.ptr -> vector<16xf32>
      %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
      llvm.store %y, %call : vector<16xbf16>, !llvm.ptr
      %s = llvm.load %call : !llvm.ptr -> f32
      %t = arith.truncf %s : f32 to bf16
      llvm.store %t, %call : bf16, !llvm.ptr
      %zero = arith.constant 0 : i32
      return %zero : i32)")},
                                *parseTarget(name));
    EXPECT_TRUE(succeeded(image)) << name << ": " << errors;
  }
}

} // namespace
