// Every reference model of every family lowers to a plan that verifies. A new
// case under tests/reference is picked up without a change here.
#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/import/Import.h"
#include "compiler/lowering/Lowering.h"
#include "compiler/lowering/Passes.h"
#include "compiler/spec/Spec.h"
#include "compiler/transforms/Pipeline.h"
#include "dialects/Register.h"

#include "gtest/gtest.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace mlir;
namespace fs = std::filesystem;

namespace {

const fs::path kSource = SLUICE_SOURCE_DIR;

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto &entry :
       fs::recursive_directory_iterator(kSource / "tests" / "reference"))
    if (entry.path().filename() == "model.safetensors")
      found.push_back(entry.path().parent_path());
  std::sort(found.begin(), found.end());
  return found;
}

class Families : public testing::TestWithParam<fs::path> {
protected:
  Families()
      : handler(&context, [this](Diagnostic &diagnostic) {
          llvm::raw_string_ostream(messages)
              << diagnostic.getLocation() << ": " << diagnostic << "\n";
        }) {
    DialectRegistry registry;
    sluice::registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  OwningOpRef<ModuleOp> import(const fs::path &directory) {
    auto checkpoint = sluice::checkpoint::Checkpoint::open(directory.string());
    if (!checkpoint.ok()) {
      messages = checkpoint.status().message();
      return nullptr;
    }
    sluice::spec::Diagnostics diagnostics;
    auto path = sluice::spec::findSpec((kSource / "models").string(),
                                       *checkpoint, diagnostics);
    auto spec = path ? sluice::spec::parseSpec(*path, diagnostics) : nullptr;
    auto common = sluice::spec::parseSpec(
        (kSource / "models/blocks/keys.yaml").string(), diagnostics);
    sluice::spec::BindOptions options;
    options.common = common.get();
    auto model = spec && common ? sluice::spec::bind(*spec, *checkpoint,
                                                     diagnostics, options)
                                : nullptr;
    if (!model) {
      messages = diagnostics.print();
      return nullptr;
    }
    return sluice::import::importModel(*model, &context, {});
  }

  // Lowers and verifies; the number of kernels, or 0.
  int64_t lower(ModuleOp module, const std::string &form) {
    FailureOr<OwningOpRef<ModuleOp>> plan =
        sluice::plan::lowerToPlan(module, {});
    if (failed(plan))
      return 0;
    PassManager manager(&context);
    sluice::plan::buildPlanPipeline(manager);
    if (failed(manager.run(**plan)))
      return 0;
    dump(module, form + ".model");
    dump(**plan, form + ".plan");
    auto kernels = (*plan)->getOps<sluice::plan::KernelOp>();
    return std::distance(kernels.begin(), kernels.end());
  }

  // SLUICE_DUMP=DIRECTORY keeps the modules to look at.
  void dump(ModuleOp module, const std::string &what) {
    const char *directory = getenv("SLUICE_DUMP");
    if (!directory)
      return;
    const fs::path &path = GetParam();
    std::string name = path.parent_path().filename().string() + "-" +
                       path.filename().string() + "." + what + ".mlir";
    std::error_code error;
    llvm::raw_fd_ostream(std::string(directory) + "/" + name, error) << module;
  }

  MLIRContext context;
  std::string messages;
  ScopedDiagnosticHandler handler;
};

// A plan needs a few kernels, however many layers a model has.
constexpr int64_t kMostKernels = 40;

TEST_P(Families, LowersAsImported) {
  OwningOpRef<ModuleOp> module = import(GetParam());
  ASSERT_TRUE(module) << messages;
  int64_t kernels = lower(*module, "unfused");
  EXPECT_GT(kernels, 0) << messages;
  EXPECT_LE(kernels, kMostKernels);
}

TEST_P(Families, LowersFused) {
  OwningOpRef<ModuleOp> module = import(GetParam());
  ASSERT_TRUE(module) << messages;
  PassManager manager(&context);
  sluice::buildFusionPipeline(manager, {});
  ASSERT_TRUE(succeeded(manager.run(*module))) << messages;
  int64_t kernels = lower(*module, "fused");
  EXPECT_GT(kernels, 0) << messages;
  EXPECT_LE(kernels, kMostKernels);
}

INSTANTIATE_TEST_SUITE_P(Reference, Families, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<fs::path> &info) {
                           std::string name =
                               info.param.parent_path().filename().string() +
                               "_" + info.param.filename().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
