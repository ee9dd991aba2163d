// The normalizers of a tokenizer.json, which rewrite text and keep track of
// where it came from.
#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/UnicodeForm.h"
#include "runtime/unicode/ByteAlphabet.h"

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<Normalizer>;

class NormalizerSequence : public Normalizer {
public:
  std::vector<Pointer> steps;
  Status apply(Text &text) const override {
    for (const Pointer &step : steps) {
      if (Status status = step->apply(text); !status.ok())
        return status;
      if (Status status = checkGrown(text.size()); !status.ok())
        return status;
    }
    return {};
  }
};

// A new text in place of `text`, written by write(Rewriter &).
template <typename Write> void rewrite(Text &text, Write write) {
  Text result;
  result.tracked = text.tracked;
  result.bytes.reserve(text.size());
  Rewriter out(text, result);
  write(out);
  text = std::move(result);
}

class UnicodeForm : public Normalizer {
public:
  UnicodeForm(bool compatible, bool composed)
      : compatible(compatible), composed(composed) {}
  Status apply(Text &text) const override {
    toUnicodeForm(text, compatible, composed);
    return {};
  }

private:
  bool compatible, composed;
};

void lowercase(Text &text) {
  rewrite(text, [&](Rewriter &out) {
    for (size_t at = 0; at < text.size();) {
      int32_t c = unicode::next(text.bytes, at);
      out.replace(unicode::lower(c));
      if (c == 0x130) // the one letter whose lower case is two characters
        out.insert(0x307);
    }
  });
}

class Lowercase : public Normalizer {
public:
  Status apply(Text &text) const override {
    lowercase(text);
    return {};
  }
};

template <typename Predicate> void remove(Text &text, Predicate drop) {
  rewrite(text, [&](Rewriter &out) {
    for (size_t at = 0; at < text.size();) {
      int32_t c = unicode::next(text.bytes, at);
      if (drop(c))
        out.skip(1);
      else
        out.replace(c);
    }
  });
}

class StripAccents : public Normalizer {
public:
  Status apply(Text &text) const override {
    remove(text, unicode::isMark);
    return {};
  }
};

class Prepend : public Normalizer {
public:
  explicit Prepend(std::string prefix) : prefix(std::move(prefix)) {}
  Status apply(Text &text) const override {
    if (!text.bytes.empty())
      prepend(text, prefix);
    return {};
  }

private:
  std::string prefix;
};

class Replace : public Normalizer {
public:
  Replace(Pattern pattern, std::string content)
      : pattern(std::move(pattern)), content(std::move(content)) {}
  Status apply(Text &text) const override {
    Status status;
    size_t grown = 0;
    rewrite(text, [&](Rewriter &out) {
      status = pattern.forEach(text.bytes, [&](size_t begin, size_t end) {
        out.keepBytes(begin - out.at());
        out.skipBytes(end - begin);
        grown += content.size();
        if (grown <= maxGrown)
          out.insert(content);
      });
      out.keepBytes(text.size() - out.at());
    });
    return status.ok() ? checkGrown(grown) : status;
  }

private:
  Pattern pattern;
  std::string content;
};

class Strip : public Normalizer {
public:
  Strip(bool left, bool right) : left(left), right(right) {}
  Status apply(Text &text) const override {
    size_t begin = 0, end = text.size();
    for (size_t at = 0; left && at < end; begin = at)
      if (!unicode::isWhitespace(unicode::next(text.bytes, at)))
        break;
    while (right && end > begin) {
      size_t start = unicode::before(text.bytes, end), at = start;
      if (!unicode::isWhitespace(unicode::next(text.bytes, at)))
        break;
      end = start;
    }
    if (begin > 0 || end < text.size())
      rewrite(text, [&](Rewriter &out) {
        out.skipBytes(begin);
        out.keepBytes(end - begin);
      });
    return {};
  }

private:
  bool left, right;
};

// Cleans, spaces out ideographs, strips accents and lowers, as BERT does.
class BertNormalizer : public Normalizer {
public:
  bool clean = true, chinese = true, lowercases = true, accents = true;

