// The input is a tokenizer.json, a zero byte, and a text. The text's bytes
// serve as token ids as well.
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/unicode/Unicode.h"

#include <cstdlib>

namespace {
void require(bool condition) {
  if (!condition)
    abort();
}

// The spans lie in the text and belong to the same ids.
void checkSpans(const sluice::Tokenizer &tokenizer, std::string_view text,
                const std::vector<int32_t> &ids) {
  auto encoding = tokenizer.encodeWithSpans(text);
  require(encoding.ok() && encoding->ids == ids &&
          encoding->spans.size() == ids.size());
  for (auto [begin, end] : encoding->spans)
    require(begin <= end && end <= text.size());
}

void stream(const sluice::Tokenizer &tokenizer,
            const std::vector<int32_t> &ids) {
  sluice::TokenStream stream(tokenizer);
  for (int32_t id : ids)
    if (auto piece = stream.next(id); piece.ok())
      require(sluice::unicode::check(*piece).ok());
  require(sluice::unicode::check(stream.finish()).ok());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t cut = std::min(input.find('\0'), input.size());
  auto tokenizer = sluice::Tokenizer::parse(input.substr(0, cut));
  if (!tokenizer.ok()) {
    require(!tokenizer.status().message().empty());
    return 0;
  }
  std::string_view text = input.substr(std::min(cut + 1, input.size()));
  auto ids = tokenizer->encode(text);
  if (ids.ok()) {
    for (int32_t id : *ids)
      require(id >= 0 && id < tokenizer->size());
    stream(*tokenizer, *ids);
    checkSpans(*tokenizer, text, *ids);
  }
  std::vector<int32_t> bytes(text.begin(), text.end());
  for (int32_t &byte : bytes)
    byte &= 0xff;
  stream(*tokenizer, bytes);
  (void)tokenizer->decode(bytes, false);
  return 0;
}
