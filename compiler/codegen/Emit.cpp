#include "compiler/codegen/Emit.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace llvm;

namespace sluice::codegen {
namespace {

constexpr const char *tripleName = "x86_64-unknown-linux-gnu";

std::unique_ptr<TargetMachine> createMachine(const Target &target) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::string error;
  Triple triple(tripleName);
  const llvm::Target *backend = TargetRegistry::lookupTarget(triple, error);
  assert(backend && "LLVM was built without its X86 backend");
  TargetOptions options;
  // Products and sums are fused where a builder says fma and nowhere else.
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(backend->createTargetMachine(
      triple, target.cpu, target.features, options, Reloc::PIC_, std::nullopt,
      CodeGenOptLevel::Aggressive));
}

void setFunctionAttributes(Module &module, const Target &target) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr("tune-cpu", target.tune);
    function.addFnAttr("prefer-vector-width", target.hasAvx512 ? "512" : "256");
    // A loop that copies or clears must not become a call of libc.
    function.addFnAttr("no-builtins");
    function.addFnAttr(Attribute::NoUnwind);
  }
}

void emit(Module &module, const Target &target, raw_pwrite_stream &stream,
          CodeGenFileType type) {
  std::unique_ptr<TargetMachine> machine = createMachine(target);
  legacy::PassManager passes;
  bool unsupported =
      machine->addPassesToEmitFile(passes, stream, nullptr, type);
  assert(!unsupported && "the X86 backend emits both kinds of file");
  (void)unsupported;
  passes.run(module);
}

} // namespace

mlir::FailureOr<std::unique_ptr<Module>> translateToLLVM(mlir::ModuleOp module,
                                                         const Target &target,
                                                         LLVMContext &context) {
  std::unique_ptr<Module> result =
      mlir::translateModuleToLLVMIR(module, context, "kernel");
  if (!result)
    return mlir::failure();
  result->setTargetTriple(Triple(tripleName));
  result->setDataLayout(createMachine(target)->createDataLayout());
  setFunctionAttributes(*result, target);
  return result;
}

void optimize(Module &module, const Target &target) {
  std::unique_ptr<TargetMachine> machine = createMachine(target);
  PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.LoopVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.SLPVectorization = false;

  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  PassBuilder builder(machine.get(), tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3)
      .run(module, modules);
}

std::string unitOf(const Module &module, const Target &target) {
  std::string unit = target.hasAvx512 ? "avx512" : "avx2";
  for (const Function &function : module) {
    if (function.getName().starts_with("llvm.x86.tdpbf16ps"))
      return "amx-bf16";
    if (function.getName().starts_with("llvm.x86.avx512bf16.dpbf16ps"))
      unit = "avx512bf16";
  }
  return unit;
}

// Emission changes the module, so the text is made from a copy by the caller.
std::string emitAssembly(Module &module, const Target &target) {
  SmallVector<char, 0> text;
  raw_svector_ostream stream(text);
  emit(module, target, stream, CodeGenFileType::AssemblyFile);
  return std::string(text.begin(), text.end());
}

SmallVector<char, 0> emitObject(Module &module, const Target &target) {
  SmallVector<char, 0> object;
  raw_svector_ostream stream(object);
  emit(module, target, stream, CodeGenFileType::ObjectFile);
  return object;
}

} // namespace sluice::codegen
