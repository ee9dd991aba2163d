#include "runtime/tokenizer/AddedTokens.h"

#include "runtime/tokenizer/Unicode.h"

#include <algorithm>

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
    const Json &id = member(item, "id");
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
    token.pattern = token.content;
    added.byId_[token.id] = added.tokens_.size();
    added.byContent_[token.content] = token.id;
    added.tokens_.push_back(std::move(token));
  }
  added.index();
  return added;
}

Status AddedTokens::normalize(const Normalizer &normalizer) {
  for (AddedToken &token : tokens_) {
    if (!token.normalized)
      continue;
    Result<std::string> pattern = normalizer.apply(token.content);
    if (!pattern.ok())
      return pattern.status();
    token.pattern = std::move(*pattern);
  }
  index();
  return {};
}

void AddedTokens::index() {
  for (std::vector<size_t> &bucket : byFirst_)
    bucket.clear();
  for (size_t i = 0; i < tokens_.size(); ++i)
    if (!tokens_[i].pattern.empty())
      byFirst_[uint8_t(tokens_[i].pattern[0])].push_back(i);
  for (std::vector<size_t> &bucket : byFirst_)
    std::sort(bucket.begin(), bucket.end(), [&](size_t a, size_t b) {
      size_t sizeA = tokens_[a].pattern.size();
      size_t sizeB = tokens_[b].pattern.size();
      return sizeA != sizeB ? sizeA > sizeB : a < b;
    });
}

// Begin of the character that ends at `end`.
static size_t before(std::string_view text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && (uint8_t(text[start]) & 0xc0) == 0x80)
    --start;
  return start;
}

static bool wordBefore(std::string_view text, size_t at) {
  if (at == 0)
    return false;
  size_t start = before(text, at);
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
        text.compare(at, token.pattern.size(), token.pattern) == 0)
      return &token;
  }
  return nullptr;
}

static size_t spaceBefore(std::string_view text, size_t at, size_t limit) {
  while (at > limit) {
    size_t start = before(text, at), next = start;
    if (!unicode::isWhitespace(unicode::next(text, next)))
      break;
    at = start;
  }
  return at;
}

static size_t spaceAfter(std::string_view text, size_t at) {
  for (size_t next = at; at < text.size(); at = next)
    if (!unicode::isWhitespace(unicode::next(text, next)))
      break;
  return at;
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
    size_t begin = at, end = at + token->pattern.size();
    at = end;
    if (token->singleWord && (wordBefore(text, begin) || wordAt(text, end)))
      continue;
    if (token->stripLeft)
      begin = spaceBefore(text, begin, done);
    if (token->stripRight)
      end = spaceAfter(text, end);
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

int32_t AddedTokens::id(const std::string &content) const {
  auto it = byContent_.find(content);
  return it == byContent_.end() ? -1 : it->second;
}

} // namespace sluice::tokenizer
