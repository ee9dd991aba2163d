#include "compiler/spec/Tree.h"

#include "compiler/spec/Names.h"

#include <map>
#include <sstream>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace sluice::spec {

const Tree *Tree::find(const std::string &key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key)
      return &items[i];
  return nullptr;
}

namespace {

class TreeBuilder final : public YAML::EventHandler {
public:
  static constexpr size_t maxDepth = 64;

  TreeBuilder(const std::string &file, const std::string &text,
              Diagnostics &diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {
    lineStarts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n')
        lineStarts_.push_back(i + 1);
  }

  Tree root;

  void OnDocumentStart(const YAML::Mark &) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    Tree tree = start(Tree::Kind::Null, mark, "", anchor);
    add(std::move(tree));
  }
  void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override {
    diagnostics_.error(at(mark), "aliases ('*name') are not allowed");
    add(start(Tree::Kind::Null, mark, "", 0));
  }
  void OnScalar(const YAML::Mark &mark, const std::string &tag,
                YAML::anchor_t anchor, const std::string &value) override {
    Tree tree = start(Tree::Kind::Scalar, mark, tag, anchor);
    tree.text = value;
    tree.quoted = tag == "!";
    locateText(tree, mark);
    add(std::move(tree));
  }
  void OnSequenceStart(const YAML::Mark &mark, const std::string &tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(start(Tree::Kind::List, mark, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark &mark, const std::string &tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(start(Tree::Kind::Map, mark, tag, anchor));
  }
  void OnMapEnd() override { close(); }

private:
  Location at(const YAML::Mark &mark) const {
    return {file_, mark.line + 1, mark.column + 1};
  }

  Tree start(Tree::Kind kind, const YAML::Mark &mark, const std::string &tag,
             YAML::anchor_t anchor) {
    if (anchor)
      diagnostics_.error(at(mark), "anchors ('&name') are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!")
      diagnostics_.error(at(mark), "tags (" + quote(tag) + ") are not allowed");
    Tree tree;
    tree.kind = kind;
    tree.location = at(mark);
    return tree;
  }

  void locateText(Tree &tree, const YAML::Mark &mark) const {
    if (mark.line < 0 || size_t(mark.line) >= lineStarts_.size())
      return;
    size_t begin = lineStarts_[mark.line] + mark.column;
    if (tree.quoted && begin < text_.size() &&
        (text_[begin] == '\'' || text_[begin] == '"'))
      ++begin;
    if (begin <= text_.size() &&
        text_.compare(begin, tree.text.size(), tree.text) == 0 &&
        tree.text.find('\n') == std::string::npos)
      tree.textColumn = int(begin - lineStarts_[mark.line]) + 1;
  }

  void open(Tree tree) {
    if (open_.size() == maxDepth)
      diagnostics_.error(tree.location, "nested more than " +
                                            std::to_string(maxDepth) + " deep");
    open_.push_back(std::move(tree));
    keys_.emplace_back();
  }

  void close() {
    Tree tree = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    add(std::move(tree));
  }

  void add(Tree tree) {
    if (open_.empty()) {
      root = std::move(tree);
      return;
    }
    Tree &parent = open_.back();
    if (parent.isMap() && parent.keys.size() == parent.items.size()) {
      addKey(parent, std::move(tree));
      return;
    }
    parent.items.push_back(std::move(tree));
  }

  void addKey(Tree &parent, Tree key) {
    if (!key.isScalar())
      diagnostics_.error(key.location, "a key must be a plain word");
    else if (key.text == "<<")
      diagnostics_.error(key.location, "merge keys ('<<') are not allowed");
    else if (!key.quoted && isYamlBoolean(key.text))
      diagnostics_.error(key.location, quote(key.text) +
                                           " is a boolean in YAML 1.1 and "
                                           "cannot be a name");
    auto [first, isNew] = keys_.back().emplace(key.text, key.location);
    if (key.isScalar() && !isNew) {
      Diagnostic &d =
          diagnostics_.error(key.location, "duplicate key " + quote(key.text));
      d.notes.push_back("first used at " + printLocation(first->second));
    }
    parent.keys.push_back(std::move(key));
  }

  const std::string &file_;
  const std::string &text_;
  Diagnostics &diagnostics_;
  std::vector<size_t> lineStarts_;
  std::vector<Tree> open_;
  std::vector<std::map<std::string, Location>> keys_; // of each open map
};

} // namespace

// yaml-cpp takes a tab as indentation in places where other readers do not.
static void refuseTabs(const std::string &file, const std::string &text,
                       Diagnostics &diagnostics) {
  int line = 1;
  bool indent = true;
  size_t lineStart = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      indent = true;
      lineStart = i + 1;
    } else if (indent && text[i] == '\t') {
      diagnostics.error({file, line, int(i - lineStart) + 1},
                        "a tab in the indentation; use spaces");
      return;
    } else if (text[i] != ' ') {
      indent = false;
    }
  }
}

std::optional<Tree> readTree(const std::string &file, const std::string &text,
                             Diagnostics &diagnostics) {
  constexpr size_t maxBytes = 4 << 20;
  diagnostics.addSource(file, text);
  int before = diagnostics.errorCount();
  if (text.size() > maxBytes) {
    diagnostics.error({file}, "the file is larger than 4 MiB");
    return std::nullopt;
  }
  refuseTabs(file, text, diagnostics);
  if (diagnostics.errorCount() != before)
    return std::nullopt;
  TreeBuilder builder(file, text, diagnostics);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder))
      diagnostics.error({file}, "the file is empty");
    Tree first = std::move(builder.root);
    if (parser.HandleNextDocument(builder))
      diagnostics.error({file}, "a spec is one YAML document, not several");
    builder.root = std::move(first);
  } catch (const YAML::Exception &e) {
    diagnostics.error({file, e.mark.line + 1, e.mark.column + 1},
                      "not valid YAML: " + e.msg);
  }
  if (diagnostics.errorCount() != before)
    return std::nullopt;
  return std::move(builder.root);
}

MapReader::MapReader(const Tree &tree, std::string what,
                     Diagnostics &diagnostics)
    : tree_(tree), what_(std::move(what)), diagnostics_(diagnostics),
      taken_(tree.keys.size(), false) {
  if (!tree.isMap())
    diagnostics.error(tree.location, what_ + " must be a mapping");
}

const Tree *MapReader::take(const std::string &key) {
  asked_.push_back(key);
  for (size_t i = 0; i < tree_.keys.size(); ++i)
    if (tree_.keys[i].text == key) {
      taken_[i] = true;
      return &tree_.items[i];
    }
  return nullptr;
}

const Tree *MapReader::require(const std::string &key) {
  const Tree *found = take(key);
  if (!found && tree_.isMap())
    diagnostics_.error(tree_.location, what_ + " needs the key " + quote(key));
  return found;
}

void MapReader::finish() {
  for (size_t i = 0; i < tree_.keys.size(); ++i)
    if (!taken_[i])
      diagnostics_.error(tree_.keys[i].location,
                         "unknown key " + quote(tree_.keys[i].text) + " of " +
                             what_ + suggest(tree_.keys[i].text, asked_));
}

} // namespace sluice::spec
