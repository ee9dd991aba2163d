// Added tokens of a tokenizer.json that is being made.
#pragma once

#include "compiler/tokenizer/Settings.h"

#include <unordered_map>

namespace sluice::tokenizer {

// Ids as the tokenizer gives them: a token that the vocabulary knows keeps its
// id, others are numbered behind it in their order.
class TokenIds {
public:
  explicit TokenIds(const nlohmann::json &document);
  int64_t find(const std::string &token) const; // -1: there is none
  int64_t add(const std::string &token);

private:
  std::unordered_map<std::string, int64_t> ids_;
  int64_t next_ = 0;
};

struct Specials {
  std::vector<nlohmann::json> added;  // with all that is said of them
  Settings::Roles roles;              // special tokens that have a role,
  std::vector<nlohmann::json> extras; // and those that have none
  // Those with and without a role are special anyhow, without flags or with
  // those that were said of them.
  enum class Mark { None, Plain, AsSaid } mark = Mark::None;
};

// Adds them to the document's list as transformers does: what is there already
// stays as it is, unless it is among `added`. Gives whether the list changed.
bool addSpecials(nlohmann::json &document, const Specials &specials);

} // namespace sluice::tokenizer
