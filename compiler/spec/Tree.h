// YAML as a plain tree in which every scalar knows its place.
#pragma once

#include "compiler/spec/Diagnostics.h"
#include "compiler/spec/Location.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice::spec {

struct Tree {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  Location location;
  std::string text;    // Scalar
  bool quoted = false; // Scalar: in quotes or a block scalar
  // Scalar: the column of its first character if the text stands in the file
  // exactly like this on one line, else 0.
  int textColumn = 0;
  std::vector<Tree> keys;  // Map, scalars, parallel to `items`
  std::vector<Tree> items; // List and Map

  bool isScalar() const { return kind == Kind::Scalar; }
  bool isList() const { return kind == Kind::List; }
  bool isMap() const { return kind == Kind::Map; }

  const Tree *find(const std::string &key) const;
};

// Refuses anchors, aliases, tags, duplicate keys, tabs in indentation, keys
// that YAML 1.1 reads as booleans, and anything but exactly one document.
std::optional<Tree> readTree(const std::string &file, const std::string &text,
                             Diagnostics &diagnostics);

// Takes the fields of a map one by one; `finish` reports what nobody took.
class MapReader {
public:
  MapReader(const Tree &tree, std::string what, Diagnostics &diagnostics);

  bool valid() const { return tree_.isMap(); }
  const Tree &tree() const { return tree_; }
  // Null if the map has no such key.
  const Tree *take(const std::string &key);
  // Like `take`, with an error if the key is missing.
  const Tree *require(const std::string &key);
  void finish();

private:
  const Tree &tree_;
  std::string what_;
  Diagnostics &diagnostics_;
  std::vector<std::string> asked_;
  std::vector<bool> taken_;
};

} // namespace sluice::spec
