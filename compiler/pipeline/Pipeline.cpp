#include "compiler/pipeline/Pipeline.h"

#include "compiler/artifact/ArtifactWriter.h"
#include "compiler/checkpoint/Message.h"
#include "compiler/codegen/Lowering.h"
#include "compiler/import/Import.h"
#include "compiler/lowering/Lowering.h"
#include "compiler/lowering/Passes.h"
#include "compiler/pack/Importance.h"
#include "compiler/pack/Pack.h"
#include "compiler/pipeline/Bisect.h"
#include "compiler/pipeline/Diagnose.h"
#include "compiler/pipeline/Inputs.h"
#include "compiler/pipeline/Kernels.h"
#include "compiler/tokenizer/GenerationRules.h"
#include "compiler/tokenizer/StopTokens.h"
#include "compiler/tokenizer/TokenizerFile.h"
#include "compiler/transforms/Passes.h"
#include "compiler/transforms/Pipeline.h"
#include "dialects/llm/LLMDialect.h"
#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <map>

using namespace mlir;

namespace sluice::pipeline {

namespace {

using ModuleRef = OwningOpRef<ModuleOp>;

// What the artifact keeps of the checkpoint's tokenizer; empty: nothing.
struct StoredTokenizer {
  std::string image, config;
};

// One compilation: the context, what was read, and the texts on their way.
class Compilation {
public:
  Compilation(const Options &options, llvm::raw_ostream &out,
              llvm::raw_ostream &errors)
      : options(options), errors(errors), dumps(options, out),
        context(registry()), diagnostics(&context, errors) {
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false); // the place says enough
  }

  Status run();

private:
  static DialectRegistry registry();
  // Brings `module` from stage `at` to a plan, emitting on the way.
  Status toPlan(Stage &at);
  Status fuse();
  Status bisect();
  Status lower();
  Status resume(Stage &at);
  Status generate(std::vector<TargetCode> &code);
  Result<StoredTokenizer> readTokenizer();
  void warn(const std::vector<std::string> &notes);
  Status write(const std::vector<TargetCode> &code);
  void warnOfImportance();
  Status streamWeight(const artifact::WeightInstance &instance,
                      const pack::Sink &sink);

  bool finished(Stage stage) const { return dumps.done(stage); }
  // Starts a phase: reports progress and the time of the one before.
  void phase(const char *name);

