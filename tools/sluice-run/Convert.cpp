// Text to ids and back, with nothing run.
#include "runtime/tokenizer/Tokenizer.h"
#include "tools/sluice-run/Options.h"
#include "tools/support/Cli.h"

#include <fstream>
#include <iostream>
#include <sstream>

namespace sluice::run {

Result<std::string> readAll(const std::string &path) {
  std::ifstream file;
  if (path != "-")
    file.open(path, std::ios::binary);
  std::istream &in = path == "-" ? std::cin : file;
  std::ostringstream text;
  if (in.good() && in.peek() != std::istream::traits_type::eof())
    text << in.rdbuf();
  if (in.bad() || (path != "-" && !file.is_open()))
    return Status(Code::Io, path + ": cannot read");
  return text.str();
}

Status convertText(const Options &options) {
  bool toIds = !options.tokenize.empty();
  Result<std::string> input =
      readAll(toIds ? options.tokenize : options.detokenize);
  if (!input.ok())
    return input.status();
  Result<ModelPtr> model = loadModel(options, 1, 0);
  if (!model.ok())
    return model.status();
  Result<const Tokenizer *> tokenizer = (*model)->tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  if (toIds) {
    Result<std::vector<int32_t>> ids =
        (*tokenizer)->encode(*input, !options.noSpecial);
    if (!ids.ok())
      return ids.status();
    for (size_t i = 0; i < ids->size(); ++i)
      std::cout << (i > 0 ? " " : "") << (*ids)[i];
    std::cout << '\n';
    return {};
  }
  Result<std::vector<int32_t>> ids = tools::parseIds(*input);
  if (!ids.ok())
    return ids.status();
  Result<std::string> text = (*tokenizer)->decode(*ids, options.noSpecial);
  if (!text.ok())
    return text.status();
  std::cout << *text;
  return {};
}

} // namespace sluice::run
