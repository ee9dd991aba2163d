#include "compiler/spec/Extend.h"

#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

static bool isOneOf(const std::string &text,
                    std::initializer_list<const char *> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

static bool isNone(const Tree &tree) {
  return tree.isScalar() && !tree.quoted && tree.text == "none";
}

// Keys whose mapping is one thing, not a table.
static bool isWhole(const std::string &key) {
  return isOneOf(key, {"hf", "gguf", "raw", "values", "each", "default",
                       "size_of", "absent", "same_as", "bias"});
}

static size_t indexOf(const Tree &map, const std::string &key) {
  for (size_t i = 0; i < map.keys.size(); ++i)
    if (map.keys[i].text == key)
      return i;
  return map.keys.size();
}

static void erase(Tree &map, size_t at) {
  map.keys.erase(map.keys.begin() + long(at));
  map.items.erase(map.items.begin() + long(at));
}

static void append(Tree &list, Tree more) {
  for (Tree &item : more.items)
    list.items.push_back(std::move(item));
}

namespace {
class Extension {
public:
  explicit Extension(Diagnostics &diagnostics) : diagnostics_(diagnostics) {}

  // `lists`: those in the mapping are appended; `removes`: none takes away.
  void merge(Tree &base, Tree own, bool lists, bool removes) {
    base.location = own.location;
    for (size_t i = 0; i < own.keys.size(); ++i) {
      Tree &key = own.keys[i], &item = own.items[i];
      if (removes)
        takeHeld(base, key.text, item);
      size_t at = indexOf(base, key.text);
      if (removes && isNone(item)) {
        remove(base, at, key);
      } else if (at == base.keys.size()) {
        base.keys.push_back(std::move(key));
        base.items.push_back(std::move(item));
      } else if (lists && base.items[at].isList() && item.isList()) {
        append(base.items[at], std::move(item));
      } else if (joins(base.items[at], item, key.text)) {
        base.keys[at] = std::move(key);
        merge(base.items[at], std::move(item), lists, removes);
      } else {
        base.keys[at] = std::move(key);
        base.items[at] = std::move(item);
      }
    }
  }

private:
  static bool joins(const Tree &base, const Tree &own, const std::string &key) {
    if (!base.isMap() || !own.isMap() || isWhole(key))
      return false;
    // A weight of its own is not the fused one, nor the other way round.
    return !(base.find("shape") && own.find("holds")) &&
           !(base.find("holds") && own.find("shape"));
  }

  void remove(Tree &base, size_t at, const Tree &key) {
    if (at < base.keys.size())
      return erase(base, at);
    std::vector<std::string> names;
    for (const Tree &other : base.keys)
      names.push_back(other.text);
    diagnostics_.error(key.location, "the base has no " + quote(key.text) +
                                         " to take away" +
                                         suggest(key.text, names));
  }

  static void takeHeld(Tree &base, const std::string &name, const Tree &own) {
    const Tree *holds = own.isMap() ? own.find("holds") : nullptr;
    if (!holds)
      return;
    for (const Tree &part : holds->items)
      if (part.isMap() && part.keys.size() == 1 && part.keys[0].text != name)
        if (size_t at = indexOf(base, part.keys[0].text); at < base.keys.size())
          erase(base, at);
  }

  Diagnostics &diagnostics_;
};
} // namespace

void extend(Tree &base, Tree own, Diagnostics &diagnostics) {
  Extension extension(diagnostics);
  base.location = own.location;
  for (size_t i = 0; i < own.keys.size(); ++i) {
    Tree &key = own.keys[i], &item = own.items[i];
    bool lists = isOneOf(key.text, {"check", "words", "inert", "ignore"});
    bool removes =
        isOneOf(key.text, {"use", "weights", "state", "blocks", "entries"});
    size_t at = indexOf(base, key.text);
    if (at == base.keys.size()) {
      base.keys.push_back(std::move(key));
      base.items.push_back(std::move(item));
    } else if (lists && base.items[at].isList() && item.isList()) {
      append(base.items[at], std::move(item));
    } else if (base.items[at].isMap() && item.isMap()) {
      extension.merge(base.items[at], std::move(item), lists, removes);
    } else {
      base.items[at] = std::move(item);
    }
  }
}

} // namespace sluice::spec
