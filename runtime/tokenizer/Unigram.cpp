// Unigram: the tokens whose scores add up to the most.
#include "runtime/tokenizer/Models.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::tokenizer {

namespace {

class Unigram : public Vocabulary {
public:
  TokenTable tokens;
  Trie trie;
  std::vector<double> scores; // by id
  double unknownScore = 0;
  int32_t unknownId = -1;
  bool byteFallback = false;
  int32_t fallbackIds[256];

  Status encode(std::string_view piece, Tokens &out) const override {
    std::vector<Node> nodes(piece.size() + 1);
    if (Status status = search(piece, nodes); !status.ok())
      return status;
    // From the end to the beginning; neighbours that are unknown become one.
    std::vector<TextSpan> path;
    bool unknownBefore = false;
    for (size_t end = piece.size(); end > 0;) {
      const Node &node = nodes[end];
      bool unknown = node.id == unknownId;
      if (unknown && unknownBefore)
        path.back().begin = node.begin;
      else
        path.push_back({node.begin, uint32_t(end)});
      unknownBefore = unknown;
      end = node.begin;
    }
    for (size_t i = path.size(); i-- > 0;)
      if (Status status = add(piece, path[i], out); !status.ok())
        return status;
    return {};
  }

  int32_t id(std::string_view token) const override { return tokens.id(token); }
  std::string_view token(int32_t id) const override {
    return tokens.spelling(id);
  }
  int32_t size() const override { return tokens.ids(); }
  int32_t count() const override { return tokens.ids(); }

private:
  static constexpr uint32_t none = UINT32_MAX;

  // The best way to what ends here.
  struct Node {
    double score = 0;
    uint32_t begin = none;
    int32_t id = 0;

    void offer(double other, uint32_t from, int32_t token) {
      if (begin != none && !(other > score))
        return;
      score = other;
      begin = from;
      id = token;
    }
  };

  Status search(std::string_view piece, std::vector<Node> &nodes) const {
    for (size_t at = 0, next; at < piece.size(); at = next) {
      next = at;
      unicode::next(piece, next);
      double here = nodes[at].score;
      bool single = false;
      trie.prefixes(piece.substr(at), [&](size_t length, int32_t id) {
        nodes[at + length].offer(scores[size_t(id)] + here, uint32_t(at), id);
        single |= length == next - at;
      });
      if (single)
        continue;
      if (unknownId < 0)
        return corrupt("the vocabulary has no unknown token for a character "
                       "of the text");
      nodes[next].offer(unknownScore + here, uint32_t(at), unknownId);
    }
    return {};
  }

  // What was joined may be a token of its own, or fall back to bytes.
  Status add(std::string_view piece, TextSpan part, Tokens &out) const {
    std::string_view spelling = piece.substr(part.begin, part.end - part.begin);
    int32_t id = tokens.id(spelling);
    bool bytes = id < 0 && byteFallback &&
                 std::all_of(
                     spelling.begin(), spelling.end(),
                     [&](char c) { return fallbackIds[uint8_t(c)] >= 0; });
    if (bytes) {
      for (char c : spelling)
        out.add(fallbackIds[uint8_t(c)], part.begin, part.end);
      return {};
    }
    if (id < 0)
      id = unknownId;
    if (id < 0)
      return corrupt("the vocabulary has no unknown token");
    out.add(id, part.begin, part.end);
    return {};
  }
};

Status readVocabulary(const Json &json, Unigram &model) {
  if (!json.is_array() || json.empty())
    return corrupt("model.vocab is no list of tokens and scores");
  std::vector<TokenTable::Entry> entries;
  double least = std::numeric_limits<double>::infinity();
  for (const Json &item : json) {
    std::string number = std::to_string(entries.size());
    if (!item.is_array() || item.size() != 2 || !item[0].is_string() ||
        !item[1].is_number())
      return corrupt("token " + number + " is not a text and a score");
    double score = item[1].get<double>();
    if (!std::isfinite(score))
      return corrupt("the score of token " + number + " is not finite");
    entries.push_back(
        {item[0].get_ref<const std::string &>(), int32_t(entries.size())});
    model.scores.push_back(score);
    least = std::min(least, score);
  }
  model.trie = Trie(entries);
  Result<TokenTable> tokens = TokenTable::build(std::move(entries));
  if (!tokens.ok())
    return tokens.status();
  model.tokens = std::move(*tokens);
  model.unknownScore = least - 10;
  return {};
}

} // namespace

Result<std::unique_ptr<Vocabulary>> parseUnigram(const Json &json) {
  auto model = std::make_unique<Unigram>();
  if (Status status = readVocabulary(member(json, "vocab"), *model);
      !status.ok())
    return status;
  if (const Json &unknown = member(json, "unk_id"); !unknown.is_null()) {
    if (!unknown.is_number_unsigned() ||
        unknown.get<uint64_t>() >= model->scores.size())
      return corrupt("model.unk_id is not in the vocabulary");
    model->unknownId = unknown.get<int32_t>();
  }
  model->byteFallback = flag(json, "byte_fallback", false);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", unsigned(byte));
    model->fallbackIds[byte] = model->tokens.id(name);
  }
  return std::unique_ptr<Vocabulary>(std::move(model));
}

} // namespace sluice::tokenizer
