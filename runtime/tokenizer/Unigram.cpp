// Unigram: the tokens whose scores add up to the most.
#include "runtime/tokenizer/Models.h"

#include <algorithm>
#include <cmath>

namespace sluice::tokenizer {

namespace {

class Unigram : public Vocabulary {
public:
  TokenTable tokens;
  Trie trie;
  std::span<const double> scores; // by id
  double unknownScore = 0;
  int32_t unknownId = -1;
  bool byteFallback = false;
  ByteIds fallback;

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
  void store(Json &model, ImageWriter &image) const override {
    model["vocab"] = image.add(tokens.bytes());
    model["trie"] = image.add(trie.bytes());
    model["scores"] = image.add(std::as_bytes(scores));
  }

  Status read(const Json &vocabulary);
  // The same from the tables that store() names.
  Status load(const Json &model, const Tables &tables);

private:
  std::vector<double> ownScores_; // empty: they lie in a table
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
        if (size_t(id) >= scores.size())
          return;
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
                     [&](char c) { return fallback[uint8_t(c)] >= 0; });
    if (bytes) {
      for (char c : spelling)
        out.add(fallback[uint8_t(c)], part.begin, part.end);
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

Status Unigram::read(const Json &json) {
  if (!json.is_array() || json.empty())
    return corrupt("model.vocab is no list of tokens and scores");
  std::vector<TokenTable::Entry> entries;
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
    ownScores_.push_back(score);
  }
  scores = ownScores_;
  trie = Trie(entries);
  Result<TokenTable> table = TokenTable::build(std::move(entries));
  if (table.ok())
    tokens = std::move(*table);
  return table.status();
}

Status Unigram::load(const Json &model, const Tables &tables) {
  Result<TokenTable> table = parseTokens(member(model, "vocab"), tables);
  Result<PairTable> edges = loadPairs(member(model, "trie"), tables);
  Result<std::span<const std::byte>> bytes = tables.at(member(model, "scores"));
  for (const Status &status : {table.status(), edges.status(), bytes.status()})
    if (!status.ok())
      return status;
  if (table->ids() == 0 ||
      bytes->size() != size_t(table->ids()) * sizeof(double))
    return corrupt("there is not a score for every token");
  tokens = std::move(*table);
  trie = Trie(std::move(*edges));
  scores = {reinterpret_cast<const double *>(bytes->data()),
            bytes->size() / sizeof(double)};
  return {};
}

} // namespace

Result<std::unique_ptr<Vocabulary>> parseUnigram(const Json &json,
                                                 const Tables &tables) {
  auto model = std::make_unique<Unigram>();
  const Json &vocabulary = member(json, "vocab");
  if (Status status = vocabulary.is_number() ? model->load(json, tables)
                                             : model->read(vocabulary);
      !status.ok())
    return status;
  // What an unknown character costs beside the least likely token, unless the
  // file says it (a word of our own).
  const Json &cost = member(json, "unk_score");
  model->unknownScore =
      cost.is_number()
          ? cost.get<double>()
          : *std::min_element(model->scores.begin(), model->scores.end()) - 10;
  if (const Json &unknown = member(json, "unk_id"); !unknown.is_null()) {
    if (!unknown.is_number_unsigned() ||
        unknown.get<uint64_t>() >= model->scores.size())
      return corrupt("model.unk_id is not in the vocabulary");
    model->unknownId = unknown.get<int32_t>();
  }
  model->byteFallback = flag(json, "byte_fallback", false);
  model->fallback = fallbackIds(model->tokens);
  return std::unique_ptr<Vocabulary>(std::move(model));
}

} // namespace sluice::tokenizer
