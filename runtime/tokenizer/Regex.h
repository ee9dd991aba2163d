// Regular expressions over UTF-8 (by PCRE2, with its JIT compiler), in the
// syntax of Oniguruma, which tokenizer files are written for.
#pragma once

#include "runtime/support/Status.h"

#include <memory>
#include <string>
#include <string_view>

namespace sluice {

class Regex {
public:
  static Result<Regex> compile(const std::string &pattern);

  Regex(Regex &&) noexcept;
  Regex &operator=(Regex &&) noexcept;
  ~Regex();

  // The matches in a text from left to right. An empty match right behind the
  // match before does not count. Safe from several threads.
  class Matches {
  public:
    Matches(const Regex &regex, std::string_view text);
    // False at the end, and when the expression takes too long on this text.
    bool next();
    size_t begin() const { return begin_; }
    size_t end() const { return end_; }
    const Status &status() const { return status_; }

  private:
    int search();

    const Regex &regex_;
    std::string_view text_;
    size_t at_ = 0, begin_ = 0, end_ = 0;
    bool matched_ = false;
    Status status_;
  };

private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The same expression in PCRE2's syntax, with the Unicode tables of Oniguruma.
// Unsupported where PCRE2 has no equivalent.
Result<std::string> translateRegex(const std::string &pattern);

} // namespace sluice