  Status apply(Text &text) const override {
    if (clean)
      cleanUp(text);
    if (chinese && !unicode::isAscii(text.bytes))
      spaceOut(text);
    if (accents) {
      toUnicodeForm(text, false, false);
      if (!unicode::isAscii(text.bytes))
        remove(text, unicode::isNonspacingMark);
    }
    if (lowercases)
      lowercase(text);
    return {};
  }

private:
  static void cleanUp(Text &text) {
    rewrite(text, [&](Rewriter &out) {
      for (size_t at = 0; at < text.size();) {
        int32_t c = unicode::next(text.bytes, at);
        if (c <= 0 || c == 0xfffd || unicode::isControl(c))
          out.skip(1);
        else
          out.replace(unicode::isWhitespace(c) ? ' ' : c);
      }
    });
  }
  static void spaceOut(Text &text) {
    rewrite(text, [&](Rewriter &out) {
      for (size_t at = 0; at < text.size();) {
        int32_t c = unicode::next(text.bytes, at);
        bool apart = unicode::isChinese(c);
        out.replace(apart ? ' ' : c);
        if (!apart)
          continue;
        out.insert(c);
        out.insert(' ');
      }
    });
  }
};

// What SentencePiece takes for white space, and no controls.
class Nmt : public Normalizer {
public:
  Status apply(Text &text) const override {
    remove(text, dropped);
    rewrite(text, [&](Rewriter &out) {
      for (size_t at = 0; at < text.size();) {
        int32_t c = unicode::next(text.bytes, at);
        out.replace(isSpace(c) ? ' ' : c);
      }
    });
    return {};
  }

private:
  static bool dropped(int32_t c) {
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
           c == 0x7f || c == 0x8f || c == 0x9f;
  }
  static bool isSpace(int32_t c) {
    return c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
           (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
           c == 0x2581 || c == 0xfeff || c == 0xfffd;
  }
};

class ByteLevel : public Normalizer {
public:
  Status apply(Text &text) const override {
    rewrite(text, [&](Rewriter &out) {
      for (char byte : text.bytes) {
        int32_t c = unicode::byteCharacter(uint8_t(byte));
        if (unicode::continues(byte))
          out.insert(c);
        else
          out.replace(c);
      }
    });
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
  auto steps = parseList(json, "normalizers", parseNormalizer);
  if (!steps.ok())
    return steps.status();
  auto sequence = std::make_unique<NormalizerSequence>();
  sequence->steps = std::move(*steps);
  return Pointer(std::move(sequence));
}

Result<Pointer> parseBert(const Json &json) {
  auto bert = std::make_unique<BertNormalizer>();
  bert->clean = flag(json, "clean_text", true);
  bert->chinese = flag(json, "handle_chinese_chars", true);
  bert->lowercases = flag(json, "lowercase", true);
  bert->accents = flag(json, "strip_accents", bert->lowercases);
  return Pointer(std::move(bert));
}

} // namespace

void prepend(Text &text, std::string_view prefix) {
  rewrite(text, [&](Rewriter &out) {
    size_t at = 0, from = 0;
    if (prefix.empty())
      return out.keepBytes(text.size());
    out.replace(unicode::next(prefix, from));
    out.insert(prefix.substr(from));
    unicode::next(text.bytes, at);
    // The first character shares the origin with what stands before it now.
    out.insert(text.view(0, at));
    out.skipBytes(text.tracked ? 0 : at);
    out.keepBytes(text.size() - at);
  });
}

Result<Pointer> parseNormalizer(const Json &json) {
  if (json.is_null())
    return Pointer();
  std::string type = typeOf(json);
  if (type == "Sequence")
    return parseSequence(json);
  if (type == "NFC" || type == "NFD")
    return Pointer(new UnicodeForm(false, type == "NFC"));
  if (type == "NFKC" || type == "NFKD")
    return Pointer(new UnicodeForm(true, type == "NFKC"));
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
  if (type == "BertNormalizer")
    return parseBert(json);
  if (type == "Nmt")
    return Pointer(new Nmt);
  if (type == "ByteLevel")
    return Pointer(new ByteLevel);
  if (type == "Precompiled")
    return parseCharsmap(json);
  return unknown("normalizer", type);
}

} // namespace sluice::tokenizer
