// Every reference model of every family lowers to a plan that verifies. A new
// case under tests/reference is picked up without a change here.
#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/import/Import.h"
#include "compiler/lowering/Lowering.h"
#include "compiler/lowering/Passes.h"
#include "compiler/spec/Spec.h"
#include "dialects/Register.h"

#include "gtest/gtest.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

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
    if (entry.path().filename() == "config.json")
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
    auto model =
        spec ? sluice::spec::bind(*spec, *checkpoint, diagnostics) : nullptr;
    if (!model) {
      messages = diagnostics.print();
      return nullptr;
    }
    return sluice::import::importModel(*model, &context, {});
  }

  MLIRContext context;
  std::string messages;
  ScopedDiagnosticHandler handler;
};

TEST_P(Families, Lowers) {
  OwningOpRef<ModuleOp> module = import(GetParam());
  ASSERT_TRUE(module) << messages;
  FailureOr<OwningOpRef<ModuleOp>> plan =
      sluice::plan::lowerToPlan(*module, {});
  ASSERT_TRUE(succeeded(plan)) << messages;
  PassManager manager(&context);
  sluice::plan::buildPlanPipeline(manager);
  EXPECT_TRUE(succeeded(manager.run(**plan))) << messages;
  if (const char *directory = getenv("SLUICE_DUMP")) {
    std::string name = GetParam().parent_path().filename().string() + "-" +
                       GetParam().filename().string();
    std::error_code error;
    llvm::raw_fd_ostream(std::string(directory) + "/" + name + ".model.mlir",
                         error)
        << *module;
    llvm::raw_fd_ostream(std::string(directory) + "/" + name + ".plan.mlir",
                         error)
        << **plan;
  }
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
