#include "compiler/spec/Names.h"

#include <algorithm>
#include <cstdint>

namespace sluice::spec {

static bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool isNameCharacter(char c, bool digits) {
  return isLetter(c) || (digits && c >= '0' && c <= '9');
}

bool isName(std::string_view text) {
  if (text.empty() || !isLetter(text[0]))
    return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return isNameCharacter(c, true); });
}

bool isYamlBoolean(std::string_view text) {
  std::string lower(text);
  for (char &c : lower)
    c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return lower == "on" || lower == "off" || lower == "yes" || lower == "no";
}

static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1,
                         diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view wrong,
                    const std::vector<std::string> &candidates,
                    std::optional<size_t> most) {
  std::string best;
  // Long names are not worth comparing exactly, and hostile ones too slow.
  if (wrong.size() > 200)
    return best;
  size_t bestDistance =
      most.value_or(std::max<size_t>(2, wrong.size() / 3)) + 1;
  size_t steps = 0; // a hundred thousand names must not take seconds
  for (const std::string &candidate : candidates) {
    if ((steps += wrong.size() * candidate.size()) > 20'000'000)
      break;
    if (candidate.size() > wrong.size() + bestDistance ||
        wrong.size() > candidate.size() + bestDistance)
      continue;
    size_t distance = editDistance(wrong, candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string join(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string withoutDigits(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

std::string quote(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string suggest(std::string_view wrong,
                    const std::vector<std::string> &candidates) {
  std::string text;
  std::string near = nearest(wrong, candidates);
  if (!near.empty())
    text += "; did you mean " + quote(near) + "?";
  if (!candidates.empty() && candidates.size() <= 8)
    text += (near.empty() ? "; valid: " : " (valid: ") + join(candidates) +
            (near.empty() ? "" : ")");
  return text;
}

std::string printShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::optional<InstanceName> instanceName(std::string_view text) {
  size_t open = text.find('['), close = open;
  if (open == text.npos)
    return std::nullopt;
  for (int depth = 0; close < text.size(); ++close)
    if (depth += (text[close] == '[') - (text[close] == ']'); depth == 0)
      break;
  if (close == text.size())
    return std::nullopt;
  return InstanceName{
      std::string(text.substr(0, open)).append(text.substr(close + 1)),
      std::string(text.substr(open + 1, close - open - 1))};
}

bool matchesPattern(std::string_view pattern, std::string_view name) {
  // Greedy with one point to return to per kind of star, so that a hostile
  // pattern costs at most pattern x name steps per star.
  size_t p = 0, n = 0;
  size_t starP = std::string_view::npos, starN = 0;
  size_t wideP = std::string_view::npos, wideN = 0;
  while (n < name.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (p + 1 < pattern.size() && pattern[p + 1] == '*') {
        wideP = p += 2;
        wideN = n;
        starP = std::string_view::npos;
      } else {
        starP = ++p;
        starN = n;
      }
      continue;
    }
    if (p < pattern.size() && n < name.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
      continue;
    }
    if (starP != std::string_view::npos && starN < name.size() &&
        name[starN] != '.') {
      n = ++starN;
      p = starP;
      continue;
    }
    if (wideP != std::string_view::npos && wideN < name.size()) {
      n = ++wideN;
      p = wideP;
      starP = std::string_view::npos;
      continue;
    }
    return false;
  }
  return true;
}

} // namespace sluice::spec
