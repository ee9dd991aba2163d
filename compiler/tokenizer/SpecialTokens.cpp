#include "compiler/tokenizer/SpecialTokens.h"

#include "runtime/support/Json.h"

#include <map>
#include <set>

namespace sluice::tokenizer {

using nlohmann::json;

TokenIds::TokenIds(const json &document) {
  const json &vocabulary = member(member(document, "model"), "vocab");
  if (vocabulary.is_object())
    for (const auto &[token, id] : vocabulary.items())
      ids_.emplace(token, id.is_number_integer() ? id.get<int64_t>() : -1);
  else if (vocabulary.is_array())
    for (const json &piece : vocabulary) {
      if (piece.is_array() && !piece.empty() && piece[0].is_string())
        ids_.emplace(piece[0], next_);
      ++next_;
    }
  next_ = int64_t(vocabulary.size());
  for (const json &token : member(document, "added_tokens"))
    if (const json &text = member(token, "content"); text.is_string())
      add(text);
}

int64_t TokenIds::find(const std::string &token) const {
  auto it = ids_.find(token);
  return it == ids_.end() ? -1 : it->second;
}

int64_t TokenIds::add(const std::string &token) {
  auto [it, fresh] = ids_.emplace(token, next_);
  next_ += fresh;
  return it->second;
}

// Every flag of a token, those that it leaves out, too.
static json whole(const json &token) {
  bool special = token.value("special", false);
  json made = {{"content", token["content"]},
               {"special", special},
               {"normalized", token.value("normalized", !special)}};
  for (const char *key : {"single_word", "lstrip", "rstrip"})
    made[key] = token.value(key, false);
  return made;
}

bool addSpecials(json &document, const Specials &specials) {
  json &list = document["added_tokens"];
  if (!list.is_array())
    list = json::array();
  TokenIds ids(document);
  // What the list says of each token at last.
  std::map<std::string, json> said;
  for (const json &token : list)
    if (member(token, "content").is_string())
      said[token["content"]] = whole(token);
  size_t before = list.size();
  auto push = [&](const json &token) {
    const std::string &text = token["content"].get_ref<const std::string &>();
    json made = whole(token);
    if (text.empty() || (said.contains(text) && said[text] == made))
      return;
    said[text] = made;
    made["id"] = ids.add(text);
    list.push_back(std::move(made));
  };
  std::set<std::string> named;
  for (const auto &[role, token] : specials.roles)
    named.insert(token["content"]);
  for (json token : specials.added) {
    if (named.contains(token["content"]))
      token["special"] = true;
    push(token);
  }
  // Of what is said of one token in several roles the last counts.
  std::set<std::string> known;
  for (const auto &[text, token] : said)
    known.insert(text);
  auto pushNew = [&](const json &token) {
    if (!known.contains(token["content"]))
      push(token);
  };
  for (auto [role, token] : specials.roles) {
    token["special"] = true;
    pushNew(token);
  }
  for (const json &token : specials.extras)
    pushNew(token);
  auto mark = [&](const json &token) {
    json marked = {{"content", token["content"]}};
    if (specials.mark == Specials::Mark::AsSaid)
      marked = token;
    marked["special"] = true;
    push(marked);
  };
  if (specials.mark != Specials::Mark::None) {
    for (const auto &[role, token] : specials.roles)
      mark(token);
    for (const json &token : specials.extras)
      mark(token);
  }
  return list.size() != before;
}

} // namespace sluice::tokenizer
