#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Unicode.h"

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

  // `first`: the text stands at the beginning.
  Status encodeText(std::string_view text, bool first,
                    std::vector<int32_t> &ids) const;
  Status encodeWords(std::string text, bool first,
                     std::vector<int32_t> &ids) const;
  Result<std::string> decode(std::span<const int32_t> ids, bool skipSpecial,
                             bool raw) const;
  bool isSpecial(int32_t id) const;
  Status fillSpellings();
  Status checkSpecials() const;
};

namespace {
// Positions in a text are 32-bit, also after normalizing it.
constexpr size_t maxText = 64 << 20;

// Reads one part of the file; a missing one is as good as null.
template <typename T>
Status read(const Json &json, const char *key,
            Result<std::unique_ptr<T>> (*parse)(const Json &),
            std::unique_ptr<T> &out) {
  Result<std::unique_ptr<T>> part = parse(member(json, key));
  if (part.ok())
    out = std::move(*part);
  return part.status();
}

// Components contain components; a file that nests them without end must not
// exhaust the stack.
bool nestsDeeper(std::string_view json, int limit) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (c == '"')
      quoted = !quoted;
    else if (quoted)
      i += c == '\\';
    else if (c == '{' || c == '[')
      ++depth;
    else if (c == '}' || c == ']')
      --depth;
    if (depth > limit)
      return true;
  }
  return false;
}
} // namespace

Status Tokenizer::Impl::fillSpellings() {
  // More than any vocabulary: keeps a bad id from asking for all memory.
  const int32_t limit = 1 << 22;
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

// The post-processor names ids of its own.
Status Tokenizer::Impl::checkSpecials() const {
  if (postProcessor)
    for (int32_t id : postProcessor->apply({}))
      if (id < 0 || size_t(id) >= spellings.size())
        return Status(Code::Corrupt, "tokenizer.json: the post-processor adds "
                                     "token id " +
                                         std::to_string(id) +
                                         ", which does not exist");
  return {};
}

Result<Tokenizer> Tokenizer::parse(std::string_view text) {
  if (nestsDeeper(text, 64))
    return Status(Code::Corrupt, "tokenizer.json: nested too deeply");
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object())
    return Status(Code::Corrupt, "tokenizer.json: not a JSON object");
  auto impl = std::make_unique<Impl>();
  Result<AddedTokens> added = AddedTokens::parse(member(json, "added_tokens"));
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
  if (impl->normalizer)
    if (Status status = impl->added.normalize(*impl->normalizer); !status.ok())
      return status;
  if (Status status = impl->fillSpellings(); !status.ok())
    return status;
  if (Status status = impl->checkSpecials(); !status.ok())
    return status;
  return Tokenizer(std::move(impl));
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Status Tokenizer::Impl::encodeWords(std::string text, bool first,
                                    std::vector<int32_t> &ids) const {
  if (text.empty())
    return {};
  std::vector<std::string> pieces = {std::move(text)};
  if (preTokenizer)
    if (Status status = preTokenizer->split(pieces, first); !status.ok())
      return status;
  for (const std::string &piece : pieces)
    if (Status status = vocabulary->encode(piece, ids); !status.ok())
      return status;
  return {};
}

Status Tokenizer::Impl::encodeText(std::string_view text, bool first,
                                   std::vector<int32_t> &ids) const {
  std::string plain(text);
  if (normalizer) {
    Result<std::string> normalized = normalizer->apply(std::move(plain));
    if (!normalized.ok())
      return normalized.status();
    plain = std::move(*normalized);
  }
  for (const AddedTokens::Part &part : added.split(plain, true)) {
    bool begins = first && part.text.data() == plain.data();
    if (part.id >= 0)
      ids.push_back(part.id);
    else if (Status status = encodeWords(std::string(part.text), begins, ids);
             !status.ok())
      return status;
  }
  return {};
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool special) const {
  if (text.size() > maxText)
    return Status(Code::InvalidArgument,
                  "the text has " + std::to_string(text.size()) +
                      " bytes, more than " + std::to_string(maxText));
  if (Status status = unicode::check(text); !status.ok())
    return status;
  std::vector<int32_t> ids;
  for (const AddedTokens::Part &part : impl_->added.split(text, false)) {
    if (part.id >= 0)
      ids.push_back(part.id);
    else if (Status status = impl_->encodeText(
                 part.text, part.text.data() == text.data(), ids);
             !status.ok())
      return status;
  }
  if (special && impl_->postProcessor)
    ids = impl_->postProcessor->apply(std::move(ids));
  return ids;
}

bool Tokenizer::Impl::isSpecial(int32_t id) const {
  const AddedToken *token = added.byId(id);
  return token && token->special;
}

Result<std::string> Tokenizer::Impl::decode(std::span<const int32_t> ids,
                                            bool skipSpecial, bool raw) const {
  std::vector<std::string> tokens;
  for (int32_t id : ids) {
    if (id < 0 || size_t(id) >= spellings.size())
      return Status(Code::InvalidArgument,
                    "token id " + std::to_string(id) + " is out of range 0.." +
                        std::to_string(int64_t(spellings.size()) - 1));
    if (!spellings[size_t(id)].empty() && !(skipSpecial && isSpecial(id)))
      tokens.push_back(spellings[size_t(id)]);
  }
  if (decoder)
    if (Status status = decoder->apply(tokens, raw); !status.ok())
      return status;
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i)
    text += (i > 0 && !decoder ? " " : "") + tokens[i];
  return text;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skipSpecial) const {
  return impl_->decode(ids, skipSpecial, false);
}

int32_t Tokenizer::id(std::string_view token) const {
  int32_t id = impl_->added.id(std::string(token));
  return id >= 0 ? id : impl_->vocabulary->id(token);
}

std::string_view Tokenizer::token(int32_t id) const {
  return id >= 0 && id < size() ? std::string_view(impl_->spellings[size_t(id)])
                                : std::string_view();
}

bool Tokenizer::isSpecial(int32_t id) const { return impl_->isSpecial(id); }

int32_t Tokenizer::size() const { return int32_t(impl_->spellings.size()); }

// A token that leaves no trace is no context either.
bool TokenStream::shows(int32_t id) const {
  return !tokenizer_.token(id).empty() &&
         !(skipSpecial_ && tokenizer_.isSpecial(id));
}

void TokenStream::follow(std::span<const int32_t> ids) {
  for (int32_t id : ids)
    if (shows(id))
      last_ = {id};
  held_.clear();
}

Result<std::string> TokenStream::next(int32_t id) {
  Result<std::string> context =
      tokenizer_.impl_->decode(last_, skipSpecial_, true);
  std::vector<int32_t> ids = last_;
  ids.push_back(id);
  Result<std::string> text = tokenizer_.impl_->decode(ids, skipSpecial_, true);
  if (!context.ok() || !text.ok())
    return text.status();
  if (!shows(id))
    return std::string();
  last_ = {id};
  held_.append(*text, std::min(text->size(), context->size()));
  size_t whole = held_.size() - unicode::incompleteTail(held_);
  std::string fresh = unicode::replaceInvalid(held_.substr(0, whole));
  held_.erase(0, whole);
  return fresh;
}

std::string TokenStream::finish() {
  std::string rest = unicode::replaceInvalid(held_);
  held_.clear();
  return rest;
}

} // namespace sluice
