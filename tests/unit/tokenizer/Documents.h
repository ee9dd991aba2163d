// Small tokenizer.json documents.
#pragma once

#include "runtime/tokenizer/Tokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::test {

using Json = nlohmann::json;

inline Json bpe(const std::vector<std::string> &tokens,
                Json merges = Json::array()) {
  Json vocabulary = Json::object();
  for (size_t i = 0; i < tokens.size(); ++i)
    vocabulary[tokens[i]] = i;
  return {{"type", "BPE"},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(merges)}};
}

inline Tokenizer make(const Json &document) {
  Result<Tokenizer> tokenizer = Tokenizer::parse(document.dump());
  if (!tokenizer.ok())
    throw std::runtime_error(tokenizer.status().message());
  return std::move(*tokenizer);
}

// A tokenizer on tables that lie in memory as they would in a file.
class Stored {
public:
  explicit Stored(const Json &document) {
    Result<std::string> image = Tokenizer::makeImage(document.dump());
    if (!image.ok())
      throw std::runtime_error(image.status().message());
    size_ = image->size();
    words_.resize(size_ / 8);
    image->copy(reinterpret_cast<char *>(words_.data()), size_);
  }
  std::span<std::byte> bytes() {
    return std::as_writable_bytes(std::span(words_)).first(size_);
  }
  Result<Tokenizer> load() { return Tokenizer::load(bytes()); }

private:
  std::vector<uint64_t> words_;
  size_t size_;
};

inline std::vector<std::string> pieces(const Tokenizer &tokenizer,
                                       std::string_view text) {
  Result<std::vector<int32_t>> ids = tokenizer.encode(text);
  if (!ids.ok())
    return {"error: " + ids.status().message()};
  std::vector<std::string> result;
  for (int32_t id : *ids)
    result.emplace_back(tokenizer.token(id));
  return result;
}

// One token per byte, as printable characters, and a few merges.
inline Json byteLevel() {
  std::vector<std::string> tokens;
  int other = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                     (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    int c = printable ? byte : other++;
    tokens.push_back(
        c < 0x80 ? std::string(1, char(c))
                 : std::string{char(0xc0 | c >> 6), char(0x80 | (c & 63))});
  }
  tokens.insert(tokens.end(), {"he", "ll", "hell", "hello", "\u0120hello"});
  Json merges = {"h e", "l l", "he ll", "hell o", "\u0120 hello"};
  Json part = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return {{"model", bpe(tokens, merges)},
          {"pre_tokenizer", part},
          {"decoder", part}};
}

// SentencePiece's manner: U+2581 for a space, byte tokens for what has none.
inline Json byteFallback() {
  std::vector<std::string> tokens = {"<unk>"};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", unsigned(byte));
    tokens.push_back(name);
  }
  tokens.insert(tokens.end(), {"\u2581", "a", "b", "ab", "\u2581ab"});
  Json model = bpe(tokens, {"a b", "\u2581 ab"});
  model["byte_fallback"] = true;
  model["unk_token"] = "<unk>";
  auto replace = [](const char *from, const char *to) -> Json {
    return {
        {"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  return {{"model", model},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", "\u2581"}},
              replace(" ", "\u2581")}}}},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {replace("\u2581", " "),
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}}}}}}};
}

} // namespace sluice::test
