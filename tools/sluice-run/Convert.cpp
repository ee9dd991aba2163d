// Text to ids and back, with nothing run.
#include "runtime/tokenizer/Tokenizer.h"
#include "tools/sluice-run/Options.h"
#include "tools/support/Cli.h"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
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

std::string asPrompt(std::string_view text) {
  if (constexpr std::string_view mark = "\xef\xbb\xbf"; text.starts_with(mark))
    text.remove_prefix(mark.size());
  std::string prompt;
  for (size_t at = 0; at < text.size(); ++at)
    if (text[at] != '\r' || (at + 1 < text.size() && text[at + 1] != '\n'))
      prompt += text[at];
  if (prompt.ends_with('\n'))
    prompt.pop_back();
  return prompt;
}

// Bytes of a text that may be part of a character, in quotes.
static std::string quoted(std::string_view text) {
  using nlohmann::json;
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

static Status printIds(const Tokenizer &tokenizer, const std::string &text,
                       bool special) {
  Result<std::vector<int32_t>> ids = tokenizer.encode(text, special);
  if (!ids.ok())
    return ids.status();
  for (size_t i = 0; i < ids->size(); ++i)
    std::cout << (i > 0 ? " " : "") << (*ids)[i];
  std::cout << '\n';
  return {};
}

static Status printOffsets(const Tokenizer &tokenizer, const std::string &text,
                           bool special) {
  Result<Encoding> encoding = tokenizer.encodeWithSpans(text, special);
  if (!encoding.ok())
    return encoding.status();
  for (size_t i = 0; i < encoding->ids.size(); ++i) {
    auto [begin, end] = encoding->spans[i];
    std::cout << encoding->ids[i] << '\t' << begin << '\t' << end << '\t'
              << quoted(std::string_view(text).substr(begin, end - begin))
              << '\n';
  }
  return {};
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
  if (toIds)
    return (options.offsets ? printOffsets : printIds)(**tokenizer, *input,
                                                       !options.noSpecial);
  if (input->find_first_not_of(" ,\n") == std::string::npos)
    return {}; // no text has no ids
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
