#include "runtime/tokenizer/Bpe.h"

#include "runtime/tokenizer/Unicode.h"

#include <cstdio>
#include <queue>

namespace sluice::tokenizer {

namespace {

struct Merge {
  uint32_t rank;
  int32_t id;
};

// Neighbouring tokens of a piece as a doubly linked list.
struct Symbol {
  int32_t id;
  int32_t previous, next; // -1: none
  bool alive;
};

// A possible merge of the symbol at `left` with its neighbour. The ids tell
// whether it is still what it was when it was found.
struct Candidate {
  uint32_t rank;
  int32_t left;
  int32_t leftId, rightId, merged;
  // The lowest rank first, the leftmost of equal ones.
  bool operator<(const Candidate &other) const {
    return std::tie(other.rank, other.left) < std::tie(rank, left);
  }
};

class Bpe : public Vocabulary {
public:
  TokenMap map;
  std::unordered_map<uint64_t, Merge> merges;
  std::string prefix, suffix; // of continuing and of last characters
  int32_t unknownId = -1;
  bool fuseUnknown = false, byteFallback = false, ignoreMerges = false;
  int32_t byteIds[256];

  static uint64_t key(int32_t left, int32_t right) {
    return uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  }

  Status encode(std::string_view piece,
                std::vector<int32_t> &ids) const override {
    if (ignoreMerges)
      if (int32_t id = map.id(piece); id >= 0) {
        ids.push_back(id);
        return {};
      }
    std::vector<Symbol> symbols;
    if (Status status = characters(piece, symbols); !status.ok())
      return status;
    join(symbols);
    for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next)
      ids.push_back(symbols[i].id);
    return {};
  }

  int32_t id(std::string_view token) const override { return map.id(token); }

  std::vector<std::pair<std::string_view, int32_t>> tokens() const override {
    return {map.begin(), map.end()};
  }

private:
  static void push(std::vector<Symbol> &symbols, int32_t id) {
    int32_t index = int32_t(symbols.size());
    if (index > 0)
      symbols.back().next = index;
    symbols.push_back({id, index - 1, -1, true});
  }

  Status characters(std::string_view piece,
                    std::vector<Symbol> &symbols) const {
    bool lastUnknown = false;
    for (size_t at = 0; at < piece.size();) {
      size_t begin = at;
      unicode::next(piece, at);
      std::string_view character = piece.substr(begin, at - begin);
      int32_t id =
          prefix.empty() && suffix.empty()
              ? map.id(character)
              : map.id((begin > 0 ? prefix : "") + std::string(character) +
                       (at == piece.size() ? suffix : ""));
      bool unknown = id < 0;
      if (!unknown) {
        push(symbols, id);
      } else if (byteFallback && bytes(character, symbols)) {
        unknown = false;
      } else if (unknownId >= 0) {
        if (!(fuseUnknown && lastUnknown))
          push(symbols, unknownId);
      } // without an unknown token the character is dropped
      lastUnknown = unknown;
    }
    return {};
  }

  bool bytes(std::string_view character, std::vector<Symbol> &symbols) const {
    for (char byte : character)
      if (byteIds[uint8_t(byte)] < 0)
        return false;
    for (char byte : character)
      push(symbols, byteIds[uint8_t(byte)]);
    return true;
  }

  void join(std::vector<Symbol> &symbols) const {
    std::priority_queue<Candidate> queue;
    auto consider = [&](int32_t left) {
      if (left < 0 || symbols[left].next < 0)
        return;
      int32_t a = symbols[left].id, b = symbols[symbols[left].next].id;
      if (auto it = merges.find(key(a, b)); it != merges.end())
        queue.push({it->second.rank, left, a, b, it->second.id});
    };
    for (size_t i = 0; i + 1 < symbols.size(); ++i)
      consider(int32_t(i));
    while (!queue.empty()) {
      Candidate best = queue.top();
      queue.pop();
      Symbol &left = symbols[best.left];
      if (!left.alive || left.next < 0 || left.id != best.leftId ||
          symbols[left.next].id != best.rightId)
        continue;
      Symbol &right = symbols[left.next];
      left.id = best.merged;
      right.alive = false;
      left.next = right.next;
      if (left.next >= 0)
        symbols[left.next].previous = best.left;
      consider(left.previous);
      consider(best.left);
    }
  }
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
  std::string both = json;
  size_t cut = both.find(' ');
  if (cut == std::string::npos)
    return false;
  left = both.substr(0, cut);
  right = both.substr(cut + 1);
  return true;
}

Status readMerges(const Json &json, Bpe &bpe) {
  if (!json.is_array())
    return Status(Code::Corrupt, "tokenizer.json: model.merges is no list");
  uint32_t rank = 0;
  bpe.merges.reserve(json.size());
  for (const Json &item : json) {
    std::string left, right;
    if (!readMerge(item, left, right))
      return Status(Code::Corrupt, "tokenizer.json: merge " +
                                       std::to_string(rank) +
                                       " is not a pair of tokens");
    std::string tail = right;
    if (!bpe.prefix.empty() && tail.rfind(bpe.prefix, 0) == 0)
      tail = tail.substr(bpe.prefix.size());
    int32_t a = bpe.map.id(left), b = bpe.map.id(right);
    int32_t merged = bpe.map.id(left + tail);
    if (a < 0 || b < 0 || merged < 0)
      return Status(Code::Corrupt,
                    "tokenizer.json: merge " + std::to_string(rank) + " ('" +
                        left + "' '" + right + "') is not in the vocabulary");
    bpe.merges.insert_or_assign(Bpe::key(a, b), Merge{rank++, merged});
  }
  return {};
}

} // namespace

Result<std::unique_ptr<Vocabulary>> parseBpe(const Json &json) {
  Result<TokenMap> map = TokenMap::parse(member(json, "vocab"));
  if (!map.ok())
    return map.status();
  auto bpe = std::make_unique<Bpe>();
  bpe->map = std::move(*map);
  bpe->prefix = text(json, "continuing_subword_prefix", "");
  bpe->suffix = text(json, "end_of_word_suffix", "");
  bpe->fuseUnknown = flag(json, "fuse_unk", false);
  bpe->byteFallback = flag(json, "byte_fallback", false);
  bpe->ignoreMerges = flag(json, "ignore_merges", false);
  if (std::string token = text(json, "unk_token", ""); !token.empty())
    bpe->unknownId = bpe->map.id(token);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", unsigned(byte));
    bpe->byteIds[byte] = bpe->map.id(name);
  }
  if (Status status = readMerges(member(json, "merges"), *bpe); !status.ok())
    return status;
  return std::unique_ptr<Vocabulary>(std::move(bpe));
}

} // namespace sluice::tokenizer
