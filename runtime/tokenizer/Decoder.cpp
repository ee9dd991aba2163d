#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Unicode.h"

#include <nlohmann/json.hpp>

namespace sluice::tokenizer {

namespace {

using Tokens = std::vector<std::string>;
using Pointer = std::unique_ptr<Decoder>;

class DecoderSequence : public Decoder {
public:
  std::vector<Pointer> steps;
  void apply(Tokens &tokens) const override {
    for (const auto &step : steps)
      step->apply(tokens);
  }
};

std::string joined(const Tokens &tokens) {
  std::string all;
  for (const std::string &token : tokens)
    all += token;
  return all;
}

class ByteLevel : public Decoder {
public:
  void apply(Tokens &tokens) const override {
    tokens = {unicode::replaceInvalid(fromByteAlphabet(joined(tokens)))};
  }
};

class Fuse : public Decoder {
public:
  void apply(Tokens &tokens) const override { tokens = {joined(tokens)}; }
};

void replaceAll(std::string &text, std::string_view what,
                std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

class WordPiece : public Decoder {
public:
  std::string prefix;
  bool cleanup = true;

  void apply(Tokens &tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i].rfind(prefix, 0) == 0)
        tokens[i] = tokens[i].substr(prefix.size());
      else if (i > 0)
        tokens[i] = " " + tokens[i];
      if (cleanup)
        tidy(tokens[i]);
    }
  }

private:
  // Spaces in front of punctuation and English contractions.
  static void tidy(std::string &text) {
    for (const char *mark :
         {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"})
      replaceAll(text, std::string(" ") + mark, mark);
    replaceAll(text, " ' ", "'");
    replaceAll(text, " do not", " don't");
  }
};

class Replace : public Decoder {
public:
  Replace(Regex pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  void apply(Tokens &tokens) const override {
    for (std::string &token : tokens)
      token = pattern.replace(token, content);
  }

private:
  Regex pattern;
  std::string content;
};

// Runs of <0xXX> tokens are bytes; a run that is not UTF-8 gives one U+FFFD
// each.
class ByteFallback : public Decoder {
public:
  void apply(Tokens &tokens) const override {
    Tokens result;
    std::string run;
    auto flush = [&] {
      if (unicode::check(run).ok())
        result.push_back(run);
      else
        result.insert(result.end(), run.size(), "\xef\xbf\xbd");
      run.clear();
    };
    for (std::string &token : tokens) {
      int byte = byteOf(token);
      if (byte >= 0) {
        run += char(byte);
        continue;
      }
      if (!run.empty())
        flush();
      result.push_back(std::move(token));
    }
    if (!run.empty())
      flush();
    tokens = std::move(result);
  }

private:
  static int byteOf(const std::string &token) {
    if (token.size() != 6 || token.rfind("<0x", 0) != 0 || token[5] != '>')
      return -1;
    int value = 0;
    for (char c : token.substr(3, 2)) {
      if (!std::isxdigit(uint8_t(c)))
        return -1;
      value = 16 * value + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
  }
};

class Strip : public Decoder {
public:
  std::string content;
  size_t start = 0, stop = 0;

  void apply(Tokens &tokens) const override {
    for (std::string &token : tokens) {
      for (size_t i = 0; i < start && token.rfind(content, 0) == 0; ++i)
        token.erase(0, content.size());
      for (size_t i = 0; i < stop && token.size() >= content.size() &&
                         token.compare(token.size() - content.size(),
                                       content.size(), content) == 0;
           ++i)
        token.erase(token.size() - content.size());
    }
  }
};

class Metaspace : public Decoder {
public:
  std::string replacement;
  bool prepended = true;

  void apply(Tokens &tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i == 0 && prepended && tokens[i].rfind(replacement, 0) == 0)
        tokens[i].erase(0, replacement.size());
      replaceAll(tokens[i], replacement, " ");
    }
  }
};

Result<Pointer> parseReplace(const Json &json) {
  Json pattern = json.value("pattern", Json::object());
  Result<Regex> regex = pattern.contains("Regex")
                            ? Regex::compile(text(pattern, "Regex", ""))
                            : Regex::literal(text(pattern, "String", ""));
  if (!regex.ok())
    return regex.status();
  return Pointer(new Replace(std::move(*regex), text(json, "content", "")));
}

Result<Pointer> parseSequence(const Json &json) {
  auto sequence = std::make_unique<DecoderSequence>();
  for (const Json &item : json.value("decoders", Json::array())) {
    Result<Pointer> step = parseDecoder(item);
    if (!step.ok())
      return step.status();
    if (*step)
      sequence->steps.push_back(std::move(*step));
  }
  return Pointer(std::move(sequence));
}

size_t count(const Json &json, const char *key) {
  auto it = json.find(key);
  return it != json.end() && it->is_number_unsigned() ? it->get<size_t>() : 0;
}

} // namespace

Result<Pointer> parseDecoder(const Json &json) {
  if (json.is_null())
    return Pointer();
  std::string type = typeOf(json);
  if (type == "Sequence")
    return parseSequence(json);
  if (type == "ByteLevel")
    return Pointer(new ByteLevel);
  if (type == "Fuse")
    return Pointer(new Fuse);
  if (type == "Replace")
    return parseReplace(json);
  if (type == "ByteFallback")
    return Pointer(new ByteFallback);
  if (type == "WordPiece") {
    auto wordPiece = std::make_unique<WordPiece>();
    wordPiece->prefix = text(json, "prefix", "##");
    wordPiece->cleanup = flag(json, "cleanup", true);
    return Pointer(std::move(wordPiece));
  }
  if (type == "Strip") {
    auto strip = std::make_unique<Strip>();
    strip->content = text(json, "content", " ");
    strip->start = count(json, "start");
    strip->stop = count(json, "stop");
    return Pointer(std::move(strip));
  }
  if (type == "Metaspace") {
    auto metaspace = std::make_unique<Metaspace>();
    metaspace->replacement = text(json, "replacement", "\xe2\x96\x81");
    metaspace->prepended = text(json, "prepend_scheme", "always") != "never" &&
                           flag(json, "add_prefix_space", true);
    return Pointer(std::move(metaspace));
  }
  return unknown("decoder", type);
}

} // namespace sluice::tokenizer
