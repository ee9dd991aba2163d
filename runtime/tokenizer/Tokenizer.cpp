#include "runtime/tokenizer/TokenizerImpl.h"

#include "runtime/format/TokenizerKeys.h"

namespace sluice {

using namespace tokenizer;

namespace {
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

} // namespace

// The post-processor names ids of its own.
Status Tokenizer::Impl::checkSpecials() const {
  std::vector<Marked> tokens;
  if (postProcessor)
    postProcessor->apply(tokens, "", true);
  for (const Marked &token : tokens)
    if (token.id >= size)
      return corrupt("the post-processor adds token id " +
                     std::to_string(token.id) + ", which does not exist");
  return {};
}

Status Tokenizer::Impl::read(const Json &json, const Tables &tables) {
  Result<std::unique_ptr<Vocabulary>> model =
      parseVocabulary(member(json, "model"), tables);
  if (!model.ok())
    return model.status();
  vocabulary = std::move(*model);
  for (Status status :
       {sluice::read(json, "normalizer", parseNormalizer, normalizer),
        sluice::read(json, "pre_tokenizer", parsePreTokenizer, preTokenizer),
        sluice::read(json, "post_processor", parsePostProcessor, postProcessor),
        sluice::read(json, "decoder", parseDecoder, decoder)})
    if (!status.ok())
      return status;
  cleanUp = flag(json, format::kCleanUpKey, false);
  Result<AddedTokens> list =
      AddedTokens::parse(member(json, "added_tokens"), *vocabulary,
                         flag(json, format::kSplitSpecialKey, false));
  if (!list.ok())
    return list.status();
  added = std::move(*list);
  if (normalizer)
    if (Status status = added.normalize(*normalizer); !status.ok())
      return status;
  size = vocabulary->size();
  for (const AddedToken &token : added.all())
    size = std::max(size, token.id + 1);
  if (Status status = checkSpecials(); !status.ok())
    return status;
  // A step that writes bytes in the byte alphabet and a vocabulary that reads
  // it can do without.
  if (preTokenizer && vocabulary->takesBytes() && preTokenizer->leaveBytes())
    return vocabulary->takeBytes();
  return {};
}

Result<Tokenizer> Tokenizer::parse(std::string_view text) {
  return guarded<Tokenizer>([&]() -> Result<Tokenizer> {
    Result<Json> json = readJson(text);
    if (!json.ok())
      return json.status();
    auto impl = std::make_unique<Impl>();
    if (Status status = impl->read(*json, Tables()); !status.ok())
      return status;
    return Tokenizer(std::move(impl));
  });
}

Result<std::string> Tokenizer::makeImage(std::string_view text) {
  return guarded<std::string>([&]() -> Result<std::string> {
    Result<Json> json = readJson(text);
    if (!json.ok())
      return json.status();
    Impl impl;
    if (Status status = impl.read(*json, Tables()); !status.ok())
      return status;
    Json settings;
    for (const char *key :
         {"model", "normalizer", "pre_tokenizer", "post_processor", "decoder"})
      settings[key] = member(*json, key);
    for (const char *key : {format::kCleanUpKey, format::kSplitSpecialKey})
      if (flag(*json, key, false))
        settings[key] = true;
    settings["added_tokens"] =
        AddedTokens::withoutDefaults(member(*json, "added_tokens"));
    ImageWriter image;
    impl.vocabulary->store(settings["model"], image);
    return image.finish(settings);
  });
}

Result<Tokenizer> Tokenizer::load(std::span<const std::byte> bytes) {
  return guarded<Tokenizer>([&]() -> Result<Tokenizer> {
    Result<Image> image = Image::open(bytes);
    if (!image.ok())
      return image.status();
    Result<Json> json = readJson(image->settings);
    if (!json.ok())
      return json.status();
    auto impl = std::make_unique<Impl>();
    impl->mapped = true;
    if (Status status = impl->read(*json, image->tables); !status.ok())
      return status;
    return Tokenizer(std::move(impl));
  });
}

Status Tokenizer::Impl::checkIds(const std::vector<int32_t> &ids) const {
  if (mapped)
    for (int32_t id : ids)
      if (id < 0 || id >= size)
        return Status(Code::Corrupt, "tokenizer: makes the token id " +
                                         std::to_string(id) +
                                         ", which does not exist");
  return {};
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool special) const {
  return guarded<std::vector<int32_t>>([&]() -> Result<std::vector<int32_t>> {
    Encoder encoder(*impl_, false);
    if (Status status = encoder.run(text); !status.ok())
      return status;
    std::vector<int32_t> ids = impl_->postProcessor
                                   ? encoder.finish(text, special).ids
                                   : std::move(encoder.ids);
    if (Status status = impl_->checkIds(ids); !status.ok())
      return status;
    return ids;
  });
}

Result<Encoding> Tokenizer::encodeWithSpans(std::string_view text,
                                            bool special) const {
  return guarded<Encoding>([&]() -> Result<Encoding> {
    Encoder encoder(*impl_, true);
    if (Status status = encoder.run(text); !status.ok())
      return status;
    Encoding encoding = encoder.finish(text, special);
    if (Status status = impl_->checkIds(encoding.ids); !status.ok())
      return status;
    return encoding;
  });
}

std::string_view Tokenizer::Impl::spelling(int32_t id) const {
  const AddedToken *token = added.byId(id);
  return token ? std::string_view(token->pattern) : vocabulary->token(id);
}

Result<std::string> Tokenizer::Impl::decode(std::span<const int32_t> ids,
                                            bool skipSpecial, bool raw) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (int32_t id : ids) {
    if (id < 0 || id >= size)
      return Status(Code::InvalidArgument, "token id " + std::to_string(id) +
                                               " is out of range 0.." +
                                               std::to_string(size - 1));
    std::string_view token = spelling(id);
    if (!token.empty() && !(skipSpecial && added.isSpecial(token)))
      tokens.push_back(mapped ? unicode::replaceInvalid(token)
                              : std::string(token));
  }
  if (decoder)
    if (Status status = decoder->apply(tokens, raw); !status.ok())
      return status;
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i)
    text.append(i > 0 && !decoder ? " " : "").append(tokens[i]);
  return text;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skipSpecial) const {
  return guarded<std::string>([&] {
    Result<std::string> text = impl_->decode(ids, skipSpecial, false);
    if (text.ok() && impl_->cleanUp)
      for (Replacement replacement : kTidied)
        replaceAll(*text, replacement);
    return text;
  });
}

int32_t Tokenizer::id(std::string_view token) const {
  int32_t id = impl_->added.id(std::string(token));
  return id >= 0 ? id : impl_->vocabulary->id(token);
}

std::string_view Tokenizer::token(int32_t id) const {
  const AddedToken *token = impl_->added.byId(id);
  return token ? std::string_view(token->content)
               : impl_->vocabulary->token(id);
}

bool Tokenizer::isSpecial(int32_t id) const {
  const AddedToken *token = impl_->added.byId(id);
  return token && token->special;
}

int32_t Tokenizer::size() const { return impl_->size; }

} // namespace sluice
