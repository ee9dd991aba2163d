// WordPiece: the longest token that fits, again and again; continuations carry
// a prefix. WordLevel: the whole piece or the unknown token.
#include "runtime/tokenizer/Models.h"
#include "runtime/unicode/ByteAlphabet.h"

#include <algorithm>
#include <optional>

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<Vocabulary>;

class Words : public Vocabulary {
public:
  TokenTable tokens;
  int32_t unknownId = -1;

  int32_t id(std::string_view token) const override { return tokens.id(token); }
  std::string_view token(int32_t id) const override {
    return tokens.spelling(id);
  }
  int32_t size() const override { return tokens.ids(); }
  int32_t count() const override { return tokens.tokens(); }
  void store(Json &model, ImageWriter &image) const override {
    model["vocab"] = image.add(tokens.bytes());
  }

protected:
  Status addUnknown(std::string_view piece, Tokens &out) const {
    if (unknownId < 0)
      return corrupt("the unknown token is not in the vocabulary");
    out.add(unknownId, 0, piece.size());
    return {};
  }
};

class WordLevel : public Words {
public:
  Status encode(std::string_view piece, Tokens &out) const override {
    int32_t id = tokens.id(piece);
    if (id < 0)
      return addUnknown(piece, out);
    out.add(id, 0, piece.size());
    return {};
  }
  bool worthCaching() const override { return false; }
};

class WordPiece : public Words {
public:
  std::string prefix;
  size_t maxCharacters = 100;
  // Instead of `tokens`, where continuations have no prefix.
  std::optional<Trie> trie;

  void store(Json &model, ImageWriter &image) const override {
    Words::store(model, image);
    if (trie)
      model["trie"] = image.add(trie->bytes());
  }

  bool takesBytes() const override {
    return trie && complete(alphabetIds(tokens));
  }
  Status takeBytes() override {
    if (!mapped_)
      plant(true);
    return {};
  }

  // A trie of the tokens, in the byte alphabet or as the bytes it stands for.
  void plant(bool bytes) {
    std::vector<std::string> spellings(size_t(tokens.ids()));
    std::vector<Trie::Entry> entries;
    for (int32_t id = 0; id < tokens.ids(); ++id) {
      std::string &spelling = spellings[size_t(id)];
      if (!bytes || !unicode::fromByteAlphabet(tokens.spelling(id), spelling))
        spelling = tokens.spelling(id);
      entries.push_back({spelling, id});
    }
    trie.emplace(entries);
  }

  Status load(const Json &number, const Tables &tables) {
    Result<PairTable> edges = loadPairs(number, tables);
    if (!edges.ok())
      return edges.status();
    trie.emplace(std::move(*edges));
    mapped_ = true;
    return {};
  }

  Status encode(std::string_view piece, Tokens &out) const override {
    Tokens found;
    found.wanted = out.wanted;
    if (unicode::length(piece) > maxCharacters ||
        !(trie ? coverByTrie(piece, found) : cover(piece, found)))
      return addUnknown(piece, out);
    out.ids.insert(out.ids.end(), found.ids.begin(), found.ids.end());
    out.spans.insert(out.spans.end(), found.spans.begin(), found.spans.end());
    return {};
  }

private:
  bool mapped_ = false; // the trie lies in an image

  bool coverByTrie(std::string_view piece, Tokens &out) const {
    for (size_t at = 0; at < piece.size();) {
      size_t longest = 0;
      int32_t best = -1;
      trie->prefixes(piece.substr(at), [&](size_t length, int32_t id) {
        longest = length;
        best = id;
      });
      if (best < 0)
        return false;
      out.add(best, at, at + longest);
      at += longest;
    }
    return true;
  }

  bool cover(std::string_view piece, Tokens &out) const {
    std::string word(piece);
    for (size_t begin = 0, end; begin < piece.size(); begin = end) {
      size_t lead = begin > 0 ? prefix.size() : 0;
      size_t longest = tokens.longest() > lead ? tokens.longest() - lead : 0;
      if (begin > 0)
        word.assign(prefix).append(piece, begin, longest);
      end = std::min(piece.size(), begin + longest);
      while (end > begin && end < piece.size() &&
             unicode::continues(piece[end]))
        --end;
      int32_t id = -1;
      while (end > begin && id < 0) {
        id = tokens.id(std::string_view(word).substr(0, lead + end - begin));
        if (id < 0)
          end = unicode::before(piece, end);
      }
      if (id < 0)
        return false;
      out.add(id, begin, end);
    }
    return true;
  }
};

} // namespace

Result<Pointer> parseWordPiece(const Json &json, const Tables &tables) {
  Result<TokenTable> tokens = parseTokens(member(json, "vocab"), tables);
  if (!tokens.ok())
    return tokens.status();
  auto model = std::make_unique<WordPiece>();
  model->tokens = std::move(*tokens);
  model->prefix = text(json, "continuing_subword_prefix", "##");
  model->maxCharacters = number(json, "max_input_chars_per_word", 100);
  model->unknownId = model->id(text(json, "unk_token", "[UNK]"));
  if (const Json &number = member(json, "trie"); number.is_number()) {
    if (Status status = model->load(number, tables); !status.ok())
      return status;
  } else if (model->prefix.empty()) {
    model->plant(false);
  }
  return Pointer(std::move(model));
}

Result<Pointer> parseWordLevel(const Json &json, const Tables &tables) {
  Result<TokenTable> tokens = parseTokens(member(json, "vocab"), tables);
  if (!tokens.ok())
    return tokens.status();
  auto model = std::make_unique<WordLevel>();
  model->tokens = std::move(*tokens);
  model->unknownId = model->id(text(json, "unk_token", "<unk>"));
  return Pointer(std::move(model));
}

} // namespace sluice::tokenizer
