// Continues text and shows it as it comes.
#include "tools/sluice-run/Options.h"

#include "runtime/tokenizer/Tokenizer.h"

#include <iostream>

namespace sluice::run {

Status generateText(const Options &options, ModelPtr &model) {
  const std::string &prompt = *options.prompt;
  Result<ModelPtr> loaded = loadModel(options, 1, prompt.size() + 16);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  if (!options.profile.empty())
    model->startProfile();
  TextOptions text;
  text.sampling = options.sampling;
  text.maxTokens = options.maxTokens;
  text.ignoreModelStops = options.ignoreStop;
  text.stopStrings = options.stop;
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
  return status;
}

} // namespace sluice::run
