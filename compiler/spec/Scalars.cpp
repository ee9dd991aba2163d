// Scalars, data and name templates as the spec holds them.
#include "compiler/spec/Expr.h"
#include "compiler/spec/Names.h"

#include <charconv>

namespace sluice::spec {

Location Scalar::at(int offset) const {
  Location place = location;
  if (textColumn > 0)
    place.column = textColumn + offset;
  return place;
}

static std::optional<Value> parseNumber(const std::string &text) {
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = std::string_view(text).substr(negative ? 1 : 0);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9')
    return std::nullopt;
  const char *first = text.data(), *last = first + text.size();
  if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
    int64_t integer = 0;
    auto result = std::from_chars(first, last, integer);
    if (result.ec == std::errc() && result.ptr == last)
      return Value(integer);
    return std::nullopt;
  }
  if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      digits.back() == '.')
    return std::nullopt;
  double number = 0;
  auto result = std::from_chars(first, last, number);
  if (result.ec == std::errc() && result.ptr == last)
    return Value(number);
  return std::nullopt;
}

static Value parseLiteral(const Tree &tree) {
  if (tree.quoted)
    return tree.text;
  if (tree.text == "true" || tree.text == "false")
    return tree.text == "true";
  if (tree.text == "none")
    return Value();
  if (std::optional<Value> number = parseNumber(tree.text))
    return *number;
  return tree.text;
}

Scalar parseScalar(const Tree &tree, Diagnostics &diagnostics) {
  Scalar scalar;
  scalar.location = tree.location;
  scalar.textColumn = tree.textColumn;
  scalar.text = tree.text;
  if (!tree.isScalar()) {
    diagnostics.error(tree.location,
                      tree.kind == Tree::Kind::Null
                          ? "expected a value; 'no value' is written none"
                          : "expected a single value");
    return scalar;
  }
  if (tree.text.find('$') == std::string::npos &&
      tree.text.find("has(") == std::string::npos &&
      tree.text.find("given(") == std::string::npos) {
    scalar.literal = parseLiteral(tree);
    return scalar;
  }
  // Later stages see none; they do not run after an error of this one.
  scalar.expr = parseExpr(scalar, diagnostics);
  return scalar;
}

const Data *Data::find(const std::string &key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key)
      return &items[i];
  return nullptr;
}

Data parseData(const Tree &tree, Diagnostics &diagnostics) {
  Data data;
  data.location = tree.location;
  if (tree.isList() || tree.isMap()) {
    data.kind = tree.isList() ? Data::Kind::List : Data::Kind::Map;
    for (const Tree &key : tree.keys) {
      Scalar name;
      name.location = key.location;
      name.textColumn = key.textColumn;
      name.text = key.text;
      name.literal = key.text;
      data.keys.push_back(std::move(name));
    }
    for (const Tree &item : tree.items)
      data.items.push_back(parseData(item, diagnostics));
    return data;
  }
  data.scalar = parseScalar(tree, diagnostics);
  return data;
}

static void parsePiece(Template &out, const Tree &tree, size_t &at,
                       Diagnostics &diagnostics) {
  const std::string &text = tree.text;
  Location place = tree.location;
  if (tree.textColumn > 0)
    place.column = tree.textColumn + int(at);
  Template::Piece piece;
  if (at + 1 < text.size() && text[at + 1] == '{') {
    size_t end = text.find('}', at);
    if (end == std::string::npos) {
      diagnostics.error(place, "'${' without a closing '}'");
      at = text.size();
      return;
    }
    Scalar scalar;
    scalar.location = place;
    scalar.textColumn = tree.textColumn > 0 ? tree.textColumn + int(at) + 2 : 0;
    scalar.text = text.substr(at + 2, end - at - 2);
    scalar.expr = parseExpr(scalar, diagnostics);
    piece.scalar = std::move(scalar);
    at = end + 1;
  } else {
    size_t end = at + 1;
    while (end < text.size() && isNameCharacter(text[end], end > at + 1))
      ++end;
    piece.name = text.substr(at + 1, end - at - 1);
    if (piece.name.empty())
      diagnostics.error(place, "'$' must be followed by a name or '{'");
    at = end;
  }
  out.pieces.push_back(std::move(piece));
}

Template parseTemplate(const Tree &tree, Diagnostics &diagnostics) {
  Template out;
  out.location = tree.location;
  out.text = tree.text;
  if (!tree.isScalar()) {
    diagnostics.error(tree.location, "expected a name");
    return out;
  }
  size_t at = 0;
  while (at < tree.text.size()) {
    if (tree.text[at] == '$') {
      parsePiece(out, tree, at, diagnostics);
      continue;
    }
    size_t end = std::min(tree.text.find('$', at), tree.text.size());
    Template::Piece piece;
    piece.literal = tree.text.substr(at, end - at);
    out.pieces.push_back(std::move(piece));
    at = end;
  }
  return out;
}

} // namespace sluice::spec
