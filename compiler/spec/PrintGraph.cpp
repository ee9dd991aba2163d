// Blocks and entries of a bound model, as a spec writes them.
#include "compiler/spec/BindWeights.h"
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

static void markMask(const Mask &mask, std::vector<bool> &used) {
  for (const MaskTerm &term : mask) {
    if (term.value)
      used[size_t(term.value->id)] = true;
    markMask(term.terms, used);
  }
}

static void markOperand(const Operand &operand, std::vector<bool> &used) {
  if (const auto *id = operand.get<ValueId>())
    used[size_t(id->id)] = true;
  if (const auto *mask = operand.get<Mask>())
    markMask(*mask, used);
  if (const auto *list = operand.get<std::vector<Operand>>())
    for (const Operand &element : *list)
      markOperand(element, used);
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
    for (const auto &[name, operand] : node.slots)
      markOperand(operand, used);
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

std::string Printer::nameIn(const Scope &scope, const std::string &path,
                            int64_t index) const {
  bool within = !scope.group.empty() && path.starts_with(scope.group + ".");
  return index < 0 || (within && index == scope.index)
             ? named(relative(path, scope))
             : printRef(named(path), index);
}

std::string Printer::mask(const Mask &mask, const Scope &scope) const {
  std::string text = "[";
  for (const MaskTerm &term : mask) {
    text += text.size() > 1 ? ", " : "";
    std::string argument;
    if (term.kind == "blocks")
      argument = "{size: " + std::to_string(term.numbers[0]) +
                 ", local: " + std::to_string(term.numbers[1]) +
                 ", stride: " + std::to_string(term.numbers[2]) +
                 ", hop: " + std::to_string(term.numbers[3]) + "}";
    else if (!term.numbers.empty())
      argument = std::to_string(term.numbers[0]);
    else if (term.value)
      argument = scope.names[size_t(term.value->id)];
    else if (!term.terms.empty())
      argument = this->mask(term.terms, scope);
    if (term.kind == "every")
      text += argument;
    else
      text += argument.empty() ? term.kind
                               : "{" + term.kind + ": " + argument + "}";
  }
  return text + "]";
}

std::string Printer::operand(const Operand &operand, const Scope &scope) const {
  if (const auto *id = operand.get<ValueId>())
    return scope.names[size_t(id->id)];
  if (const auto *weight = operand.get<WeightRef>())
    return yamlText("w." + nameIn(scope, weight->path, weight->index));
  if (const auto *state = operand.get<StateRef>())
    return yamlText(nameIn(scope, state->path, state->index));
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
    std::string name = "v" + std::to_string(result.id - scope.left);
    scope.names[size_t(result.id)] = name;
    text += (text.empty() ? "" : ", ") +
            (scope.used[size_t(result.id)] ? name : std::string("_"));
  }
  return text.empty() ? "_" : text;
}

std::string Printer::repeat(const Node &node, Scope &scope) {
  const Repeat &repeat = *node.repeat;
  std::vector<std::string> names, order;
  std::set<std::string> known, given;
  std::string args; // in the order in which bodies first use them
  for (const Repeat::Call &call : repeat.calls) {
    names.push_back(blockFor(call.body, repeat.group, call.index));
    if (known.insert(names.back()).second)
      order.push_back(names.back());
    std::vector<bool> used(size_t(call.body.valueCount), false);
    markUsed(call.body.nodes, used);
    for (ValueId result : call.body.returns)
      used[size_t(result.id)] = true;
    std::vector<bool> inputs = inputsUsed(call.body, used);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] && given.insert(call.body.inputNames[i]).second)
        args += ", " + call.body.inputNames[i] + ": " +
                scope.names[size_t(call.args[i].id)];
  }
  std::string text =
      "{repeat: " + named(relative(repeat.group, scope)) + ", block: ";
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
  return text + args + "}";
}

std::string Printer::experts(const Node &node, Scope &scope) {
  std::string text = "{experts: ";
  for (const auto &[name, value] : node.slots)
    text += (name == "x" ? "" : ", " + name + ": ") + operand(value, scope);
  return text + ", block: " + blockFor(*node.body, scope.group, scope.index) +
         "}";
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
      const auto *weight = value.get<WeightRef>();
      if (weight && slot && slot->kind == llm::SlotKind::Weight)
        shown = yamlText(nameIn(scope, weight->path, weight->index));
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

// What follows `nodes:`; an empty list is written as one.
static std::string nodeList(const std::string &lines) {
  return lines.empty() ? " []\n" : "\n" + lines;
}

std::string Printer::bodyText(const Body &body, const std::string &group,
                              int64_t index) {
  Scope scope;
  scope.group = group;
  scope.index = index;
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
  scope.left = int(body.inputs.size() - inputs.size());
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
  return text + pad + "nodes:" + nodeList(nodeText + first + second);
}

std::string Printer::blockFor(const Body &body, const std::string &group,
                              int64_t index) {
  std::string text = bodyText(body, group, index);
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

static std::string printInput(const EntryInput &input) {
  if (input.type != "rows")
    return input.type;
  std::string sizes;
  for (int64_t size : input.shape)
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return "{rows: [" + sizes + "]" +
         (input.elem == "f32" ? "" : ", type: " + input.elem) +
         (input.optional ? ", optional: true}" : "}");
}

// What positions of kind spans count from.
static std::string printSpans(const Entry &entry) {
  if (!entry.positionBegin)
    return "";
  std::string lists;
  for (const std::vector<int64_t> &equal : entry.positionAnchors) {
    std::string tokens;
    for (int64_t token : equal)
      tokens += (tokens.empty() ? "" : ", ") + std::to_string(token);
    lists += (lists.empty() ? "[" : ", [") + tokens + "]";
  }
  return ", begin: " + std::to_string(*entry.positionBegin) + ", anchors: [" +
         lists + "]";
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
    inputs +=
        (inputs.empty() ? "" : ", ") + input.name + ": " + printInput(input);
    scope.names[size_t(input.value.id)] = input.name;
    if (!scope.used[size_t(input.value.id)])
      unused += std::string(size_t(depth + 2) * 2, ' ') +
                "- _: {identity: " + input.name + "}\n";
  }
  line(depth + 1, "inputs: {" + inputs + "}");
  if (!entry.positions.empty())
    line(depth + 1,
         "positions: {kind: " + entry.positions +
             (entry.positionStart
                  ? ", start: " + std::to_string(*entry.positionStart)
                  : "") +
             printSpans(entry) + "}");
  if (entry.start)
    line(depth + 1, "start: " + std::to_string(*entry.start));
  std::string text = nodes(entry.nodes, scope, depth + 2);
  out_ += std::string(size_t(depth + 1) * 2, ' ') +
          "nodes:" + nodeList(text + unused);
  std::string outputs;
  for (const auto &[name, value] : entry.outputs)
    outputs += (outputs.empty() ? "" : ", ") + name + ": " +
               scope.names[size_t(value.id)];
  if (!outputs.empty())
    line(depth + 1, "outputs: {" + outputs + "}");
}

} // namespace sluice::spec
