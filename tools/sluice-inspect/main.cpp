// Shows what is in an artifact.
#include "tools/sluice-inspect/Views.h"
#include "tools/support/Cli.h"
#include "tools/support/OutOfMemory.h"

#include <iostream>

using namespace sluice;

namespace {

struct Options {
  std::string model, ir;
  bool plan = false, kernels = false, weights = false, memory = false,
       json = false, spec = false, verify = false;
  state::Limits limits;
};

void declare(CLI::App &app, Options &options) {
  app.add_option("model", options.model, "The compiled model (.slc)")
      ->required();
  auto *what =
      app.add_option_group("view", "What to show instead of a summary");
  what->add_flag("--plan", options.plan, "The steps of every program");
  what->add_flag("--kernels", options.kernels,
                 "What each kernel takes and costs");
  what->add_flag("--weights", options.weights, "The packed weights");
  what->add_flag("--memory", options.memory, "Memory by use");
  what->add_option("--ir", options.ir, "The stored IR of a stage");
  what->add_flag("--spec", options.spec, "The resolved spec");
  what->require_option(0, 1);
  app.add_flag("--json", options.json, "As JSON");
  app.add_flag("--verify", options.verify,
               "Check the digests of all sections, the weights, too");
  options.limits.context = 0;
  app.add_option("--capacity", options.limits.capacity,
                 "--memory: tokens in one step (default 512)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--sequences", options.limits.sequences,
                 "--memory: sequences in one step and slots (default 1)")
      ->check(CLI::Range(1, 1 << 16));
  app.add_option("--context", options.limits.context,
                 "--memory: positions of a sequence (default: the model's)")
      ->check(CLI::Range(1, 1 << 26));
}

// A section with text, or what there is instead.
Status printText(const artifact::Artifact &artifact, format::SectionKind kind,
                 const std::string &name) {
  if (artifact.find(kind, name)) {
    std::cout << artifact.textOf(kind, name);
    return {};
  }
  std::string message = artifact.path() + ": no " +
                        artifact::sectionName(kind) + " section" +
                        (name.empty() ? "" : " '" + name + "'");
  std::string names;
  for (const format::Section *section :
       artifact::list(artifact.model().sections()))
    if (section->kind() == kind)
      names += (names.empty() ? "" : ", ") +
               std::string(artifact::text(section->name()));
  if (kind == format::SectionKind::Ir)
    message += names.empty() ? "; sluice-compile --keep-ir stores it"
                             : "; there are: " + names;
  return Status(Code::NotFound, message);
}

Status show(const Options &options) {
  Result<artifact::Artifact> artifact = artifact::Artifact::open(options.model);
  if (!artifact.ok())
    return artifact.status();
  if (options.verify)
    if (Status status = artifact->verifyWeights(); !status.ok())
      return status;
  if (options.verify && !options.json)
    std::cout << "ok: digests of all sections\n";
  if (!options.ir.empty())
    return printText(*artifact, format::SectionKind::Ir, options.ir);
  if (options.spec)
    return printText(*artifact, format::SectionKind::Spec, "");
  inspect::Json json;
  auto *print = inspect::printSummary;
  if (options.memory) {
    state::Limits limits = options.limits;
    limits.slots = limits.sequences;
    if (limits.context == 0)
      limits.context = artifact->model().context();
    Result<inspect::Json> found = inspect::memory(*artifact, limits);
    if (!found.ok())
      return found.status();
    json = std::move(*found);
    print = inspect::printMemory;
  } else if (options.plan) {
    json = inspect::plan(*artifact);
    print = inspect::printPlan;
  } else if (options.kernels) {
    json = inspect::kernels(*artifact);
    print = inspect::printKernels;
  } else if (options.weights) {
    json = inspect::weights(*artifact);
    print = inspect::printWeights;
  } else {
    json = inspect::summary(*artifact);
  }
  if (options.json)
    std::cout << json.dump(2, ' ', false,
                           inspect::Json::error_handler_t::replace)
              << '\n';
  else
    print(json, std::cout);
  return {};
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Shows what a compiled model holds.", "sluice-inspect");
  Options options;
  declare(app, options);
  if (int code = tools::parse(app, argc, argv); code >= 0)
    return code;
  if (options.json && (options.spec || !options.ir.empty()))
    return tools::usage("--spec and --ir print text, not JSON");
  Status status =
      tools::guarded("reading the artifact", [&] { return show(options); });
  if (status.ok() && !std::cout.flush())
    status = Status(Code::Io, "standard output: cannot write");
  return status.ok() ? 0 : tools::fail(status);
}
