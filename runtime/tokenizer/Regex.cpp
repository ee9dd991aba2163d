#include "runtime/tokenizer/Regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace sluice {

struct Regex::Impl {
  pcre2_code *code = nullptr;
  pcre2_match_data *data = nullptr;

  ~Impl() {
    pcre2_match_data_free(data);
    pcre2_code_free(code);
  }
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex &&) noexcept = default;
Regex &Regex::operator=(Regex &&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(const std::string &pattern) {
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
                  "regular expression '" + pattern + "', character " +
                      std::to_string(offset) + ": " + message);
  }
  pcre2_jit_compile(impl->code,
                    PCRE2_JIT_COMPLETE); // slower without, not wrong
  impl->data = pcre2_match_data_create_from_pattern(impl->code, nullptr);
  if (!impl->data)
    return Status(Code::Resource, "out of memory");
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

void Regex::forEach(std::string_view text,
                    const std::function<void(size_t, size_t)> &match) const {
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t at = 0;
  while (at < text.size() &&
         pcre2_match(impl_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK,
                     impl_->data, nullptr) > 0) {
    PCRE2_SIZE *range = pcre2_get_ovector_pointer(impl_->data);
    if (range[1] > range[0])
      match(range[0], range[1]);
    at = range[1];
    if (range[1] <= range[0]) {
      do // past one character
        ++at;
      while (at < text.size() && (uint8_t(text[at]) & 0xc0) == 0x80);
    }
  }
}

std::string Regex::replace(std::string_view text, std::string_view with) const {
  std::string result;
  size_t done = 0;
  forEach(text, [&](size_t begin, size_t end) {
    result.append(text, done, begin - done);
    result.append(with);
    done = end;
  });
  result.append(text, done);
  return result;
}

} // namespace sluice
