#include "runtime/tokenizer/AddedTokens.h"

#include <algorithm>

namespace sluice::tokenizer {

Result<AddedTokens> AddedTokens::parse(const Json &list,
                                       const Vocabulary &vocabulary,
                                       bool splitSpecial) {
  AddedTokens added;
  added.splitSpecial_ = splitSpecial;
  if (list.is_null())
    return added;
  if (!list.is_array())
    return corrupt("added_tokens is no list");
  int32_t next = vocabulary.count();
  for (const Json &item : list) {
    AddedToken token;
    token.content = text(item, "content", "");
    const Json &id = member(item, "id");
    if (token.content.empty() || !id.is_number_integer() || id < 0 ||
        id > INT32_MAX)
      return corrupt("an added token has no content or no id");
    token.special = flag(item, "special", false);
    token.singleWord = flag(item, "single_word", false);
    token.stripLeft = flag(item, "lstrip", false);
    token.stripRight = flag(item, "rstrip", false);
    token.verbatim = flag(item, "verbatim", false);
    token.normalized =
        token.verbatim || flag(item, "normalized", !token.special);
    token.pattern = token.content;
    token.id = added.id(token.content);
    if (token.id < 0)
      token.id = vocabulary.id(token.content);
    if (token.id < 0)
      token.id = next++;
    added.add(std::move(token));
  }
  added.index();
  return added;
}

Json AddedTokens::withoutDefaults(const Json &list) {
  Json result = Json::array();
  for (const Json &item : list) {
    Json kept = {{"id", item["id"]}, {"content", item["content"]}};
    bool special = flag(item, "special", false);
    for (auto [key, otherwise] :
         {std::pair("special", false), std::pair("single_word", false),
          std::pair("lstrip", false), std::pair("rstrip", false),
          std::pair("verbatim", false), std::pair("normalized", !special)})
      if (flag(item, key, otherwise) != otherwise)
        kept[key] = !otherwise;
    result.push_back(std::move(kept));
  }
  return result;
}

// A token that comes again takes the place of the former.
void AddedTokens::add(AddedToken token) {
  if (token.special)
    specials_.insert(token.content);
  byContent_[token.content] = token.id;
  auto [it, fresh] = byId_.emplace(token.id, tokens_.size());
  if (fresh)
    tokens_.push_back(std::move(token));
  else
    tokens_[it->second] = std::move(token);
}

Status AddedTokens::normalize(const Normalizer &normalizer) {
  for (AddedToken &token : tokens_) {
    if (!token.normalized || token.verbatim)
      continue;
    Text pattern(token.content, 0, false);
    if (Status status = normalizer.apply(pattern); !status.ok())
      return status;
    token.pattern = std::move(pattern.bytes);
  }
  index();
  return {};
}

void AddedTokens::index() {
  for (Search *search : {&before_, &after_}) {
    *search = {};
    std::vector<Trie::Entry> entries;
    // Of equal patterns the first one counts.
    for (size_t i = tokens_.size(); i-- > 0;) {
      const std::string &pattern = tokens_[i].pattern;
      if (tokens_[i].normalized != (search == &after_) || pattern.empty())
        continue;
      entries.push_back({pattern, int32_t(i)});
      search->begins[uint8_t(pattern[0])] = true;
      search->none = false;
    }
    search->trie = Trie(entries);
  }
}

static bool wordBefore(std::string_view text, size_t at) {
  if (at == 0)
    return false;
  size_t start = unicode::before(text, at);
  return unicode::isWord(unicode::next(text, start));
}

static bool wordAt(std::string_view text, size_t at) {
  return at < text.size() && unicode::isWord(unicode::next(text, at));
}

// The search goes on behind what was found even if that does not count, and
// within the space that it takes.
bool AddedTokens::find(Cursor &cursor, Match &match) const {
  std::string_view text = cursor.text;
  if (cursor.search.none)
    return false;
  while (cursor.at < text.size()) {
    if (!cursor.search.begins[uint8_t(text[cursor.at])]) {
      ++cursor.at;
      continue;
    }
    size_t longest = 0;
    cursor.search.trie.prefixes(text.substr(cursor.at),
                                [&](size_t length, int32_t place) {
                                  longest = length;
                                  match.token = &tokens_[size_t(place)];
                                });
    match.begin = cursor.at;
    match.end = cursor.at += std::max<size_t>(longest, 1);
    if (longest == 0 || (splitSpecial_ && isSpecial(match.token->content)) ||
        (match.token->singleWord &&
         (wordBefore(text, match.begin) || wordAt(text, match.end))))
      continue;
    return true;
  }
  return false;
}

size_t AddedTokens::spaceBefore(std::string_view text, size_t at,
                                size_t limit) {
  while (at > limit) {
    size_t start = unicode::before(text, at), next = start;
    if (!unicode::isWhitespace(unicode::next(text, next)))
      break;
    at = start;
  }
  return std::max(at, limit);
}

size_t AddedTokens::spaceAfter(std::string_view text, size_t at) {
  for (size_t next = at; at < text.size(); at = next)
    if (!unicode::isWhitespace(unicode::next(text, next)))
      break;
  return at;
}

const AddedToken *AddedTokens::byId(int32_t id) const {
  auto it = byId_.find(id);
  return it == byId_.end() ? nullptr : &tokens_[it->second];
}

int32_t AddedTokens::id(const std::string &content) const {
  auto it = byContent_.find(content);
  return it == byContent_.end() ? -1 : it->second;
}

} // namespace sluice::tokenizer
