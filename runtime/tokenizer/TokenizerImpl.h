// The inside of a Tokenizer.
#pragma once

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/Image.h"
#include "runtime/tokenizer/WordCache.h"

#include <exception>
#include <mutex>
#include <new>

namespace sluice {

struct Tokenizer::Impl {
  tokenizer::AddedTokens added;
  std::unique_ptr<tokenizer::Normalizer> normalizer;
  std::unique_ptr<tokenizer::PreTokenizer> preTokenizer;
  std::unique_ptr<tokenizer::Vocabulary> vocabulary;
  std::unique_ptr<tokenizer::PostProcessor> postProcessor;
  std::unique_ptr<tokenizer::Decoder> decoder;
  int32_t size = 0;     // number of ids
  bool cleanUp = false; // of decoded text
  bool mapped = false;  // from an image, whose tables nothing has checked

  Status read(const tokenizer::Json &json, const tokenizer::Tables &tables);
  // Corrupt if an id is none of the vocabulary's.
  Status checkIds(const std::vector<int32_t> &ids) const;
  Status checkSpecials() const;
  // The token as the decoder gets it.
  std::string_view spelling(int32_t id) const;
  Result<std::string> decode(std::span<const int32_t> ids, bool skipSpecial,
                             bool raw) const;

  // Caches that no call uses at the moment.
  mutable std::mutex lock;
  mutable std::vector<std::unique_ptr<tokenizer::WordCache>> caches;
};

namespace tokenizer {

// What `run` answers, or that memory ran out; nothing else is thrown here.
template <typename T, typename Run> Result<T> guarded(Run run) {
  try {
    return run();
  } catch (const std::bad_alloc &) {
    return Status(Code::Resource, "tokenizer: out of memory");
  } catch (const std::exception &error) {
    return Status(Code::Internal, std::string("tokenizer: ") + error.what());
  }
}

// One text on its way to ids.
class Encoder {
public:
  // `spans`: keep the place of every token.
  Encoder(const Tokenizer::Impl &impl, bool spans)
      : impl_(impl), spans_(spans) {}
  ~Encoder();

  Status run(std::string_view text);
  // Lets the post-processor have its say.
  Encoding finish(std::string_view text, bool special);

  std::vector<int32_t> ids;

private:
  // A part of the text between added tokens, from normalizing on.
  Status addPart(std::string_view text, size_t begin, size_t end);
  Status addPieces(Pieces &pieces);
  Status addPiece(std::string_view piece);
  Status addCached(std::string_view piece);
  Status addTokens(std::string_view piece);
  Status addWithSpans(const Pieces &pieces, const Piece &piece);
  void addFound(std::string_view text, TextSpan span, int32_t id);

  const Tokenizer::Impl &impl_;
  bool spans_;
  std::vector<Marked> marked_; // instead of ids, if spans are wanted
  Tokens tokens_;
  std::unique_ptr<WordCache> cache_;
};

} // namespace tokenizer
} // namespace sluice
