// Ids to text one at a time: each is decoded behind the last one that shows.
#include "runtime/tokenizer/TokenizerImpl.h"

namespace sluice {

// A token that leaves no trace is no context either.
bool TokenStream::shows(int32_t id) const {
  std::string_view spelling = tokenizer_.impl_->spelling(id);
  return !spelling.empty() &&
         !(skipSpecial_ && tokenizer_.impl_->added.isSpecial(spelling));
}

void TokenStream::follow(std::span<const int32_t> ids) {
  for (int32_t id : ids)
    if (shows(id))
      last_ = {id};
  held_.clear();
}

Result<std::string> TokenStream::next(int32_t id) {
  return tokenizer::guarded<std::string>([&] { return advance(id); });
}

Result<std::string> TokenStream::advance(int32_t id) {
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
  std::string fresh =
      unicode::replaceInvalid(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
  return tokenizer_.impl_->cleanUp ? cleanUp_.add(fresh) : fresh;
}

std::string TokenStream::finish() {
  std::string rest = unicode::replaceInvalid(held_);
  held_.clear();
  if (tokenizer_.impl_->cleanUp)
    rest = cleanUp_.add(rest) + cleanUp_.finish();
  return rest;
}

} // namespace sluice
