// The tables `blocks` and `entries` of a spec: nodes, calls and inputs.
#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"
#include "dialects/llm/OpRegistry.h"

#include <algorithm>

namespace sluice::spec {

const ParamSpec *BlockDecl::param(const std::string &name) const {
  for (const ParamSpec &param : params)
    if (param.name == name)
      return &param;
  return nullptr;
}

bool BlockDecl::hasInput(const std::string &name) const {
  for (const Name &input : inputs)
    if (input.name == name)
      return true;
  return false;
}

bool BlockDecl::takesWeight(const std::string &name) const {
  return std::find(weights.begin(), weights.end(), name) != weights.end();
}

bool BlockDecl::takesState(const std::string &name) const {
  return std::find(states.begin(), states.end(), name) != states.end();
}

const BlockDecl *SpecFile::block(const std::string &name) const {
  auto it = blockIndex.find(name);
  return it == blockIndex.end() ? nullptr : &blocks[it->second];
}

const UseDecl *SpecFile::use(const std::string &name) const {
  for (const UseDecl &use : uses)
    if (use.name == name)
      return &use;
  return nullptr;
}

std::vector<BlockDecl::Name>
Parser::names(const Tree &tree, const std::string &what, bool mayLackOne) {
  std::vector<BlockDecl::Name> out;
  if (!tree.isList()) {
    diagnostics_.error(tree.location, what + " must be a list of names");
    return out;
  }
  if (!isShort(tree, what))
    return out;
  for (const Tree &item : tree.items) {
    BlockDecl::Name entry{item.location, {}};
    // `{bias: none}`: may be left out.
    if (mayLackOne && item.isMap() && item.keys.size() == 1 &&
        item.items[0].isScalar() && item.items[0].text == "none") {
      entry.name = name(item.keys[0], what);
      entry.optional = true;
    } else {
      entry.name = name(item, what);
    }
    for (const BlockDecl::Name &other : out)
      if (other.name == entry.name)
        diagnostics_.error(item.location,
                           quote(entry.name) + " is listed twice");
    out.push_back(std::move(entry));
  }
  return out;
}

void Parser::blocks(const Tree &tree, std::vector<BlockDecl> &out) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location, "blocks must be a mapping");
    return;
  }
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    BlockDecl decl;
    decl.location = tree.keys[i].location;
    decl.name = name(tree.keys[i], "a block");
    block(tree.items[i], decl);
    out.push_back(std::move(decl));
  }
}

void Parser::block(const Tree &tree, BlockDecl &out) {
  MapReader map(tree, "block " + quote(out.name), diagnostics_);
  map.take("doc");
  if (const Tree *value = map.take("params"))
    params(*value, out.params);
  if (const Tree *value = map.take("inputs"))
    out.inputs = names(*value, "inputs", true);
  if (const Tree *value = map.take("weights"))
    out.weights = words(*value, "weights");
  if (const Tree *value = map.take("state"))
    out.states = words(*value, "state");
  if (const Tree *value = map.take("returns"))
    out.returns = names(*value, "returns");
  if (const Tree *value = map.require("nodes"))
    nodes(*value, out.nodes);
  map.finish();
  for (const ParamSpec &param : out.params)
    if (out.hasInput(param.name))
      diagnostics_.error(param.location,
                         quote(param.name) + " is an input and a parameter");
  // A call names all of them alike.
  auto isTaken = [&](const std::string &name) {
    return out.param(name) || out.hasInput(name);
  };
  for (const std::vector<std::string> *listed : {&out.weights, &out.states})
    for (const std::string &name : *listed)
      if (isTaken(name))
        diagnostics_.error(out.location,
                           quote(name) +
                               " is an input or a parameter, and also a weight "
                               "or state of the scope");
}

void Parser::nodes(const Tree &tree, std::vector<NodeDecl> &out) {
  if (!tree.isList()) {
    diagnostics_.error(tree.location, "nodes must be a list");
    return;
  }
  for (const Tree &item : tree.items) {
    if (!item.isMap() || item.keys.size() != 1 || !item.items[0].isMap()) {
      diagnostics_.error(item.location,
                         "a node is written - result: {op: operands, ...}");
      continue;
    }
    NodeDecl decl;
    node(item.keys[0], item.items[0], decl);
    out.push_back(std::move(decl));
  }
}

