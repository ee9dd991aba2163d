#include "compiler/pipeline/Dumps.h"

#include "compiler/lowering/Passes.h"
#include "compiler/transforms/Passes.h"
#include "runtime/support/AtomicFile.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

#include <filesystem>

namespace sluice::pipeline {

std::string Dumps::print(mlir::ModuleOp module) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream,
               mlir::OpPrintingFlags().enableDebugInfo(options.locations));
  stream << '\n';
  return text;
}

bool Dumps::wants(Stage stage) const {
  bool text = stage != Stage::Llvm && stage != Stage::Asm;
  return options.emit == stage || !options.dumpDir.empty() ||
         (options.snapshots && text);
}

Status Dumps::add(Stage stage, const std::string &text) {
  const StageInfo &info = stages()[int(stage)];
  if (options.emit == stage) {
    clearProgress(options);
    out << text;
  }
  if (options.snapshots)
    kept.push_back({info.name, text});
  if (options.dumpDir.empty())
    return {};
  return write(std::string(info.name) + "." + info.extension, text);
}

// A dump says what it is, so that it can be resumed from.
static void setStage(mlir::ModuleOp module, Stage stage) {
  module->setAttr(
      "sluice.stage",
      mlir::StringAttr::get(module.getContext(), stages()[int(stage)].name));
}

Status Dumps::add(Stage stage, mlir::ModuleOp module) {
  setStage(module, stage);
  return wants(stage) ? add(stage, print(module)) : Status();
}

Status Dumps::write(const std::string &name, const std::string &text) {
  std::error_code error;
  std::filesystem::create_directories(options.dumpDir, error);
  std::string number = std::to_string(count++);
  std::string path = options.dumpDir + "/" +
                     std::string(number.size() < 2 ? 1 : 0, '0') + number +
                     "-" + name;
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (Status status = file->write(text.data(), text.size()); !status.ok())
    return status;
  return file->commit();
}

class PassDumper : public mlir::PassInstrumentation {
public:
  PassDumper(Dumps &dumps, std::optional<Stage> stage)
      : dumps(dumps), stage(stage) {}

  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override {
    auto module = llvm::dyn_cast<mlir::ModuleOp>(op);
    if (!module)
      return;
    if (stage)
      setStage(module, *stage);
    (void)dumps.write("after-" + pass->getArgument().str() + ".mlir",
                      dumps.print(module));
  }

private:
  Dumps &dumps;
  std::optional<Stage> stage;
};

std::optional<Stage> stageOf(mlir::ModuleOp dump) {
  auto name = dump->getAttrOfType<mlir::StringAttr>("sluice.stage");
  std::optional<Stage> stage =
      name ? stageByName(name.getValue().str()) : std::nullopt;
  bool resumable = stage && *stage >= Stage::Model && *stage <= Stage::Plan;
  return resumable ? stage : std::nullopt;
}

mlir::LogicalResult verifyDump(mlir::ModuleOp dump, Stage stage) {
  mlir::PassManager passes(dump.getContext());
  if (stage == Stage::Model)
    passes.addPass(createVerifyModel());
  else if (stage == Stage::Fused)
    passes.addPass(createVerifyFused());
  else
    passes.addPass(plan::createVerifyPlanPass());
  return passes.run(dump);
}

void Dumps::watch(mlir::PassManager &passes, std::optional<Stage> resumable) {
  if (options.dumpEachPass && !options.dumpDir.empty())
    passes.addInstrumentation(std::make_unique<PassDumper>(*this, resumable));
}

} // namespace sluice::pipeline
