#include "compiler/spec/Names.h"
#include "compiler/spec/Printer.h"
#include "dialects/llm/OpRegistry.h"

#include <algorithm>

namespace sluice::spec {

void Printer::graph() {
  // Entries come last in the file but name the blocks.
  std::string before = std::move(out_);
  out_.clear();
  line(0, "entries:");
  for (const Entry &item : model_.entries)
    entry(item, 1);
  std::string entries = std::move(out_);
  out_ = std::move(before);
  if (!blockOrder_.empty())
    line(0, "blocks:");
  for (const auto &[name, text] : blockOrder_) {
    line(1, name + ":");
    out_ += text;
  }
  out_ += entries;
}

static void markOperand(const Operand &operand, std::vector<bool> &used) {
  if (const auto *id = operand.get<ValueId>())
    used[size_t(id->id)] = true;
  if (const auto *list = operand.get<std::vector<Operand>>())
    for (const Operand &element : *list)
      markOperand(element, used);
}

static void markMask(const Mask &mask, std::vector<bool> &used) {
  for (const MaskTerm &term : mask) {
    for (const MaskArg &arg : term.args)
      if (const auto *id = std::get_if<ValueId>(&arg.data))
        used[size_t(id->id)] = true;
    for (const Mask &alternative : term.any)
      markMask(alternative, used);
  }
}

// An input that its body never reads is not printed, so neither is its use.
static std::vector<bool> inputsUsed(const Body &body,
                                    const std::vector<bool> &used) {
  std::vector<bool> out;
  for (ValueId input : body.inputs)
    out.push_back(used[size_t(input.id)]);
  return out;
}

void Printer::markUsed(const std::vector<Node> &nodes,
                       std::vector<bool> &used) const {
  for (const Node &node : nodes) {
    for (const auto &[name, operand] : node.slots) {
      markOperand(operand, used);
      if (const auto *mask = operand.get<Mask>())
        markMask(*mask, used);
    }
    if (!node.repeat)
      continue;
    for (const Repeat::Call &call : node.repeat->calls) {
      std::vector<bool> inner(size_t(call.body.valueCount), false);
      markUsed(call.body.nodes, inner);
      for (ValueId result : call.body.returns)
        inner[size_t(result.id)] = true;
      std::vector<bool> inputs = inputsUsed(call.body, inner);
      for (size_t i = 0; i < call.args.size(); ++i)
        if (inputs[i])
          used[size_t(call.args[i].id)] = true;
    }
  }
}

std::string Printer::relative(const std::string &path,
                              const Scope &scope) const {
  if (!scope.group.empty() && path.starts_with(scope.group + "."))
    return path.substr(scope.group.size() + 1);
  return path;
}

std::string Printer::mask(const Mask &mask, const Scope &scope) const {
  std::string text = "[";
  for (const MaskTerm &term : mask) {
    text += text.size() > 1 ? ", " : "";
    if (term.args.empty() && term.any.empty()) {
      text += term.kind;
      continue;
    }
    auto value = [&](const MaskArg &arg) {
      const auto *id = std::get_if<ValueId>(&arg.data);
      return id ? scope.names[size_t(id->id)]
                : yamlScalar(std::get<Value>(arg.data));
    };
    text += "{" + term.kind + ": ";
    if (!term.any.empty()) {
      text += "[";
      for (size_t i = 0; i < term.any.size(); ++i)
        text += (i ? ", " : "") + this->mask(term.any[i], scope);
      text += "]";
    } else if (term.args.size() == 1 && term.args[0].name == term.kind) {
      text += value(term.args[0]);
    } else {
      text += "{";
      for (size_t i = 0; i < term.args.size(); ++i)
        text +=
            (i ? ", " : "") + term.args[i].name + ": " + value(term.args[i]);
      text += "}";
    }
    text += "}";
  }
  return text + "]";
}

std::string Printer::operand(const Operand &operand, const Scope &scope) const {
  if (const auto *id = operand.get<ValueId>())
    return scope.names[size_t(id->id)];
  if (const auto *weight = operand.get<WeightRef>())
    return "w." + relative(weight->path, scope);
  if (const auto *state = operand.get<StateRef>())
    return relative(state->path, scope);
  if (const auto *value = operand.get<Value>())
    return yamlScalar(*value);
  if (const auto *terms = operand.get<Mask>())
    return mask(*terms, scope);
  std::string text = "[";
  for (const Operand &element : *operand.get<std::vector<Operand>>())
    text += (text.size() > 1 ? ", " : "") + this->operand(element, scope);
  return text + "]";
}

std::string Printer::results(const Node &node, Scope &scope) const {
  std::string text;
  for (ValueId result : node.results) {
    std::string name = "v" + std::to_string(result.id);
    scope.names[size_t(result.id)] = name;
    text += (text.empty() ? "" : ", ") +
            (scope.used[size_t(result.id)] ? name : std::string("_"));
  }
  return text.empty() ? "_" : text;
}

std::string Printer::repeat(const Node &node, Scope &scope) {
  const Repeat &repeat = *node.repeat;
  std::vector<std::string> names, order;
  std::set<std::string> wanted;
  for (const Repeat::Call &call : repeat.calls) {
    names.push_back(blockFor(call.body, repeat.group));
    if (std::find(order.begin(), order.end(), names.back()) == order.end())
      order.push_back(names.back());
    std::vector<bool> used(size_t(call.body.valueCount), false);
    markUsed(call.body.nodes, used);
    for (ValueId result : call.body.returns)
      used[size_t(result.id)] = true;
    std::vector<bool> inputs = inputsUsed(call.body, used);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i])
        wanted.insert(call.body.inputNames[i]);
  }
  std::string text = "{repeat: " + relative(repeat.group, scope) + ", block: ";
  if (order.size() == 1) {
    text += order[0];
  } else {
    text += "{match: \"[";
    for (size_t i = 0; i < names.size(); ++i)
      text += (i ? ", '" : "'") + names[i] + "'";
    text += "][$i]\"";
    for (const std::string &name : order)
      text += ", " + name + ": " + name;
    text += "}";
  }
  std::set<std::string> given;
  for (const Repeat::Call &call : repeat.calls)
    for (size_t i = 0; i < call.args.size(); ++i) {
      const std::string &name = call.body.inputNames[i];
      if (wanted.count(name) && given.insert(name).second)
        text += ", " + name + ": " + scope.names[size_t(call.args[i].id)];
    }
  return text + "}";
}

