// Byte-pair encoding: of the pairs of neighbours the best-ranked one is joined,
// the leftmost first, until none is left.
#include "runtime/tokenizer/MergeQueue.h"
#include "runtime/tokenizer/Models.h"
#include "runtime/unicode/ByteAlphabet.h"

#include <algorithm>

namespace sluice::tokenizer {

namespace {

constexpr uint32_t noMerge = UINT32_MAX;
// Every character of a text is looked up with these.
constexpr size_t maxAffix = 256;

// Neighbouring tokens of a piece; as a doubly linked list where it is long.
struct Symbol {
  uint32_t id;
  uint32_t length;        // in bytes of the piece; 0: joined to the left
  int32_t previous, next; // -1: none
};

class Bpe : public Vocabulary {
public:
  TokenTable tokens;
  PairTable merges;           // ids of two tokens -> rank, id of both together
  std::string prefix, suffix; // of continuing and of last characters
  std::string unknownToken;
  bool fuseUnknown = false, byteFallback = false, ignoreMerges = false;
  ByteIds fallback;

  Status encode(std::string_view piece, Tokens &out) const override {
    if (ignoreMerges)
      if (int32_t id = (bytes_ ? byBytes_ : tokens).id(piece); id >= 0) {
        out.add(id, 0, piece.size());
        return {};
      }
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    if (bytes_) {
      for (char byte : piece)
        symbols.push_back({uint32_t(byteIds_[uint8_t(byte)]), 1, 0, 0});
    } else if (Status status = characters(piece, symbols); !status.ok()) {
      return status;
    }
    if (symbols.size() <= maxShort)
      joinShort(symbols);
    else
      joinLong(symbols);
    size_t at = 0;
    for (const Symbol &symbol : symbols)
      if (symbol.length > 0) {
        out.add(int32_t(symbol.id), at, at + symbol.length);
        at += symbol.length;
      }
    return {};
  }

  int32_t id(std::string_view token) const override { return tokens.id(token); }
  std::string_view token(int32_t id) const override {
    return tokens.spelling(id);
  }
  int32_t size() const override { return tokens.ids(); }
  int32_t count() const override { return tokens.tokens(); }

  // Only where every byte is a token: then nothing is unknown.
  bool takesBytes() const override {
    return prefix.empty() && suffix.empty() && complete(alphabetIds(tokens));
  }
  Status takeBytes() override {
    byteIds_ = alphabetIds(tokens);
    bytes_ = true;
    cuts_ = false;
    return ignoreMerges && !indexed_ ? indexBytes() : Status();
  }

  size_t cutAfter(std::string_view piece, size_t from) const override {
    if (!cuts_)
      return piece.size();
    size_t at = from;
    int32_t left = unicode::next(piece, at);
    while (at < piece.size()) {
      size_t place = at;
      int32_t right = unicode::next(piece, at);
      if (isSingle(left) && isSingle(right) &&
          !inside_.find(uint32_t(left), uint32_t(right)))
        return place;
      left = right;
    }
    return piece.size();
  }

  // A merge joins two neighbouring characters to the inside of a token. Where
  // two characters are tokens and no merge joins such two, what stands before
  // and behind never meets.
  void findCuts(const std::vector<PairTable::Pair> &pairs) {
    if (ignoreMerges || !prefix.empty() || !suffix.empty())
      return;
    std::vector<PairTable::Pair> inside;
    for (const PairTable::Pair &pair : pairs) {
      std::string_view left = tokens.spelling(int32_t(pair.a));
      std::string_view right = tokens.spelling(int32_t(pair.b));
      if (left.empty() || right.empty())
        continue;
      size_t last = unicode::before(left, left.size()), first = 0;
      inside.push_back({uint32_t(unicode::next(left, last)),
                        uint32_t(unicode::next(right, first)), 0, 0});
    }
    cutBetween(PairTable::build(inside));
  }

  void store(Json &model, ImageWriter &image) const override {
    model["vocab"] = image.add(tokens.bytes());
    model["merges"] = image.add(merges.bytes());
    if (cuts_)
      model["inside"] = image.add(inside_.bytes());
    if (indexed_)
      model["by_bytes"] = image.add(byBytes_.bytes());
  }

  // What store() names.
  Status load(const Json &model, const Tables &tables) {
    Result<PairTable> pairs = loadPairs(member(model, "merges"), tables);
    if (!pairs.ok())
      return pairs.status();
    merges = std::move(*pairs);
    if (const Json &number = member(model, "inside"); !number.is_null()) {
      Result<PairTable> inside = loadPairs(number, tables);
      if (!inside.ok())
        return inside.status();
      cutBetween(std::move(*inside));
    }
    if (const Json &number = member(model, "by_bytes"); !number.is_null()) {
      Result<TokenTable> table = parseTokens(number, tables);
      if (!table.ok())
        return table.status();
      byBytes_ = std::move(*table);
      indexed_ = true;
    }
    return {};
  }

private:
  // Up to here finding the best pair by looking at all is faster than a heap.
  static constexpr size_t maxShort = 48;

