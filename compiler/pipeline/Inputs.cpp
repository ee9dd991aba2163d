#include "compiler/pipeline/Inputs.h"

#include "runtime/format/Limits.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace sluice::pipeline {

static Result<checkpoint::Checkpoint> openCheckpoint(const Options &options) {
  const std::string prefix = "random:";
  if (options.checkpoint.rfind(prefix, 0) != 0)
    return checkpoint::Checkpoint::open(options.checkpoint);
  std::string_view digits =
      std::string_view(options.checkpoint).substr(prefix.size());
  uint64_t seed = 0;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (error != std::errc() || end != digits.data() + digits.size())
    return Status(Code::InvalidArgument,
                  "random:SEED needs a whole number, found '" +
                      options.checkpoint + "'");
  return checkpoint::Checkpoint::random(seed, options.config);
}

static Status countErrors(const std::string &file,
                          const spec::Diagnostics &diagnostics) {
  return Status(Code::InvalidArgument,
                file + ": " + std::to_string(diagnostics.errorCount()) +
                    (diagnostics.errorCount() == 1 ? " error" : " errors"));
}

// The numbers of the parameters of that name, the spec's and its libraries'.
static std::vector<int64_t> numbersCalled(const std::string &name,
                                          const spec::Model &model) {
  std::vector<int64_t> numbers;
  for (const spec::ConfigValue &value : model.config)
    if ((value.name == name || value.name.ends_with("." + name)) &&
        value.value.isInt())
      numbers.push_back(value.value.integer());
  return numbers;
}

// The most positions at which the model is what it computes, 0 without a limit.
static int64_t contextLimit(const spec::Model &model) {
  std::vector<int64_t> limits = numbersCalled("context_limit", model);
  return limits.empty() ? 0 : *std::min_element(limits.begin(), limits.end());
}

Result<Inputs> readInputs(const Options &options, llvm::raw_ostream &errors) {
  Result<checkpoint::Checkpoint> opened = openCheckpoint(options);
  if (!opened.ok())
    return opened.status();
  for (const std::string &warning : opened->warnings())
    errors << "warning: " << warning << '\n';
  spec::Diagnostics diagnostics;
  std::string file = options.spec;
  if (file.empty())
    if (auto found = spec::findSpec(options.models, *opened, diagnostics))
      file = *found;
  spec::SpecPtr spec, common;
  std::unique_ptr<spec::Model> model;
  if (!file.empty())
    spec = spec::parseSpec(file, diagnostics, options.models);
  std::string keys = options.models + "/blocks/keys.yaml";
  if (std::error_code error; spec && std::filesystem::exists(keys, error))
    common = spec::parseSpec(keys, diagnostics, options.models);
  if (spec && diagnostics.ok()) {
    spec::BindOptions bindOptions;
    bindOptions.entries = options.entries;
    bindOptions.common = common.get();
    bindOptions.context = options.context;
    bindOptions.allowUnknownConfig = options.allowUnknownConfig;
    bindOptions.allowUnusedTensors = options.allowUnusedTensors;
    model = spec::bind(*spec, *opened, diagnostics, bindOptions);
  }
  errors << diagnostics.print();
  if (file.empty())
    return Status(Code::InvalidArgument, "no spec for " + options.checkpoint);
  if (!spec)
    return countErrors(file, diagnostics);
  if (!model)
    return Status(Code::InvalidArgument,
                  file + " does not fit " + options.checkpoint);
  Inputs inputs{std::move(*opened), std::move(model)};
  Facts facts = readFacts(inputs, options);
  if (int64_t limit = contextLimit(*inputs.model);
      limit > 0 && facts.context > limit)
    return Status(Code::InvalidArgument,
                  "--context " + std::to_string(facts.context) + ": past " +
                      std::to_string(limit) +
                      " positions this model computes something else, which "
                      "is not supported");
  if (facts.context > format::kMaxContext)
    return Status(Code::InvalidArgument,
                  "a context of " + std::to_string(facts.context) +
                      " positions, expected at most " +
                      std::to_string(format::kMaxContext));
  return inputs;
}

Facts readFacts(const Inputs &inputs, const Options &options) {
  Facts facts;
  facts.context = options.context;
  for (const char *name : {"context", "positions"})
    if (const spec::Value *value = inputs.model->parameter(name);
        value && value->isInt() && facts.context == 0)
      facts.context = value->integer();
  if (facts.context == 0) {
    int64_t limit = contextLimit(*inputs.model);
    facts.context = limit > 0 ? std::min<int64_t>(limit, 4096) : 4096;
  }
  if (options.context == 0)
    for (int64_t least : numbersCalled("context_least", *inputs.model))
      facts.context = std::max(facts.context, least);

  if (const spec::Value *vocab = inputs.model->parameter("vocab");
      vocab && vocab->isInt())
    facts.vocab = vocab->integer();
  for (const spec::Weight &weight : inputs.model->weights) {
    uint64_t count = 1;
    for (int64_t size : weight.shape)
      count *= uint64_t(size);
    if (weight.aliasOf.empty())
      facts.parameters += count;
  }
  return facts;
}

Status checkSpec(const std::string &file, const std::string &models,
                 llvm::raw_ostream &errors) {
  spec::Diagnostics diagnostics;
  spec::SpecPtr spec = spec::parseSpec(file, diagnostics, models);
  errors << diagnostics.print();
  return spec ? Status() : countErrors(file, diagnostics);
}

} // namespace sluice::pipeline
