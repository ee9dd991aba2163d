// A bound model as a spec that binds to the same: scalars, config, weights and
// states.
#include "compiler/checkpoint/Message.h"
#include "compiler/spec/Names.h"
#include "compiler/spec/Printer.h"
#include "compiler/spec/Spec.h"
#include "compiler/spec/Transforms.h"

#include <algorithm>
#include <set>

namespace sluice::spec {

std::string printResolved(const Model &model, const std::string &specs) {
  return Printer(model, specs).run();
}

std::string Printer::place(Location location) const {
  location.file = nameFrom(specs_, location.file);
  return printLocation(location);
}

std::string yamlText(const std::string &text) {
  static const std::set<std::string> special = {"true", "false", "none", "null",
                                                "~",    "Null",  "NULL"};
  bool plain = !text.empty() && !special.count(text) && !isYamlBoolean(text) &&
               (text[0] < '0' || text[0] > '9') && text[0] != '-' &&
               text[0] != '.';
  for (char c : text)
    plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' ||
             c == '$' || c == '/';
  if (plain)
    return text;
  std::string out = "\"";
  for (char c : text) {
    auto byte = uint8_t(c);
    if (byte < ' ' || byte == 0x7f) { // YAML folds breaks and refuses others
      constexpr char digits[] = "0123456789abcdef";
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string yamlScalar(const Value &value) {
  if (value.isList()) {
    std::string text = "[";
    for (const Value &element : value.list())
      text += (text.size() > 1 ? ", " : "") + yamlScalar(element);
    return text + "]";
  }
  if (!value.isText())
    return print(value);
  // As an expression, so that the `$` is not taken for a name.
  if (value.text().find('$') != std::string::npos ||
      value.text().find("has(") != std::string::npos)
    return yamlText("'" + value.text() + "'");
  return yamlText(value.text());
}

// A comment ends at the end of its line, whatever a file's key holds.
static std::string commentText(std::string text) {
  for (char &c : text)
    c = uint8_t(c) < ' ' ? ' ' : c;
  return checkpoint::printable(std::move(text));
}

void Printer::line(int depth, const std::string &text,
                   const std::string &comment) {
  out_ += std::string(size_t(depth) * 2, ' ') + text;
  if (!comment.empty())
    out_ += "  # " + commentText(comment);
  out_ += "\n";
}

// "a", "a.b" and "a.b.c" of "a.b.c".
static std::vector<std::string> prefixes(const std::string &path) {
  std::vector<std::string> out;
  for (size_t dot = path.find('.'); dot != std::string::npos;
       dot = path.find('.', dot + 1))
    out.push_back(path.substr(0, dot));
  out.push_back(path);
  return out;
}

static std::string lastPart(const std::string &path) {
  return path.substr(path.rfind('.') + 1);
}

std::string Printer::run() {
  line(0, "sluice: 1");
  line(0, "family: " + model_.family);
  config();
  for (const Entry &entry : model_.entries)
    countInstances(entry.nodes);
  for (const Weight &weight : model_.weights)
    for (const std::string &prefix : prefixes(weight.path))
      parts_.insert(lastPart(prefix));
  for (const State &state : model_.states)
    for (const std::string &prefix : prefixes(state.path))
      parts_.insert(lastPart(prefix));
  for (const std::string &part : std::set<std::string>(parts_))
    nameInner(part);
  Group weights, states;
  for (const Weight &weight : model_.weights)
    addRow(weights, weight, "");
  for (const State &state : model_.states)
    addRow(states, state, "");
  for (const auto &[path, count] : counts_)
    if (!hasGroup(states, path))
      addGroup(weights, path);
  if (!weights.order.empty())
    line(0, "weights:");
  group(weights, "", 1);
  ignored();
  if (!model_.states.empty()) {
    line(0, "state:");
    group(states, "", 1);
  }
  graph();
  return std::move(out_);
}

void Printer::config() {
  if (!model_.unreadKeys.empty())
    line(0, "# keys of the checkpoint that nothing reads: " +
                commentText(join(model_.unreadKeys)));
  std::string keys;
  for (const std::string &key : model_.keys)
    keys += (keys.empty() ? "" : ", ") + yamlText(escapeName(key));
  if (!keys.empty()) // what they say is in the numbers below
    line(0, "inert: {" + model_.format + ": [" + keys + "]}");
  if (model_.config.empty())
    return;
  line(0, "config:");
  std::vector<std::string> open;
  for (const ConfigValue &value : model_.config) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t dot = value.name.find('.'); dot != std::string::npos;
         dot = value.name.find('.', begin)) {
      parts.push_back(value.name.substr(begin, dot - begin));
      begin = dot + 1;
    }
    size_t same = 0;
    while (same < open.size() && same < parts.size() &&
           open[same] == parts[same])
      ++same;
    for (size_t i = same; i < parts.size(); ++i)
      line(int(i) + 1, parts[i] + ":");
    open = parts;
    line(int(parts.size()) + 1,
         value.name.substr(begin) + ": " + yamlScalar(value.value),
         value.source);
  }
}

void Printer::countInstances(const std::vector<Node> &nodes) {
  for (const Node &node : nodes) {
    if (!node.repeat)
      continue;
    int64_t &count = counts_[node.repeat->group];
    count = std::max(count, int64_t(node.repeat->calls.size()));
    for (const Repeat::Call &call : node.repeat->calls)
      countInstances(call.body.nodes);
  }
}

static const std::map<int64_t, const Weight *> &
rowsOf(const std::map<std::string, std::map<int64_t, const Weight *>> &map,
       const std::string &name) {
  return map.find(name)->second;
}

void Printer::nameInner(const std::string &part) {
  size_t open = part.find('[');
  if (open == std::string::npos)
    return;
  std::string name = part.substr(0, open) + "_" +
                     part.substr(open + 1, part.size() - open - 2);
  while (!parts_.insert(name).second)
    name += "_";
  inner_[part] = name;
}

std::string Printer::named(const std::string &path) const {
  std::string out;
  for (const std::string &prefix : prefixes(path)) {
    std::string part = lastPart(prefix);
    auto inner = inner_.find(part);
    out += (out.empty() ? "" : ".") +
           (inner == inner_.end() ? part : inner->second);
  }
  return out;
}

bool Printer::hasGroup(const Group &root, const std::string &path) {
  const Group *at = &root;
  for (const std::string &prefix : prefixes(path)) {
    auto inner = at->groups.find(lastPart(prefix));
    if (inner == at->groups.end())
      return false;
    at = &inner->second;
  }
  return true;
}

// A group that is repeated over is printed even if nothing is left in it.
void Printer::addGroup(Group &root, const std::string &path) {
  Group *at = &root;
  for (const std::string &prefix : prefixes(path)) {
    std::string name = lastPart(prefix);
    if (!at->groups.count(name))
      at->order.push_back(name);
    at = &at->groups[name];
  }
}

template <typename Row>
void Printer::addRow(Group &root, const Row &row, const std::string &) {
  Group *at = &root;
  size_t begin = 0;
  for (size_t dot = row.path.find('.'); dot != std::string::npos;
       dot = row.path.find('.', begin)) {
    std::string name = row.path.substr(begin, dot - begin);
    // A bias is printed with its weight.
    if (row.path.ends_with(".bias") && dot + 5 == row.path.size() &&
        model_.weight({row.path.substr(0, dot), row.index}))
      return;
    // The outermost group that a repeat or an index names has the instances.
    std::string path = row.path.substr(0, dot);
    if (row.index >= 0 && begin == 0 && !counts_.count(path)) {
      auto inner = counts_.lower_bound(path + ".");
      if (inner == counts_.end() || !inner->first.starts_with(path + "."))
        counts_[path] = 0;
    }
    if (!at->groups.count(name))
      at->order.push_back(name);
    at = &at->groups[name];
    begin = dot + 1;
  }
  if (row.index >= 0)
    for (const std::string &prefix : prefixes(row.path))
      if (auto it = counts_.find(prefix); it != counts_.end())
        it->second = std::max(it->second, row.index + 1);
  std::string name = row.path.substr(begin);
  if constexpr (std::is_same_v<Row, Weight>) {
    if (at->weights[name].empty())
      at->order.push_back(name);
    at->weights[name][row.index] = &row;
  } else {
    if (at->states[name].empty())
      at->order.push_back(name);
    at->states[name][row.index] = &row;
  }
}

int64_t Printer::countOf(const std::string &path) const {
  for (const std::string &prefix : prefixes(path))
    if (auto it = counts_.find(prefix); it != counts_.end())
      return it->second;
  return -1;
}

void Printer::group(const Group &group, const std::string &path, int depth) {
  if (counts_.count(path))
    line(depth, "each: {i: " + std::to_string(counts_.at(path)) + "}");
  std::set<std::string> done;
  fused(group, path, depth, done);
  for (const std::string &name : group.order) {
    std::string full = path.empty() ? name : path + "." + name;
    if (done.count(name))
      continue;
    auto inner = group.groups.find(name);
    if (inner != group.groups.end()) {
      line(depth, named(name) + ":");
      this->group(inner->second, full, depth + 1);
    } else if (group.weights.count(name)) {
      weight(name, full, rowsOf(group.weights, name), depth);
    } else {
      state(name, full, group.states.at(name), depth);
    }
  }
}

void Printer::ignored() {
  if (model_.ignored.empty())
    return;
  std::string text;
  std::set<std::string> names(model_.ignored.begin(), model_.ignored.end());
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + yamlText(escapeName(name));
  line(0, "ignore: {" + model_.format + ": [" + text + "]}");
}

} // namespace sluice::spec
