// The parts of a tokenizer.json. Each is made by the parse function of its
// group, which answers Unsupported for a type that it does not know.
#pragma once

#include "runtime/support/Status.h"
#include "runtime/tokenizer/Regex.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tokenizer {

using Json = nlohmann::json;

// Changes the text before it is cut.
class Normalizer {
public:
  virtual ~Normalizer() = default;
  virtual Result<std::string> apply(std::string text) const = 0;
};

// Cuts pieces into smaller pieces; tokens never cross a cut.
class PreTokenizer {
public:
  virtual ~PreTokenizer() = default;
  // `first`: the first piece stands at the beginning of the whole text.
  virtual Status split(std::vector<std::string> &pieces, bool first) const = 0;
};

// Pieces to ids.
class Vocabulary {
public:
  virtual ~Vocabulary() = default;
  virtual Status encode(std::string_view piece,
                        std::vector<int32_t> &ids) const = 0;
  virtual int32_t id(std::string_view token) const = 0; // -1: none
  // (token, id) of the whole vocabulary.
  virtual std::vector<std::pair<std::string_view, int32_t>> tokens() const = 0;
};

// Adds special tokens around the ids of one text.
class PostProcessor {
public:
  virtual ~PostProcessor() = default;
  virtual std::vector<int32_t> apply(std::vector<int32_t> ids) const = 0;
};

// Tokens to text, one step of several; the results are joined in the end.
class Decoder {
public:
  virtual ~Decoder() = default;
  // `raw`: bytes that are not UTF-8 stay as they are, for a caller that shows
  // the text piece by piece; otherwise they become U+FFFD.
  virtual Status apply(std::vector<std::string> &tokens, bool raw) const = 0;
};

// A JSON null gives a null pointer.
Result<std::unique_ptr<Normalizer>> parseNormalizer(const Json &json);
Result<std::unique_ptr<PreTokenizer>> parsePreTokenizer(const Json &json);
Result<std::unique_ptr<Vocabulary>> parseVocabulary(const Json &json);
Result<std::unique_ptr<PostProcessor>> parsePostProcessor(const Json &json);
Result<std::unique_ptr<Decoder>> parseDecoder(const Json &json);

// Fields of a component; the defaults are those of the format.
const Json &member(const Json &json, const char *key); // null: missing
std::string typeOf(const Json &json);
bool flag(const Json &json, const char *key, bool otherwise);
std::string text(const Json &json, const char *key, std::string otherwise);
Status unknown(const char *group, const std::string &type);
// {"Regex": ...} or {"String": ...}
Result<Regex> parsePattern(const Json &json);
// A field that holds one character, such as the stand-in for a space.
Result<std::string> character(const Json &json, const char *key,
                              std::string otherwise);

// Parts in a "Sequence" component, `parse` for each.
template <typename T>
Result<std::vector<std::unique_ptr<T>>>
parseList(const Json &json, const char *key,
          Result<std::unique_ptr<T>> (*parse)(const Json &)) {
  std::vector<std::unique_ptr<T>> list;
  const Json &items = member(json, key);
  if (!items.is_array())
    return Status(Code::Corrupt, "tokenizer.json: a Sequence without a list '" +
                                     std::string(key) + "'");
  for (const Json &item : items) {
    Result<std::unique_ptr<T>> part = parse(item);
    if (!part.ok())
      return part.status();
    if (*part)
      list.push_back(std::move(*part));
  }
  return list;
}

// Bytes as printable characters, the alphabet of byte-level vocabularies.
std::string toByteAlphabet(std::string_view bytes);
// A token with a character outside of the alphabet stands for itself.
std::string fromByteAlphabet(std::string_view text);

} // namespace sluice::tokenizer
