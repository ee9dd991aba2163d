#include "tests/unit/kernels/KernelHarness.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Lowering.h"
#include "compiler/kernels/Kernels.h"
#include "runtime/executor/KernelCode.h"
#include "runtime/format/CpuFeatures.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdlib>
#include <optional>

using namespace mlir;

namespace sluice::testing {

// Two bytes 0xffff are a NaN in bf16, four in f32.
constexpr int pattern = 0xff;

GuardedBytes::GuardedBytes(size_t bytes)
    : bytes(bytes), memory(static_cast<char *>(std::aligned_alloc(
                               64, (bytes + 2 * guard + 63) / 64 * 64)),
                           std::free) {
  std::memset(memory.get(), pattern, bytes + 2 * guard);
}

GuardedBytes::~GuardedBytes() {
  if (!memory)
    return;
  auto untouched = [](const char *from, size_t count) {
    for (size_t i = 0; i < count; ++i)
      if (static_cast<unsigned char>(from[i]) != pattern)
        return false;
    return true;
  };
  EXPECT_TRUE(untouched(memory.get(), guard)) << "written before a buffer";
  EXPECT_TRUE(untouched(data() + bytes, guard)) << "written behind a buffer";
}

char *GuardedBytes::data() const { return memory.get() + guard; }

Batch::Batch(std::vector<int32_t> lengths, std::vector<int32_t> rows)
    : wanted(std::move(rows)) {
  first.push_back(0);
  for (size_t s = 0; s < lengths.size(); ++s) {
    slot.push_back(static_cast<int32_t>(s));
    for (int32_t i = 0; i < lengths[s]; ++i) {
      sequence.push_back(static_cast<int32_t>(s));
      offset.push_back(i);
    }
    first.push_back(first.back() + lengths[s]);
  }
  if (wanted.empty())
    for (size_t s = 0; s < lengths.size(); ++s)
      wanted.push_back(first[s + 1] - 1);
  batch = {static_cast<int64_t>(sequence.size()),
           static_cast<int64_t>(lengths.size()),
           static_cast<int64_t>(wanted.size()),
           sequence.data(),
           offset.data(),
           first.data(),
           slot.data(),
           wanted.data()};
}

// What stands in for "native", or null.
static const char *targetInstead() {
  return std::getenv("SLUICE_KERNEL_TARGET");
}

bool runsHere(const std::string &name) {
  Result<codegen::Target> target = codegen::parseTarget(name);
  return target.ok() && format::missingFeatures(target->required).empty();
}

bool addsInTiles() {
  Result<codegen::Target> target =
      codegen::parseTarget(targetInstead() ? targetInstead() : "native");
  return target.ok() && target->hasAmx;
}

// Where this machine cannot run the code that is asked for, nothing is tested.
class SkipForeignTargets : public ::testing::Environment {
  void SetUp() override {
    if (targetInstead() && !runsHere(targetInstead()))
      GTEST_SKIP() << "this machine cannot run " << targetInstead();
  }
};
static ::testing::Environment *const skipForeignTargets =
    ::testing::AddGlobalTestEnvironment(new SkipForeignTargets);

struct Kernel::Impl {
  MLIRContext context;
  std::string kind;
  DictionaryAttr attributes;
  kernels::Signature signature;
  std::optional<executor::KernelCode> library;
  slc_kernel_fn function = nullptr;

