// Compiles a spec and a checkpoint to an artifact.
#include "compiler/import/WeightFormats.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "tools/support/Cli.h"
#include "tools/support/FatalErrors.h"

#include <cstdio>
#include <filesystem>

using namespace sluice;
using pipeline::Options;

namespace {

// The specs that came with the tool: SLUICE_MODELS, beside the binary, or the
// source tree that it was built from.
std::string defaultModels() {
  if (const char *folder = std::getenv("SLUICE_MODELS"))
    return folder;
  std::error_code error;
  auto binary = std::filesystem::read_symlink("/proc/self/exe", error);
  auto installed = binary.parent_path().parent_path() / "share/sluice/models";
  return !error && std::filesystem::is_directory(installed, error)
             ? installed.string()
             : SLUICE_SOURCE_MODELS;
}

// One line on a terminal, rewritten as work goes on; nothing in a pipe.
class Progress {
public:
  explicit Progress(bool quiet) : quiet_(quiet) {}

  // A null phase takes the line away.
  void operator()(const char *phase, double share) {
    if (!phase)
      return clear();
    tools::nowDoing(phase);
    if (quiet_ || !isatty(STDERR_FILENO))
      return;
    std::fprintf(stderr, "\r\033[K%s", phase);
    if (share > 0) // not every phase counts
      std::fprintf(stderr, " %3.0f%%", 100 * share);
    shown_ = true;
  }
  void clear() {
    if (shown_)
      std::fprintf(stderr, "\r\033[K");
    shown_ = false;
  }

private:
  bool quiet_, shown_ = false;
};

struct CommandLine {
  Options options;
  std::string emit, disabled;
  bool check = false, quiet = false, bisect = false;
  std::vector<std::string> ids, sourceIds;
  pipeline::Trial trial;
};

void describeLookingInside(CLI::App &app, CommandLine &line) {
  Options &o = line.options;
  const char *group = "Looking inside";
  std::vector<std::string> names;
  for (const pipeline::StageInfo &stage : pipeline::stages())
    names.push_back(stage.name);
  app.add_option("--emit", line.emit, "Print this stage and stop")
      ->check(CLI::IsMember(names))
      ->group(group);
  app.add_option("--dump-dir", o.dumpDir, "Write one numbered file per stage")
      ->group(group);
  app.add_flag("--dump-each-pass", o.dumpEachPass,
               "With --dump-dir: also after each pass")
      ->group(group);
  app.add_flag("--locations", o.locations,
               "Dumps say where in the YAML each op comes from, which is kept "
               "when one resumes from them")
      ->group(group);
  app.add_option("--from", o.from,
                 "Resume from a dump of the stage model, fused or plan")
      ->check(CLI::ExistingFile)
      ->group(group);
  app.add_option("--disable-pass", line.disabled,
                 "Passes to leave out, separated by commas")
      ->group(group);
  app.add_flag("--fusion-report", o.fusionReport,
               "Say where each fusion fired and why a near miss did not")
      ->group(group);
  app.add_flag("--bisect", line.bisect,
               "Evaluate the model on --ids before the fusions and after each, "
               "and name the first one that changes the outputs, and the op")
      ->group(group);
  tools::addTexts(app, "--ids", line.ids,
                  "--bisect: token ids, as in 5,9,2; repeat for a batch")
      ->group(group);
  tools::addTexts(app, "--source-ids", line.sourceIds,
                  "--bisect: ids for the encoder of an encoder-decoder")
      ->group(group);
  app.add_option("--tolerance", line.trial.tolerance,
                 "--bisect: what passes as equal, as a share of the largest "
                 "value")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_flag("--keep-ir", o.snapshots,
               "Keep the IR of the stages up to kernels in the artifact")
      ->group(group);
  app.add_flag("--timing", o.timing, "Print the seconds of each phase")
      ->group(group);
}

void describe(CLI::App &app, CommandLine &line) {
  Options &o = line.options;
  o.models = defaultModels();
  app.add_option("spec", o.spec,
                 "Spec of the family (models/*.yaml); without it, the spec "
                 "whose `match` fits the checkpoint")
      ->check(CLI::ExistingFile);
  app.add_option("--checkpoint,-c", o.checkpoint,
                 "Hugging Face folder, .safetensors or GGUF file, or "
                 "random:SEED with --config");
  app.add_option("--config", o.config, "config.json for a random checkpoint")
      ->check(CLI::ExistingFile);
  app.add_option("--models", o.models, "Folder of specs to search")
      ->check(CLI::ExistingDirectory);
  app.add_option("--output,-o", o.output,
                 "The artifact to write (.slc); with --emit, the file for that "
                 "stage's text");
  app.add_option("--weights", o.weights,
                 "Storage of matrices: a format, then NAME=FORMAT for weights "
                 "of that name: int4,head=int8,router=f32. keep: exactly as "
                 "the checkpoint has them, in bf16 and blocks, else as f32. "
                 "Formats: " +
                     import::WeightFormats::names())
      ->capture_default_str();
  app.add_option("--importance", o.importance,
                 "What columns count for where --weights makes blocks: a file "
                 "that sluice-run --calibrate has written")
      ->check(CLI::ExistingFile);
  app.add_option("--compute", o.compute,
                 "Type that products are taken in; auto: bf16 for bf16 "
                 "weights, int8 for weights in blocks of whole numbers, else "
                 "f32; int8: rows in bytes that share a scale by 32, for all "
                 "blocks; bf16: f32 for blocks")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8"}))
      ->capture_default_str();
  app.add_option("--target", o.targets,
                 "Processors to generate code for: native, x86-64-v3, "
                 "x86-64-v4+bf16+amx, znver4, ...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--context", o.context,
                 "Most positions of a sequence (default: the checkpoint's)")
      ->check(tools::atLeast(1));
  app.add_option("--entry", o.entries,
                 "Compile only these entries, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--allow-unknown-config", o.allowUnknownConfig,
                 "Pass over this key of the checkpoint's config, which the "
                 "spec does not read (repeatable)")
      ->type_name("KEY")
      ->allow_extra_args(false);
  app.add_option("--allow-unused-tensor", o.allowUnusedTensors,
                 "Pass over this tensor of the checkpoint, which no weight of "
                 "the spec uses; * and ** as in `ignore` (repeatable)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_flag("--check", line.check, "Only check the spec");
  describeLookingInside(app, line);
  app.add_flag("--quiet,-q", line.quiet, "No progress line");
}

bool isCheckpoint(const std::filesystem::path &path) {
  return path.extension() == ".gguf" || path.extension() == ".safetensors";
}

// What the option parser cannot know; empty if all is well.
std::string misuse(const CommandLine &line) {
  const Options &o = line.options;
  if (line.check && o.spec.empty())
    return "--check needs a spec";
  if (line.check)
    return !o.checkpoint.empty() || !o.output.empty() || o.emit
               ? "--check looks at the spec alone: leave out --checkpoint, "
                 "--output and --emit"
               : "";
  if (o.checkpoint.empty())
    return "--checkpoint is required (or --check to check a spec alone)" +
           (isCheckpoint(o.spec) ? "; did you mean --checkpoint " + o.spec + "?"
                                 : std::string());
  bool random = o.checkpoint.rfind("random:", 0) == 0;
  if (random && o.config.empty())
    return "--checkpoint random:SEED needs --config config.json";
  if (!random && !o.config.empty())
    return "--config is only used with --checkpoint random:SEED";
  if (line.bisect && line.ids.empty())
    return "--bisect needs --ids";
  if (!line.bisect && (!line.ids.empty() || !line.sourceIds.empty()))
    return "--ids and --source-ids are for --bisect";
  if (line.bisect && (o.emit || !o.output.empty() || !o.dumpDir.empty()))
    return "--bisect writes nothing: leave out --emit, --output and --dump-dir";
  if (o.snapshots && (o.emit || o.output.empty()))
    return "--keep-ir is for an artifact: give --output and no --emit";
  if (o.dumpEachPass && o.dumpDir.empty())
    return "--dump-each-pass needs --dump-dir";
  if (o.output.empty() && !o.emit && o.dumpDir.empty() && !line.bisect)
    return "nothing to do: give --output, --emit, --dump-dir or --bisect";
  return "";
}

// --bisect with its ids into the options.
Status takeTrial(CommandLine &line) {
  if (!line.bisect)
    return {};
  pipeline::Trial &trial = line.trial;
  for (auto [texts, lists] : {std::pair(&line.ids, &trial.ids),
                              std::pair(&line.sourceIds, &trial.sourceIds)})
    for (const std::string &text : *texts) {
      Result<std::vector<int32_t>> ids = tools::parseIds(text);
      if (!ids.ok())
        return ids.status();
      lists->push_back(std::move(*ids));
    }
  line.options.bisect = trial;
  return {};
}

// Files that are read, so must not be written. Of a checkpoint's folder these
// are all but artifacts, which may well be kept there.
std::vector<std::string> inputsOf(const Options &options) {
  std::vector<std::string> files = {options.spec, options.checkpoint,
                                    options.config, options.from,
                                    options.importance};
  std::error_code error;
  for (const auto &entry :
       std::filesystem::directory_iterator(options.checkpoint, error))
    if (entry.path().extension() != ".slc")
      files.push_back(entry.path().string());
  return files;
}

// The text of a stage into the file that --output names.
Status emitToFile(const Options &options) {
  Result<AtomicFile> file = AtomicFile::create(options.output);
  if (!file.ok())
    return file.status();
  std::string text;
  llvm::raw_string_ostream out(text);
  if (Status status = pipeline::compile(options, out, llvm::errs());
      !status.ok())
    return status;
  if (Status status = file->write(text.data(), text.size()); !status.ok())
    return status;
  return file->commit();
}

Status execute(const CommandLine &line) {
  const Options &options = line.options;
  if (line.check)
    return pipeline::checkSpec(options.spec, options.models, llvm::errs());
  if (Status status = tools::keepApart({options.output}, inputsOf(options));
      !status.ok())
    return status;
  if (options.emit && !options.output.empty())
    return emitToFile(options);
  // Minutes of work should not end with an output that cannot be written.
  if (!options.output.empty())
    if (Status status = AtomicFile::create(options.output).status();
        !status.ok())
      return status;
  Status status = pipeline::compile(options, llvm::outs(), llvm::errs());
  llvm::outs().flush();
  if (std::error_code error = llvm::outs().error()) {
    llvm::outs().clear_error();
    if (status.ok())
      status = Status(Code::Io, "standard output: " + error.message());
  }
  return status;
}

} // namespace

int main(int argc, char **argv) {
  tools::endOnFatalErrors("reading the command line");
  CLI::App app("Compiles a model family's spec and a checkpoint to one file "
               "that sluice-run executes.",
               "sluice-compile");
  CommandLine line;
  describe(app, line);
  if (int code = tools::parse(app, argc, argv); code >= 0)
    return code;
  Options &options = line.options;
  if (!line.emit.empty())
    options.emit = pipeline::stageByName(line.emit);
  for (const std::string &name : CLI::detail::split(line.disabled, ','))
    if (!name.empty())
      options.disabledPasses.insert(name);
  if (std::string problem = misuse(line); !problem.empty())
    return tools::usage(problem);
  if (Status status = takeTrial(line); !status.ok())
    return tools::usage(status.message());

  options.tokenizerImage = Tokenizer::makeImage;
  Progress progress(line.quiet);
  options.progress = [&](const char *phase, double share) {
    progress(phase, share);
  };
  Status status =
      tools::guarded("reading the checkpoint", [&] { return execute(line); });
  progress.clear();
  return status.ok() ? 0 : tools::fail(status);
}