  const Options &options;
  llvm::raw_ostream &errors;
  Dumps dumps;
  MLIRContext context;
  DiagnosticPrinter diagnostics;
  std::optional<Inputs> inputs;
  std::string resolvedSpec;
  ModuleRef module;
  uint64_t packed = 0, packedTotal = 0;
  std::optional<pack::Importance> importance;
  // Matrices that are brought to blocks, by their first part: those whose
  // columns count alike, although there is importance, and the others.
  std::map<std::string, int64_t> alike, weighted;
  const char *current = nullptr;
  std::chrono::steady_clock::time_point started;
};

DialectRegistry Compilation::registry() {
  DialectRegistry registry;
  registry.insert<llm::LLMDialect, plan::PlanDialect, func::FuncDialect,
                  arith::ArithDialect, math::MathDialect>();
  codegen::registerKernelDialects(registry);
  return registry;
}

void Compilation::phase(const char *name) {
  auto now = std::chrono::steady_clock::now();
  if (current && options.timing) {
    clearProgress(options);
    errors << llvm::format(
        "%-20s %8.3f s\n", current,
        std::chrono::duration<double>(now - started).count());
  }
  current = name;
  started = now;
  if (name && options.progress)
    options.progress(name, 0);
}

Result<import::ImportOptions> importOptions(const Options &options) {
  import::ImportOptions result;
  Result<import::WeightFormats> weights =
      import::WeightFormats::parse(options.weights);
  if (!weights.ok())
    return weights.status();
  result.weights = std::move(*weights);
  if (options.compute == "f32")
    result.compute = import::ImportOptions::Compute::F32;
  if (options.compute == "bf16")
    result.compute = import::ImportOptions::Compute::BF16;
  if (options.compute == "int8")
    result.compute = import::ImportOptions::Compute::I8;
  return result;
}

static Result<FusionOptions> fusionOptions(const Options &options) {
  for (const std::string &name : options.disabledPasses)
    if (!llvm::is_contained(fusionNames(), name))
      return Status(Code::InvalidArgument,
                    "no fusion is named '" + name +
                        "'; there are: " + llvm::join(fusionNames(), ", "));
  FusionOptions fusion;
  fusion.disabled = options.disabledPasses;
  return fusion;
}

Status Compilation::fuse() {
  Result<FusionOptions> fusion = fusionOptions(options);
  if (!fusion.ok())
    return fusion.status();
  FusionReport report;
  if (options.fusionReport)
    fusion->report = &report;
  PassManager passes(&context);
  dumps.watch(passes, Stage::Fused); // some of the fusions are some, too
  buildFusionPipeline(passes, *fusion);
  LogicalResult ran = passes.run(*module);
  clearProgress(options);
  if (options.fusionReport)
    report.print(errors);
  return succeeded(ran) ? Status()
                        : Status(Code::Internal, "the fusion passes failed");
}

// The fusions on a module of stage model, evaluated after each.
Status Compilation::bisect() {
  Result<std::vector<evaluate::Step>> steps =
      trialSteps(*module, *options.bisect);
  if (!steps.ok())
    return steps.status();
  Result<FusionOptions> fusion = fusionOptions(options);
  if (!fusion.ok())
    return fusion.status();
  PassManager passes(&context);
  buildFusionPipeline(passes, *fusion);
  clearProgress(options);
  return pipeline::bisect(
      *module, passes,
      evaluate::checkpointWeights(inputs->checkpoint, *inputs->model), *steps,
      options.bisect->tolerance, errors);
}

Status Compilation::lower() {
  plan::LoweringOptions lowering;
  FailureOr<ModuleRef> plan = plan::lowerToPlan(*module, lowering);
  if (failed(plan))
    return Status(Code::Unsupported, "the module cannot be lowered to a plan");
  module = std::move(*plan);
  PassManager passes(&context);
  dumps.watch(passes);
  plan::buildPlanPipeline(passes);
  return succeeded(passes.run(*module))
             ? Status()
             : Status(Code::Internal, "the plan passes failed");
}

// Reads a dump; it says its stage itself.
Status Compilation::resume(Stage &at) {
  module = parseSourceFile<ModuleOp>(options.from, &context);
  if (!module)
    return Status(Code::InvalidArgument, "cannot read " + options.from);
  std::optional<Stage> stage = stageOf(*module);
  if (!stage)
    return Status(Code::InvalidArgument,
                  options.from + ": expected a dump of stage model, fused or "
                                 "plan (module attribute sluice.stage)");
  at = *stage;
  std::string name = stages()[int(at)].name;
  // What these decide is in the dump already.
  if (options.weights != "keep" || options.compute != "auto")
    return Status(Code::InvalidArgument,
                  "--weights and --compute have no effect on a dump: make " +
                      options.from + " with them");
  if (at > Stage::Model && !options.disabledPasses.empty())
    return Status(Code::InvalidArgument, "--disable-pass has no effect on " +
                                             options.from +
                                             ", a dump of stage " + name);
  if (failed(verifyDump(*module, at)))
    return Status(Code::InvalidArgument,
                  options.from + ": not a valid dump of its stage");
  if (options.emit && *options.emit < at)
    return Status(Code::InvalidArgument, options.from + " is of stage " + name +
                                             ", which comes after --emit=" +
                                             stages()[int(*options.emit)].name);
  return dumps.add(at, *module);
}

static bool computes(ModuleOp module, llm::Compute compute) {
  return module
      .walk([&](Operation *op) {
        auto attr = op->getAttrOfType<llm::ComputeAttr>("compute");
        return attr && attr.getValue() == compute ? WalkResult::interrupt()
                                                  : WalkResult::advance();
      })
      .wasInterrupted();
}

Status Compilation::toPlan(Stage &at) {
  if (at == Stage::Spec) {
    phase("importing");
    Result<import::ImportOptions> how = importOptions(options);
    if (!how.ok())
      return how.status();
    if (Status status = how->weights.check(*inputs->model); !status.ok())
      return status;
    warn(how->weights.notes(*inputs->model));
    module = import::importModel(*inputs->model, &context, *how);
    if (!module)
      return Status(Code::InvalidArgument, "the spec cannot be imported");
    if (how->compute == import::ImportOptions::Compute::I8 &&
        !computes(*module, llm::Compute::i8))
      return Status(Code::InvalidArgument,
                    "--compute int8: no product has a weight in blocks; "
                    "--weights int8 or int4 makes them");
    at = Stage::Model;
    if (Status status = dumps.add(Stage::Model, *module); !status.ok())
      return status;
  }
  if (finished(at))
    return {};
  if (options.bisect && at != Stage::Model)
    return Status(Code::InvalidArgument,
                  "--bisect needs a dump of stage model, " + options.from +
                      " is of a later one");
  if (options.bisect) {
    phase("bisecting");
    return bisect();
  }
  if (at == Stage::Model) {
    phase("fusing");
    if (Status status = fuse(); !status.ok())
      return status;
    at = Stage::Fused;
    if (Status status = dumps.add(Stage::Fused, *module); !status.ok())
      return status;
  }
  if (finished(at))
    return {};
  if (at == Stage::Fused) {
    phase("planning");
    if (Status status = lower(); !status.ok())
      return status;
    at = Stage::Plan;
    if (Status status = dumps.add(Stage::Plan, *module); !status.ok())
      return status;
  }
  return {};
}

Status Compilation::generate(std::vector<TargetCode> &code) {
  phase("generating code");
  for (const std::string &name : options.targets) {
    Result<codegen::Target> target = codegen::parseTarget(name);
    if (!target.ok())
      return target.status();
    // Another word for code that is there already.
    if (llvm::any_of(code, [&](const TargetCode &other) {
          return other.target.name == target->name;
        }))
      continue;
    Result<TargetCode> one =
        generateCode(*module, *target, dumps, code.empty(), options);
    if (!one.ok())
      return one.status();
    clearProgress(options);
    if (options.timing)
      errors << one->kernels << " kernels, " << one->distinct
             << " distinct, for " << one->target.name << '\n';
    code.push_back(std::move(*one));
  }
  return {};
}

Status Compilation::streamWeight(const artifact::WeightInstance &instance,
                                 const pack::Sink &sink) {
  std::vector<const spec::Weight *> parts;
  for (const auto &part : instance.parts) {
    const spec::Weight *stored = inputs->model->stored({part.path, part.layer});
    if (!stored)
      return Status(Code::NotFound, "the plan names weight '" + part.path +
                                        "', which the spec does not have");
    parts.push_back(stored);
  }
  packed += static_cast<uint64_t>(instance.packing.bytes());
  if (options.progress && packedTotal > 0)
    options.progress("packing weights", double(packed) / double(packedTotal));
  if (instance.computed)
    return pack::packComputed(inputs->checkpoint, parts, *instance.computed,
                              sink);
  pack::PackOptions how;
  std::vector<float> columns;
  if (importance && isBlocks(instance.packing.elem)) {
    Result<bool> kept =
        pack::isKept(inputs->checkpoint, parts, instance.packing.elem);
    if (!kept.ok())
      return kept.status();
    columns = *kept ? std::vector<float>() : importance->of(parts);
    how.importance = columns;
    if (!*kept)
      ++(columns.empty() ? alike : weighted)[parts[0]->path];
  }
  return pack::packWeight(inputs->checkpoint, parts, instance.packing, sink,
                          how);
}

// The last part of a path.
static std::string nameOf(llvm::StringRef path) {
  return llvm::sys::path::filename(path.rtrim('/')).str();
}

// Only what the runtime can read; random weights need none.
Result<StoredTokenizer> Compilation::readTokenizer() {
  if (inputs->checkpoint.synthetic() || !options.tokenizerImage)
    return StoredTokenizer();
  auto file = tokenizer::readTokenizer(inputs->checkpoint, options.models);
  if (!file.ok())
    return file.status();
  if (file->json.empty())
    return Status(Code::NotFound, "the checkpoint has none");
  Result<std::string> image = options.tokenizerImage(file->json);
  if (!image.ok())
    return image.status();
  warn(file->notes);
  return StoredTokenizer{std::move(*image), std::move(file->config)};
}

void Compilation::warn(const std::vector<std::string> &notes) {
  clearProgress(options);
  constexpr size_t shown = 20, longest = 1000;
  for (size_t i = 0; i < std::min(notes.size(), shown); ++i)
    errors << "warning: " << checkpoint::excerpt(notes[i], longest) << '\n';
  if (notes.size() > shown)
    errors << "... and " << notes.size() - shown << " more warnings\n";
}

void Compilation::warnOfImportance() {
  std::vector<std::string> notes;
  for (const auto &[path, count] : alike)
    notes.push_back("weight '" + path + "' has no importance in " +
                    options.importance + ": its columns count alike");
  if (weighted.empty())
    notes.push_back("--importance has no effect: no weight that it names is "
                    "brought to blocks");
  warn(notes);
}

Status Compilation::write(const std::vector<TargetCode> &code) {
  phase("packing weights");
  Result<tokenizer::StopTokens> stops =
      tokenizer::readStopTokens(inputs->checkpoint, options.models);
  if (!stops.ok())
    return stops.status();
  warn(stops->notes);
  Result<StoredTokenizer> tokenizer = readTokenizer();
  if (!tokenizer.ok())
    warn({"the artifact has no tokenizer: " + tokenizer.status().message()});
  Result<tokenizer::GenerationRules> rules =
      tokenizer::readGenerationRules(inputs->checkpoint);
  if (!rules.ok())
    return rules.status();
  Result<std::string> config = tokenizer::withRules(
      tokenizer.ok() ? tokenizer->config : std::string(), *rules);
  if (!config.ok())
    return config.status();
  Facts facts = readFacts(*inputs, options);

  artifact::ArtifactInputs in;
  in.plan = *module;
  in.producer = "sluice " SLUICE_VERSION;
  in.source = nameOf(options.checkpoint);
  in.context = facts.context;
  in.vocab = facts.vocab;
  in.stopTokens = stops->ids;
  in.parameters = facts.parameters;
  in.spec = resolvedSpec;
  in.specs = options.models;
  for (const auto &[stage, text] : dumps.snapshots())
    in.ir.push_back({stage, text});
  for (const TargetCode &one : code)
    in.code.push_back(
        {one.target.name, one.target.required, one.units, one.object});
  if (tokenizer.ok())
    in.tokenizer = tokenizer->image;
  in.tokenizerConfig = *config;
  Result<uint64_t> total = artifact::weightSectionBytes(*module);
  if (!total.ok())
    return total.status();
  packedTotal = *total;
  in.weights = [this](const artifact::WeightInstance &instance,
                      const pack::Sink &sink) {
    return streamWeight(instance, sink);
  };
  Status status = artifact::writeArtifact(options.output, in);
  if (status.ok() && importance)
    warnOfImportance();
  if (status.ok() || options.from.empty())
    return status;
  // The dump's weights are those of the checkpoint it was made from.
  return status.in(options.from + " with " + options.checkpoint);
}

Status Compilation::run() {
  phase("reading");
  Result<Inputs> read = readInputs(options, errors);
  if (!read.ok())
    return read.status();
  inputs.emplace(std::move(*read));
  if (!options.importance.empty()) {
    auto columns = pack::Importance::read(options.importance, *inputs->model);
    if (!columns.ok())
      return columns.status().in("--importance");
    importance = std::move(*columns);
  }
  resolvedSpec = spec::printResolved(*inputs->model, options.models);

  Stage at = Stage::Spec;
  if (!options.from.empty()) {
    if (Status status = resume(at); !status.ok())
      return status;
  } else if (Status status = dumps.add(Stage::Spec, resolvedSpec);
             !status.ok() || finished(Stage::Spec)) {
    return status;
  }
  if (Status status = toPlan(at);
      !status.ok() || finished(at) || options.bisect)
    return status;

  std::vector<TargetCode> code;
  if (Status status = generate(code); !status.ok())
    return status;
  Status status =
      options.emit || options.output.empty() ? Status() : write(code);
  phase(nullptr);
  return status;
}

} // namespace

Status compile(const Options &options, llvm::raw_ostream &out,
               llvm::raw_ostream &errors) {
  return Compilation(options, out, errors).run();
}

} // namespace sluice::pipeline