// "a, b" -> a and b.
static std::vector<Tree> splitResults(const Tree &key) {
  std::vector<Tree> out;
  size_t begin = 0;
  while (begin <= key.text.size()) {
    size_t end = std::min(key.text.find(',', begin), key.text.size());
    Tree part = key;
    size_t first = key.text.find_first_not_of(' ', begin);
    size_t last = end;
    while (last > begin && key.text[last - 1] == ' ')
      --last;
    part.text = first < last ? key.text.substr(first, last - first) : "";
    out.push_back(std::move(part));
    begin = end + 1;
  }
  return out;
}

void Parser::node(const Tree &key, const Tree &tree, NodeDecl &out) {
  out.resultLocation = key.location;
  if (std::count(key.text.begin(), key.text.end(), ',') >= int(maxNames)) {
    diagnostics_.error(key.location, "a node has at most " +
                                         std::to_string(maxNames) + " results");
    return;
  }
  for (const Tree &result : splitResults(key)) {
    out.results.push_back(result.text == "_" ? "_" : name(result, "a result"));
    for (size_t i = 0; i + 1 < out.results.size(); ++i)
      if (out.results[i] == out.results.back() && out.results[i] != "_")
        diagnostics_.error(key.location,
                           quote(out.results[i]) + " is bound twice");
  }
  if (tree.find("block")) {
    call(tree, out);
    return;
  }
  const Tree *opKey = nullptr;
  std::vector<std::string> words;
  for (const llm::OpInfo &op : llm::opRegistry())
    words.emplace_back(op.word);
  for (const Tree &field : tree.keys) {
    if (!llm::findOp(field.text))
      continue;
    if (opKey)
      diagnostics_.error(field.location, "a node has one op, found " +
                                             quote(opKey->text) + " and " +
                                             quote(field.text));
    else
      opKey = &field;
  }
  if (!opKey) {
    // The op is usually the first key; any that resembles an op is better.
    const Tree *guess = tree.keys.empty() ? nullptr : &tree.keys[0];
    auto calls = [](const Tree &field) {
      return field.text == "repeat" || field.text == "experts";
    };
    auto resembles = [&](const Tree &field) {
      return field.text != "when" && !nearest(field.text, words).empty();
    };
    auto found = std::find_if(tree.keys.begin(), tree.keys.end(), calls);
    if (found == tree.keys.end())
      found = std::find_if(tree.keys.begin(), tree.keys.end(), resembles);
    if (found != tree.keys.end())
      guess = &*found;
    if (guess && calls(*guess))
      diagnostics_.error(guess->location,
                         quote(guess->text) + " needs `block`");
    else if (guess)
      diagnostics_.error(guess->location, "unknown op " + quote(guess->text) +
                                              suggest(guess->text, words));
    else
      diagnostics_.error(tree.location, "a node needs an op or `block`");
    return;
  }
  out.op = opKey->text;
  out.location = opKey->location;
  for (bool primary : {true, false})
    for (size_t i = 0; i < tree.keys.size(); ++i) {
      const Tree &field = tree.keys[i];
      if ((&field == opKey) != primary)
        continue;
      if (field.text == "when") {
        out.when = scalar(tree.items[i]);
        continue;
      }
      if (field.text == "doc")
        continue;
      Scalar slot;
      slot.location = field.location;
      slot.text = field.text;
      out.args.push_back({std::move(slot), data(tree.items[i])});
    }
}

void Parser::choices(const Tree &tree, NodeDecl &out) {
  if (!tree.isMap()) {
    out.blocks.push_back({tree.location, "", word(tree, "block")});
    return;
  }
  if (!isShort(tree, "blocks to choose from"))
    return;
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    if (tree.keys[i].text == "match")
      out.match = scalar(tree.items[i]);
    else
      out.blocks.push_back({tree.items[i].location, tree.keys[i].text,
                            word(tree.items[i], "a block")});
  }
  if (!out.match)
    diagnostics_.error(tree.location, "a choice of blocks needs `match`");
  else if (out.blocks.empty())
    diagnostics_.error(tree.location, "a choice of blocks names no block");
}

void Parser::call(const Tree &tree, NodeDecl &out) {
  out.kind = NodeDecl::Kind::Call;
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const Tree &key = tree.keys[i], &value = tree.items[i];
    if (key.text == "block") {
      out.location = key.location;
      choices(value, out);
    } else if (key.text == "repeat") {
      out.kind = NodeDecl::Kind::Repeat;
      if (value.isMap())
        out.times = each(value);
      else
        out.group = text(value);
    } else if (key.text == "when") {
      out.when = scalar(value);
    } else if (key.text == "in") {
      out.in = text(value);
    } else if (key.text == "doc") {
      continue;
    } else {
      Scalar slot;
      slot.location = key.location;
      slot.text = key.text;
      if (key.text == "experts") {
        out.kind = NodeDecl::Kind::Experts;
        slot.text = "x";
      }
      out.args.push_back({std::move(slot), data(value)});
    }
  }
  if (tree.find("repeat") && tree.find("experts"))
    diagnostics_.error(tree.location,
                       "a node has `repeat` or `experts`, not both");
  if (tree.find("repeat") && out.in)
    diagnostics_.error(out.in->location,
                       "`repeat` names the group itself; `in` is for single "
                       "calls");
}

