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

Status Model::generate(int32_t slot, std::span<const int32_t> prompt,
                       const GenerateOptions &options,
                       const std::function<bool(int32_t)> &token) try {
  const executor::ReadyEntry *entry = impl_->ofKind("generate");
  if (!entry)
    return Status(Code::NotFound, "the model cannot generate");
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  Result<Sampler> sampler = Sampler::create(options.sampling);
  if (!sampler.ok())
    return sampler.status();
  const state::Limits &limits = impl_->executor->limits();
  std::vector<int32_t> context(prompt.begin(), prompt.end());
  if (context.empty())
    return Status(Code::InvalidArgument, "the prompt has no tokens");
  int64_t held = impl_->executor->slots().length(slot);
  int64_t needed = held + static_cast<int64_t>(context.size());
  if (needed > limits.context)
    return Status(Code::InvalidArgument,
                  "the prompt makes the sequence " + std::to_string(needed) +
                      " tokens long, longer than the context of " +
                      std::to_string(limits.context));
  std::vector<int32_t> stops = options.stopTokens;
  if (!options.ignoreModelStops)
    stops.insert(stops.end(), impl_->info.stopTokens.begin(),
                 impl_->info.stopTokens.end());
  size_t taken = 0;
  for (int64_t made = 0; made < options.maxTokens; ++made) {
    while (taken < context.size()) {
      size_t count = std::min(context.size() - taken,
                              static_cast<size_t>(limits.capacity));
      executor::StepSequence step = Impl::tokensOf(
          *entry, slot, std::span(context).subspan(taken, count));
      taken += count;
      step.wanted = taken == context.size() ? executor::Wanted::Last
                                            : executor::Wanted::None;
      if (Status status = impl_->step(*entry, {&step, 1}); !status.ok())
        return status;
    }
    const OutputRows *logits = nullptr;
    for (const OutputRows &output : impl_->outputs)
      if (output.name == "logits")
        logits = &output;
    if (!logits || logits->rows < 1)
      return Status(Code::Corrupt, "the entry has no logits");
    Result<int32_t> next = sampler->next(
        logits->row(logits->rows - 1), impl_->held[static_cast<size_t>(slot)]);
    if (!next.ok())
      return next.status();
    if (std::find(stops.begin(), stops.end(), *next) != stops.end() ||
        !token(*next))
      return {};
    context.push_back(*next);
    if (held + static_cast<int64_t>(context.size()) > limits.context)
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
