#include "runtime/tokenizer/Text.h"

namespace sluice::tokenizer {

Status checkGrown(size_t size) {
  return size <= maxGrown
             ? Status()
             : Status(Code::Resource, "the tokenizer's steps make the text too "
                                      "long");
}

Text::Text(std::string_view text, size_t base, bool tracked)
    : bytes(text), tracked(tracked) {
  if (!tracked)
    return;
  origin.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    unicode::next(text, at);
    origin.insert(origin.end(), at - begin,
                  {uint32_t(base + begin), uint32_t(base + at)});
  }
}

TextSpan Text::originOf(size_t begin, size_t end) const {
  if (origin.empty())
    return {};
  if (begin < end)
    return {origin[begin].begin, origin[end - 1].end};
  uint32_t at = begin < origin.size() ? origin[begin].begin : origin.back().end;
  return {at, at};
}

void Text::append(const Text &other, size_t begin, size_t end) {
  bytes.append(other.bytes, begin, end - begin);
  if (tracked)
    origin.insert(origin.end(), other.origin.begin() + ptrdiff_t(begin),
                  other.origin.begin() + ptrdiff_t(end));
}

void Text::add(std::string_view text, TextSpan from) {
  bytes += text;
  if (tracked)
    origin.insert(origin.end(), text.size(), from);
}

// What the character before holds; at the very beginning nothing.
TextSpan Rewriter::shared() const {
  if (at_ > base_)
    return from_.origin[at_ - 1];
  uint32_t begin = from_.origin.empty() || base_ >= from_.origin.size()
                       ? 0
                       : from_.origin[base_].begin;
  return {begin, begin};
}

void Rewriter::replace(int32_t c, size_t removed) {
  if (!to_.tracked) {
    unicode::append(to_.bytes, c);
    return;
  }
  std::string bytes;
  unicode::append(bytes, c);
  to_.add(bytes, at_ < from_.origin.size() ? from_.origin[at_] : shared());
  skip(1 + removed);
}

void Rewriter::insert(int32_t c) {
  if (!to_.tracked) {
    unicode::append(to_.bytes, c);
    return;
  }
  std::string bytes;
  unicode::append(bytes, c);
  to_.add(bytes, shared());
}

void Rewriter::insert(std::string_view text) {
  to_.add(text, to_.tracked ? shared() : TextSpan());
}

void Rewriter::skip(size_t characters) {
  if (!to_.tracked)
    return;
  for (; characters > 0 && at_ < from_.size(); --characters)
    unicode::next(from_.bytes, at_);
}

void Rewriter::keepBytes(size_t count) {
  to_.append(from_, at_, at_ + count);
  at_ += count;
}

} // namespace sluice::tokenizer
