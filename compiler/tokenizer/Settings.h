// What the files beside a vocabulary say about its tokenizer, put together as
// transformers does it.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::tokenizer {

// Lists of tokens without a role: the first key takes the place of the second,
// which is the older name.
inline constexpr const char *kExtra = "extra_special_tokens",
                            *kAdditional = "additional_special_tokens";

// Things to tell the user that are no errors.
using Notes = std::vector<std::string>;

// Python's truth of a value.
bool truthy(const nlohmann::json &value);

// A token as tokenizer.json writes it; Corrupt, naming `where`, if the value is
// neither a text nor an object with one.
Result<nlohmann::json> tokenOf(const nlohmann::json &value,
                               const std::string &where);

// Says so of every key of `file` that is not `known`, by name of the first
// ones.
void noteUnknownKeys(const std::string &file,
                     const std::vector<std::string> &keys,
                     const std::vector<std::string> &known, Notes &notes);

class Settings {
public:
  // tokenizer_config.json over special_tokens_map.json over added_tokens.json;
  // all of them may be missing. Corrupt when one is malformed. `file` is the
  // folder's tokenizer.json, or null.
  static Result<Settings> read(const checkpoint::Checkpoint &checkpoint,
                               const nlohmann::json *file);

  // Null if it is missing or null.
  const nlohmann::json &operator[](const char *key) const;
  bool has(const char *key) const { return values.contains(key); }
  // The flag's value; Corrupt if it is something else.
  Result<bool> flag(const char *key, bool otherwise) const;

  // Tokens by their roles, the seven that transformers knows first. A role that
  // the files leave out has the token of `defaults`.
  using Roles = std::vector<std::pair<std::string, nlohmann::json>>;
  Result<Roles> roles(const nlohmann::json &defaults) const;
  // The text of the token in that role, or "".
  static std::string textIn(const Roles &roles, std::string_view role);
  // Tokens without a role, by the key that lists them.
  Result<std::vector<nlohmann::json>> tokens(const char *key) const;
  // Says so of every key of tokenizer_config.json that is not `known`.
  void noteUnknown(const std::vector<std::string> &known, Notes &notes) const;

  nlohmann::json values = nlohmann::json::object();
  // Tokens that were added to the vocabulary, in the order of their ids.
  std::vector<nlohmann::json> added;

private:
  void mergeMap(nlohmann::json map);
  void moveNamed();
  void noteOrder(const checkpoint::Checkpoint &checkpoint, const char *name);
  template <typename Wanted>
  std::vector<std::string> ordered(const nlohmann::json &object,
                                   Wanted wanted) const;
  Status readAdded(const checkpoint::Checkpoint &checkpoint,
                   const nlohmann::json *file);
  // The added token of that text, which says more, or the token itself.
  const nlohmann::json &asAdded(const nlohmann::json &token) const;

  std::vector<std::string> keys_;        // of tokenizer_config.json
  std::map<std::string, size_t> order_;  // of keys in the files
  std::map<std::string, size_t> byText_; // of `added`
};

} // namespace sluice::tokenizer
