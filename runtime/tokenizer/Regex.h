// Regular expressions over UTF-8 (by PCRE2, with its JIT compiler).
#pragma once

#include "runtime/support/Status.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

class Regex {
public:
  static Result<Regex> compile(const std::string &pattern);
  // Matches exactly this text.
  static Result<Regex> literal(std::string_view text);

  Regex(Regex &&) noexcept;
  Regex &operator=(Regex &&) noexcept;
  ~Regex();

  // Calls `match(begin, end)` for every match, from left to right; empty
  // matches are passed over. Unsupported if the expression takes too long on
  // this text. Safe from several threads.
  Status forEach(std::string_view text,
                 const std::function<void(size_t, size_t)> &match) const;
  Result<std::string> replace(std::string_view text,
                              std::string_view with) const;

private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice
