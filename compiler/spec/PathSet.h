// Dotted paths that are looked up by their last parts, as blocks name them.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace sluice::spec {

class PathSet {
public:
  void add(const std::string &path) {
    paths_.push_back(path);
    reversed_.insert(reversed(path));
  }

  // Whether a path is `name` or ends in "." + name.
  bool endsIn(const std::string &name) const {
    std::string start = reversed(name);
    auto it = reversed_.lower_bound(start);
    return it != reversed_.end() && it->starts_with(start);
  }
  bool contains(const std::string &path) const {
    return reversed_.count(reversed(path));
  }

  // In the order in which they were added.
  const std::vector<std::string> &paths() const { return paths_; }

private:
  // "a.b" -> "b.a.", so that what ends alike begins alike.
  static std::string reversed(const std::string &path) {
    std::string text = "." + path;
    std::reverse(text.begin(), text.end());
    return text;
  }

  std::vector<std::string> paths_;
  std::set<std::string> reversed_;
};

} // namespace sluice::spec