std::string Printer::experts(const Node &node, Scope &scope) {
  std::string text = "{experts: ";
  for (const auto &[name, value] : node.slots)
    text += (name == "x" ? "" : ", " + name + ": ") + operand(value, scope);
  return text + ", block: " + blockFor(*node.body, scope.group) + "}";
}

std::string Printer::node(const Node &node, Scope &scope) {
  std::string body;
  if (node.repeat) {
    body = repeat(node, scope);
  } else if (node.body) {
    body = experts(node, scope);
  } else {
    for (size_t i = 0; i < node.slots.size(); ++i) {
      const auto &[name, value] = node.slots[i];
      std::string shown = operand(value, scope);
      // A slot that takes only weights needs no mark.
      const llm::OpInfo *info = llm::findOp(node.op);
      const llm::Slot *slot = info ? llm::findSlot(*info, name) : nullptr;
      if (slot && slot->kind == llm::SlotKind::Weight)
        shown = shown.substr(2);
      body += (i ? ", " + name : "{" + node.op) + ": " + shown;
    }
    body += "}";
  }
  return results(node, scope) + ": " + body;
}

std::string Printer::nodes(const std::vector<Node> &list, Scope &scope,
                           int depth) {
  std::string text;
  for (const Node &item : list)
    text += std::string(size_t(depth) * 2, ' ') + "- " + node(item, scope) +
            "  # " + item.name + " " + place(item.location) + "\n";
  return text;
}

static std::string nameList(const std::vector<std::string> &names) {
  return "[" + join(names) + "]";
}

