// Token spellings and their ids.
#pragma once

#include "runtime/tokenizer/Component.h"

#include <unordered_map>

namespace sluice::tokenizer {

class TokenMap {
public:
  static Result<TokenMap> parse(const Json &json);

  int32_t id(std::string_view token) const; // -1: none
  auto begin() const { return ids_.begin(); }
  auto end() const { return ids_.end(); }

private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
};

} // namespace sluice::tokenizer
