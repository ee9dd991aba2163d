#include "runtime/tokenizer/WordPiece.h"

#include "runtime/tokenizer/Unicode.h"

namespace sluice::tokenizer {

namespace {
class WordPiece : public Vocabulary {
public:
  TokenMap map;
  std::string prefix;
  int32_t unknownId = -1;
  size_t maxCharacters = 100;

  Status encode(std::string_view piece,
                std::vector<int32_t> &ids) const override {
    std::vector<int32_t> found;
    if (unicode::decode(piece).size() > maxCharacters || !cover(piece, found)) {
      ids.push_back(unknownId);
      return {};
    }
    ids.insert(ids.end(), found.begin(), found.end());
    return {};
  }

  int32_t id(std::string_view token) const override { return map.id(token); }

  std::vector<std::pair<std::string_view, int32_t>> tokens() const override {
    return {map.begin(), map.end()};
  }

private:
  bool cover(std::string_view piece, std::vector<int32_t> &ids) const {
    for (size_t begin = 0; begin < piece.size();) {
      size_t end = piece.size();
      int32_t id = -1;
      for (; end > begin && id < 0; --end)
        id = map.id((begin > 0 ? prefix : "") +
                    std::string(piece.substr(begin, end - begin)));
      if (id < 0)
        return false;
      ids.push_back(id);
      begin = end + 1;
    }
    return true;
  }
};
} // namespace

Result<std::unique_ptr<Vocabulary>> parseWordPiece(const Json &json) {
  Result<TokenMap> map = TokenMap::parse(member(json, "vocab"));
  if (!map.ok())
    return map.status();
  auto model = std::make_unique<WordPiece>();
  model->map = std::move(*map);
  model->prefix = text(json, "continuing_subword_prefix", "##");
  std::string unknownToken = text(json, "unk_token", "[UNK]");
  model->unknownId = model->map.id(unknownToken);
  if (model->unknownId < 0)
    return Status(Code::Corrupt, "tokenizer.json: unk_token '" + unknownToken +
                                     "' is not in the vocabulary");
  if (const Json &most = member(json, "max_input_chars_per_word");
      most.is_number_unsigned())
    model->maxCharacters = most.get<size_t>();
  return std::unique_ptr<Vocabulary>(std::move(model));
}

} // namespace sluice::tokenizer
