// The filter wordwrap, by the rules of Python's textwrap.
#include "runtime/template/StringTools.h"

#include "runtime/template/Heap.h"
#include "runtime/unicode/Unicode.h"

#include <algorithm>

namespace sluice::jinja {

namespace {
using Letters = std::vector<int32_t>;

bool isBlank(int32_t c) { return c == ' ' || (c >= 9 && c <= 13); }
bool isLetter(int32_t c) {
  return isWordLetter(c) && !isDecimal(c) && !isNumeric(c);
}

// Cuts a line into runs of spaces and words, and words behind hyphens.
class Chunks {
public:
  Chunks(const Letters &line, bool hyphens) : line_(line), hyphens_(hyphens) {}

  std::vector<Letters> run() {
    std::vector<Letters> chunks;
    for (size_t begin = 0; begin < line_.size();) {
      size_t end = chunkEnd(begin);
      chunks.emplace_back(line_.begin() + int64_t(begin),
                          line_.begin() + int64_t(end));
      begin = end;
    }
    return chunks;
  }

private:
  int32_t at(size_t i) const { return i < line_.size() ? line_[i] : ' '; }
  bool letterAt(size_t i) const { return i < line_.size() && isLetter(at(i)); }

  size_t dashes(size_t i) const {
    size_t end = i;
    while (end < line_.size() && line_[end] == '-')
      ++end;
    return end - i;
  }
  // Dashes between words, that many from `i` on.
  bool dashBetween(size_t i) const {
    if (i == 0)
      return false;
    static const std::string_view marks = "!\"'&.,?";
    int32_t before = line_[i - 1];
    bool word = isWordLetter(before) ||
                (before < 0x80 && marks.find(char(before)) != marks.npos);
    size_t count = dashes(i);
    return word && count >= 2 && i + count < line_.size() &&
           isWordLetter(at(i + count));
  }
  // A hyphen at `i` at which a word may be broken.
  bool breaks(size_t i) const {
    if (line_[i] != '-' || i == 0)
      return false;
    bool before = i >= 2 && letterAt(i - 1) && letterAt(i - 2);
    bool single =
        i >= 3 && letterAt(i - 1) && line_[i - 2] == '-' && letterAt(i - 3);
    bool after = letterAt(i + 1) &&
                 (letterAt(i + 2) || (at(i + 2) == '-' && letterAt(i + 3)));
    return (before || single) && after;
  }

  size_t chunkEnd(size_t begin) const {
    size_t end = begin;
    if (isBlank(line_[begin])) {
      while (end < line_.size() && isBlank(line_[end]))
        ++end;
      return end;
    }
    if (!hyphens_) {
      while (end < line_.size() && !isBlank(line_[end]))
        ++end;
      return end;
    }
    if (dashBetween(begin))
      return begin + dashes(begin);
    for (end = begin + 1; end < line_.size(); ++end) {
      if (isBlank(line_[end]) || dashBetween(end))
        return end;
      if (breaks(end))
        return end + 1;
    }
    return end;
  }

  const Letters &line_;
  bool hyphens_;
};

bool blank(const Letters &chunk) { return isBlank(chunk[0]); }

// Puts chunks on lines; a chunk that is wider than a line is cut, or has one
// for itself.
std::vector<Letters> fill(std::vector<Letters> chunks, size_t width,
                          bool cutLong, bool hyphens) {
  std::vector<Letters> lines;
  std::reverse(chunks.begin(), chunks.end());
  while (!chunks.empty()) {
    std::vector<Letters> line;
    size_t used = 0;
    if (blank(chunks.back()) && !lines.empty())
      chunks.pop_back();
    auto take = [&] {
      used += chunks.back().size();
      line.push_back(std::move(chunks.back()));
      chunks.pop_back();
    };
    while (!chunks.empty() && used + chunks.back().size() <= width)
      take();
    if (!chunks.empty() && chunks.back().size() > width) {
      if (cutLong) {
        Letters &chunk = chunks.back();
        size_t space = std::max<size_t>(width - used, 1);
        if (hyphens && chunk.size() > space) {
          size_t hyphen = space;
          while (hyphen > 0 && chunk[hyphen - 1] != '-')
            --hyphen;
          if (hyphen > 1 &&
              std::any_of(chunk.begin(), chunk.begin() + int64_t(hyphen) - 1,
                          [](int32_t c) { return c != '-'; }))
            space = hyphen;
        }
        auto cut = chunk.begin() + int64_t(std::min(space, chunk.size()));
        line.emplace_back(chunk.begin(), cut);
        chunk.erase(chunk.begin(), cut);
        if (chunk.empty())
          chunks.pop_back();
      } else if (line.empty()) {
        take();
      }
    }
    if (!line.empty() && blank(line.back()))
      line.pop_back();
    if (line.empty())
      continue;
    Letters whole;
    for (const Letters &chunk : line)
      whole.insert(whole.end(), chunk.begin(), chunk.end());
    lines.push_back(std::move(whole));
  }
  return lines;
}
} // namespace

Value wordwrap(Call &c) {
  Heap &heap = c.heap();
  const std::string &text = c.text(0);
  int64_t width = c.integer(1, 79);
  if (width <= 0)
    fail("expected a width of at least 1, found " + std::to_string(width));
  heap.step(text.size());
  heap.room(text.size() * 64);
  bool cutLong = c.flag(2, true), hyphens = c.flag(4, true);
  std::string between = c.set(3) ? c.text(3) : "\n";
  Writer out(heap);
  bool firstLine = true;
  for (std::string_view line : splitLines(text)) {
    out << (firstLine ? "" : between);
    firstLine = false;
    bool first = true;
    Letters letters = unicode::decode(line);
    for (const Letters &part : fill(Chunks(letters, hyphens).run(),
                                    size_t(width), cutLong, hyphens)) {
      std::string bytes;
      for (int32_t letter : part)
        appendCodePoint(bytes, letter);
      out << (first ? "" : between) << bytes;
      first = false;
    }
  }
  return out.value();
}

} // namespace sluice::jinja
