// The compiler as a library: from a spec and a checkpoint to an artifact, with
// a stop at every stage. `sluice-compile` only fills in the options.
#pragma once

#include "runtime/support/Status.h"

#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pipeline {

// What the compiler passes through, in order; each can be emitted.
enum class Stage { Spec, Model, Fused, Plan, Kernels, Llvm, Asm };

struct StageInfo {
  Stage stage;
  const char *name;      // as --emit takes it
  const char *extension; // of its dump, without a dot
  const char *summary;
};
// All stages in order.
const std::vector<StageInfo> &stages();
std::optional<Stage> stageByName(std::string_view name);

// Sequences that the evaluator runs, of the entry `generate`, `fill` or
// `encode`, or else the first.
struct Trial {
  std::vector<std::vector<int32_t>> ids;       // per sequence
  std::vector<std::vector<int32_t>> sourceIds; // for an encoder-decoder
  double tolerance = 1e-4; // relative to the largest value of a tensor
};

// What `sluice-compile` is asked for.
struct Options {
  std::string spec;       // a spec file; empty: found by the checkpoint
  std::string checkpoint; // folder, file, or "random:SEED"
  std::string config;     // config.json for a random checkpoint
  std::string models;     // folder of specs that are searched
  std::string output;     // the artifact; empty: stop after `emit` or dumps

  std::string weights = "keep"; // storage of matrices, see WeightFormats.h
  std::string importance;       // file that --weights heeds; empty: none
  std::string compute = "auto"; // type of products: auto, f32, bf16, int8
  std::vector<std::string> targets = {"native"};
  int64_t context = 0; // most positions of a sequence; 0: the checkpoint's own
  std::vector<std::string> entries;            // only these entries; empty: all
  std::vector<std::string> allowUnknownConfig; // keys that may stay unread
  std::vector<std::string> allowUnusedTensors; // of the checkpoint

  std::set<std::string> disabledPasses; // by name
  bool fusionReport = false;            // print where fusions fired
  std::optional<Stage> emit;            // print this stage
  std::string dumpDir;                  // a file per stage; empty: none
  bool dumpEachPass = false;            // and a file after each pass
  bool locations = false; // dumps say where in the YAML each op comes from
  std::string from;       // a dump of stage model, fused or plan to resume from
  std::optional<Trial> bisect; // only look for a pass that moves its numbers
  bool snapshots = false;      // keep the IR of every stage in the artifact

  // What an artifact holds for a tokenizer.json, from the runtime that is to
  // use it, which says whether it can. None: artifacts hold no tokenizer.
  std::function<Result<std::string>(std::string_view json)> tokenizerImage;

  // Called as work goes on: a phase's name and the share of it that is done. A
  // null name comes before other text is printed.
  std::function<void(const char *phase, double share)> progress;
  // Seconds per phase are printed to stderr's stream.
  bool timing = false;
};

// Checks a spec alone (stages 1 and 2): no checkpoint needed. `models` is the
// folder in which it may find libraries and bases. InvalidArgument: it has
// errors, which are printed to `errors`.
Status checkSpec(const std::string &file, const std::string &models,
                 llvm::raw_ostream &errors);

// Runs the compiler. Emitted text goes to `out`, diagnostics and reports to
// `errors`; the status says that there were errors, or what stopped the work.
Status compile(const Options &options, llvm::raw_ostream &out,
               llvm::raw_ostream &errors);

} // namespace sluice::pipeline
