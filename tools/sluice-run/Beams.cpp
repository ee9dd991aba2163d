// Beam search: options, the search, and what is printed.
#include "tools/sluice-run/Options.h"

#include "runtime/tokenizer/Tokenizer.h"
#include "tools/support/Cli.h"

#include <iostream>

namespace sluice::run {

void declareBeams(CLI::App &app, Options &options) {
  const char *group = "Beam search";
  app.add_option("--beams", options.beams,
                 "Follow the N likeliest continuations side by side and print "
                 "the best, as transformers' generate does with num_beams; "
                 "for --prompt and --generate")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_option("--length-penalty", options.lengthPenalty,
                 "A continuation's score is its log-probability divided by "
                 "its length to the power of P (default 1): above 0, longer "
                 "ones are favoured")
      ->group(group)
      ->needs("--beams");
  app.add_option("--early-stopping", options.earlyStopping,
                 "yes: end when N continuations are complete; no (default): "
                 "when no other is likely to become better; never: when none "
                 "can")
      ->group(group)
      ->needs("--beams")
      ->check(CLI::IsMember({"yes", "no", "never"}));
  app.add_option("--results", options.beamResults,
                 "Print the best R continuations, a line each, at most N "
                 "(default 1)")
      ->group(group)
      ->needs("--beams")
      ->check(tools::atLeast(1));
  app.add_flag("--print-scores", options.printScores,
               "Print the score before each continuation")
      ->group(group)
      ->needs("--beams");
}

std::string beamConflict(const Options &options) {
  if (options.beams == 0)
    return "";
  const SamplingOptions &sampling = options.sampling;
  if (sampling.temperature != 0 || sampling.topK != 0 || sampling.topP != 1 ||
      sampling.minP != 0 || sampling.repetitionPenalty != 1)
    return "--beams takes the likeliest continuations: leave out "
           "--temperature, --top-k, --top-p, --min-p and --repetition-penalty";
  if (!options.stop.empty() || options.echo)
    return "--beams prints whole continuations: leave out --stop and --echo";
  if (options.chat || options.verify || !options.compare.empty() ||
      !options.out.empty() || !options.tokenize.empty() ||
      !options.detokenize.empty())
    return "--beams is for --prompt and --generate";
  if (!options.loadState.empty() || !options.saveState.empty())
    return "--beams leaves no sequence to go on with: leave out --load-state "
           "and --save-state";
  if (options.beamResults > options.beams)
    return "--results can be at most as many as --beams";
  return "";
}

static BeamOptions beamOptions(const Options &options) {
  BeamOptions beams;
  beams.beams = options.beams;
  beams.results = options.beamResults;
  beams.lengthPenalty = options.lengthPenalty;
  beams.stop = options.earlyStopping == "yes"  ? BeamStop::Full
               : options.earlyStopping == "no" ? BeamStop::Likely
                                               : BeamStop::Never;
  beams.maxTokens = options.prompt ? options.maxTokens : options.generate;
  beams.stopTokens = options.stopTokens;
  beams.ignoreModelStops = options.ignoreStop;
  return beams;
}

// What to print of a result: the ids, or their text.
static Result<std::string> shown(const Options &options, Model &model,
                                 const BeamResult &result) {
  if (!options.prompt || options.printIds) {
    std::string line;
    for (int32_t id : result.tokens)
      line += (line.empty() ? "" : " ") + std::to_string(id);
    return line;
  }
  Result<const Tokenizer *> tokenizer = model.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  std::vector<int32_t> ids = result.tokens;
  // Rows that pad the vocabulary have no text.
  std::erase_if(ids, [&](int32_t id) { return id >= (*tokenizer)->size(); });
  return (*tokenizer)->decode(ids, !options.showSpecial);
}

// The ids of one sequence, and of its source if the model has an encoder.
static Status searchOne(const Options &options, Model &model,
                        std::vector<int32_t> ids,
                        const std::vector<int32_t> *source) {
  if (source)
    if (Status status = model.source(0, *source); !status.ok())
      return status.in("the source");
  if (ids.empty() && model.startToken() >= 0)
    ids = {model.startToken()};
  auto results = model.searchBeams(0, ids, beamOptions(options));
  if (!results.ok())
    return results.status();
  for (const BeamResult &result : *results) {
    Result<std::string> text = shown(options, model, result);
    if (!text.ok())
      return text.status();
    if (options.printScores)
      std::cout << result.score << '\t';
    std::cout << *text << '\n';
  }
  return {};
}

Status searchBeams(const Options &options, ModelPtr &model) {
  Result<Inputs> inputs = parseInputs(options);
  if (!inputs.ok())
    return inputs.status();
  size_t longest =
      std::max(inputs->longest(), options.prompt.value_or("").size() + 16);
  Result<ModelPtr> loaded =
      loadModel(options, static_cast<size_t>(options.beams), longest);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  if (!inputs->tokenTypes.empty())
    return Status(Code::InvalidArgument,
                  "--token-types are for --out, --beams takes ids alone");
  if (options.prompt) {
    Result<const Tokenizer *> tokenizer = model->tokenizer();
    if (!tokenizer.ok())
      return tokenizer.status();
    Result<std::vector<int32_t>> ids = (*tokenizer)->encode(*options.prompt);
    if (!ids.ok())
      return ids.status().in("the prompt");
    bool encoded = model->startToken() >= 0;
    (encoded ? inputs->sources : inputs->ids).assign(1, std::move(*ids));
  }
  size_t count = std::max(inputs->ids.size(), inputs->sources.size());
  std::cout.precision(9); // enough to tell any two scores apart
  for (size_t s = 0; s < count; ++s) {
    Status status =
        searchOne(options, *model,
                  inputs->ids.empty() ? std::vector<int32_t>() : inputs->ids[s],
                  inputs->sources.empty() ? nullptr : &inputs->sources[s]);
    if (!status.ok())
      return status;
  }
  return {};
}

} // namespace sluice::run
