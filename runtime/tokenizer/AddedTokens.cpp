#include "runtime/tokenizer/AddedTokens.h"

#include "runtime/tokenizer/Unicode.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::tokenizer {

Result<AddedTokens> AddedTokens::parse(const Json &list) {
  AddedTokens added;
  if (list.is_null())
    return added;
  if (!list.is_array())
    return Status(Code::Corrupt, "tokenizer.json: added_tokens is no list");
  for (const Json &item : list) {
    AddedToken token;
    token.content = text(item, "content", "");
    Json id = item.is_object() ? item.value("id", Json()) : Json();
    if (token.content.empty() || !id.is_number_integer() || id < 0 ||
        id > INT32_MAX)
      return Status(Code::Corrupt,
                    "tokenizer.json: an added token has no content or no id");
    token.id = id.get<int32_t>();
    token.special = flag(item, "special", false);
    token.singleWord = flag(item, "single_word", false);
    token.stripLeft = flag(item, "lstrip", false);
    token.stripRight = flag(item, "rstrip", false);
    token.normalized = flag(item, "normalized", !token.special);
    size_t index = added.tokens_.size();
    added.byFirst_[uint8_t(token.content[0])].push_back(index);
    added.byId_[token.id] = index;
    added.tokens_.push_back(std::move(token));
  }
  for (std::vector<size_t> &bucket : added.byFirst_)
    std::sort(bucket.begin(), bucket.end(), [&](size_t a, size_t b) {
      size_t sizeA = added.tokens_[a].content.size();
      size_t sizeB = added.tokens_[b].content.size();
      return sizeA != sizeB ? sizeA > sizeB : a < b;
    });
  return added;
}

static bool wordBefore(std::string_view text, size_t at) {
  if (at == 0)
    return false;
  size_t start = at - 1;
  while (start > 0 && (uint8_t(text[start]) & 0xc0) == 0x80)
    --start;
  return unicode::isWord(unicode::next(text, start));
}

static bool wordAt(std::string_view text, size_t at) {
  return at < text.size() && unicode::isWord(unicode::next(text, at));
}

const AddedToken *AddedTokens::match(std::string_view text, size_t at,
                                     bool normalized) const {
  for (size_t index : byFirst_[uint8_t(text[at])]) {
    const AddedToken &token = tokens_[index];
    if (token.normalized == normalized &&
        text.compare(at, token.content.size(), token.content) == 0 &&
        !(token.singleWord &&
          (wordBefore(text, at) || wordAt(text, at + token.content.size()))))
      return &token;
  }
  return nullptr;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text,
                                                  bool normalized) const {
  std::vector<Part> parts;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const AddedToken *token = match(text, at, normalized);
    if (!token) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + token->content.size();
    while (token->stripLeft && begin > done &&
           std::isspace(uint8_t(text[begin - 1])))
      --begin;
    while (token->stripRight && end < text.size() &&
           std::isspace(uint8_t(text[end])))
      ++end;
    if (begin > done)
      parts.push_back({text.substr(done, begin - done), -1});
    parts.push_back({text.substr(begin, end - begin), token->id});
    at = done = end;
  }
  if (done < text.size())
    parts.push_back({text.substr(done), -1});
  return parts;
}

const AddedToken *AddedTokens::byId(int32_t id) const {
  auto it = byId_.find(id);
  return it == byId_.end() ? nullptr : &tokens_[it->second];
}

int32_t AddedTokens::id(std::string_view content) const {
  for (const AddedToken &token : tokens_)
    if (token.content == content)
      return token.id;
  return -1;
}

} // namespace sluice::tokenizer
