#include "runtime/tokenizer/Bpe.h"
#include "runtime/tokenizer/WordPiece.h"

namespace sluice::tokenizer {

Result<TokenMap> TokenMap::parse(const Json &json) {
  if (!json.is_object())
    return Status(Code::Corrupt, "tokenizer.json: model.vocab is no object");
  TokenMap map;
  map.ids_.reserve(json.size());
  for (const auto &[token, id] : json.items()) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
      return Status(Code::Corrupt,
                    "tokenizer.json: token '" + token + "' has no valid id");
    map.ids_.emplace(token, id.get<int32_t>());
  }
  return map;
}

int32_t TokenMap::id(std::string_view token) const {
  auto it = ids_.find(token);
  return it == ids_.end() ? -1 : it->second;
}

Result<std::unique_ptr<Vocabulary>> parseVocabulary(const Json &json) {
  std::string type = typeOf(json);
  // Old files have no type; the merges tell.
  if (type == "BPE" || (type.empty() && json.contains("merges")))
    return parseBpe(json);
  if (type == "WordPiece")
    return parseWordPiece(json);
  return unknown("model", type);
}

} // namespace sluice::tokenizer
