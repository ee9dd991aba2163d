// One text to ids: added tokens, normalizer, pieces, model, with spans if they
// are asked for.
#include "runtime/tokenizer/TokenizerImpl.h"

namespace sluice::tokenizer {

namespace {
// Positions in a text are 32-bit, also after normalizing it.
constexpr size_t maxText = 64 << 20;
// A cache costs more than it saves on a text of a few words.
constexpr size_t worthCaching = 4096;

// Spaces at the ends of a token as the vocabulary spells it.
Marked marked(int32_t id, TextSpan span, std::string_view spelling) {
  Marked token{id, span, 0, 0};
  auto isSpace = [](int32_t c) {
    return c == 0x120 || unicode::isWhitespace(c); // U+0120 spells a space
  };
  for (size_t at = 0; at < spelling.size(); ++token.leading)
    if (!isSpace(unicode::next(spelling, at)))
      break;
  for (size_t end = spelling.size(); end > 0; ++token.trailing) {
    size_t at = end = unicode::before(spelling, end);
    if (!isSpace(unicode::next(spelling, at)))
      break;
  }
  return token;
}
} // namespace

Encoder::~Encoder() {
  if (!cache_)
    return;
  std::lock_guard guard(impl_.lock);
  if (impl_.caches.size() < impl_.caches.capacity())
    impl_.caches.push_back(std::move(cache_));
}

Status Encoder::run(std::string_view text) {
  if (text.size() > maxText)
    return Status(Code::InvalidArgument,
                  "the text has " + std::to_string(text.size()) +
                      " bytes, more than " + std::to_string(maxText));
  if (Status status = unicode::check(text); !status.ok())
    return status;
  tokens_.wanted = spans_;
  if (!spans_ && text.size() > worthCaching &&
      impl_.vocabulary->worthCaching()) {
    std::lock_guard guard(impl_.lock);
    impl_.caches.reserve(16);
    if (impl_.caches.empty()) {
      cache_ = std::make_unique<WordCache>();
    } else {
      cache_ = std::move(impl_.caches.back());
      impl_.caches.pop_back();
    }
  }
  Status status;
  impl_.added.split(text, false, [&](size_t begin, size_t end, int32_t id) {
    if (!status.ok())
      return;
    if (id < 0)
      status = addPart(text, begin, end);
    else
      addFound(text.substr(begin, end - begin),
               {uint32_t(begin), uint32_t(end)}, id);
  });
  return status;
}

void Encoder::addFound(std::string_view text, TextSpan span, int32_t id) {
  if (spans_)
    marked_.push_back(marked(id, span, text));
  else
    ids.push_back(id);
}

Status Encoder::addPart(std::string_view text, size_t begin, size_t end) {
  bool tracked =
      spans_ || (impl_.preTokenizer && impl_.preTokenizer->needsOrigin());
  Pieces pieces;
  pieces.text = Text(text.substr(begin, end - begin), begin, tracked);
  if (impl_.normalizer)
    if (Status status = impl_.normalizer->apply(pieces.text); !status.ok())
      return status;
  if (Status status = checkGrown(pieces.text.size()); !status.ok())
    return status;
  impl_.added.split(
      pieces.text.bytes, true, [&](size_t begin, size_t end, int32_t id) {
        pieces.list.push_back({uint32_t(begin), uint32_t(end), id});
      });
  if (impl_.preTokenizer)
    if (Status status = impl_.preTokenizer->split(pieces); !status.ok())
      return status;
  return addPieces(pieces);
}

Status Encoder::addPieces(Pieces &pieces) {
  if (!spans_)
    ids.reserve(ids.size() + pieces.list.size() + pieces.list.size() / 4);
  for (const Piece &piece : pieces.list) {
    Status status;
    if (piece.id >= 0)
      addFound(pieces.view(piece), pieces.text.originOf(piece.begin, piece.end),
               piece.id);
    else if (spans_)
      status = addWithSpans(pieces, piece);
    else
      status = addPiece(pieces.view(piece));
    if (!status.ok())
      return status;
  }
  return {};
}

Status Encoder::addCached(std::string_view piece) {
  WordCache::Key key(piece);
  WordCache::Word &word = cache_->slot(key);
  if (word.is(key)) {
    if (word.count == 1)
      ids.push_back(word.ids[0]);
    else
      ids.insert(ids.end(), word.ids, word.ids + word.count);
    return {};
  }
  Status status = addTokens(piece);
  if (status.ok() && tokens_.ids.size() <= WordCache::maxIds)
    word.set(key, tokens_.ids.data(), tokens_.ids.size());
  return status;
}

// Long pieces are cut where that changes nothing.
Status Encoder::addPiece(std::string_view piece) {
  for (size_t begin = 0, end; begin < piece.size(); begin = end) {
    end = impl_.vocabulary->cutAfter(piece, begin);
    std::string_view part = piece.substr(begin, end - begin);
    bool cached = cache_ && part.size() <= WordCache::maxBytes;
    if (Status status = cached ? addCached(part) : addTokens(part);
        !status.ok())
      return status;
  }
  return {};
}

Status Encoder::addTokens(std::string_view piece) {
  tokens_.ids.clear();
  Status status = impl_.vocabulary->encode(piece, tokens_);
  ids.insert(ids.end(), tokens_.ids.begin(), tokens_.ids.end());
  return status;
}

Status Encoder::addWithSpans(const Pieces &pieces, const Piece &piece) {
  tokens_.ids.clear();
  tokens_.spans.clear();
  if (Status status = impl_.vocabulary->encode(pieces.view(piece), tokens_);
      !status.ok())
    return status;
  for (size_t i = 0; i < tokens_.ids.size(); ++i) {
    auto [begin, end] = tokens_.spans[i];
    int32_t id = tokens_.ids[i];
    marked_.push_back(
        marked(id, pieces.text.originOf(piece.begin + begin, piece.begin + end),
               impl_.vocabulary->token(id)));
  }
  return {};
}

Encoding Encoder::finish(std::string_view text, bool special) {
  if (!spans_)
    for (int32_t id : ids)
      marked_.push_back({id, {}, 0, 0});
  if (impl_.postProcessor)
    impl_.postProcessor->apply(marked_, spans_ ? text : "", special);
  Encoding result;
  result.ids.reserve(marked_.size());
  result.spans.reserve(spans_ ? marked_.size() : 0);
  for (const Marked &token : marked_) {
    result.ids.push_back(token.id);
    if (spans_)
      result.spans.push_back(token.span);
  }
  return result;
}

} // namespace sluice::tokenizer
