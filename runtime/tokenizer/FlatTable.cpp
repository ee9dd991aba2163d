#include "runtime/tokenizer/FlatTable.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace sluice::tokenizer {

namespace {
constexpr uint32_t tokenMagic = 0x314b5453; // "STK1"
constexpr uint32_t pairMagic = 0x31525053;  // "SPR1"
constexpr uint32_t noToken = UINT32_MAX;
// More than any vocabulary: keeps a bad id from asking for all memory.
constexpr int32_t maxId = 1 << 22;

Status corrupt(const std::string &what) {
  return Status(Code::Corrupt, "tokenizer: " + what);
}

// At most 5 of 8 slots are taken.
uint32_t slotsFor(size_t count) {
  return uint32_t(std::bit_ceil(count * 8 / 5 + 2));
}

std::vector<uint64_t> block(size_t bytes) {
  return std::vector<uint64_t>((bytes + 7) / 8);
}
} // namespace

uint64_t hashBytes(std::string_view bytes) {
  uint64_t h = bytes.size() * 0x9e3779b97f4a7c15;
  const char *at = bytes.data();
  size_t left = bytes.size();
  auto mix = [&](uint64_t word) {
    h = (h ^ word) * 0xbf58476d1ce4e5b9;
    h ^= h >> 31;
  };
  uint64_t word;
  for (; left >= 8; left -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    mix(word);
  }
  word = 0;
  if (left > 0)
    std::memcpy(&word, at, left);
  mix(word);
  return h * 0x94d049bb133111eb >> 32;
}

Result<TokenTable> TokenTable::build(std::vector<Entry> entries) {
  uint32_t ids = 0;
  size_t text = 0, longest = 0;
  for (const Entry &entry : entries) {
    if (entry.id < 0 || entry.id >= maxId)
      return corrupt("token id " + std::to_string(entry.id) +
                     (entry.id < 0 ? " is negative" : " is too large"));
    ids = std::max(ids, uint32_t(entry.id) + 1);
    text += entry.spelling.size();
    longest = std::max(longest, entry.spelling.size());
  }
  if (text > INT32_MAX)
    return corrupt("the vocabulary is too large");
  uint32_t slots = slotsFor(entries.size());
  size_t textAt =
      sizeof(Header) + ids * sizeof(Place) + slots * sizeof(uint32_t);
  std::vector<uint64_t> own = block(textAt + text);
  auto *bytes = reinterpret_cast<char *>(own.data());
  auto *header = reinterpret_cast<Header *>(bytes);
  auto *places = reinterpret_cast<Place *>(bytes + sizeof(Header));
  auto *table = reinterpret_cast<uint32_t *>(places + ids);
  *header = {tokenMagic, ids, 0, slots, uint32_t(longest), uint32_t(text), {}};
  std::fill(places, places + ids, Place{0, noToken});
  uint32_t end = 0;
  for (const Entry &entry : entries) {
    Place &place = places[entry.id];
    if (place.length != noToken)
      return corrupt("token id " + std::to_string(entry.id) + " belongs to '" +
                     std::string(bytes + textAt + place.begin, place.length) +
                     "' and to '" + std::string(entry.spelling) + "'");
    place = {end, uint32_t(entry.spelling.size())};
    std::copy(entry.spelling.begin(), entry.spelling.end(),
              bytes + textAt + end);
    end += place.length;
    size_t at = hashBytes(entry.spelling) & (slots - 1);
    auto same = [&](uint32_t id) {
      return entry.spelling ==
             std::string_view(bytes + textAt + places[id].begin,
                              places[id].length);
    };
    while (table[at] && !same(table[at] - 1))
      at = (at + 1) & (slots - 1);
    header->tokens += table[at] == 0;
    table[at] = uint32_t(entry.id) + 1;
  }
  TokenTable result;
  result.bytes_ = TableBytes(std::move(own));
  return result;
}