void Parser::entries(const Tree &tree, std::vector<EntryDecl> &out) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location, "entries must be a mapping");
    return;
  }
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    EntryDecl decl;
    decl.location = tree.keys[i].location;
    decl.name = name(tree.keys[i], "an entry");
    entry(tree.items[i], decl);
    out.push_back(std::move(decl));
  }
}

static bool oneOf(const std::string &text,
                  const std::vector<std::string> &list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The kind may be left out where the entry is named after it.
void Parser::entryKind(const Tree *kind, EntryDecl &out) {
  static const std::vector<std::string> kinds = {
      "generate", "encode", "embed", "classify", "fill", "source"};
  out.kind = kind ? word(*kind, "kind") : out.name;
  const Location &at = kind ? kind->location : out.location;
  if (out.kind == "vision")
    notYet(at, "an entry of kind 'vision'");
  else if (!oneOf(out.kind, kinds))
    diagnostics_.error(at, "unknown kind of entry " + quote(out.kind) +
                               suggest(out.kind, kinds));
}

void Parser::entry(const Tree &tree, EntryDecl &out) {
  MapReader map(tree, "entry " + quote(out.name), diagnostics_);
  map.take("doc");
  entryKind(map.take("kind"), out);
  if (const Tree *value = map.take("needs"))
    out.needs = words(*value, "needs");
  if (const Tree *value = map.take("when"))
    out.when = scalar(*value);
  if (const Tree *value = map.require("inputs")) {
    if (!value->isMap())
      diagnostics_.error(value->location,
                         "inputs must be a mapping from names to types");
    for (size_t i = 0; isShort(*value, "inputs") && i < value->keys.size();
         ++i) {
      InputDecl decl;
      decl.location = value->keys[i].location;
      decl.name = name(value->keys[i], "an input");
      input(value->items[i], decl);
      out.inputs.push_back(std::move(decl));
    }
  }
  if (const Tree *value = map.take("positions"))
    positions(*value, out);
  if (const Tree *value = map.take("start")) {
    out.start = data(*value);
    if (out.kind != "generate")
      diagnostics_.error(value->location,
                         "`start` belongs to an entry of kind generate");
  }
  for (const char *word : {"recompute_past", "labels"})
    if (const Tree *value = map.take(word))
      notYet(value->location, "`" + std::string(word) + "`");
  if (const Tree *value = map.require("nodes"))
    nodes(*value, out.nodes);
  if (const Tree *value = map.take("outputs"))
    outputs(*value, out);
  else if (out.kind != "source" && tree.isMap())
    diagnostics_.error(out.location,
                       "entry " + quote(out.name) + " needs outputs");
  map.finish();
  entryContract(out);
}

// What the runtime asks of an entry that it calls by its kind.
void Parser::entryContract(const EntryDecl &entry) {
  auto counts = [](const InputDecl &input) {
    return input.type == "tokens" || (input.type == "rows" && !input.optional);
  };
  if (!std::any_of(entry.inputs.begin(), entry.inputs.end(), counts))
    diagnostics_.error(entry.location,
                       "an entry needs an input of type tokens, or one of "
                       "type rows that is not optional: it says how long a "
                       "sequence is");
  for (const InputDecl &input : entry.inputs) {
    bool spans = oneOf(input.type, {"block_positions", "prefix"});
    if (spans && entry.positions != "spans")
      diagnostics_.error(input.location,
                         "an input of type " + quote(input.type) +
                             " needs `positions: {kind: spans, ...}`");
    if ((spans || oneOf(input.type, {"prompt", "announced"})) &&
        entry.kind != "generate")
      diagnostics_.error(input.location,
                         "an input of type " + quote(input.type) +
                             " belongs to an entry of kind generate");
  }
  if (entry.kind != "generate")
    return;
  auto isTokens = [](const InputDecl &input) { return input.type == "tokens"; };
  auto isLogits = [](const auto &output) {
    return output.first.name == "logits";
  };
  if (!std::any_of(entry.inputs.begin(), entry.inputs.end(), isTokens))
    diagnostics_.error(entry.location,
                       "an entry of kind generate needs an input of type "
                       "tokens");
  if (!entry.outputs.empty() &&
      !std::any_of(entry.outputs.begin(), entry.outputs.end(), isLogits))
    diagnostics_.error(entry.outputs[0].first.location,
                       "an entry of kind generate needs the output 'logits'");
}

void Parser::positions(const Tree &tree, EntryDecl &out) {
  MapReader keys(tree, "positions", diagnostics_);
  if (const Tree *kind = keys.require("kind")) {
    out.positions = word(*kind, "kind");
    if (oneOf(out.positions, {"grid3", "raster"}))
      notYet(kind->location, "the kind of positions " + quote(out.positions));
    else if (!oneOf(out.positions, {"linear", "spans"}))
      diagnostics_.error(kind->location,
                         "unknown kind of positions " + quote(out.positions) +
                             suggest(out.positions, {"linear", "spans"}));
  }
  if (out.positions == "spans") {
    if (const Tree *begin = keys.require("begin"))
      out.positionBegin = data(*begin);
    if (const Tree *anchors = keys.require("anchors"))
      out.positionAnchors = data(*anchors);
  } else if (const Tree *start = keys.take("start")) {
    out.positionStart = data(*start);
  }
  keys.finish();
}

void Parser::outputs(const Tree &tree, EntryDecl &out) {
  if (!tree.isMap())
    diagnostics_.error(tree.location,
                       "outputs must be a mapping from names to values");
  if (!isShort(tree, "outputs"))
    return;
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    BlockDecl::Name key{tree.keys[i].location, name(tree.keys[i], "an output")};
    BlockDecl::Name bound{tree.items[i].location,
                          name(tree.items[i], "an output's value")};
    out.outputs.emplace_back(std::move(key), std::move(bound));
  }
}