  Impl() {
    DialectRegistry registry;
    codegen::registerKernelDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void compile(const std::string &body, const std::string &targetName) {
    Result<codegen::Target> target = codegen::parseTarget(
        targetName == "native" && targetInstead() ? targetInstead()
                                                  : targetName);
    ASSERT_TRUE(target.ok()) << target.status().message();
    ASSERT_TRUE(format::missingFeatures(target->required).empty());
    Location loc = UnknownLoc::get(&context);
    auto found =
        kernels::signature(kind, attributes, [&] { return emitError(loc); });
    ASSERT_TRUE(succeeded(found)) << kind;
    signature = std::move(*found);

    OwningOpRef<ModuleOp> bodyModule;
    Region *region = nullptr;
    if (!body.empty()) {
      bodyModule = parseSourceString<ModuleOp>(body, &context);
      ASSERT_TRUE(bodyModule) << "the body does not parse";
      region = &(*bodyModule->getOps<func::FuncOp>().begin()).getBody();
    }
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    ASSERT_TRUE(succeeded(kernels::build(kind, attributes, region, *target,
                                         builder, "slc_k_test")));
    codegen::CodegenOptions options;
    dumpTo(options);
    auto image = codegen::compileKernels({*module}, *target, options);
    if (failed(image))
      module->dump();
    ASSERT_TRUE(succeeded(image));
    load(*image);
  }

  // SLUICE_DUMP=FILE keeps the assembly of the last kernel.
  static void dumpTo(codegen::CodegenOptions &options) {
    const char *file = std::getenv("SLUICE_DUMP");
    if (!file)
      return;
    options.dumpStages = {codegen::DumpStage::Assembly};
    options.dump = [file](std::string_view, codegen::DumpStage,
                          std::string_view text) {
      if (FILE *stream = std::fopen(file, "w")) {
        std::fwrite(text.data(), 1, text.size(), stream);
        std::fclose(stream);
      }
    };
  }

  void load(const std::vector<char> &image) {
    Result<executor::KernelCode> loaded = executor::KernelCode::load(
        {reinterpret_cast<const uint8_t *>(image.data()), image.size()});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    library = std::move(*loaded);
    Result<slc_kernel_fn> found = library->kernel("slc_k_test");
    ASSERT_TRUE(found.ok()) << found.status().message();
    function = *found;
  }
};

Kernel::Kernel(const std::string &kind, const std::string &attributes,
               const std::string &body, const std::string &target)
    : impl(std::make_unique<Impl>()) {
  impl->kind = kind;
  impl->attributes = dyn_cast_or_null<DictionaryAttr>(
      parseAttribute(attributes, &impl->context));
  if (!impl->attributes) {
    ADD_FAILURE() << "bad attributes: " << attributes;
    return;
  }
  impl->compile(body, target);
}

Kernel::~Kernel() = default;

bool Kernel::hasInput(const std::string &name) const {
  std::optional<size_t> at = kernels::operandNamed(impl->signature, name);
  return at && *at < impl->signature.writes;
}

template <typename T, typename Part>
static void
inOrder(const char *what, const std::vector<std::unique_ptr<Part>> &parts,
        const std::map<std::string, T> &given, std::vector<T> &values) {
  for (const auto &part : parts) {
    auto found = given.find(part->name);
    if (found == given.end()) {
      ADD_FAILURE() << "no " << what << " '" << part->name << "' given";
      continue;
    }
    values.push_back(found->second);
  }
}

int Kernel::run(const Call &call) const {
  if (!impl->function) {
    ADD_FAILURE() << "there is no kernel";
    return -1;
  }
  std::vector<void *> operands;
  std::vector<int64_t> dims;
  const kernels::Signature &signature = impl->signature;
  inOrder("operand", signature.operands, call.operands, operands);
  inOrder("dim", signature.dims, call.dims, dims);
  EXPECT_EQ(operands.size(), call.operands.size())
      << "operand not in signature";
  EXPECT_EQ(dims.size(), call.dims.size()) << "dim not in signature";
  if (::testing::Test::HasFailure())
    return -1;

  int status = 0;
  for (int worker = call.workers - 1; worker >= 0; --worker) {
    GuardedBytes scratch(static_cast<size_t>(
        kernels::scratchBytes(impl->kind, impl->attributes, dims)));
    slc_call frame = {operands.data(), dims.data(), call.batch,  scratch.data(),
                      call.rows,       worker,      call.workers};
    status |= impl->function(&frame);
  }
  return status;
}

void failIf(bool condition, const std::string &message) {
  if (condition)
    ADD_FAILURE() << message;
}

void expectNear(const std::vector<float> &actual,
                const std::vector<float> &expected, double relative,
                double absolute) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    double limit = absolute + relative * std::fabs(expected[i]);
    // Written so that a NaN fails.
    if (!(std::fabs(double(actual[i]) - expected[i]) <= limit) &&
        actual[i] != expected[i]) {
      ADD_FAILURE() << "element " << i << ": " << actual[i] << ", expected "
                    << expected[i];
      return;
    }
  }
}

} // namespace sluice::testing
