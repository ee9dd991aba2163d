// The input is a tokenizer.json, a zero byte, and bytes that are written over
// its image and serve as the text to encode.
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/unicode/Unicode.h"

#include <cstdlib>
#include <cstring>

namespace {
void require(bool condition) {
  if (!condition)
    abort();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t cut = std::min(input.find('\0'), input.size());
  auto image = sluice::Tokenizer::makeImage(input.substr(0, cut));
  if (!image.ok())
    return 0;
  std::vector<uint64_t> words(image->size() / 8);
  auto *bytes = reinterpret_cast<char *>(words.data());
  std::memcpy(bytes, image->data(), image->size());
  std::string_view edits = input.substr(std::min(cut + 1, input.size()));
  for (size_t i = 0; i + 4 <= edits.size(); i += 4) {
    uint32_t edit;
    std::memcpy(&edit, edits.data() + i, sizeof(edit));
    bytes[(edit >> 8) % image->size()] = static_cast<char>(edit);
  }
  auto tokenizer = sluice::Tokenizer::load(std::as_bytes(std::span(words)));
  if (!tokenizer.ok())
    return 0;
  auto ids = tokenizer->encode(sluice::unicode::replaceInvalid(edits));
  if (!ids.ok())
    return 0;
  for (int32_t id : *ids)
    require(id >= 0 && id < tokenizer->size());
  if (auto text = tokenizer->decode(*ids, false); text.ok())
    require(sluice::unicode::check(*text).ok());
  return 0;
}
