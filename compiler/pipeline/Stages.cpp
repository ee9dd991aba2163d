// The stages that can be printed, by name.
#include "compiler/pipeline/Pipeline.h"

namespace sluice::pipeline {

const std::vector<StageInfo> &stages() {
  static const std::vector<StageInfo> list = {
      {Stage::Spec, "spec", "yaml", "the spec with every value filled in"},
      {Stage::Model, "model", "mlir", "the llm dialect, one op per node"},
      {Stage::Fused, "fused", "mlir", "the llm dialect after the fusions"},
      {Stage::Plan, "plan", "mlir", "steps, buffers and weights as they run"},
      {Stage::Kernels, "kernels", "mlir", "one function per kernel"},
      {Stage::Llvm, "llvm", "ll", "LLVM IR of the kernels after O3"},
      {Stage::Asm, "asm", "s", "machine code of the kernels"},
  };
  return list;
}

std::optional<Stage> stageByName(std::string_view name) {
  for (const StageInfo &info : stages())
    if (name == info.name)
      return info.stage;
  return std::nullopt;
}

} // namespace sluice::pipeline
