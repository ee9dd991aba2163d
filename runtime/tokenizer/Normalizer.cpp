#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Unicode.h"

namespace sluice::tokenizer {

namespace {

class NormalizerSequence : public Normalizer {
public:
  std::vector<std::unique_ptr<Normalizer>> steps;
  Result<std::string> apply(std::string text) const override {
    for (const auto &step : steps) {
      Result<std::string> next = step->apply(std::move(text));
      if (!next.ok())
        return next;
      text = std::move(*next);
    }
    return text;
  }
};

class UnicodeForm : public Normalizer {
public:
  explicit UnicodeForm(unicode::Form form) : form(form) {}
  Result<std::string> apply(std::string text) const override {
    return unicode::normalize(text, form);
  }

private:
  unicode::Form form;
};

class Lowercase : public Normalizer {
public:
  Result<std::string> apply(std::string text) const override {
    return unicode::lower(text);
  }
};

template <typename Predicate>
std::string without(std::string_view text, Predicate drop) {
  std::string result;
  for (size_t at = 0; at < text.size();)
    if (int32_t c = unicode::next(text, at); !drop(c))
      unicode::append(result, c);
  return result;
}

class StripAccents : public Normalizer {
public:
  Result<std::string> apply(std::string text) const override {
    return without(text, unicode::isMark);
  }
};

class Prepend : public Normalizer {
public:
  explicit Prepend(std::string prefix) : prefix(std::move(prefix)) {}
  Result<std::string> apply(std::string text) const override {
    return text.empty() ? text : prefix + text;
  }

private:
  std::string prefix;
};

class Replace : public Normalizer {
public:
  Replace(Regex pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  Result<std::string> apply(std::string text) const override {
    return pattern.replace(text, content);
  }

private:
  Regex pattern;
  std::string content;
};

class Strip : public Normalizer {
public:
  Strip(bool left, bool right) : left(left), right(right) {}
  Result<std::string> apply(std::string text) const override {
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

  Result<std::string> apply(std::string text) const override {
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
      result = without(unicode::normalize(result, unicode::Form::NFD),
                       unicode::isNonspacingMark);
    return lowercase ? unicode::lower(result) : result;
  }
};

using Pointer = std::unique_ptr<Normalizer>;

Result<Pointer> parseReplace(const Json &json) {
  Result<Regex> regex = parsePattern(member(json, "pattern"));
  if (!regex.ok())
    return regex.status();
  return Pointer(new Replace(std::move(*regex), text(json, "content", "")));
}

Result<Pointer> parseSequence(const Json &json) {
  auto steps = parseList(json, "normalizers", parseNormalizer);
  if (!steps.ok())
    return steps.status();
  auto sequence = std::make_unique<NormalizerSequence>();
  sequence->steps = std::move(*steps);
  return Pointer(std::move(sequence));
}

} // namespace

Result<Pointer> parseNormalizer(const Json &json) {
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
