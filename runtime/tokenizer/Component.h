// The parts of a tokenizer.json. Each is made by the parse function of its
// group, which answers Unsupported for a type that it does not know.
#pragma once

#include "runtime/support/Json.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Text.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace sluice::tokenizer {

using Json = nlohmann::json;

// Changes the text before it is cut.
class Normalizer {
public:
  virtual ~Normalizer() = default;
  virtual Status apply(Text &text) const = 0;
};

// Cuts pieces into smaller pieces; tokens never cross a cut. Pieces that are
// tokens already stay.
class PreTokenizer {
public:
  virtual ~PreTokenizer() = default;
  virtual Status split(Pieces &pieces) const = 0;
  // Whether the result depends on the place of a piece in the user's text.
  virtual bool needsOrigin() const { return false; }
  // Leaves out the last step if that writes bytes in the byte alphabet, for a
  // vocabulary that reads them as they are; false: there is no such step.
  virtual bool leaveBytes() { return false; }
};

// Tokens of one piece.
struct Tokens {
  std::vector<int32_t> ids;
  // The bytes of the piece that each stands for; only if `wanted`.
  std::vector<TextSpan> spans;
  bool wanted = false;

  void add(int32_t id, size_t begin, size_t end) {
    ids.push_back(id);
    if (wanted)
      spans.push_back({uint32_t(begin), uint32_t(end)});
  }
};

class WordCache;
class ImageWriter;
class Tables;

// Pieces to ids.
class Vocabulary {
public:
  virtual ~Vocabulary() = default;
  virtual Status encode(std::string_view piece, Tokens &out) const = 0;
  virtual int32_t id(std::string_view token) const = 0; // -1: none
  // Empty where there is no token; ids run from 0 to size() - 1.
  virtual std::string_view token(int32_t id) const = 0;
  virtual int32_t size() const = 0;
  virtual int32_t count() const = 0; // of tokens
  // Whether pieces may be bytes instead of characters of the byte alphabet, and
  // the order to take them so from now on.
  virtual bool takesBytes() const { return false; }
  virtual Status takeBytes() { return {}; }
  // The first place behind `from` where cutting the piece changes no token; its
  // end if there is none, or none is worth the search.
  virtual size_t cutAfter(std::string_view piece, size_t from) const {
    (void)from;
    return piece.size();
  }
  // Puts numbers of tables in the place of the model's large members.
  virtual void store(Json &model, ImageWriter &image) const = 0;
  // Whether encoding a piece costs enough to remember the result.
  virtual bool worthCaching() const { return true; }
};

// A token with what the post-processors know of it.
struct Marked {
  int32_t id = 0;
  TextSpan span;                      // bytes of the user's text
  uint32_t leading = 0, trailing = 0; // spaces at its ends
};

// Adds special tokens around those of one text.
class PostProcessor {
public:
  virtual ~PostProcessor() = default;
  // `special`: add the tokens, not only what is said about the text's own.
  // `text` is the user's text where spans count, else empty.
  virtual void apply(std::vector<Marked> &tokens, std::string_view text,
                     bool special) const = 0;
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
Result<std::unique_ptr<Normalizer>> parseCharsmap(const Json &json);
Result<std::unique_ptr<PreTokenizer>> parsePreTokenizer(const Json &json);
Result<std::unique_ptr<PreTokenizer>> parseSplitter(const Json &json);
Result<std::unique_ptr<Vocabulary>> parseVocabulary(const Json &json,
                                                    const Tables &tables);
Result<std::unique_ptr<PostProcessor>> parsePostProcessor(const Json &json);
Result<std::unique_ptr<Decoder>> parseDecoder(const Json &json);

// The whole file as JSON; Corrupt if it is not an object or nested too deeply.
Result<Json> readJson(std::string_view text);

// Fields of a component; the defaults are those of the format.
std::string typeOf(const Json &json);
bool flag(const Json &json, const char *key, bool otherwise);
std::string text(const Json &json, const char *key, std::string otherwise);
size_t number(const Json &json, const char *key, size_t otherwise);
Status unknown(const char *group, const std::string &type);
Status corrupt(const std::string &what); // names the file
// A field that holds one character, such as the stand-in for a space.
Result<std::string> character(const Json &json, const char *key,
                              std::string otherwise);

// {"String": ...} or {"Regex": ...}: what is looked for in a text.
class Pattern {
public:
  static Result<Pattern> parse(const Json &json);
  explicit Pattern(std::string literal) : literal_(std::move(literal)) {}
  explicit Pattern(Regex regex) : regex_(std::move(regex)) {}

  // Calls match(begin, end) from left to right, also for empty matches.
  template <typename Match>
  Status forEach(std::string_view text, Match match) const {
    if (regex_) {
      Regex::Matches matches(*regex_, text);
      while (matches.next())
        match(matches.begin(), matches.end());
      return matches.status();
    }
    for (size_t at = text.find(literal_); at != std::string_view::npos;
         at = text.find(literal_, at + literal_.size()))
      match(at, at + literal_.size());
    return {};
  }

private:
  std::string literal_;
  std::optional<Regex> regex_;
};

// Parts in a "Sequence" component, `parse` for each.
template <typename T>
Result<std::vector<std::unique_ptr<T>>>
parseList(const Json &json, const char *key,
          Result<std::unique_ptr<T>> (*parse)(const Json &)) {
  std::vector<std::unique_ptr<T>> list;
  const Json &items = member(json, key);
  if (!items.is_array())
    return corrupt("a Sequence without a list '" + std::string(key) + "'");
  for (const Json &item : items) {
    Result<std::unique_ptr<T>> part = parse(item);
    if (!part.ok())
      return part.status();
    if (*part)
      list.push_back(std::move(*part));
  }
  return list;
}

} // namespace sluice::tokenizer
