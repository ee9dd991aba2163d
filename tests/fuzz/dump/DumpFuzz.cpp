// Dumps as `--from` takes them, edited: verified by their stage, then brought to
// a plan and its kernels. Most text does not survive a changed byte, so most
// mutations here are of numbers.
#include "compiler/codegen/Lowering.h"
#include "compiler/codegen/Target.h"
#include "compiler/kernels/Kernels.h"
#include "compiler/lowering/Lowering.h"
#include "compiler/lowering/Passes.h"
#include "compiler/pipeline/Dumps.h"
#include "compiler/transforms/Pipeline.h"
#include "dialects/Register.h"

#include "mlir/Parser/Parser.h"

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace mlir;
using namespace sluice;
using pipeline::Stage;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

namespace {

// Refuses every diagnostic a place on the screen, but counts the errors.
class Context {
public:
  Context() : context(registry(), MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      errors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
      return success();
    });
  }

  MLIRContext context;
  int errors = 0;

private:
  static DialectRegistry registry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    codegen::registerKernelDialects(registry);
    return registry;
  }
};

// Types and attributes are never freed, so a context serves for a while only.
Context &freshContext() {
  static std::unique_ptr<Context> context;
  static int uses = 0;
  if (uses++ % 200 == 0)
    context = std::make_unique<Context>();
  context->errors = 0;
  return *context;
}

LogicalResult buildKernels(ModuleOp plan) {
  static const Result<codegen::Target> target =
      codegen::parseTarget("x86-64-v3");
  if (!target.ok())
    abort();
  for (auto kernel : plan.getOps<plan::KernelOp>()) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    Region *body = kernel.getBody().empty() ? nullptr : &kernel.getBody();
    if (failed(kernels::build(kernel.getKind(), kernel.getConfig(), body,
                              *target, builder, "kernel")))
      return failure();
  }
  return success();
}

// From the stage of the dump to kernels; a failure must have said why.
LogicalResult resume(ModuleOp dump) {
  std::optional<Stage> stage = pipeline::stageOf(dump);
  if (!stage)
    return dump.emitError("no stage");
  if (failed(pipeline::verifyDump(dump, *stage)))
    return failure();
  if (*stage == Stage::Model) {
    PassManager passes(dump.getContext());
    buildFusionPipeline(passes, {});
    if (failed(passes.run(dump)))
      return failure();
  }
  if (*stage == Stage::Plan)
    return buildKernels(dump);
  FailureOr<OwningOpRef<ModuleOp>> lowered = plan::lowerToPlan(dump, {});
  if (failed(lowered))
    return failure();
  PassManager passes(dump.getContext());
  plan::buildPlanPipeline(passes);
  if (failed(passes.run(**lowered)))
    return failure();
  return buildKernels(**lowered);
}

// Puts another number in the place of one of the text's.
size_t changeNumber(uint8_t *data, size_t size, size_t most,
                    std::minstd_rand &random) {
  static const char *const numbers[] = {
      "0", "1", "2", "3", "7", "8", "16", "64", "65536", "2147483647",
      "4294967296", "9223372036854775807", "-1", "-64"};
  std::string text(reinterpret_cast<char *>(data), size);
  size_t begin = size ? random() % size : 0;
  while (begin < size && !std::isdigit(data[begin]))
    ++begin;
  size_t end = begin;
  while (end < size && std::isdigit(data[end]))
    ++end;
  if (begin == end)
    return LLVMFuzzerMutate(data, size, most);
  text.replace(begin, end - begin, numbers[random() % std::size(numbers)]);
  if (text.size() > most)
    return size;
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t most, unsigned seed) {
  std::minstd_rand random(seed + 1);
  return random() % 4 == 0 ? LLVMFuzzerMutate(data, size, most)
                           : changeNumber(data, size, most, random);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Context &own = freshContext();
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  OwningOpRef<ModuleOp> dump =
      parseSourceString<ModuleOp>(text, ParserConfig(&own.context));
  bool done = dump && succeeded(resume(*dump));
  if (!done && own.errors == 0)
    abort(); // refused without a word
  return 0;
}
