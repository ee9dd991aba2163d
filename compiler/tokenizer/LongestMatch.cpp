#include "compiler/tokenizer/LongestMatch.h"

#include "compiler/tokenizer/Lines.h"
#include "runtime/unicode/ByteAlphabet.h"
#include "runtime/unicode/Unicode.h"

#include <charconv>
#include <limits>

namespace sluice::tokenizer {

using nlohmann::json;

namespace {

// So many hexadecimal digits at the beginning of the text, or -1.
int32_t hexadecimal(std::string_view text, size_t digits) {
  uint32_t value = 0;
  const char *first = text.data(),
             *last = first + std::min(digits, text.size());
  auto [end, error] = std::from_chars(first, last, value, 16);
  bool whole = error == std::errc() && end == first + digits;
  return whole && value < 0x110000 ? static_cast<int32_t>(value) : -1;
}

char simpleEscape(char c) {
  switch (c) {
  case 'n':
    return '\n';
  case 't':
    return '\t';
  case 'r':
    return '\r';
  default:
    return c; // a quote or the backslash
  }
}

// `'text'`, `b'bytes'`, or the same in double quotes.
std::optional<std::string> literal(std::string_view text) {
  bool bytes = text.starts_with('b');
  text.remove_prefix(bytes);
  if (text.size() < 2 || (text.front() != '\'' && text.front() != '"') ||
      text.back() != text.front())
    return std::nullopt;
  return unescape(text.substr(1, text.size() - 2), bytes);
}

struct Line {
  int64_t id;
  std::string token;
};

std::optional<Line> readLine(std::string_view line) {
  size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return std::nullopt;
  int64_t id = number(line.substr(0, first)),
          size = number(line.substr(last + 1));
  std::optional<std::string> token =
      literal(line.substr(first + 1, last - first - 1));
  if (id < 0 || !token || token->empty() || size != int64_t(token->size()))
    return std::nullopt;
  return Line{id, std::move(*token)};
}

json longestMatch(const TokenList &list, json vocabulary) {
  return document(
      list, nullptr, byteLevel(false), nullptr, byteLevel(false),
      {{"type", "WordPiece"},
       {"unk_token", ""},
       {"continuing_subword_prefix", ""},
       {"max_input_chars_per_word", std::numeric_limits<uint32_t>::max()},
       {"vocab", std::move(vocabulary)}});
}

} // namespace

std::optional<std::string> unescape(std::string_view body, bool bytes) {
  std::string result;
  for (size_t at = 0; at < body.size(); ++at) {
    if (body[at] != '\\') {
      result += body[at];
      continue;
    }
    if (++at == body.size())
      return std::nullopt;
    char kind = body[at];
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0 || (bytes && digits > 2)) {
      result += simpleEscape(kind);
      continue;
    }
    int32_t value = hexadecimal(body.substr(at + 1), digits);
    if (value < 0)
      return std::nullopt;
    if (bytes)
      result += static_cast<char>(value);
    else
      unicode::append(result, value);
    at += digits;
  }
  return result;
}

bool isLiteralFile(std::string_view text) {
  return readLine(firstLine(text)).has_value();
}

Result<json> fromLiterals(std::string_view text) {
  json vocabulary = json::object();
  int64_t line = 0, bad = 0;
  forLines(text, [&](std::string_view content) {
    ++line;
    std::optional<Line> entry = readLine(content);
    if (entry)
      vocabulary[unicode::toByteAlphabet(entry->token)] = entry->id;
    else if (!content.empty())
      bad = line;
    return bad == 0;
  });
  if (bad > 0)
    return Status(Code::Corrupt, "line " + std::to_string(bad) +
                                     " is not an id, a literal and the number "
                                     "of its bytes");
  return longestMatch({}, std::move(vocabulary));
}

Result<json> fromEscaped(TokenList list) {
  json vocabulary = json::object();
  for (size_t id = 0; id < list.tokens.size(); ++id) {
    if (list.types[id] == TokenType::Unused)
      continue;
    std::string &token = list.tokens[id];
    if (list.types[id] == TokenType::Normal) {
      std::optional<std::string> bytes = unescape(token, true);
      if (!bytes)
        return Status(Code::Corrupt, "token " + std::to_string(id) + " ('" +
                                         token + "') has a malformed escape");
      token = unicode::toByteAlphabet(*bytes);
    }
    vocabulary[token] = id;
  }
  return longestMatch(list, std::move(vocabulary));
}

} // namespace sluice::tokenizer
