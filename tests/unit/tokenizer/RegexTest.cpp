#include "runtime/tokenizer/Regex.h"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

// The matches of `pattern`, or the error.
std::vector<std::string> matches(const std::string &pattern,
                                 std::string_view text) {
  Result<Regex> regex = Regex::compile(pattern);
  if (!regex.ok())
    return {regex.status().message()};
  std::vector<std::string> found;
  Regex::Matches all(*regex, text);
  while (all.next())
    found.emplace_back(text.substr(all.begin(), all.end() - all.begin()));
  if (!all.status().ok())
    found.push_back(all.status().message());
  return found;
}

using Strings = std::vector<std::string>;

TEST(Regex, FollowsOniguruma) {
  struct Case {
    const char *pattern, *text;
    Strings found;
  };
  const Case cases[] = {
      {"\\h+", "12fg", {"12f"}}, // hexadecimal digits, not spaces
      {"[a-z&&[^aeiou]]+", "hello", {"h", "ll"}},
      {"[^a-z&&[^0-9]]", "a1b", {"1"}},
      {"[a[0-9]]+", "a1b2", {"a1", "2"}},
      {"[]a]+", "a]b", {"a]"}},
      {"(?m)a.b", "a\nb", {"a\nb"}}, // the dot matches line ends
      {"^.", "a\nb", {"a", "b"}},    // at every line
      {"a{,2}", "aaa", {"aa", "a"}},
      {"a{2}+", "aaaa", {"aaaa"}}, // not possessive
      {"a{2}?b", "b", {"b"}},      // not lazy
      {"a{x}", "a{x}", {"a{x}"}},
      {"a(?i)b|C", "aBaC", {"aB", "aC"}}, // to the end of the group
      {"(?:a(?i)b|c)d", "aCdcd", {"aCd"}},
      {"\\p{^L}", "a1", {"1"}},
      {"\\p{Uppercase_Letter}", "aB", {"B"}},
      {"[[:punct:]]+", "a$!b", {"$!"}},
      {"\\w+", "\u00bd\u0301-", {"\u00bd\u0301"}},
      {"[\\w]+", "\u00bda", {"a"}},
      {"\\s", "\u180e\u0085", {"\u0085"}},
      {"\\bab\\b", "ab ab\u0301", {"ab"}},
      {"\\u0061|\\x62|\\x{63}", "abc", {"a", "b", "c"}},
      {"\\Qa", "Qa", {"Qa"}},
      {"x?", "axa", {"", "x", ""}},             // no empty match behind a match
      {"\\p{L}", "\U000105c0", {"\U000105c0"}}, // Unicode 16
      {"\\p{Han}", "\U00031350\u3007", {"\U00031350", "\u3007"}},
  };
  for (const Case &c : cases)
    EXPECT_EQ(matches(c.pattern, c.text), c.found) << c.pattern;
}

TEST(Regex, SaysWhatItDoesNotKnow) {
  for (auto [pattern, why] :
       {std::pair{"\\p{Mystery}", "unknown property 'Mystery'"},
        std::pair{"\\y", "\\y"}, std::pair{"[b-a]", "ends before it begins"},
        std::pair{"[[a]", "a class without an end"},
        std::pair{"\\x{d800}", "does not exist"}}) {
    Strings found = matches(pattern, "");
    ASSERT_EQ(found.size(), 1u) << pattern;
    EXPECT_NE(found[0].find(why), std::string::npos) << found[0];
  }
  std::string deep(1000, '[');
  EXPECT_NE(matches(deep, "")[0].find("nested"), std::string::npos);
}

} // namespace
} // namespace sluice::test
