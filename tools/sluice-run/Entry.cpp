// Runs one entry over sequences of ids and writes what comes out.
#include "tools/sluice-run/Options.h"

#include "runtime/tensors/TensorFile.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "tools/support/Cli.h"

#include <algorithm>
#include <cstdio>

namespace sluice::run {

static Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

size_t Inputs::longest() const {
  size_t longest = 0;
  for (const auto *lists : {&ids, &sources})
    for (const std::vector<int32_t> &list : *lists)
      longest = std::max(longest, list.size());
  return longest;
}

Result<Inputs> parseInputs(const Options &options) {
  Inputs inputs;
  auto parseAll = [](const std::vector<std::string> &texts, const char *option,
                     std::vector<std::vector<int32_t>> &lists) {
    for (const std::string &text : texts) {
      Result<std::vector<int32_t>> ids = tools::parseIds(text);
      if (!ids.ok())
        return ids.status().in(option);
      lists.push_back(std::move(*ids));
    }
    return Status();
  };
  Status status = parseAll(options.ids, "--ids", inputs.ids);
  if (status.ok())
    status = parseAll(options.sourceIds, "--source-ids", inputs.sources);
  if (status.ok())
    status = parseAll(options.tokenTypes, "--token-types", inputs.tokenTypes);
  if (!status.ok())
    return status;
  size_t count = std::max(inputs.ids.size(), inputs.sources.size());
  for (const auto *lists : {&inputs.ids, &inputs.sources, &inputs.tokenTypes})
    if (!lists->empty() && lists->size() != count)
      return invalid("--ids, --source-ids and --token-types must be given the "
                     "same number of times");
  return inputs;
}

Result<ModelPtr> loadModel(const Options &options, size_t sequences,
                           size_t longest) {
  LoadOptions load = options.load;
  load.sequences = std::max<int64_t>(1, static_cast<int64_t>(sequences));
  load.capacity = std::max(load.capacity, load.sequences);
  Result<ModelPtr> model = Model::load(options.model, load);
  if (!model.ok())
    return model;
  // Sequences that cannot be cut need room for the longest one.
  bool whole = false;
  for (const EntryInfo &entry : (*model)->info().entries)
    whole |= entry.wholeSequences || entry.prefixEnd >= 0;
  if (whole && static_cast<int64_t>(longest) > load.capacity) {
    load.capacity = static_cast<int64_t>(longest);
    model = ModelPtr(); // its copy of the weights may take much memory
    model = Model::load(options.model, load);
  }
  if (model.ok() && options.verbose)
    std::cerr << "weights: " << (*model)->info().weights << '\n';
  if (model.ok() && !options.profile.empty())
    if (Status status = (*model)->startProfile(); !status.ok())
      return status;
  return model;
}

Result<EntryInfo> loadEntry(const Options &options, size_t sequences,
                            size_t longest, ModelPtr &model) {
  Result<ModelPtr> loaded = loadModel(options, sequences, longest);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  return model->entry(options.entry);
}

static Status writeOutputs(const std::string &path,
                           std::vector<std::vector<Output>> results) {
  std::vector<NamedTensor> tensors;
  for (size_t s = 0; s < results.size(); ++s)
    for (Output &output : results[s]) {
      NamedTensor tensor;
      tensor.name = output.name;
      if (results.size() > 1)
        tensor.name += "." + std::to_string(s);
      if (output.perSequence && output.rows == 1)
        tensor.shape = {output.columns};
      else
        tensor.shape = {output.rows, output.columns};
      tensor.data = std::move(output.data);
      tensors.push_back(std::move(tensor));
    }
  return writeTensors(path, tensors);
}

// Decoders look at what the model's encoder made of a source.
static Status feedSources(Model &model, const Inputs &inputs,
                          const std::string &kind, bool loaded) {
  for (const EntryInfo &entry : model.info().entries)
    if (entry.kind == "source" && kind == "generate" &&
        inputs.sources.empty() && !loaded)
      return invalid("the decoder needs a source: give its ids with "
                     "--source-ids, or a text with --prompt");
  for (size_t s = 0; s < inputs.sources.size(); ++s)
    if (Status status =
            model.source(static_cast<int32_t>(s), inputs.sources[s]);
        !status.ok())
      return status.in("--source-ids");
  return {};
}

// Only a slot that was loaded has seen tokens or has one to go on with.
static Result<std::vector<Sequence>>
sequencesFromIds(const Model &model, const Inputs &inputs, const Kept &kept) {
  std::vector<Sequence> sequences(
      std::max({inputs.ids.size(), inputs.sources.size(), size_t(1)}));
  for (size_t s = 0; s < sequences.size(); ++s) {
    sequences[s].slot = static_cast<int32_t>(s);
    Result<int64_t> length = model.length(sequences[s].slot);
    if (!length.ok())
      return length.status();
    if (!inputs.ids.empty())
      sequences[s].tokens = inputs.ids[s];
    else if (*length > 0 && !kept.next)
      return invalid("give ids to go on with: the saved sequence has taken in "
                     "all of its tokens");
    else if (*length == 0 && model.startToken() >= 0)
      sequences[s].tokens = {model.startToken()};
    else if (*length == 0)
      return invalid("give the decoder's ids with --ids: the model states no "
                     "first token");
  }
  return sequences;
}

Status addTokenTypes(const Inputs &inputs, const EntryInfo &entry,
                     std::vector<Sequence> &sequences) {
  if (inputs.tokenTypes.empty())
    return {};
  for (const InputInfo &input : entry.inputs)
    if (input.type == "token_types") {
      for (size_t s = 0; s < sequences.size(); ++s)
        sequences[s].inputs[input.name] = inputs.tokenTypes[s];
      return {};
    }
  return invalid("the entry takes no token types");
}

// The token that a saved sequence goes on with comes before all others.
static Status prepend(const Kept &kept, std::vector<Sequence> &sequences) {
  if (!kept.next)
    return {};
  if (!sequences.front().inputs.empty())
    return invalid("the saved sequence goes on with token " +
                   std::to_string(*kept.next) +
                   ", which needs --ids: take it in first");
  std::vector<int32_t> &tokens = sequences.front().tokens;
  tokens.insert(tokens.begin(), *kept.next);
  return {};
}

// The prompt as the ids of one sequence, or of the source if there is one.
static Status tokenize(Model &model, const std::string &prompt, bool goesOn,
                       Inputs &inputs) {
  Result<const Tokenizer *> tokenizer = model.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> ids = (*tokenizer)->encode(prompt, !goesOn);
  if (!ids.ok())
    return ids.status().in("--prompt");
  auto &lists = model.startToken() >= 0 ? inputs.sources : inputs.ids;
  lists.assign(1, *ids);
  return {};
}

Status runEntry(const Options &options, ModelPtr &model) {
  Result<Inputs> inputs = parseInputs(options);
  if (!inputs.ok())
    return inputs.status();
  size_t count = std::max(inputs->ids.size(), inputs->sources.size());
  // Most tokens that a prompt can have: one per byte and some around it.
  size_t longest =
      std::max(inputs->longest(), options.prompt.value_or("").size() + 16);
  if (!options.in.empty())
    if (Status status = measureFile(options.in, count, longest); !status.ok())
      return status;
  Result<EntryInfo> entry = loadEntry(options, count, longest, model);
  if (!entry.ok())
    return entry.status();
  const bool resumes = !options.loadState.empty();
  Result<Kept> kept = loadState(options, *model);
  if (!kept.ok())
    return kept.status();
  if (options.prompt)
    if (Status status = tokenize(*model, *options.prompt, resumes, *inputs);
        !status.ok())
      return status;
  if (Status status = feedSources(*model, *inputs, entry->kind, resumes);
      !status.ok())
    return status;
  Result<std::vector<Sequence>> sequences =
      options.in.empty() ? sequencesFromIds(*model, *inputs, *kept)
                         : sequencesFromFile(options.in, *entry);
  if (!sequences.ok())
    return sequences.status();
  if (Status status = addTokenTypes(*inputs, *entry, *sequences); !status.ok())
    return status;
  if (sequences->size() > 1 && (resumes || !options.saveState.empty()))
    return invalid(
        "--load-state and --save-state are for one sequence, found " +
        std::to_string(sequences->size()));
  if (Status status = prepend(*kept, *sequences); !status.ok())
    return status;
  for (size_t s = 0; s < sequences->size(); ++s) {
    (*sequences)[s].slot = static_cast<int32_t>(s);
    (*sequences)[s].prompt = options.promptTokens;
  }
  auto results = model->run(entry->name, *sequences, options.chunk);
  if (!results.ok())
    return results.status();
  if (Status status = saveState(options, *model, {}); !status.ok())
    return status;
  return options.out.empty() ? Status()
                             : writeOutputs(options.out, std::move(*results));
}

Status checkGenerates(const Model &model, const std::string &name) {
  if (name.empty())
    return {};
  Result<EntryInfo> entry = model.entry(name);
  if (!entry.ok())
    return entry.status();
  if (entry->kind != "generate")
    return invalid("entry '" + name + "' is of kind " + entry->kind +
                   " and does not generate; --out writes what it gives");
  return {};
}

Status generateIds(const Options &options, ModelPtr &model) {
  Result<Inputs> inputs = parseInputs(options);
  if (!inputs.ok())
    return inputs.status();
  size_t count = std::max(inputs->ids.size(), inputs->sources.size());
  Result<ModelPtr> loaded = loadModel(options, count, inputs->longest());
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  if (!inputs->tokenTypes.empty())
    return invalid("--token-types are for --out, --generate takes ids alone");
  Result<Kept> kept = loadState(options, *model);
  if (!kept.ok())
    return kept.status();
  if (Status status =
          feedSources(*model, *inputs, "generate", !options.loadState.empty());
      !status.ok())
    return status;
  Result<std::vector<Sequence>> sequences =
      sequencesFromIds(*model, *inputs, *kept);
  if (!sequences.ok())
    return sequences.status();
  if (Status status = prepend(*kept, *sequences); !status.ok())
    return status;
  GenerateOptions generate;
  generate.sampling = options.sampling;
  generate.maxTokens = options.generate;
  generate.ignoreModelStops = options.ignoreStop;
  generate.stopTokens = options.stopTokens;
  generate.ends = options.saveState.empty();
  std::vector<int32_t> made;
  int64_t before = 0; // tokens with the prompt
  for (const Sequence &sequence : *sequences) {
    std::string line;
    made.clear();
    before = *model->length(sequence.slot);
    before += static_cast<int64_t>(sequence.tokens.size());
    Status status = model->generate(
        sequence.slot, sequence.tokens, generate, [&](int32_t token) {
          line += (line.empty() ? "" : " ") + std::to_string(token);
          made.push_back(token);
          return true;
        });
    if (!status.ok())
      return status;
    std::puts(line.c_str());
  }
  kept->next = pending(*model, before, made);
  return saveState(options, *model, *kept);
}

} // namespace sluice::run
