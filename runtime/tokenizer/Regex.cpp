#include "runtime/tokenizer/Regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace sluice {

struct Regex::Impl {
  pcre2_code *code = nullptr;
  pcre2_match_context *limits = nullptr;

  ~Impl() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex &&) noexcept = default;
Regex &Regex::operator=(Regex &&) noexcept = default;
Regex::~Regex() = default;

// \s and \w mean what they mean to the programs that tokenizer files are
// written for: the properties White_Space and, nearly, Word. PCRE2 counts
// U+180E as a space and leaves marks out of words. (\S and \W inside a class
// stay.)
static std::string translate(const std::string &pattern) {
  const std::string space = "\\t-\\r\\x{85}\\p{Z}";
  const std::string word =
      "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}"
      "\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}";
  std::string result;
  bool inClass = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i], next = i + 1 < pattern.size() ? pattern[i + 1] : 0;
    bool negated = next == 'S' || next == 'W';
    if (c == '\\' && (next == 's' || next == 'w' || (negated && !inClass))) {
      const std::string &set = next == 's' || next == 'S' ? space : word;
      result += inClass ? set : (negated ? "[^" : "[") + set + "]";
      ++i;
    } else if (c == '\\' && next) {
      result += {c, next};
      ++i;
    } else {
      if (c == '[' && !inClass) {
        inClass = true;
        // A bracket that comes first is a member.
        while (i + 1 < pattern.size() &&
               (pattern[i + 1] == '^' || pattern[i + 1] == ']')) {
          result += c;
          c = pattern[++i];
        }
      } else if (c == ']') {
        inClass = false;
      }
      result += c;
    }
  }
  return result;
}

Result<Regex> Regex::compile(const std::string &original) {
  std::string pattern = translate(original);
  auto impl = std::make_unique<Impl>();
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                             pattern.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                             &error, &offset, nullptr);
  if (!impl->code) {
    char message[256] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR *>(message),
                            sizeof(message));
    return Status(Code::Unsupported,
                  "regular expression '" + original + "': " + message);
  }
  pcre2_jit_compile(impl->code,
                    PCRE2_JIT_COMPLETE); // slower without, not wrong
  impl->limits = pcre2_match_context_create(nullptr);
  if (!impl->limits)
    return Status(Code::Resource, "out of memory");
  // Expressions of tokenizers do not backtrack far.
  pcre2_set_match_limit(impl->limits, 1000000);
  pcre2_set_heap_limit(impl->limits, 64 << 10); // KiB
  return Regex(std::move(impl));
}

Result<Regex> Regex::literal(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 128 && !std::isalnum(c))
      pattern += '\\';
    pattern += c;
  }
  return compile(pattern);
}

Status Regex::forEach(std::string_view text,
                      const std::function<void(size_t, size_t)> &match) const {
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data *)> data(
      pcre2_match_data_create_from_pattern(impl_->code, nullptr),
      pcre2_match_data_free);
  if (!data)
    return Status(Code::Resource, "out of memory");
  size_t at = 0;
  while (at < text.size()) {
    int found = pcre2_match(impl_->code, subject, text.size(), at,
                            PCRE2_NO_UTF_CHECK, data.get(), impl_->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
      found = pcre2_match(impl_->code, subject, text.size(), at,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(),
                          impl_->limits);
    if (found == PCRE2_ERROR_NOMATCH)
      break;
    if (found < 0)
      return Status(Code::Unsupported,
                    "a regular expression of the tokenizer gives up at byte " +
                        std::to_string(at) + " of the text (error " +
                        std::to_string(found) + ")");
    PCRE2_SIZE *range = pcre2_get_ovector_pointer(data.get());
    if (range[1] > range[0] && range[0] >= at) // \K may move the begin
      match(range[0], range[1]);
    if (range[1] > at) {
      at = range[1];
      if (range[1] > range[0])
        continue;
    }
    do // past one character
      ++at;
    while (at < text.size() && (uint8_t(text[at]) & 0xc0) == 0x80);
  }
  return {};
}

Result<std::string> Regex::replace(std::string_view text,
                                   std::string_view with) const {
  std::string result;
  size_t done = 0;
  Status status = forEach(text, [&](size_t begin, size_t end) {
    result.append(text, done, begin - done);
    result.append(with);
    done = end;
  });
  if (!status.ok())
    return status;
  return result.append(text, done);
}

} // namespace sluice
