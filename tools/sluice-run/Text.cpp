// Continues text and shows it as it comes.
#include "tools/sluice-run/Options.h"

#include "runtime/tokenizer/Tokenizer.h"

#include <iostream>

namespace sluice::run {

// The ids of the continuation on a line.
static Status printIds(Model &model, const std::string &prompt,
                       const GenerateOptions &options) {
  Result<const Tokenizer *> tokenizer = model.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> ids = (*tokenizer)->encode(prompt);
  if (!ids.ok())
    return ids.status().in("the prompt");
  if (model.startToken() >= 0) {
    if (Status status = model.source(0, *ids); !status.ok())
      return status;
    ids = std::vector<int32_t>{model.startToken()};
  }
  const char *space = "";
  Status status = model.generate(0, *ids, options, [&](int32_t id) {
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
  return text;
}

void noteFullContext(const Model &model) {
  int64_t context = model.info().context;
  if (Result<int64_t> held = model.length(0); held.ok() && *held >= context)
    std::cerr << "note: the context of " << context << " tokens is full\n";
}

Status generateText(const Options &options, ModelPtr &model) {
  const std::string &prompt = *options.prompt;
  Result<ModelPtr> loaded = loadModel(options, 1, prompt.size() + 16);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  TextOptions text = textOptions(options);
  if (options.printIds)
    return printIds(*model, prompt, text);
  if (options.echo)
    std::cout << prompt << std::flush;
  Status status =
      model->generateText(0, prompt, text, [](std::string_view piece) {
        std::cout << piece << std::flush;
        return std::cout.good();
      });
  if (status.ok() || options.echo)
    std::cout << '\n';
  if (status.ok() && !std::cout.good())
    return Status(Code::Io, "cannot write the text");
  if (status.ok())
    noteFullContext(*model);
  return status;
}

} // namespace sluice::run