  // But for these neighbours, between characters that are tokens.
  void cutBetween(PairTable inside) {
    cuts_ = true;
    inside_ = std::move(inside);
    singles_.assign(0x110000, false);
    for (int32_t id = 0; id < tokens.ids(); ++id) {
      std::string_view token = tokens.spelling(id);
      size_t at = 0;
      if (int32_t c = token.empty() ? -1 : unicode::next(token, at);
          c >= 0 && at == token.size())
        singles_[size_t(c)] = true;
    }
  }

  Status indexBytes() {
    std::vector<std::string> spellings(size_t(tokens.ids()));
    std::vector<TokenTable::Entry> entries;
    for (int32_t id = 0; id < tokens.ids(); ++id) {
      std::string_view token = tokens.spelling(id);
      if (!token.empty() &&
          unicode::fromByteAlphabet(token, spellings[size_t(id)]))
        entries.push_back({spellings[size_t(id)], id});
    }
    Result<TokenTable> table = TokenTable::build(std::move(entries));
    if (!table.ok())
      return table.status();
    byBytes_ = std::move(*table);
    indexed_ = true;
    return {};
  }

  // The tokens of single characters. A run of unknown ones is held back until a
  // known one ends it, as in the reference: byte tokens go before it.
  Status characters(std::string_view piece,
                    std::vector<Symbol> &symbols) const {
    uint32_t unknownLength = 0;
    uint32_t unknownId = 0;
    auto flush = [&] {
      if (unknownLength > 0)
        symbols.push_back({unknownId, unknownLength, 0, 0});
      unknownLength = 0;
    };
    std::string spelling;
    for (size_t at = 0; at < piece.size();) {
      size_t begin = at;
      unicode::next(piece, at);
      std::string_view character = piece.substr(begin, at - begin);
      uint32_t length = uint32_t(character.size());
      if (!prefix.empty() || !suffix.empty()) {
        spelling = begin > 0 ? prefix : "";
        spelling += character;
        spelling += at == piece.size() ? suffix : "";
        character = spelling;
      }
      if (int32_t id = tokens.id(character); id >= 0) {
        flush();
        symbols.push_back({uint32_t(id), length, 0, 0});
      } else if (!byteFallback || !bytes(character, symbols)) {
        if (unknownToken.empty())
          continue; // the character is dropped
        if (!fuseUnknown)
          flush();
        int32_t known = tokens.id(unknownToken);
        if (known < 0)
          return Status(Code::Corrupt, "tokenizer.json: unk_token '" +
                                           unknownToken +
                                           "' is not in the vocabulary");
        unknownId = uint32_t(known);
        unknownLength += length;
      }
    }
    flush();
    return {};
  }

  bool bytes(std::string_view character, std::vector<Symbol> &symbols) const {
    for (char byte : character)
      if (fallback[uint8_t(byte)] < 0)
        return false;
    for (char byte : character)
      symbols.push_back({uint32_t(fallback[uint8_t(byte)]), 1, 0, 0});
    return true;
  }

  // Joins in an array: the ranks of all pairs are at hand.
  void joinShort(std::vector<Symbol> &symbols) const {
    size_t count = symbols.size();
    uint32_t ranks[maxShort], merged[maxShort];
    auto look = [&](size_t i) {
      const PairTable::Pair *merge =
          i + 1 < count ? merges.find(symbols[i].id, symbols[i + 1].id)
                        : nullptr;
      ranks[i] = merge ? merge->c : noMerge;
      merged[i] = merge ? merge->d : 0;
    };
    for (size_t i = 0; i < count; ++i)
      look(i);
    while (count > 1) {
      size_t best = size_t(std::min_element(ranks, ranks + count) - ranks);
      if (ranks[best] == noMerge)
        break;
      symbols[best].id = merged[best];
      symbols[best].length += symbols[best + 1].length;
      --count;
      for (size_t i = best + 1; i < count; ++i) {
        symbols[i] = symbols[i + 1];
        ranks[i] = ranks[i + 1];
        merged[i] = merged[i + 1];
      }
      look(best);
      if (best > 0)
        look(best - 1);
    }
    symbols.resize(count);
  }

  const PairTable::Pair *mergeAt(const std::vector<Symbol> &symbols,
                                 int32_t left) const {
    if (left < 0 || symbols[size_t(left)].next < 0)
      return nullptr;
    const Symbol &symbol = symbols[size_t(left)];
    return merges.find(symbol.id, symbols[size_t(symbol.next)].id);
  }

