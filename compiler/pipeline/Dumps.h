// Where the text of a stage goes: to --emit, to numbered files, into the
// artifact.
#pragma once

#include "compiler/pipeline/Pipeline.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace sluice::pipeline {

// Before text is printed.
inline void clearProgress(const Options &options) {
  if (options.progress)
    options.progress(nullptr, 0);
}

class Dumps {
public:
  Dumps(const Options &options, llvm::raw_ostream &out)
      : options(options), out(out) {}

  // True if somebody wants the text of this stage.
  bool wants(Stage stage) const;
  // Hands the text of a stage to everybody who wants it.
  Status add(Stage stage, const std::string &text);
  Status add(Stage stage, mlir::ModuleOp module);
  // True once the stage that was to be emitted has been.
  bool done(Stage stage) const { return options.emit == stage; }

  // Writes the module after each pass of `passes`, if that was asked for. What
  // can be resumed from is of the stage `resumable`.
  void watch(mlir::PassManager &passes,
             std::optional<Stage> resumable = std::nullopt);

  // The module as text, with places in the YAML if those were asked for.
  std::string print(mlir::ModuleOp module) const;

  // Stages kept for the artifact: name and text.
  const std::vector<std::pair<std::string, std::string>> &snapshots() const {
    return kept;
  }

private:
  friend class PassDumper;
  Status write(const std::string &name, const std::string &text);

  const Options &options;
  llvm::raw_ostream &out;
  std::vector<std::pair<std::string, std::string>> kept;
  int count = 0;
};

// The stage that a dump is of; nothing if it is none to resume from.
std::optional<Stage> stageOf(mlir::ModuleOp dump);
// What the passes that make a stage check, for a dump that may be edited.
mlir::LogicalResult verifyDump(mlir::ModuleOp dump, Stage stage);

} // namespace sluice::pipeline
