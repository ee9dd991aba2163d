#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Unicode.h"

#include <nlohmann/json.hpp>

namespace sluice {

using namespace tokenizer;

struct Tokenizer::Impl {
  AddedTokens added;
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> preTokenizer;
  std::unique_ptr<Vocabulary> vocabulary;
  std::unique_ptr<PostProcessor> postProcessor;
  std::unique_ptr<Decoder> decoder;
  std::vector<std::string> spellings; // by id; empty where there is no token

  Status encodeText(std::string_view text, std::vector<int32_t> &ids) const;
  Status encodeWords(std::string text, std::vector<int32_t> &ids) const;
  Status fillSpellings();
};

namespace {
// Reads one part of the file; a missing one is as good as null.
template <typename T>
Status read(const Json &json, const char *key,
            Result<std::unique_ptr<T>> (*parse)(const Json &),
            std::unique_ptr<T> &out) {
  auto it = json.find(key);
  Result<std::unique_ptr<T>> part = parse(it == json.end() ? Json() : *it);
  if (part.ok())
    out = std::move(*part);
  return part.status();
}
} // namespace

Status Tokenizer::Impl::fillSpellings() {
  // Far more than any vocabulary: keeps a bad id from asking for all memory.
  const int32_t limit = 1 << 26;
  auto place = [&](std::string_view token, int32_t id) {
    if (id >= limit)
      return Status(Code::Corrupt, "tokenizer.json: token id " +
                                       std::to_string(id) + " is too large");
    if (size_t(id) >= spellings.size())
      spellings.resize(size_t(id) + 1);
    spellings[size_t(id)] = token;
    return Status();
  };
  for (const auto &[token, id] : vocabulary->tokens())
    if (Status status = place(token, id); !status.ok())
      return status;
  for (const AddedToken &token : added.all())
    if (Status status = place(token.content, token.id); !status.ok())
      return status;
  return {};
}

Result<Tokenizer> Tokenizer::parse(std::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object())
    return Status(Code::Corrupt, "tokenizer.json: not a JSON object");
  auto impl = std::make_unique<Impl>();
  Result<AddedTokens> added =
      AddedTokens::parse(json.value("added_tokens", Json()));
  if (!added.ok())
    return added.status();
  impl->added = std::move(*added);
  for (Status status :
       {read(json, "normalizer", parseNormalizer, impl->normalizer),
        read(json, "pre_tokenizer", parsePreTokenizer, impl->preTokenizer),
        read(json, "model", parseVocabulary, impl->vocabulary),
        read(json, "post_processor", parsePostProcessor, impl->postProcessor),
        read(json, "decoder", parseDecoder, impl->decoder)})
    if (!status.ok())
      return status;
  if (Status status = impl->fillSpellings(); !status.ok())
    return status;
  return Tokenizer(std::move(impl));
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Status Tokenizer::Impl::encodeWords(std::string text,
                                    std::vector<int32_t> &ids) const {
  if (text.empty())
    return {};
  std::vector<std::string> pieces = {std::move(text)};
  if (preTokenizer)
    preTokenizer->split(pieces);
  for (const std::string &piece : pieces)
    if (Status status = vocabulary->encode(piece, ids); !status.ok())
      return status;
  return {};
}

Status Tokenizer::Impl::encodeText(std::string_view text,
                                   std::vector<int32_t> &ids) const {
  std::string plain(text);
  if (normalizer)
    plain = normalizer->apply(std::move(plain));
  for (const AddedTokens::Part &part : added.split(plain, true)) {
    if (part.id >= 0)
      ids.push_back(part.id);
    else if (Status status = encodeWords(std::string(part.text), ids);
             !status.ok())
      return status;
  }
  return {};
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool special) const {
  if (Status status = unicode::check(text); !status.ok())
    return status;
  std::vector<int32_t> ids;
  for (const AddedTokens::Part &part : impl_->added.split(text, false)) {
    if (part.id >= 0)
      ids.push_back(part.id);
    else if (Status status = impl_->encodeText(part.text, ids); !status.ok())
      return status;
  }
  if (special && impl_->postProcessor)
    ids = impl_->postProcessor->apply(std::move(ids));
  return ids;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skipSpecial) const {
  std::vector<std::string> tokens;
  for (int32_t id : ids) {
    if (id < 0 || id >= size())
      return Status(Code::InvalidArgument, "token id " + std::to_string(id) +
                                               " is out of range 0.." +
                                               std::to_string(size() - 1));
    if (!(skipSpecial && isSpecial(id)))
      tokens.push_back(impl_->spellings[size_t(id)]);
  }
  if (impl_->decoder)
    impl_->decoder->apply(tokens);
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i)
    text += (i > 0 && !impl_->decoder ? " " : "") + tokens[i];
  return text;
}

int32_t Tokenizer::id(std::string_view token) const {
  int32_t id = impl_->added.id(token);
  return id >= 0 ? id : impl_->vocabulary->id(token);
}

std::string_view Tokenizer::token(int32_t id) const {
  return id >= 0 && id < size() ? std::string_view(impl_->spellings[size_t(id)])
                                : std::string_view();
}

bool Tokenizer::isSpecial(int32_t id) const {
  const AddedToken *token = impl_->added.byId(id);
  return token && token->special;
}

int32_t Tokenizer::size() const { return int32_t(impl_->spellings.size()); }

// U+FFFD at the end: a character that is not complete yet, or a bad byte.
static bool endsInside(std::string_view text) {
  return text.size() >= 3 && text.substr(text.size() - 3) == "\xef\xbf\xbd";
}

Result<std::string> TokenStream::next(int32_t id) {
  ids_.push_back(id);
  Result<std::string> text = tokenizer_.decode(ids_, skipSpecial_);
  if (!text.ok()) {
    ids_.pop_back();
    return text.status();
  }
  // A character has at most four bytes: after as many tokens it stays broken.
  if (endsInside(*text) && ids_.size() - shown_ < 4)
    return std::string();
  return advance(*text);
}

std::string TokenStream::advance(const std::string &text) {
  std::string fresh =
      text.size() > context_.size() ? text.substr(context_.size()) : "";
  // The tokens just shown stay as context: the next one may need to know that
  // it does not stand first (a leading space).
  ids_.erase(ids_.begin(), ids_.begin() + long(shown_));
  shown_ = ids_.size();
  Result<std::string> context = tokenizer_.decode(ids_, skipSpecial_);
  context_ = context.ok() ? *context : std::string();
  return fresh;
}

std::string TokenStream::finish() {
  Result<std::string> text = tokenizer_.decode(ids_, skipSpecial_);
  return text.ok() ? advance(*text) : std::string();
}

} // namespace sluice
