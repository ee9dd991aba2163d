// Hash tables that are one flat block of bytes without pointers: built from a
// tokenizer.json, or used where they lie in a file. Whatever a block holds, a
// lookup ends and stays inside of it.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::tokenizer {

// A block that the table owns, or one that outlives it.
class TableBytes {
public:
  TableBytes() = default;
  explicit TableBytes(std::vector<uint64_t> own)
      : own_(std::move(own)), view_(std::as_bytes(std::span(own_))) {}
  explicit TableBytes(std::span<const std::byte> view) : view_(view) {}
  TableBytes(TableBytes &&) noexcept = default;
  TableBytes &operator=(TableBytes &&) noexcept = default;

  std::span<const std::byte> all() const { return view_; }
  template <typename T> const T *at(size_t offset) const {
    return reinterpret_cast<const T *>(view_.data() + offset);
  }

private:
  std::vector<uint64_t> own_;
  std::span<const std::byte> view_;
};

// Token spellings by id, and ids by spelling.
//
//   u32 magic, ids, tokens, slots, longest spelling, text bytes, 0, 0
//   {u32 begin, length}[ids]     into the text; length ~0: no such token
//   u32[slots]                   id + 1, 0: free; slots is a power of two
//   text
class TokenTable {
public:
  struct Entry {
    std::string_view spelling;
    int32_t id;
  };
  // Corrupt: an id that is used twice or too large. Of equal spellings the
  // last counts.
  static Result<TokenTable> build(std::vector<Entry> entries);
  // `bytes` is 8-byte aligned and outlives the table.
  static Result<TokenTable> load(std::span<const std::byte> bytes);

  int32_t id(std::string_view spelling) const; // -1: none
  std::string_view spelling(int32_t id) const; // empty: none
  int32_t ids() const { return int32_t(header().ids); }
  int32_t tokens() const { return int32_t(header().tokens); }
  size_t longest() const { return header().longest; }
  std::span<const std::byte> bytes() const { return bytes_.all(); }

private:
  struct Header {
    uint32_t magic, ids, tokens, slots, longest, text, zero[2];
  };
  struct Place {
    uint32_t begin, length;
  };
  const Header &header() const { return *bytes_.at<Header>(0); }
  const Place *places() const { return bytes_.at<Place>(sizeof(Header)); }
  const uint32_t *slots() const {
    return bytes_.at<uint32_t>(sizeof(Header) + header().ids * sizeof(Place));
  }

  TableBytes bytes_;
};

// Two numbers by two numbers.
//
//   u32 magic, pairs, slots, 0
//   {u32 a, b, c, d}[slots]      a ~0: free; slots is a power of two
class PairTable {
public:
  struct Pair {
    uint32_t a, b; // the key
    uint32_t c, d;
  };
  // Of equal keys the last counts.
  static PairTable build(const std::vector<Pair> &pairs);
  static Result<PairTable> load(std::span<const std::byte> bytes);

  PairTable() : PairTable(build({})) {}
  const Pair *find(uint32_t a, uint32_t b) const { // null: none
    const Header &head = *bytes_.at<Header>(0);
    const Pair *slots = bytes_.at<Pair>(sizeof(Header));
    size_t mask = head.slots - 1, at = hash(a, b) & mask;
    for (size_t tries = 0; tries <= mask; ++tries, at = (at + 1) & mask) {
      const Pair &pair = slots[at];
      if (pair.a == UINT32_MAX)
        return nullptr;
      if (pair.a == a && pair.b == b)
        return &pair;
    }
    return nullptr;
  }
  std::span<const std::byte> bytes() const { return bytes_.all(); }

private:
  struct Header {
    uint32_t magic, pairs, slots, zero;
  };
  explicit PairTable(TableBytes bytes) : bytes_(std::move(bytes)) {}

  static size_t hash(uint32_t a, uint32_t b) {
    uint64_t h = (uint64_t(a) << 32 | b) * 0x9e3779b97f4a7c15;
    return size_t((h ^ h >> 29) * 0xbf58476d1ce4e5b9 >> 32);
  }

  TableBytes bytes_;
};

// A trie over bytes: {node, byte} gives {child, id + 1 or 0}; 0 is the root.
class Trie {
public:
  using Entry = TokenTable::Entry;
  Trie() = default;
  explicit Trie(const std::vector<Entry> &entries);
  explicit Trie(PairTable edges) : edges_(std::move(edges)) {}
  std::span<const std::byte> bytes() const { return edges_.bytes(); }

  // Calls found(length, id) for every entry that `text` begins with, the
  // shortest first.
  template <typename Found>
  void prefixes(std::string_view text, Found found) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const PairTable::Pair *edge = edges_.find(node, uint8_t(text[i]));
      if (!edge)
        return;
      node = edge->c;
      if (edge->d > 0)
        found(i + 1, int32_t(edge->d - 1));
    }
  }

private:
  PairTable edges_;
};

// The same for the same bytes everywhere: tables are stored with it.
uint64_t hashBytes(std::string_view bytes);

} // namespace sluice::tokenizer
