#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Unicode.h"

#include <nlohmann/json.hpp>

namespace sluice::tokenizer {

namespace {

class NormalizerSequence : public Normalizer {
public:
  std::vector<std::unique_ptr<Normalizer>> steps;
  std::string apply(std::string text) const override {
    for (const auto &step : steps)
      text = step->apply(std::move(text));
    return text;
  }
};

class UnicodeForm : public Normalizer {
public:
  explicit UnicodeForm(unicode::Form form) : form(form) {}
  std::string apply(std::string text) const override {
    return unicode::normalize(text, form);
  }

private:
  unicode::Form form;
};

class Lowercase : public Normalizer {
public:
  std::string apply(std::string text) const override {
    return unicode::lower(text);
  }
};

std::string withoutMarks(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();)
    if (int32_t c = unicode::next(text, at); !unicode::isMark(c))
      unicode::append(result, c);
  return result;
}

class StripAccents : public Normalizer {
public:
  std::string apply(std::string text) const override {
    return withoutMarks(text);
  }
};

class Prepend : public Normalizer {
public:
  explicit Prepend(std::string prefix) : prefix(std::move(prefix)) {}
  std::string apply(std::string text) const override {
    return text.empty() ? text : prefix + text;
  }

private:
  std::string prefix;
};

class Replace : public Normalizer {
public:
  Replace(Regex pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  std::string apply(std::string text) const override {
    return pattern.replace(text, content);
  }

private:
  Regex pattern;
  std::string content;
};

class Strip : public Normalizer {
public:
  Strip(bool left, bool right) : left(left), right(right) {}
  std::string apply(std::string text) const override {
    size_t begin = text.size(), end = 0;
    for (size_t at = 0; at < text.size();) {
      size_t start = at;
      if (unicode::isWhitespace(unicode::next(text, at)))
        continue;
      begin = std::min(begin, start);
      end = at;
    }
    if (!left)
      begin = 0;
    if (!right)
      end = text.size();
    return begin < end ? text.substr(begin, end - begin) : std::string();
  }

private:
  bool left, right;
};

// Cleans, spaces out ideographs, strips accents and lowers, as BERT does.
class BertNormalizer : public Normalizer {
public:
  bool clean = true, chinese = true, lowercase = true, accents = true;

  std::string apply(std::string text) const override {
    std::string result;
    for (size_t at = 0; at < text.size();) {
      int32_t c = unicode::next(text, at);
      if (clean && (c <= 0 || c == 0xfffd || unicode::isControl(c)))
        continue;
      if (clean && unicode::isWhitespace(c))
        c = ' ';
      bool apart = chinese && unicode::isChinese(c);
      result += apart ? " " : "";
      unicode::append(result, c);
      result += apart ? " " : "";
    }
    if (accents)
      result = withoutMarks(unicode::normalize(result, unicode::Form::NFD));
    return lowercase ? unicode::lower(result) : result;
  }
};

Result<std::unique_ptr<Normalizer>> parseReplace(const Json &json) {
  auto pattern = json.find("pattern");
  if (pattern == json.end() || !pattern->is_object())
    return Status(Code::Corrupt, "tokenizer.json: Replace without a pattern");
  Result<Regex> regex = pattern->contains("Regex")
                            ? Regex::compile(text(*pattern, "Regex", ""))
                            : Regex::literal(text(*pattern, "String", ""));
  if (!regex.ok())
    return regex.status();
  return std::unique_ptr<Normalizer>(
      new Replace(std::move(*regex), text(json, "content", "")));
}

Result<std::unique_ptr<Normalizer>> parseSequence(const Json &json) {
  auto sequence = std::make_unique<NormalizerSequence>();
  for (const Json &item : json.value("normalizers", Json::array())) {
    Result<std::unique_ptr<Normalizer>> step = parseNormalizer(item);
    if (!step.ok())
      return step.status();
    if (*step)
      sequence->steps.push_back(std::move(*step));
  }
  return std::unique_ptr<Normalizer>(std::move(sequence));
}

} // namespace

Result<std::unique_ptr<Normalizer>> parseNormalizer(const Json &json) {
  using Pointer = std::unique_ptr<Normalizer>;
  if (json.is_null())
    return Pointer();
  std::string type = typeOf(json);
  if (type == "Sequence")
    return parseSequence(json);
  if (type == "NFC")
    return Pointer(new UnicodeForm(unicode::Form::NFC));
  if (type == "NFD")
    return Pointer(new UnicodeForm(unicode::Form::NFD));
  if (type == "NFKC")
    return Pointer(new UnicodeForm(unicode::Form::NFKC));
  if (type == "NFKD")
    return Pointer(new UnicodeForm(unicode::Form::NFKD));
  if (type == "Lowercase")
    return Pointer(new Lowercase);
  if (type == "StripAccents")
    return Pointer(new StripAccents);
  if (type == "Prepend")
    return Pointer(new Prepend(text(json, "prepend", "")));
  if (type == "Replace")
    return parseReplace(json);
  if (type == "Strip")
    return Pointer(new Strip(flag(json, "strip_left", true),
                             flag(json, "strip_right", true)));
  if (type == "BertNormalizer") {
    auto bert = std::make_unique<BertNormalizer>();
    bert->clean = flag(json, "clean_text", true);
    bert->chinese = flag(json, "handle_chinese_chars", true);
    bert->lowercase = flag(json, "lowercase", true);
    bert->accents = flag(json, "strip_accents", bert->lowercase);
    return Pointer(std::move(bert));
  }
  return unknown("normalizer", type);
}

} // namespace sluice::tokenizer
