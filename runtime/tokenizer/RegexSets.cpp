#include "runtime/tokenizer/RegexSets.h"

#include "runtime/unicode/UnicodeTables.h"

#include <cctype>
#include <cstdio>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace sluice::regex {

namespace {

void appendRange(std::string &out, uint32_t first, uint32_t last) {
  char text[40];
  std::snprintf(text, sizeof(text), "\\x{%x}-\\x{%x}", first, last);
  out += text;
}

// What the tables of regular expressions know beyond PCRE2's; for a major
// category all its parts.
void appendNewer(std::string &out, std::string_view name, bool prefix) {
  for (const auto &row : unicode::tables::regex) {
    std::string_view key = row.name;
    bool category = key.size() == 2 && std::islower(uint8_t(key[1]));
    if (prefix ? category && key[0] == name[0] : key == name)
      appendRange(out, row.first, row.last);
  }
}

} // namespace

std::string spaces() { return " \\t-\\r\\x{85}\\p{Z}"; }

std::string words(bool inClass) {
  std::string set = "A-Za-z0-9_\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}";
  appendNewer(set, "w", false);
  if (!inClass)
    set += "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
  return set;
}

std::string category(const std::string &name) {
  // ASCII first: a class answers it from a bitmap.
  std::string set = name == "L"                   ? "A-Za-z"
                    : name == "Lu"                ? "A-Z"
                    : name == "Ll"                ? "a-z"
                    : name == "N" || name == "Nd" ? "0-9"
                                                  : "";
  set += "\\p{" + name + "}";
  appendNewer(set, name, name.size() == 1);
  return set;
}

namespace {

bool compiles(const std::string &pattern) {
  int error;
  PCRE2_SIZE offset;
  pcre2_code *code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                                   pattern.size(), PCRE2_UTF | PCRE2_UCP,
                                   &error, &offset, nullptr);
  pcre2_code_free(code);
  return code;
}

// Lower case without what names may be spelled with.
std::string squeezed(std::string_view name) {
  std::string result;
  for (char c : name)
    if (c != ' ' && c != '_' && c != '-')
      result += char(std::tolower(uint8_t(c)));
  return result;
}

const std::pair<const char *, const char *> categoryNames[] = {
    {"letter", "L"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"privateuse", "Co"},
    {"unassigned", "Cn"}};

} // namespace

std::string posix(const std::string &name) {
  if (name == "alpha")
    return "A-Za-z\\p{Alphabetic}";
  if (name == "digit")
    return category("Nd");
  if (name == "alnum")
    return "A-Za-z0-9\\p{Alphabetic}" + category("Nd");
  if (name == "upper")
    return "\\p{Uppercase}";
  if (name == "lower")
    return "\\p{Lowercase}";
  if (name == "space")
    return spaces();
  if (name == "punct")
    return category("P") + category("S");
  if (name == "cntrl")
    return "\\p{Cc}";
  if (name == "xdigit")
    return "0-9A-Fa-f";
  if (name == "word")
    return words(true);
  if (name == "blank")
    return "\\t\\p{Zs}";
  if (name == "graph" || name == "print" || name == "ascii")
    return "[:" + name + ":]";
  return "";
}

std::string property(const std::string &name) {
  std::string plain = squeezed(name);
  for (const auto &[word, code] : categoryNames) {
    std::string lower = squeezed(code);
    if (plain == word || plain == lower)
      return category(code);
  }
  if (std::string set = posix(plain); !set.empty())
    return set;
  // A script without a prefix would mean its extensions as well to PCRE2.
  for (std::string set : {"\\p{sc:" + name + "}", "\\p{" + name + "}"})
    if (compiles(set)) {
      for (const auto &row : unicode::tables::regex)
        if (squeezed(row.name) == plain)
          appendRange(set, row.first, row.last);
      return set;
    }
  return "";
}

} // namespace sluice::regex