  void joinLong(std::vector<Symbol> &symbols) const {
    int32_t count = int32_t(symbols.size());
    for (int32_t i = 0; i < count; ++i) {
      symbols[size_t(i)].previous = i - 1;
      symbols[size_t(i)].next = i + 1 < count ? i + 1 : -1;
    }
    MergeQueue queue(symbols.size());
    auto consider = [&](int32_t left) {
      if (const PairTable::Pair *merge = mergeAt(symbols, left))
        queue.push(merge->c, uint32_t(left));
    };
    for (int32_t i = 0; i < count; ++i)
      consider(i);
    for (uint32_t rank, place; queue.pop(rank, place);) {
      Symbol &left = symbols[place];
      const PairTable::Pair *merge =
          left.length > 0 ? mergeAt(symbols, int32_t(place)) : nullptr;
      if (!merge || merge->c != rank)
        continue; // a neighbour has changed since
      Symbol &right = symbols[size_t(left.next)];
      left.id = merge->d;
      left.length += right.length;
      right.length = 0;
      left.next = right.next;
      if (left.next >= 0)
        symbols[size_t(left.next)].previous = int32_t(place);
      consider(left.previous);
      consider(int32_t(place));
    }
  }

  bool isSingle(int32_t c) const { return c >= 0 && singles_[size_t(c)]; }

  bool cuts_ = false;
  std::vector<bool> singles_; // characters that are tokens
  PairTable inside_;          // neighbours that a merge joins
  bool bytes_ = false;
  bool indexed_ = false;
  TokenTable byBytes_; // spelled in bytes, where whole pieces are looked up
  ByteIds byteIds_;
};

// "left right", or a list of the two.
bool readMerge(const Json &json, std::string &left, std::string &right) {
  if (json.is_array() && json.size() == 2 && json[0].is_string() &&
      json[1].is_string()) {
    left = json[0];
    right = json[1];
    return true;
  }
  if (!json.is_string())
    return false;
  const std::string &both = json.get_ref<const std::string &>();
  size_t cut = both.find(' ');
  if (cut == std::string::npos || both.find(' ', cut + 1) != std::string::npos)
    return false;
  left = both.substr(0, cut);
  right = both.substr(cut + 1);
  return true;
}

Status readMerges(const Json &json, Bpe &bpe) {
  if (!json.is_array())
    return corrupt("model.merges is no list");
  std::vector<PairTable::Pair> pairs;
  pairs.reserve(json.size());
  std::string left, right;
  for (const Json &item : json) {
    if (item.is_string() &&
        item.get_ref<const std::string &>().starts_with("#version"))
      continue;
    std::string number = std::to_string(pairs.size());
    if (!readMerge(item, left, right))
      return corrupt("merge " + number + " is not a pair of tokens");
    int32_t a = bpe.tokens.id(left), b = bpe.tokens.id(right);
    bool fits = right.size() >= bpe.prefix.size();
    int32_t merged =
        fits ? bpe.tokens.id(left + right.substr(bpe.prefix.size())) : -1;
    if (a < 0 || b < 0 || merged < 0)
      return corrupt("merge " + number + " ('" + left + "' '" + right +
                     "') is not in the vocabulary");
    pairs.push_back(
        {uint32_t(a), uint32_t(b), uint32_t(pairs.size()), uint32_t(merged)});
  }
  bpe.merges = PairTable::build(pairs);
  bpe.findCuts(pairs);
  return {};
}

} // namespace

Result<std::unique_ptr<Vocabulary>> parseBpe(const Json &json,
                                             const Tables &tables) {
  Result<TokenTable> tokens = parseTokens(member(json, "vocab"), tables);
  if (!tokens.ok())
    return tokens.status();
  if (const Json &dropout = member(json, "dropout");
      dropout.is_number() && dropout.get<double>() != 0)
    return Status(Code::Unsupported,
                  "tokenizer.json: BPE with dropout is not supported");
  auto bpe = std::make_unique<Bpe>();
  bpe->tokens = std::move(*tokens);
  bpe->prefix = text(json, "continuing_subword_prefix", "");
  bpe->suffix = text(json, "end_of_word_suffix", "");
  if (bpe->prefix.size() > maxAffix || bpe->suffix.size() > maxAffix)
    return corrupt("a prefix or suffix of words is too long");
  bpe->unknownToken = text(json, "unk_token", "");
  bpe->fuseUnknown = flag(json, "fuse_unk", false);
  bpe->byteFallback = flag(json, "byte_fallback", false);
  bpe->ignoreMerges = flag(json, "ignore_merges", false);
  bpe->fallback = fallbackIds(bpe->tokens);
  const Json &merges = member(json, "merges");
  if (Status status = merges.is_number() ? bpe->load(json, tables)
                                         : readMerges(merges, *bpe);
      !status.ok())
    return status;
  return std::unique_ptr<Vocabulary>(std::move(bpe));
}

} // namespace sluice::tokenizer