std::string Printer::bodyText(const Body &body, const std::string &group) {
  Scope scope;
  scope.group = group;
  scope.names.resize(size_t(body.valueCount));
  scope.used.resize(size_t(body.valueCount));
  markUsed(body.nodes, scope.used);
  for (ValueId result : body.returns)
    scope.used[size_t(result.id)] = true;
  std::vector<std::string> inputs;
  for (size_t i = 0; i < body.inputs.size(); ++i) {
    scope.names[size_t(body.inputs[i].id)] = body.inputNames[i];
    if (scope.used[size_t(body.inputs[i].id)])
      inputs.push_back(body.inputNames[i]);
  }
  std::string pad(4, ' '), nodeText = nodes(body.nodes, scope, 3);
  // Returns keep their names, because those decide what is carried.
  std::string first, second;
  for (size_t i = 0; i < body.returns.size(); ++i) {
    std::string value = scope.names[size_t(body.returns[i].id)];
    const std::string &name = body.returnNames[i];
    if (value == name)
      continue;
    bool isInput =
        std::find(inputs.begin(), inputs.end(), value) != inputs.end();
    if (isInput) {
      // Another return may rebind that name first.
      std::string kept = "r" + std::to_string(i);
      first += pad + "  - " + kept + ": {identity: " + value + "}\n";
      value = kept;
    }
    second += pad + "  - " + name + ": {identity: " + value + "}\n";
  }
  std::string text;
  if (!inputs.empty())
    text += pad + "inputs: " + nameList(inputs) + "\n";
  if (!body.returnNames.empty())
    text += pad + "returns: " + nameList(body.returnNames) + "\n";
  return text + pad + "nodes:\n" + nodeText + first + second;
}

std::string Printer::blockFor(const Body &body, const std::string &group) {
  std::string text = bodyText(body, group);
  auto known = blocks_.find(text);
  if (known != blocks_.end())
    return known->second;
  std::string base = body.block;
  std::replace(base.begin(), base.end(), '.', '_');
  std::string name = base;
  for (int i = 2; !blockNames_.insert(name).second; ++i)
    name = base + "_" + std::to_string(i);
  blocks_[text] = name;
  blockOrder_.emplace_back(name, text);
  return name;
}

static std::string
params(const std::vector<std::pair<std::string, Value>> &values) {
  std::string text;
  std::string group;
  for (const auto &[name, value] : values) {
    // class.at and class.value are fields of one parameter.
    size_t dot = name.find('.');
    std::string head = dot == std::string::npos ? "" : name.substr(0, dot);
    if (head != group && !group.empty())
      text += "}";
    text += text.empty() ? "" : ", ";
    if (head != group && !head.empty())
      text += head + ": {" + name.substr(dot + 1);
    else
      text += head.empty() ? name : name.substr(dot + 1);
    group = head;
    text += ": " + yamlScalar(value);
  }
  return text + (group.empty() ? "" : "}");
}

void Printer::entry(const Entry &entry, int depth) {
  line(depth, entry.name + ":");
  line(depth + 1, "kind: " + entry.kind);
  Scope scope;
  scope.names.resize(size_t(entry.valueCount));
  scope.used.resize(size_t(entry.valueCount));
  markUsed(entry.nodes, scope.used);
  for (const auto &[name, value] : entry.outputs)
    scope.used[size_t(value.id)] = true;
  std::string inputs, unused;
  for (const EntryInput &input : entry.inputs) {
    std::string type = input.type;
    bool single =
        input.params.size() == 1 && input.params[0].first == input.type;
    if (single)
      type = "{" + input.type + ": " + yamlScalar(input.params[0].second) +
             (input.optional ? ", optional: true" : "") + "}";
    else if (!input.params.empty() || input.optional)
      type = "{" + input.type + ": {" + params(input.params) + "}" +
             (input.optional ? ", optional: true" : "") + "}";
    inputs += (inputs.empty() ? "" : ", ") + input.name + ": " + type;
    scope.names[size_t(input.value.id)] = input.name;
    if (!scope.used[size_t(input.value.id)])
      unused += std::string(size_t(depth + 2) * 2, ' ') +
                "- _: {identity: " + input.name + "}\n";
  }
  line(depth + 1, "inputs: {" + inputs + "}");
  if (!entry.positions.empty())
    line(depth + 1, "positions: {kind: " + entry.positions +
                        (entry.positionParams.empty() ? "" : ", ") +
                        params(entry.positionParams) + "}");
  if (!entry.start.isNone())
    line(depth + 1, "start: " + yamlScalar(entry.start));
  if (!entry.recomputePast.isNone())
    line(depth + 1, "recompute_past: " + yamlScalar(entry.recomputePast));
  std::string text = nodes(entry.nodes, scope, depth + 2);
  line(depth + 1, "nodes:");
  out_ += text + unused;
  std::string outputs;
  for (const auto &[name, value] : entry.outputs)
    outputs += (outputs.empty() ? "" : ", ") + name + ": " +
               scope.names[size_t(value.id)];
  if (!outputs.empty())
    line(depth + 1, "outputs: {" + outputs + "}");
}

} // namespace sluice::spec
