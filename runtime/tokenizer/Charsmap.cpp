// The normalizer "Precompiled": SentencePiece's table of replacements, a
// double-array trie over UTF-8 and the texts that it points to.
#include "runtime/tokenizer/Component.h"

#include <cstring>

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<Normalizer>;

bool decodeBase64(std::string_view text, std::string &bytes) {
  uint32_t bits = 0;
  int count = 0;
  while (!text.empty() && text.back() == '=')
    text.remove_suffix(1);
  for (char c : text) {
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (value < 0)
      return false;
    bits = bits << 6 | uint32_t(value);
    if ((count += 6) >= 8)
      bytes += char(bits >> (count -= 8) & 0xff);
  }
  return true;
}

class Charsmap : public Normalizer {
public:
  static Result<Pointer> parse(const std::string &bytes) {
    auto map = std::make_unique<Charsmap>();
    uint32_t size = 0;
    if (bytes.size() >= 4)
      std::memcpy(&size, bytes.data(), 4);
    if (size < 4 || size % 4 || size > bytes.size() - 4)
      return corrupt("precompiled_charsmap is cut off");
    map->units_.resize(size / 4);
    std::memcpy(map->units_.data(), bytes.data() + 4, size);
    map->texts_ = bytes.substr(4 + size);
    if (!unicode::check(map->texts_).ok())
      return corrupt("precompiled_charsmap holds text that is not UTF-8");
    return Pointer(std::move(map));
  }

  Status apply(Text &text) const override {
    std::vector<Change> changes;
    bool changed = false, bad = false;
    std::string_view all = text.bytes;
    for (size_t at = 0; at < all.size();) {
      size_t length = unicode::grapheme(all.substr(at));
      // Longer ones are looked up character by character, and so are those
      // that have no entry.
      if (length >= 6 ||
          !replace(all.substr(at, length), changes, changed, bad))
        for (size_t begin = at, end = at; end < at + length; begin = end) {
          int32_t c = unicode::next(all, end);
          if (!replace(all.substr(begin, end - begin), changes, changed, bad))
            changes.push_back({c, 0});
        }
      if (bad)
        return corrupt("precompiled_charsmap points outside of itself");
      at += length;
    }
    if (changed)
      write(text, changes);
    return {};
  }

private:
  // A character of the new text: > 0 comes in addition, else it replaces one
  // and the next -`change` fall away.
  struct Change {
    int32_t c;
    int32_t change;
  };

  static void write(Text &text, const std::vector<Change> &changes) {
    Text result;
    result.tracked = text.tracked;
    Rewriter out(text, result);
    for (const Change &change : changes)
      if (change.change > 0)
        out.insert(change.c);
      else
        out.replace(change.c, size_t(-change.change));
    text = std::move(result);
  }

  bool replace(std::string_view part, std::vector<Change> &changes,
               bool &changed, bool &bad) const {
    std::string_view with;
    if (!find(part, with, bad))
      return false;
    changed = true;
    int32_t removed = int32_t(unicode::length(part));
    int32_t added = 0;
    for (size_t at = 0; at < with.size(); ++added)
      changes.push_back({unicode::next(with, at), added >= removed});
    if (added < removed && !changes.empty())
      changes.back().change -= removed - added;
    return true;
  }

  // What the shortest entry that `key` begins with is replaced by. `bad`: the
  // trie points nowhere.
  bool find(std::string_view key, std::string_view &with, bool &bad) const {
    size_t node = offset(units_[0]);
    for (char c : key) {
      if (c == 0)
        break;
      node ^= uint8_t(c);
      if (node >= units_.size())
        return !(bad = true);
      uint32_t unit = units_[node];
      if ((unit & (1u << 31 | 0xff)) != uint8_t(c))
        return false;
      node ^= offset(unit);
      if (!(unit >> 8 & 1))
        continue;
      size_t at = node < units_.size() ? units_[node] & ~(1u << 31) : SIZE_MAX;
      if (at > texts_.size() ||
          (at < texts_.size() && unicode::continues(texts_[at])))
        return !(bad = true);
      with = std::string_view(texts_).substr(at);
      with = with.substr(0, with.find('\0'));
      return true;
    }
    return false;
  }

  static size_t offset(uint32_t unit) {
    return size_t(unit >> 10) << ((unit & 1u << 9) >> 6);
  }

  std::vector<uint32_t> units_;
  std::string texts_;
};

} // namespace

Result<Pointer> parseCharsmap(const Json &json) {
  std::string bytes;
  if (!decodeBase64(text(json, "precompiled_charsmap", ""), bytes))
    return corrupt("precompiled_charsmap is not base64");
  return Charsmap::parse(bytes);
}

} // namespace sluice::tokenizer
