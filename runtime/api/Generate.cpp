// Generation: the loop around steps and sampler, for ids and for text.
#include "runtime/api/Impl.h"
#include "runtime/sampler/StopStrings.h"
#include "runtime/support/Caught.h"

#include <algorithm>

namespace sluice {

Status Model::source(int32_t slot, std::span<const int32_t> tokens) try {
  const executor::ReadyEntry *entry = impl_->ofKind("source");
  if (!entry)
    return Status(Code::NotFound, "the model has no encoder");
  executor::StepSequence step = Impl::tokensOf(*entry, slot, tokens);
  return impl_->step(*entry, {&step, 1});
} catch (...) {
  return caught();
}

int32_t Model::startToken() const {
  const executor::ReadyEntry *entry = impl_->ofKind("generate");
  return entry ? entry->info->start() : -1;
}

Result<int64_t>
Model::Impl::checkPrompt(const executor::ReadyEntry *entry, int32_t slot,
                         std::span<const int32_t> prompt) const {
  if (!entry)
    return Status(Code::NotFound, "the model cannot generate");
  if (Status status = checkSlot(slot); !status.ok())
    return status;
  if (prompt.empty())
    return Status(Code::InvalidArgument, "the prompt has no tokens");
  int64_t needed =
      executor->slots().length(slot) + static_cast<int64_t>(prompt.size());
  if (needed > executor->limits().context)
    return Status(Code::InvalidArgument,
                  "the prompt makes the sequence " + std::to_string(needed) +
                      " tokens long, longer than the context of " +
                      std::to_string(executor->limits().context));
  Result<int64_t> first = firstStep(*entry, tokensOf(*entry, slot, prompt));
  if (!first.ok())
    return first.status().in("the prompt");
  return needed;
}

Result<const OutputRows *> Model::Impl::logits(int64_t rows) const {
  for (const OutputRows &output : outputs)
    if (output.name == "logits" && output.rows >= rows)
      return &output;
  return Status(Code::Corrupt, "the entry has no logits");
}

Result<std::span<const float>>
Model::Impl::logitsAfter(const executor::ReadyEntry &entry, int32_t slot,
                         std::span<const int32_t> tokens, int64_t announced) {
  const size_t most = static_cast<size_t>(executor->limits().capacity);
  // The tokens that begin a sequence are its prompt.
  int64_t prompt =
      lengthOf(slot) == 0 ? static_cast<int64_t>(tokens.size()) : 0;
  while (!tokens.empty()) {
    size_t count = std::min(tokens.size(), most);
    executor::StepSequence one = tokensOf(entry, slot, tokens.first(count));
    tokens = tokens.subspan(count);
    one.prompt = prompt;
    one.announced = announced;
    one.wanted =
        tokens.empty() ? executor::Wanted::Last : executor::Wanted::None;
    if (Status status = step(entry, {&one, 1}); !status.ok())
      return status;
  }
  Result<const OutputRows *> rows = logits(1);
  if (!rows.ok())
    return rows.status();
  return (*rows)->row((*rows)->rows - 1);
}

std::vector<int32_t> Model::Impl::stopsWith(std::vector<int32_t> more,
                                            bool ignoreOwn) const {
  if (!ignoreOwn)
    more.insert(more.end(), info.stopTokens.begin(), info.stopTokens.end());
  return more;
}

Status Model::generate(int32_t slot, std::span<const int32_t> prompt,
                       const GenerateOptions &options,
                       const std::function<bool(int32_t)> &token) try {
  const executor::ReadyEntry *entry = impl_->ofKind("generate");
  Result<int64_t> length = impl_->checkPrompt(entry, slot, prompt);
  if (!length.ok())
    return length.status();
  Result<Sampler> sampler = Sampler::create(options.sampling);
  if (!sampler.ok())
    return sampler.status();
  const std::vector<int32_t> stops =
      impl_->stopsWith(options.stopTokens, options.ignoreModelStops);
  const int64_t announced =
      options.ends
          ? *length + std::clamp<int64_t>(options.maxTokens, 0,
                                          impl_->executor->limits().context)
          : 0;
  std::vector<int32_t> fresh(prompt.begin(), prompt.end());
  std::vector<float> allowed;
  for (int64_t made = 0; made < options.maxTokens; ++made) {
    Result<std::span<const float>> logits =
        impl_->logitsAfter(*entry, slot, fresh, announced);
    if (!logits.ok())
      return logits.status();
    const std::vector<int32_t> &context =
        impl_->held[static_cast<size_t>(slot)];
    std::span<const float> row = *logits;
    if (!impl_->rules.never.empty()) {
      allowed.assign(row.begin(), row.end());
      impl_->rules.apply(allowed, context);
      row = allowed;
    }
    Result<int32_t> next = sampler->next(row, context);
    if (!next.ok())
      return next.status();
    if (made + 1 == options.maxTokens && !options.ignoreModelStops &&
        !impl_->rules.last.empty())
      *next = impl_->rules.last.front();
    if (std::find(stops.begin(), stops.end(), *next) != stops.end() ||
        !token(*next))
      return {};
    fresh.assign(1, *next);
    if (++*length > impl_->executor->limits().context)
      return {};
  }
  return {};
} catch (...) {
  return caught();
}

Result<ChatFormat> Model::chatFormat(std::string_view source) const try {
  return ChatFormat::parse(
      impl_->artifact.textOf(format::SectionKind::TokenizerConfig), source);
} catch (...) {
  return caught();
}

Result<const Tokenizer *> Model::tokenizer() try {
  if (!impl_->tokenizer) {
    std::string_view image =
        impl_->artifact.textOf(format::SectionKind::Tokenizer);
    if (image.empty())
      return Status(Code::NotFound,
                    "the model was compiled without a tokenizer; give ids");
    Result<Tokenizer> parsed = Tokenizer::load(std::as_bytes(std::span(image)));
    if (!parsed.ok())
      return parsed.status().in("the model's tokenizer");
    impl_->tokenizer = std::move(*parsed);
  }
  return &*impl_->tokenizer;
} catch (...) {
  return caught();
}

Status
Model::generateText(int32_t slot, std::string_view prompt,
                    const TextOptions &options,
                    const std::function<bool(std::string_view)> &piece) try {
  Result<const Tokenizer *> tokenizer = this->tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> ids = (*tokenizer)->encode(prompt);
  if (!ids.ok())
    return ids.status().in("the prompt");
  return generateText(slot, *ids, options, piece);
} catch (...) {
  return caught();
}

Status
Model::generateText(int32_t slot, std::span<const int32_t> prompt,
                    const TextOptions &options,
                    const std::function<bool(std::string_view)> &piece) try {
  Result<const Tokenizer *> tokenizer = this->tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  const int32_t start = startToken();
  const bool encoded = impl_->ofKind("source") != nullptr;
  if (encoded)
    if (Status status = source(slot, prompt); !status.ok())
      return status;
  TokenStream stream(**tokenizer, !options.showSpecial);
  if (!encoded)
    stream.follow(prompt);
  StopStrings stops(options.stopStrings);
  bool wanted = true;
  auto show = [&](const std::string &text) {
    std::string shown = stops.add(text);
    wanted = wanted && (shown.empty() || piece(shown));
  };
  // A special token's text is not shown, so it is known by its id.
  TextOptions ending = options;
  for (const std::string &text : options.stopStrings)
    if (int32_t id = (*tokenizer)->id(text);
        id >= 0 && (*tokenizer)->isSpecial(id))
      ending.stopTokens.push_back(id);
  Status failure;
  std::span<const int32_t> first = encoded ? std::span(&start, 1) : prompt;
  Status status = generate(slot, first, ending, [&](int32_t token) {
    if (options.token)
      options.token(token);
    if (token >= (*tokenizer)->size())
      return true; // a row that pads the vocabulary: it has no text
    Result<std::string> text = stream.next(token);
    if (!text.ok())
      failure = text.status();
    else
      show(*text);
    return failure.ok() && wanted && !stops.stopped();
  });
  if (!status.ok() || !failure.ok())
    return status.ok() ? failure : status;
  show(stream.finish());
  if (std::string rest = stops.finish(); wanted && !rest.empty())
    piece(rest);
  return {};
} catch (...) {
  return caught();
}

} // namespace sluice
