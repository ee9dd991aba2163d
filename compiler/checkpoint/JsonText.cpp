#include "compiler/checkpoint/JsonText.h"

namespace sluice::checkpoint {

// The end of the string that starts at `at`, behind its closing quote.
static size_t skipString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    at += text[at] == '\\';
  return std::min(at + 1, text.size());
}

std::string quoteNonNumbers(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    if (text[at] == '"') {
      end = skipString(text, at);
    } else {
      for (std::string_view word : {"NaN", "Infinity", "-Infinity"})
        if (text.substr(at, word.size()) == word) {
          out += '"';
          end = at + word.size();
        }
    }
    bool quoted = text[at] != '"' && end > at + 1;
    out += text.substr(at, end - at);
    out += quoted ? "\"" : "";
    at = end;
  }
  return out;
}

namespace {

// Walks over the tokens of a text that a parser has accepted.
class PlaceFinder {
public:
  PlaceFinder(std::string_view text, const std::vector<std::string> &path)
      : text_(text), parts_(path) {}

  std::optional<size_t> find() {
    for (size_t at = 0; at < text_.size();) {
      char c = text_[at];
      if (c == '"') {
        size_t end = skipString(text_, at);
        if (!open_.empty() && open_.back().object && open_.back().key)
          enter(text_.substr(at + 1, end - at - 2), at);
        else
          value(at);
        at = end;
        continue;
      }
      if (c == '{' || c == '[') {
        value(at);
        open_.push_back({.object = c == '{'});
      } else if ((c == '}' || c == ']') && !open_.empty()) {
        open_.pop_back();
      } else if (c == ',' && !open_.empty()) {
        open_.back().key = true;
        ++open_.back().index;
        open_.back().seen = false;
      } else if (c != ':' && c != ' ' && c != '\t' && c != '\n' && c != '\r') {
        value(at);
      }
      ++at;
    }
    return found_;
  }

private:
  struct Level {
    bool object = false;
    bool key = true; // object: a key comes next
    size_t index = 0;
    bool seen = false;   // list: the element has begun
    bool onPath = false; // the member at hand is part of the path
  };

  void enter(std::string_view name, size_t at) {
    size_t depth = open_.size() - 1;
    bool above = depth == 0 || open_[depth - 1].onPath;
    open_[depth].key = false;
    open_[depth].onPath =
        above && depth < parts_.size() && parts_[depth] == name;
    if (open_[depth].onPath && depth + 1 == parts_.size())
      found_ = at;
  }

  void value(size_t at) {
    if (open_.empty() || open_.back().object || open_.back().seen)
      return;
    open_.back().seen = true;
    enter(std::to_string(open_.back().index), at);
  }

  std::string_view text_;
  const std::vector<std::string> &parts_;
  std::vector<Level> open_;
  std::optional<size_t> found_;
};

} // namespace

std::optional<TextPlace> placeOf(std::string_view text, std::string_view path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return placeOf(text, parts);
}

std::optional<TextPlace> placeOf(std::string_view text,
                                 const std::vector<std::string> &path) {
  std::optional<size_t> at = PlaceFinder(text, path).find();
  if (!at)
    return std::nullopt;
  TextPlace place{1, 1};
  for (char c : text.substr(0, *at)) {
    place.line += c == '\n';
    place.column = c == '\n' ? 1 : place.column + 1;
  }
  return place;
}

} // namespace sluice::checkpoint