Result<TokenTable> TokenTable::load(std::span<const std::byte> bytes) {
  TokenTable table;
  table.bytes_ = TableBytes(bytes);
  if (bytes.size() < sizeof(Header) ||
      reinterpret_cast<uintptr_t>(bytes.data()) % 8 ||
      table.header().magic != tokenMagic)
    return corrupt("not a table of tokens");
  const Header &head = table.header();
  size_t size = sizeof(Header) + size_t(head.ids) * sizeof(Place) +
                size_t(head.slots) * sizeof(uint32_t) + head.text;
  if (head.ids > uint32_t(maxId) || !std::has_single_bit(head.slots) ||
      size > bytes.size())
    return corrupt("the table of tokens is cut off");
  return table;
}

int32_t TokenTable::id(std::string_view wanted) const {
  const uint32_t *table = slots();
  size_t mask = header().slots - 1, at = hashBytes(wanted) & mask;
  for (size_t tries = 0; tries <= mask && table[at];
       ++tries, at = (at + 1) & mask) {
    int32_t id = int32_t(table[at] - 1);
    if (uint32_t(id) < header().ids && spelling(id) == wanted &&
        places()[id].length != noToken)
      return id;
  }
  return -1;
}

std::string_view TokenTable::spelling(int32_t id) const {
  const Header &head = header();
  if (id < 0 || uint32_t(id) >= head.ids)
    return {};
  Place place = places()[id];
  if (place.begin > head.text || place.length > head.text - place.begin)
    return {};
  auto *text = reinterpret_cast<const char *>(slots() + head.slots);
  return {text + place.begin, place.length};
}

PairTable PairTable::build(const std::vector<Pair> &pairs) {
  uint32_t slots = slotsFor(pairs.size());
  std::vector<uint64_t> own = block(sizeof(Header) + slots * sizeof(Pair));
  auto *header = reinterpret_cast<Header *>(own.data());
  auto *table = reinterpret_cast<Pair *>(header + 1);
  *header = {pairMagic, 0, slots, 0};
  std::fill(table, table + slots, Pair{UINT32_MAX, 0, 0, 0});
  for (const Pair &pair : pairs) {
    size_t at = hash(pair.a, pair.b) & (slots - 1);
    while (table[at].a != UINT32_MAX &&
           (table[at].a != pair.a || table[at].b != pair.b))
      at = (at + 1) & (slots - 1);
    header->pairs += table[at].a == UINT32_MAX;
    table[at] = pair;
  }
  return PairTable(TableBytes(std::move(own)));
}

Result<PairTable> PairTable::load(std::span<const std::byte> bytes) {
  PairTable table{TableBytes(bytes)};
  if (bytes.size() < sizeof(Header) ||
      reinterpret_cast<uintptr_t>(bytes.data()) % 8 ||
      table.bytes_.at<Header>(0)->magic != pairMagic)
    return corrupt("not a table of pairs");
  uint32_t slots = table.bytes_.at<Header>(0)->slots;
  if (!std::has_single_bit(slots) ||
      sizeof(Header) + size_t(slots) * sizeof(Pair) > bytes.size())
    return corrupt("the table of pairs is cut off");
  return table;
}

Trie::Trie(const std::vector<Entry> &entries) {
  std::vector<const Entry *> sorted;
  for (const Entry &entry : entries)
    if (!entry.spelling.empty())
      sorted.push_back(&entry);
  // Equal ones keep their order.
  std::sort(sorted.begin(), sorted.end(), [](const Entry *a, const Entry *b) {
    int order = a->spelling.compare(b->spelling);
    return order != 0 ? order < 0 : a < b;
  });
  // Sorted neighbours share the nodes of their common beginning.
  std::vector<PairTable::Pair> edges;
  std::vector<size_t> path; // the edges to the entry before
  std::string_view last;
  for (const Entry *entry : sorted) {
    std::string_view word = entry->spelling;
    size_t shared = 0;
    while (shared < std::min(word.size(), last.size()) &&
           word[shared] == last[shared])
      ++shared;
    path.resize(shared);
    for (size_t i = shared; i < word.size(); ++i) {
      uint32_t parent = i == 0 ? 0 : edges[path[i - 1]].c;
      path.push_back(edges.size());
      edges.push_back(
          {parent, uint8_t(word[i]), uint32_t(edges.size()) + 1, 0});
    }
    edges[path.back()].d = uint32_t(entry->id) + 1;
    last = word;
  }
  edges_ = PairTable::build(edges);
}

} // namespace sluice::tokenizer
