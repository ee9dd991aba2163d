// The tables of a vocabulary: tokens, bytes and merges, for whichever model
// reads them.
#include "runtime/tokenizer/Models.h"
#include "runtime/unicode/ByteAlphabet.h"

#include <algorithm>
#include <cstdio>

namespace sluice::tokenizer {

Result<TokenTable> parseTokens(const Json &json, const Tables &tables) {
  if (json.is_number()) {
    Result<std::span<const std::byte>> table = tables.at(json);
    return table.ok() ? TokenTable::load(*table) : table.status();
  }
  if (!json.is_object())
    return corrupt("model.vocab is no object");
  std::vector<TokenTable::Entry> entries;
  entries.reserve(json.size());
  for (const auto &[token, id] : json.items()) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
      return corrupt("token '" + token + "' has no valid id");
    entries.push_back({token, id.get<int32_t>()});
  }
  Result<TokenTable> table = TokenTable::build(std::move(entries));
  return table.ok() ? std::move(table) : table.status().in("tokenizer.json");
}

ByteIds alphabetIds(const TokenTable &tokens) {
  ByteIds ids;
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    char c = static_cast<char>(byte);
    ids[byte] = tokens.id(unicode::toByteAlphabet({&c, 1}));
  }
  return ids;
}

ByteIds fallbackIds(const TokenTable &tokens) {
  ByteIds ids;
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", unsigned(byte));
    ids[byte] = tokens.id(name);
  }
  return ids;
}

bool complete(const ByteIds &ids) {
  return std::find(ids.begin(), ids.end(), -1) == ids.end();
}

Result<PairTable> loadPairs(const Json &number, const Tables &tables) {
  Result<std::span<const std::byte>> table = tables.at(number);
  return table.ok() ? PairTable::load(*table) : table.status();
}

Result<std::unique_ptr<Vocabulary>> parseVocabulary(const Json &json,
                                                    const Tables &tables) {
  std::string type = typeOf(json);
  // Old files have no type; the fields tell.
  if (type == "BPE" || (type.empty() && json.contains("merges")))
    return parseBpe(json, tables);
  if (type == "WordPiece" ||
      (type.empty() && json.contains("max_input_chars_per_word")))
    return parseWordPiece(json, tables);
  if (type == "Unigram" || (type.empty() && json.contains("unk_id")))
    return parseUnigram(json, tables);
  if (type == "WordLevel" || (type.empty() && json.contains("unk_token")))
    return parseWordLevel(json, tables);
  return unknown("model", type);
}

} // namespace sluice::tokenizer