// {rows: [sizes]}, perhaps with {type: i32, optional: true, when: expression}
void Parser::rowsInput(const Tree &tree, InputDecl &out) {
  MapReader keys(tree, "an input of type 'rows'", diagnostics_);
  if (const Tree *type = keys.take("type")) {
    out.elem = word(*type, "type");
    if (!oneOf(out.elem, {"f32", "i32", "bool"}))
      diagnostics_.error(type->location,
                         "unknown type of rows " + quote(out.elem) +
                             suggest(out.elem, {"f32", "i32", "bool"}));
  }
  // An int for each token has no axes; f32 have at least one.
  const Tree *sizes = keys.require("rows");
  if (sizes && !(sizes->isList() && sizes->items.empty() && out.elem != "f32"))
    out.shape = shape(*sizes, "the rows of an input");
  if (const Tree *optional = keys.take("optional"))
    out.optional = flag(*optional, "optional");
  if (const Tree *when = keys.take("when"))
    out.when = scalar(*when);
  keys.finish();
}

// A word, or {type: word, when: condition}.
void Parser::input(const Tree &tree, InputDecl &out) {
  static const std::vector<std::string> types = {
      "tokens",    "positions", "block_positions", "prefix", "prompt",
      "announced", "rows",      "token_types"};
  static const std::vector<std::string> later = {"patches", "grid", "segments"};
  if (tree.find("rows") || tree.text == "rows") {
    out.type = "rows";
    rowsInput(tree, out);
    return;
  }
  out.type = tree.isMap() && !tree.keys.empty() ? tree.keys[0].text : tree.text;
  if (tree.find("optional")) {
    diagnostics_.error(tree.location,
                       "only an input of type 'rows' is `optional`: tokens "
                       "must be given, positions and token types never need "
                       "to be");
    return;
  }
  bool typed = tree.find("type") != nullptr;
  if (typed) {
    MapReader keys(tree, "an input", diagnostics_);
    out.type = word(*keys.take("type"), "type");
    if (const Tree *when = keys.take("when"))
      out.when = scalar(*when);
    keys.finish();
  }
  if (oneOf(out.type, later))
    notYet(tree.location, "an input of type " + quote(out.type));
  else if (!oneOf(out.type, types))
    diagnostics_.error(tree.location, "unknown type of input " +
                                          quote(out.type) +
                                          suggest(out.type, types));
  else if (!tree.isScalar() && !typed)
    diagnostics_.error(tree.location, "an input of type " + quote(out.type) +
                                          " takes no parameters");
}

} // namespace sluice::spec
