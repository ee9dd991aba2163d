// The input is a text that must come back as it was, whole and in a stream,
// from tokenizers that leave nothing out.
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/unicode/Unicode.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

using nlohmann::json;
using sluice::Tokenizer;

namespace {
void require(bool condition) {
  if (!condition)
    abort();
}

json bytesAnd(std::vector<std::string> more) {
  json vocabulary = json::object();
  int other = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                     (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    std::string token;
    sluice::unicode::append(token, printable ? byte : other++);
    vocabulary[token] = byte;
  }
  for (const std::string &token : more)
    vocabulary[token] = vocabulary.size();
  return vocabulary;
}

json byteLevel(json model) {
  json part = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return {{"model", std::move(model)},
          {"pre_tokenizer", part},
          {"decoder", part},
          {"added_tokens", {{{"id", 300}, {"content", "<x>"}}}}};
}

std::vector<Tokenizer> makeAll() {
  std::vector<std::string> more = {"aa", "aaaa",    "he",
                                   "ll", "\u0120a", "\u00c3\u00a9"};
  json merges = {"a a", "aa aa", "h e", "l l", "\u0120 a", "\u00c3 \u00a9"};
  json pairs = {{"type", "BPE"}, {"vocab", bytesAnd(more)}, {"merges", merges}};
  json whole = pairs;
  whole["ignore_merges"] = true;
  json longest = {{"type", "WordPiece"},
                  {"vocab", bytesAnd(more)},
                  {"continuing_subword_prefix", ""},
                  {"max_input_chars_per_word", UINT32_MAX}};
  std::vector<Tokenizer> all;
  for (const json &model : {pairs, whole, longest})
    all.push_back(std::move(*Tokenizer::parse(byteLevel(model).dump())));
  return all;
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<Tokenizer> all = makeAll();
  // Longer ones take time and show nothing more.
  std::string text = sluice::unicode::replaceInvalid(
      {reinterpret_cast<const char *>(data), std::min<size_t>(size, 64)});
  for (const Tokenizer &tokenizer : all) {
    auto ids = tokenizer.encode(text);
    require(ids.ok());
    auto whole = tokenizer.decode(*ids);
    require(whole.ok() && *whole == text);
    sluice::TokenStream stream(tokenizer);
    std::string streamed;
    for (int32_t id : *ids)
      streamed += *stream.next(id);
    require(streamed + stream.finish() == text);
  }
  return 0;
}
