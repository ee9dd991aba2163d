// The first byte chooses how the rest is read: as a SentencePiece model, as
// ranks, or as lines of one of the other kinds. What comes out must be a
// tokenizer or be refused, and text must pass through it.
#include "compiler/tokenizer/LongestMatch.h"
#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/VocabularyFiles.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <algorithm>
#include <cstdlib>

using nlohmann::json;
using sluice::Result;

namespace {
void require(bool condition) {
  if (!condition)
    abort();
}

Result<json> read(uint8_t kind, std::string_view text) {
  using namespace sluice::tokenizer;
  switch (kind % 5) {
  case 0: {
    Result<SentencePieceModel> model = SentencePieceModel::read(text);
    return model.ok() ? Result<json>(tokenizerJson(*model)) : model.status();
  }
  case 1: {
    size_t lines = size_t(std::count(text.begin(), text.end(), '\n'));
    return fromRanks(text, {{{"ranks", lines}, {"cut", {" ?\\w+"}}}});
  }
  case 2:
    return fromTokenLines(text, kind & 8);
  case 3:
    return fromLiterals(text);
  default:
    size_t cut = std::min(text.find('\0'), text.size());
    return fromVocabularyAndMerges(text.substr(0, cut), text.substr(cut));
  }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
  Result<json> document = read(data[0], text);
  if (!document.ok()) {
    require(!document.status().message().empty());
    return 0;
  }
  std::string dumped =
      document->dump(-1, ' ', false, json::error_handler_t::replace);
  auto tokenizer = sluice::Tokenizer::parse(dumped);
  if (!tokenizer.ok())
    return 0;
  auto ids = tokenizer->encode("Hello  w\xc3\xb6rld, ab\n");
  if (ids.ok())
    require(tokenizer->decode(*ids).ok());
  return 0;
}
