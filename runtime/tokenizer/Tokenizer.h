// Text to token ids and back, as a tokenizer.json describes it: normalizer,
// pre-tokenizer, model, post-processor and decoder are taken from the file.
#pragma once

#include "runtime/support/Status.h"
#include "runtime/tokenizer/CleanUp.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// Bytes [begin, end) of a text.
struct TextSpan {
  uint32_t begin = 0, end = 0;
  bool operator==(const TextSpan &) const = default;
};

struct Encoding {
  std::vector<int32_t> ids;
  // What each id stands for in the text; empty for added ones such as BOS.
  std::vector<TextSpan> spans;
};

class Tokenizer {
public:
  // `json` holds the bytes of a tokenizer.json, which may have two flags of a
  // tokenizer_config.json: clean_up_tokenization_spaces and
  // split_special_tokens. Corrupt when it is malformed, Unsupported (with the
  // component's name) when it uses a component that this build does not know.
  static Result<Tokenizer> parse(std::string_view json);

  // The same as one block of bytes, which load() uses where it lies: nothing is
  // copied, and little is read before the first text comes.
  static Result<std::string> makeImage(std::string_view json);
  // `image` is 8-byte aligned and outlives the tokenizer. Corrupt when it is
  // malformed; ids and text may then be wrong, but never out of range or
  // anything but UTF-8.
  static Result<Tokenizer> load(std::span<const std::byte> image);

  Tokenizer(Tokenizer &&) noexcept;
  Tokenizer &operator=(Tokenizer &&) noexcept;
  ~Tokenizer();

  // `special`: let the post-processor add its tokens (BOS, [CLS] ...). Tokens
  // that are spelled out in the text are always recognised. The text must be
  // UTF-8: InvalidArgument names the first bad byte.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      bool special = true) const;

  // The same with the place of every token. Takes about twice the time.
  Result<Encoding> encodeWithSpans(std::string_view text,
                                   bool special = true) const;

  // Unknown ids are InvalidArgument.
  Result<std::string> decode(std::span<const int32_t> ids,
                             bool skipSpecial = true) const;

  // -1 if there is no such token.
  int32_t id(std::string_view token) const;
  // The token as the vocabulary spells it; empty if there is none.
  std::string_view token(int32_t id) const;
  bool isSpecial(int32_t id) const;
  // Number of ids, added tokens included.
  int32_t size() const;

  struct Impl;

private:
  friend class TokenStream;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Turns ids into text one at a time; never returns half a UTF-8 sequence. The
// pieces together are what decode() gives for all ids; only where byte tokens
// of a SentencePiece vocabulary do not form UTF-8, decode() may put more
// U+FFFD, because it looks at a whole run of them.
class TokenStream {
public:
  explicit TokenStream(const Tokenizer &tokenizer, bool skipSpecial = true)
      : tokenizer_(tokenizer), skipSpecial_(skipSpecial) {}

  // The stream continues these ids, a prompt for example, whose text is known:
  // a space that would be left out at the beginning is kept.
  void follow(std::span<const int32_t> ids);
  // The text that became certain with this id; may be empty.
  Result<std::string> next(int32_t id);
  // What is still held back, such as the beginning of a character, now U+FFFD.
  std::string finish();

private:
  bool shows(int32_t id) const;
  Result<std::string> advance(int32_t id);

  const Tokenizer &tokenizer_;
  bool skipSpecial_;
  std::vector<int32_t> last_; // the token before: the next one may need to know
                              // that it does not stand first
  std::string held_;          // the beginning of a character
  tokenizer::CleanUp cleanUp_;
};

} // namespace sluice
