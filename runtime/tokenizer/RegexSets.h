// Sets of characters in regular expressions, as they stand inside a class of
// PCRE2, with the members that Oniguruma's tables have.
#pragma once

#include <string>

namespace sluice::regex {

std::string spaces(); // \s
// \w; outside of a class Oniguruma takes ² ³ ¹ ¼ ½ ¾ for word characters.
std::string words(bool inClass);
// A general category by its one or two letters.
std::string category(const std::string &name);
// [:name:]; empty: not known.
std::string posix(const std::string &name);
// \p{name}; empty: not known.
std::string property(const std::string &name);

} // namespace sluice::regex
