#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Unicode.h"

namespace sluice::tokenizer {

namespace {

using Tokens = std::vector<std::string>;
using Pointer = std::unique_ptr<Decoder>;

class DecoderSequence : public Decoder {
public:
  std::vector<Pointer> steps;
  Status apply(Tokens &tokens, bool raw) const override {
    for (const auto &step : steps)
      if (Status status = step->apply(tokens, raw); !status.ok())
        return status;
    return {};
  }
};

class ByteLevel : public Decoder {
public:
  Status apply(Tokens &tokens, bool raw) const override {
    std::string bytes;
    for (const std::string &token : tokens)
      bytes += fromByteAlphabet(token);
    tokens = {raw ? bytes : unicode::replaceInvalid(bytes)};
    return {};
  }
};

class Fuse : public Decoder {
public:
  Status apply(Tokens &tokens, bool) const override {
    std::string all;
    for (const std::string &token : tokens)
      all += token;
    tokens = {std::move(all)};
    return {};
  }
};

void replaceAll(std::string &text, std::string_view what,
                std::string_view with) {
  std::string result;
  size_t done = 0;
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, done)) {
    result.append(text, done, at - done).append(with);
    done = at + what.size();
  }
  if (done > 0)
    text = result.append(text, done);
}

class WordPiece : public Decoder {
public:
  std::string prefix;
  bool cleanup = true;

  Status apply(Tokens &tokens, bool) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i].rfind(prefix, 0) == 0)
        tokens[i] = tokens[i].substr(prefix.size());
      else if (i > 0)
        tokens[i] = " " + tokens[i];
      if (cleanup)
        tidy(tokens[i]);
    }
    return {};
  }

private:
  // Spaces in front of punctuation and English contractions.
  static void tidy(std::string &text) {
    for (auto [from, to] : {std::pair{" .", "."},
                            {" ?", "?"},
                            {" !", "!"},
                            {" ,", ","},
                            {" ' ", "'"},
                            {" n't", "n't"},
                            {" 'm", "'m"},
                            {" do not", " don't"},
                            {" 's", "'s"},
                            {" 've", "'ve"},
                            {" 're", "'re"}})
      replaceAll(text, from, to);
  }
};

class Replace : public Decoder {
public:
  Replace(Regex pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  Status apply(Tokens &tokens, bool) const override {
    for (std::string &token : tokens) {
      Result<std::string> replaced = pattern.replace(token, content);
      if (!replaced.ok())
        return replaced.status();
      token = std::move(*replaced);
    }
    return {};
  }

private:
  Regex pattern;
  std::string content;
};

// Runs of <0xXX> tokens are bytes; a run that is not UTF-8 gives one U+FFFD
// each.
class ByteFallback : public Decoder {
public:
  Status apply(Tokens &tokens, bool raw) const override {
    Tokens result;
    std::string run;
    auto flush = [&] {
      if (raw || unicode::check(run).ok())
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
    return {};
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

  Status apply(Tokens &tokens, bool) const override {
    for (std::string &token : tokens) {
      for (size_t i = 0; i < start && token.rfind(content, 0) == 0; ++i)
        token.erase(0, content.size());
      for (size_t i = 0; i < stop && token.size() >= content.size() &&
                         token.compare(token.size() - content.size(),
                                       content.size(), content) == 0;
           ++i)
        token.erase(token.size() - content.size());
    }
    return {};
  }
};

class Metaspace : public Decoder {
public:
  std::string replacement;
  bool prepended = true;

  Status apply(Tokens &tokens, bool) const override {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], replacement, i == 0 && prepended ? "" : " ");
    return {};
  }
};

Result<Pointer> parseReplace(const Json &json) {
  Result<Regex> regex = parsePattern(member(json, "pattern"));
  if (!regex.ok())
    return regex.status();
  return Pointer(new Replace(std::move(*regex), text(json, "content", "")));
}

Result<Pointer> parseSequence(const Json &json) {
  auto steps = parseList(json, "decoders", parseDecoder);
  if (!steps.ok())
    return steps.status();
  auto sequence = std::make_unique<DecoderSequence>();
  sequence->steps = std::move(*steps);
  return Pointer(std::move(sequence));
}

Result<Pointer> parseMetaspace(const Json &json) {
  Result<std::string> replacement =
      character(json, "replacement", "\xe2\x96\x81");
  if (!replacement.ok())
    return replacement.status();
  auto metaspace = std::make_unique<Metaspace>();
  metaspace->replacement = *replacement;
  metaspace->prepended = text(json, "prepend_scheme", "always") != "never" &&
                         flag(json, "add_prefix_space", true);
  return Pointer(std::move(metaspace));
}

size_t count(const Json &json, const char *key) {
  const Json &field = member(json, key);
  return field.is_number_unsigned() ? field.get<size_t>() : 0;
}

Result<Pointer> parseStrip(const Json &json) {
  Result<std::string> content = character(json, "content", " ");
  if (!content.ok())
    return content.status();
  auto strip = std::make_unique<Strip>();
  strip->content = *content;
  strip->start = count(json, "start");
  strip->stop = count(json, "stop");
  return Pointer(std::move(strip));
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
  if (type == "Strip")
    return parseStrip(json);
  if (type == "Metaspace")
    return parseMetaspace(json);
  return unknown("decoder", type);
}

} // namespace sluice::tokenizer
