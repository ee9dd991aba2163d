// Continues text and shows it as it comes.
#include "tools/sluice-run/Options.h"

#include "runtime/tokenizer/Tokenizer.h"

#include <iostream>

namespace sluice::run {

// The ids of the continuation on a line.
static Status printIds(Model &model, std::vector<int32_t> ids,
                       const TextOptions &options) {
  if (model.startToken() >= 0) {
    if (Status status = model.source(0, ids); !status.ok())
      return status;
    ids = {model.startToken()};
  }
  const char *space = "";
  Status status = model.generate(0, ids, options, [&](int32_t id) {
    options.token(id);
    std::cout << space << id << std::flush;
    space = " ";
    return std::cout.good();
  });
  std::cout << '\n';
  return status;
}

TextOptions textOptions(const Options &options) {
  TextOptions text;
  text.sampling = options.sampling;
  text.maxTokens = options.maxTokens;
  text.ignoreModelStops = options.ignoreStop;
  text.stopStrings = options.stop;
  text.stopTokens = options.stopTokens;
  text.showSpecial = options.showSpecial;
  text.ends = !options.chat && options.saveState.empty();
  return text;
}

void noteFullContext(const Model &model) {
  int64_t context = model.info().context;
  if (Result<int64_t> held = model.length(0); held.ok() && *held >= context)
    std::cerr << "note: the context of " << context << " tokens is full\n";
}

// The ids of --prompt, behind what a loaded sequence goes on with.
static Result<std::vector<int32_t>> promptIds(const Options &options,
                                              Model &model, const Kept &kept) {
  Result<const Tokenizer *> tokenizer = model.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> ids =
      (*tokenizer)->encode(*options.prompt, options.loadState.empty());
  if (!ids.ok())
    return ids.status().in("the prompt");
  if (kept.next)
    ids->insert(ids->begin(), *kept.next);
  return ids;
}

Status generateText(const Options &options, ModelPtr &model) {
  const std::string &prompt = *options.prompt;
  Result<ModelPtr> loaded = loadModel(options, 1, prompt.size() + 16);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  Result<Kept> kept = loadState(options, *model);
  if (!kept.ok())
    return kept.status();
  Result<std::vector<int32_t>> ids = promptIds(options, *model, *kept);
  if (!ids.ok())
    return ids.status();
  Result<int64_t> before = model->length(0);
  if (!before.ok())
    return before.status();
  std::vector<int32_t> made;
  TextOptions text = textOptions(options);
  text.token = [&](int32_t id) { made.push_back(id); };
  Status status;
  if (options.printIds) {
    status = printIds(*model, *ids, text);
  } else {
    if (options.echo)
      std::cout << prompt << std::flush;
    status = model->generateText(0, *ids, text, [](std::string_view piece) {
      std::cout << piece << std::flush;
      return std::cout.good();
    });
    if (status.ok() || options.echo)
      std::cout << '\n';
    if (status.ok() && !std::cout.good())
      return Status(Code::Io, "cannot write the text");
    if (status.ok())
      noteFullContext(*model);
  }
  if (!status.ok())
    return status;
  int64_t taken = model->startToken() < 0
                      ? *before + static_cast<int64_t>(ids->size())
                      : 1; // the decoder began with its first token
  kept->next = pending(*model, taken, made);
  return saveState(options, *model, *kept);
}

} // namespace sluice::run
