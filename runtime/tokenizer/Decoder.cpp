// The decoders of a tokenizer.json: what is done to tokens before they are
// joined to text.
#include "runtime/tokenizer/CleanUp.h"
#include "runtime/tokenizer/Component.h"
#include "runtime/unicode/ByteAlphabet.h"

#include <algorithm>

namespace sluice::tokenizer {

namespace {

using Strings = std::vector<std::string>;
using Pointer = std::unique_ptr<Decoder>;

class DecoderSequence : public Decoder {
public:
  std::vector<Pointer> steps;
  Status apply(Strings &tokens, bool raw) const override {
    for (const auto &step : steps)
      if (Status status = step->apply(tokens, raw); !status.ok())
        return status;
    return {};
  }
};

class ByteLevel : public Decoder {
public:
  Status apply(Strings &tokens, bool raw) const override {
    std::string bytes;
    for (const std::string &token : tokens)
      bytes += unicode::fromByteAlphabet(token);
    tokens = {raw ? bytes : unicode::replaceInvalid(bytes)};
    return {};
  }
};

class Fuse : public Decoder {
public:
  Status apply(Strings &tokens, bool) const override {
    std::string all;
    for (const std::string &token : tokens)
      all += token;
    tokens = {std::move(all)};
    return {};
  }
};

// Spaces in front of punctuation and English contractions.
void tidy(std::string &text) {
  for (Replacement replacement : kTidied)
    replaceAll(text, replacement);
  replaceAll(text, {" do not", " don't"});
}

class WordPiece : public Decoder {
public:
  std::string prefix;
  bool cleanup = true;

  Status apply(Strings &tokens, bool) const override {
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
};

class Replace : public Decoder {
public:
  Replace(Pattern pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  Status apply(Strings &tokens, bool) const override {
    size_t grown = 0;
    for (std::string &token : tokens) {
      std::string result;
      size_t done = 0;
      bool found = false;
      Status status = pattern.forEach(token, [&](size_t begin, size_t end) {
        grown += content.size();
        if (grown <= maxGrown)
          result.append(token, done, begin - done).append(content);
        done = end;
        found = true;
      });
      if (status.ok())
        status = checkGrown(grown);
      if (!status.ok())
        return status;
      if (found)
        token = result.append(token, done);
    }
    return {};
  }

private:
  Pattern pattern;
  std::string content;
};

// Runs of <0xXX> tokens are bytes; a run that is not UTF-8 gives one U+FFFD
// each.
class ByteFallback : public Decoder {
public:
  Status apply(Strings &tokens, bool raw) const override {
    Strings result;
    std::string run;
    auto flush = [&] {
      if (raw || unicode::check(run).ok())
        result.push_back(run);
      else
        result.insert(result.end(), run.size(), "\xef\xbf\xbd");
      run.clear();
    };
    for (std::string &token : tokens) {
      int byte = valueOf(token);
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
  static int valueOf(const std::string &token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
      return -1;
    // A plus in front of the digit counts as a number as well.
    size_t first = token[3] == '+' ? 4 : 3;
    int value = 0;
    for (size_t i = first; i < 5; ++i) {
      char c = token[i];
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

  Status apply(Strings &tokens, bool) const override {
    for (std::string &token : tokens) {
      std::string_view rest = token;
      for (size_t i = 0; i < start && rest.starts_with(content); ++i)
        rest.remove_prefix(content.size());
      for (size_t i = 0; i < stop && rest.ends_with(content); ++i)
        rest.remove_suffix(content.size());
      if (rest.size() < token.size())
        token = std::string(rest);
    }
    return {};
  }
};

class Metaspace : public Decoder {
public:
  std::string replacement;
  bool prepended = true;

  Status apply(Strings &tokens, bool) const override {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], {replacement, i == 0 && prepended ? "" : " "});
    return {};
  }
};

// The end of a word is marked with a suffix.
class WordEnds : public Decoder {
public:
  explicit WordEnds(std::string suffix) : suffix(std::move(suffix)) {}
  Status apply(Strings &tokens, bool) const override {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], {suffix, i + 1 < tokens.size() ? " " : ""});
    return {};
  }

private:
  std::string suffix;
};

// Speech: a token that is repeated counts once, a pad between makes it count
// again.
class Ctc : public Decoder {
public:
  std::string pad, delimiter;
  bool cleanup = true;
  Status apply(Strings &tokens, bool) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string &token : tokens) {
      replaceAll(token, {pad, ""});
      if (cleanup) {
        tidy(token);
        replaceAll(token, {delimiter, " "});
      }
    }
    std::erase(tokens, std::string());
    return {};
  }
};

Result<Pointer> parseReplace(const Json &json) {
  Result<Pattern> pattern = Pattern::parse(member(json, "pattern"));
  if (!pattern.ok())
    return pattern.status();
  return Pointer(new Replace(std::move(*pattern), text(json, "content", "")));
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

Result<Pointer> parseWordEnds(const Json &json) {
  std::string suffix = text(json, "suffix", "</w>");
  if (suffix.empty())
    return corrupt("BPEDecoder with an empty suffix");
  return Pointer(new WordEnds(std::move(suffix)));
}

Result<Pointer> parseCtc(const Json &json) {
  auto ctc = std::make_unique<Ctc>();
  ctc->pad = text(json, "pad_token", "<pad>");
  ctc->delimiter = text(json, "word_delimiter_token", "|");
  ctc->cleanup = flag(json, "cleanup", true);
  if (ctc->pad.empty() || ctc->delimiter.empty())
    return corrupt("CTC with an empty token");
  return Pointer(std::move(ctc));
}

Result<Pointer> parseStrip(const Json &json) {
  Result<std::string> content = character(json, "content", " ");
  if (!content.ok())
    return content.status();
  auto strip = std::make_unique<Strip>();
  strip->content = *content;
  strip->start = number(json, "start", 0);
  strip->stop = number(json, "stop", 0);
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
  if (type == "BPEDecoder")
    return parseWordEnds(json);
  if (type == "CTC")
    return parseCtc(json);
  return unknown("decoder", type);
}

} // namespace sluice::tokenizer
