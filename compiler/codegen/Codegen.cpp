#include "compiler/codegen/Codegen.h"

#include "compiler/codegen/Emit.h"
#include "compiler/codegen/Link.h"
#include "compiler/codegen/Lowering.h"
#include "compiler/codegen/VerifyKernel.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <mutex>

using namespace mlir;

namespace sluice::codegen {
namespace {

// One kernel to compile. It travels as bytecode and is compiled in a context of
// its own: contexts are not made for several pass managers at once.
struct Job {
  ModuleOp source;
  std::string symbol;
  std::string bytecode;
  llvm::SmallVector<char, 0> object;
  std::string unit;
  std::string errors;
};

std::string print(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream);
  return text;
}

// What makes two kernels the same: their text without locations and name.
std::string identity(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  copy->setSymName(std::nullopt);
  for (auto function : copy->getOps<func::FuncOp>())
    function.setSymName("kernel");
  std::string text = print(*copy);
  auto digest = llvm::SHA256::hash(llvm::ArrayRef(
      reinterpret_cast<const uint8_t *>(text.data()), text.size()));
  return std::string(digest.begin(), digest.end());
}

class Compiler {
public:
  Compiler(const Target &target, const CodegenOptions &options)
      : target_(target), options_(options) {
    registerKernelDialects(registry_);
  }

  void compile(Job &job) {
    MLIRContext context(registry_, MLIRContext::Threading::DISABLED);
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      llvm::raw_string_ostream(job.errors) << diagnostic << '\n';
    });
    if (failed(compileIn(context, job)) && job.errors.empty())
      job.errors = "cannot compile kernel '" + job.symbol + "'\n";
  }

private:
  LogicalResult compileIn(MLIRContext &context, Job &job) {
    ParserConfig config(&context);
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(job.bytecode, config);
    if (!module)
      return failure();
    PassManager passes(&context);
    buildLoweringPipeline(passes, target_);
    if (failed(passes.run(*module)))
      return failure();
    if (wants(DumpStage::Dialect))
      dump(job, DumpStage::Dialect, print(*module));

    llvm::LLVMContext llvmContext;
    FailureOr<std::unique_ptr<llvm::Module>> translated =
        translateToLLVM(*module, target_, llvmContext);
    if (failed(translated))
      return failure();
    optimize(**translated, target_);
    dumpOptimized(job, **translated);
    job.unit = unitOf(**translated, target_);
    job.object = emitObject(**translated, target_);
    return success();
  }

  void dumpOptimized(const Job &job, const llvm::Module &module) {
    if (wants(DumpStage::LLVM)) {
      std::string text;
      llvm::raw_string_ostream stream(text);
      module.print(stream, nullptr);
      dump(job, DumpStage::LLVM, text);
    }
    if (wants(DumpStage::Assembly))
      dump(job, DumpStage::Assembly,
           emitAssembly(*llvm::CloneModule(module), target_));
  }

  bool wants(DumpStage stage) const {
    return options_.dump && llvm::is_contained(options_.dumpStages, stage);
  }
  void dump(const Job &job, DumpStage stage, std::string_view text) {
    std::lock_guard lock(dumpMutex_);
    options_.dump(job.symbol, stage, text);
  }

  const Target &target_;
  const CodegenOptions &options_;
  DialectRegistry registry_;
  std::mutex dumpMutex_;
};

// Checks the kernels, groups equal ones and serialises one of each group;
// `jobOf` tells which for each kernel.
LogicalResult collect(ArrayRef<ModuleOp> kernels, std::vector<Job> &jobs,
                      std::vector<Alias> &aliases, std::vector<size_t> &jobOf) {
  llvm::StringMap<size_t> known;
  for (ModuleOp kernel : kernels) {
    if (failed(verifyKernel(kernel)))
      return failure();
    auto function = *kernel.getOps<func::FuncOp>().begin();
    auto [entry, isNew] = known.try_emplace(identity(kernel), jobs.size());
    jobOf.push_back(entry->second);
    if (!isNew) {
      aliases.push_back(
          {function.getSymName().str(), jobs[entry->second].symbol});
      continue;
    }
    Job job{kernel, function.getSymName().str(), {}, {}, {}, {}};
    llvm::raw_string_ostream stream(job.bytecode);
    if (failed(writeBytecodeToFile(kernel, stream)))
      return failure();
    stream.flush();
    jobs.push_back(std::move(job));
  }
  return success();
}

} // namespace

FailureOr<std::vector<char>> compileKernels(ArrayRef<ModuleOp> kernels,
                                            const Target &target,
                                            const CodegenOptions &options,
                                            CodegenStatistics *statistics) {
  assert(!kernels.empty() && "there is nothing to link");
  std::vector<Job> jobs;
  std::vector<Alias> aliases;
  std::vector<size_t> jobOf;
  if (failed(collect(kernels, jobs, aliases, jobOf)))
    return failure();

  Compiler compiler(target, options);
  {
    llvm::StdThreadPool pool(llvm::hardware_concurrency(options.threads));
    for (Job &job : jobs)
      pool.async([&] { compiler.compile(job); });
    pool.wait();
  }
  bool ok = true;
  std::vector<llvm::SmallVector<char, 0>> objects;
  for (Job &job : jobs) {
    if (!job.errors.empty()) {
      job.source.emitError("kernel '") << job.symbol << "': " << job.errors;
      ok = false;
    }
    objects.push_back(std::move(job.object));
  }
  if (!ok)
    return failure();
  if (statistics) {
    *statistics = {kernels.size(), jobs.size(), {}};
    for (size_t job : jobOf)
      statistics->units.push_back(jobs[job].unit);
  }

  llvm::Expected<std::vector<char>> image = linkShared(objects, aliases);
  if (!image) {
    ModuleOp first = kernels.front();
    return first.emitError(llvm::toString(image.takeError()));
  }
  return std::move(*image);
}

} // namespace sluice::codegen
