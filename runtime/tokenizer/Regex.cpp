#include "runtime/tokenizer/Regex.h"

#include "runtime/unicode/Unicode.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace sluice {

struct Regex::Impl {
  pcre2_code *code = nullptr;
  bool compiledToMachine = false;

  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex &&) noexcept = default;
Regex &Regex::operator=(Regex &&) noexcept = default;
Regex::~Regex() = default;

namespace {
// More than any tokenizer's expression; PCRE2's compiler is not made for
// hostile input without such a limit.
constexpr size_t maxPattern = 1 << 16;

struct CompileContext {
  pcre2_compile_context *context = pcre2_compile_context_create(nullptr);
  ~CompileContext() { pcre2_compile_context_free(context); }
};

// Where a match lies and how long it may take; one per thread, which never
// matches two at once.
struct Workspace {
  pcre2_match_data *match = pcre2_match_data_create(1, nullptr);
  pcre2_match_context *limits = pcre2_match_context_create(nullptr);

  Workspace() {
    if (limits)
      pcre2_set_heap_limit(limits, 64 << 10); // KiB
  }
  ~Workspace() {
    pcre2_match_context_free(limits);
    pcre2_match_data_free(match);
  }
};

Workspace &workspace() {
  static thread_local Workspace one;
  return one;
}

} // namespace

Result<Regex> Regex::compile(const std::string &original) {
  auto failed = [&](const std::string &why) {
    std::string shown = original.substr(0, 200);
    return Status(Code::Unsupported,
                  "regular expression '" + shown + "': " + why);
  };
  if (original.empty() || original.size() > maxPattern)
    return failed("empty, or too long");
  Result<std::string> pattern = translateRegex(original);
  if (!pattern.ok())
    return failed(pattern.status().message());
  CompileContext compile;
  auto impl = std::make_unique<Impl>();
  if (!compile.context)
    return Status(Code::Resource, "out of memory");
  pcre2_set_newline(compile.context, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(compile.context, 100);
  pcre2_set_max_pattern_length(compile.context, 4 * maxPattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl->code = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern->data()), pattern->size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
      &offset, compile.context);
  if (!impl->code) {
    char message[256] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR *>(message),
                            sizeof(message));
    return failed(message);
  }
  // Slower without, not wrong.
  impl->compiledToMachine =
      pcre2_jit_compile(impl->code, PCRE2_JIT_COMPLETE) == 0;
  return Regex(std::move(impl));
}

Regex::Matches::Matches(const Regex &regex, std::string_view text)
    : regex_(regex), text_(text) {
  // Expressions of tokenizers look ahead to the end of a run and come back, no
  // more.
  uint64_t steps = 1000000 + 16 * uint64_t(text.size());
  if (workspace().match && workspace().limits)
    pcre2_set_match_limit(workspace().limits,
                          uint32_t(std::min<uint64_t>(steps, UINT32_MAX)));
  else
    status_ = Status(Code::Resource, "out of memory");
}

int Regex::Matches::search() {
  auto subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
  const Impl &impl = *regex_.impl_;
  const auto &[match, limits] = workspace();
  if (impl.compiledToMachine) {
    int found = pcre2_jit_match(impl.code, subject, text_.size(), at_, 0, match,
                                limits);
    if (found != PCRE2_ERROR_JIT_STACKLIMIT)
      return found;
  }
  return pcre2_match(impl.code, subject, text_.size(), at_,
                     PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match, limits);
}

bool Regex::Matches::next() {
  while (status_.ok() && at_ <= text_.size()) {
    int found = search();
    if (found == PCRE2_ERROR_NOMATCH)
      break;
    if (found < 0) {
      status_ = Status(Code::Unsupported,
                       "a regular expression of the tokenizer gives up at "
                       "byte " +
                           std::to_string(at_) + " of the text (error " +
                           std::to_string(found) + ")");
      break;
    }
    PCRE2_SIZE *range = pcre2_get_ovector_pointer(workspace().match);
    size_t begin = range[0], end = range[1];
    bool again = begin == end && matched_ && end == end_;
    // \K and lookbehind may move the begin before the match before, or behind
    // the end.
    if (begin > end || (matched_ && begin < end_) || again) {
      do
        ++at_;
      while (at_ < text_.size() && unicode::continues(text_[at_]));
      continue;
    }
    begin_ = begin;
    at_ = end_ = end;
    return matched_ = true;
  }
  return false;
}

} // namespace sluice
