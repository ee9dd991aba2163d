#include "compiler/pipeline/Kernels.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/kernels/Kernels.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/format/container.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <map>

using namespace mlir;

namespace sluice::pipeline {

// One module per kernel: they are compiled in parallel and hashed alone.
static FailureOr<OwningOpRef<ModuleOp>>
buildKernel(plan::KernelOp kernel, const codegen::Target &target) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  Region *body = kernel.getBody().empty() ? nullptr : &kernel.getBody();
  if (failed(kernels::build(kernel.getKind(), kernel.getConfig(), body, target,
                            builder,
                            format::kKernelPrefix + kernel.getSymName().str())))
    return failure();
  return module;
}

namespace {
// Collects the texts of one stage by kernel, in the order of their symbols.
struct TextCollector {
  std::map<std::string, std::string> llvm, assembly;

  void operator()(std::string_view symbol, codegen::DumpStage stage,
                  std::string_view text) {
    (stage == codegen::DumpStage::LLVM ? llvm : assembly)[std::string(symbol)] =
        text;
  }
  static std::string join(const std::map<std::string, std::string> &texts) {
    std::string all;
    for (const auto &[symbol, text] : texts)
      all += text + "\n";
    return all;
  }
};
} // namespace

Result<TargetCode> generateCode(ModuleOp plan, const codegen::Target &target,
                                Dumps &dumps, bool first,
                                const Options &options) {
  std::vector<OwningOpRef<ModuleOp>> owned;
  std::vector<ModuleOp> modules;
  std::string text;
  bool wantsKernels = first && dumps.wants(Stage::Kernels);
  for (plan::KernelOp kernel : plan.getOps<plan::KernelOp>()) {
    FailureOr<OwningOpRef<ModuleOp>> module = buildKernel(kernel, target);
    if (failed(module))
      return Status(Code::Internal,
                    "cannot build kernel " + kernel.getSymName().str());
    if (wantsKernels)
      text += dumps.print(**module);
    modules.push_back(**module);
    owned.push_back(std::move(*module));
  }
  if (wantsKernels)
    if (Status status = dumps.add(Stage::Kernels, text); !status.ok())
      return status;

  TargetCode code;
  code.target = target;
  if (options.emit == Stage::Kernels)
    return code;
  TextCollector texts;
  codegen::CodegenOptions codegenOptions;
  bool wantsCode =
      first && (dumps.wants(Stage::Llvm) || dumps.wants(Stage::Asm));
  if (wantsCode) {
    codegenOptions.dump = std::ref(texts);
    codegenOptions.dumpStages = {codegen::DumpStage::LLVM,
                                 codegen::DumpStage::Assembly};
  }
  codegen::CodegenStatistics statistics;
  FailureOr<std::vector<char>> object =
      codegen::compileKernels(modules, target, codegenOptions, &statistics);
  if (failed(object))
    return Status(Code::Internal,
                  "code generation failed for target " + target.name);
  code.object = std::move(*object);
  code.kernels = statistics.kernels;
  code.distinct = statistics.distinct;
  code.units = std::move(statistics.units);
  if (wantsCode) {
    if (Status status = dumps.add(Stage::Llvm, TextCollector::join(texts.llvm));
        !status.ok())
      return status;
    if (Status status =
            dumps.add(Stage::Asm, TextCollector::join(texts.assembly));
        !status.ok())
      return status;
  }
  return code;
}

} // namespace sluice::pipeline
