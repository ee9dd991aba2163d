// The normalizer "Precompiled": SentencePiece's table of replacements, a
// double-array trie over UTF-8 and the texts that it points to.
#include "runtime/support/Base64.h"
#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/FlatTable.h"

#include <cstring>

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<Normalizer>;

class Charsmap : public Normalizer {
public:
  // `longest`: as SentencePiece replaces, the longest entry at every place;
  // otherwise as Hugging Face does, by user-perceived characters.
  static Result<Pointer> parse(const std::string &bytes, bool longest,
                               const Json &keep) {
    auto map = std::make_unique<Charsmap>();
    map->longest_ = longest;
    std::vector<Trie::Entry> kept;
    for (const Json &text : keep)
      if (text.is_string())
        kept.push_back({text.get_ref<const std::string &>(), 0});
    map->kept_ = Trie(kept);
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
    for (size_t at = 0; at < all.size() && longest_ && !bad;) {
      size_t length = keep(all.substr(at), changes);
      at += length > 0 ? length
                       : replaceLongest(all.substr(at), changes, changed, bad);
    }
    for (size_t at = 0; at < all.size() && !longest_;) {
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
        break;
      at += length;
    }
    if (bad)
      return corrupt("precompiled_charsmap points outside of itself");
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
    if (find(part, with, bad) == 0)
      return false;
    changed = true;
    change(part, with, changes);
    return true;
  }

  // Takes over what stays as it is; gives how many bytes that are.
  size_t keep(std::string_view rest, std::vector<Change> &changes) const {
    size_t longest = 0, at = 0;
    kept_.prefixes(rest, [&](size_t length, int32_t) { longest = length; });
    while (at < longest)
      changes.push_back({unicode::next(rest, at), 0});
    return longest;
  }

  // Gives how many bytes that took.
  size_t replaceLongest(std::string_view rest, std::vector<Change> &changes,
                        bool &changed, bool &bad) const {
    std::string_view with;
    if (size_t length = find(rest, with, bad)) {
      changed = true;
      change(rest.substr(0, length), with, changes);
      return length;
    }
    size_t end = 0;
    changes.push_back({unicode::next(rest, end), 0});
    return end;
  }

  static void change(std::string_view part, std::string_view with,
                     std::vector<Change> &changes) {
    int32_t removed = int32_t(unicode::length(part));
    int32_t added = 0;
    for (size_t at = 0; at < with.size(); ++added)
      changes.push_back({unicode::next(with, at), added >= removed});
    if (added < removed && !changes.empty())
      changes.back().change -= removed - added;
  }

  // What the shortest or the longest entry that `key` begins with is replaced
  // by, and its length; 0: there is none. `bad`: the trie points nowhere.
  size_t find(std::string_view key, std::string_view &with, bool &bad) const {
    size_t node = offset(units_[0]), found = 0;
    for (size_t i = 0; i < key.size() && key[i] != 0; ++i) {
      uint8_t byte = uint8_t(key[i]);
      node ^= byte;
      if ((bad = node >= units_.size()))
        return 0;
      uint32_t unit = units_[node];
      if ((unit & (1u << 31 | 0xff)) != byte)
        break;
      node ^= offset(unit);
      if (!(unit >> 8 & 1))
        continue;
      size_t at = node < units_.size() ? units_[node] & ~(1u << 31) : SIZE_MAX;
      if ((bad = at > texts_.size() ||
                 (at < texts_.size() && unicode::continues(texts_[at]))))
        return 0;
      with = std::string_view(texts_).substr(at);
      with = with.substr(0, with.find('\0'));
      found = i + 1;
      if (!longest_)
        break;
    }
    return found;
  }

  static size_t offset(uint32_t unit) {
    return size_t(unit >> 10) << ((unit & 1u << 9) >> 6);
  }

  bool longest_ = false;
  Trie kept_; // what is not replaced
  std::vector<uint32_t> units_;
  std::string texts_;
};

} // namespace

Result<Pointer> parseCharsmap(const Json &json) {
  std::optional<std::string> bytes =
      fromBase64(text(json, "precompiled_charsmap", ""));
  if (!bytes)
    return corrupt("precompiled_charsmap is not base64");
  // Words of our own: files that are made for Hugging Face do not have them.
  return Charsmap::parse(*bytes, flag(json, "longest_match", false),
                         member(json, "keep"));
}

} // namespace sluice::tokenizer
