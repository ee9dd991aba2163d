// A text on its way from the user's bytes to pieces, and where its bytes come
// from.
#pragma once

#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/unicode/Unicode.h"

namespace sluice::tokenizer {

// What normalizing, cutting or decoding may make of a text: steps that each
// make it longer must not ask for all memory.
constexpr size_t maxGrown = 256 << 20;
Status checkGrown(size_t size); // Resource if it is more

struct Text {
  std::string bytes;
  // The part of the user's text behind each byte; empty unless `tracked`.
  std::vector<TextSpan> origin;
  bool tracked = false;

  Text() = default;
  // `base`: where `text` begins in the user's text.
  Text(std::string_view text, size_t base, bool tracked);

  size_t size() const { return bytes.size(); }
  std::string_view view(size_t begin, size_t end) const {
    return std::string_view(bytes).substr(begin, end - begin);
  }
  // The part of the user's text behind a stretch; empty ones stay in place.
  TextSpan originOf(size_t begin, size_t end) const;
  void append(const Text &other, size_t begin, size_t end);
  // Bytes that all come from one place.
  void add(std::string_view text, TextSpan from);
};

// Writes a text anew, character by character. A character takes its origin from
// the one in whose place it stands, or shares that of the one before it.
class Rewriter {
public:
  // Reads on from byte `at` of the old text, appends to the new one.
  Rewriter(const Text &from, Text &to, size_t at = 0)
      : from_(from), to_(to), base_(at), at_(at) {}

  // `c` replaces the next character, and `removed` ones behind that fall away.
  void replace(int32_t c, size_t removed = 0);
  // `c` comes in addition.
  void insert(int32_t c);
  void insert(std::string_view text);
  // The next characters fall away.
  void skip(size_t characters);
  // The next bytes fall away, or stay as they are.
  void skipBytes(size_t count) { at_ += count; }
  void keepBytes(size_t count);
  size_t at() const { return at_; }

private:
  TextSpan shared() const;

  const Text &from_;
  Text &to_;
  size_t base_, at_;
};

// A stretch of a text, or a token that was found in it (id >= 0).
struct Piece {
  uint32_t begin = 0, end = 0;
  int32_t id = -1;
};

struct Pieces {
  Text text;
  std::vector<Piece> list;

  std::string_view view(const Piece &piece) const {
    return text.view(piece.begin, piece.end);
  }
};

} // namespace sluice::tokenizer
