// The tables `weights` and `state` of a spec.
#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"

namespace sluice::spec {

std::optional<EachDecl> Parser::each(const Tree &tree) {
  if (!tree.isMap() || tree.keys.size() != 1) {
    diagnostics_.error(tree.location,
                       "each is written {index: count}, for example {i: 4}");
    return std::nullopt;
  }
  EachDecl out;
  out.location = tree.location;
  out.index = name(tree.keys[0], "an index");
  out.count = data(tree.items[0]);
  return out;
}

std::vector<Data> Parser::shape(const Tree &tree, const std::string &what) {
  std::vector<Data> out;
  if (!tree.isList() || tree.items.empty()) {
    diagnostics_.error(tree.location, what + " must be a list of sizes");
    return out;
  }
  for (const Tree &item : tree.items)
    out.push_back(data(item));
  return out;
}

static bool isWeightLeaf(const Tree &tree) {
  return tree.find("shape") || tree.find("holds");
}

void Parser::weights(const Tree &tree, WeightGroup &group) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location, "a group of weights must be a mapping");
    return;
  }
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const Tree &key = tree.keys[i], &value = tree.items[i];
    if (key.text == "each") {
      group.each = each(value);
    } else if (key.text == "prefix") {
      group.prefix = perFormat(value, "prefix");
    } else if (key.text == "when") {
      group.when = scalar(value);
    } else if (key.text == "optional") {
      group.optional = flag(value, "optional");
    } else if (key.text == "doc") {
      word(value, "doc");
    } else if (!value.isMap()) {
      diagnostics_.error(key.location,
                         "weight " + quote(key.text) +
                             " must be a mapping with `shape` or `holds`, or a "
                             "group of weights");
    } else if (isWeightLeaf(value)) {
      WeightLeaf leaf;
      leaf.location = key.location;
      leaf.name = name(key, "a weight");
      weightLeaf(value, leaf);
      group.children.emplace_back(std::move(leaf));
    } else {
      WeightGroup child;
      child.location = key.location;
      child.name = name(key, "a group of weights");
      weights(value, child);
      group.children.emplace_back(std::move(child));
    }
  }
}

void Parser::weightLeaf(const Tree &tree, WeightLeaf &out) {
  MapReader map(tree, "weight " + quote(out.name), diagnostics_);
  const Tree *shapeTree = map.take("shape");
  const Tree *holds = map.take("holds");
  if (shapeTree && holds)
    diagnostics_.error(tree.location, "a weight has `shape` or `holds`, not "
                                      "both");
  if (shapeTree)
    out.shape = shape(*shapeTree, "shape");
  if (const Tree *value = map.take("cols"))
    out.cols = data(*value);
  if (const Tree *value = map.take("per"))
    out.per = data(*value);
  if (const Tree *value = map.take("experts"))
    out.experts = data(*value);
  if (!holds && (out.cols || out.per || out.experts))
    diagnostics_.error(tree.location,
                       "`cols`, `per` and `experts` belong to `holds`");
  if (holds) {
    if (!out.cols)
      diagnostics_.error(tree.location, "`holds` needs `cols`");
    if (!holds->isList() || holds->items.empty())
      diagnostics_.error(holds->location,
                         "holds is written [name: rows, name: rows]");
    for (const Tree &item : holds->items)
      heldPart(item, out);
  }
  for (const char *format : {"hf", "gguf", "raw"})
    if (const Tree *value = map.take(format))
      out.sources[format] = sources(*value);
  nameRaw(out.sources);
  if (const Tree *value = map.take("bias"))
    weightBias(*value, out);
  if (const Tree *value = map.take("when"))
    out.when = scalar(*value);
  if (const Tree *value = map.take("optional"))
    out.optional = flag(*value, "optional");
  if (const Tree *value = map.take("absent"))
    out.absent = alias(*value, "absent");
  if (const Tree *value = map.take("same_as"))
    out.sameAs = alias(*value, "same_as");
  if (const Tree *value = map.take("keep")) {
    out.keepF32 = value->isScalar() && value->text == "f32";
    if (!out.keepF32)
      diagnostics_.error(value->location, "keep knows only f32");
  }
  map.take("doc");
  map.finish();
  for (const Sources *all : {&out.sources, &out.biasSources})
    for (const auto &[format, alternatives] : *all)
      for (const SourceDecl &decl : alternatives)
        rowOrder(decl, !out.holds.empty());
  if (out.sources.empty() && !out.sameAs)
    diagnostics_.error(out.location,
                       "weight " + quote(out.name) +
                           " says nowhere where it lies (hf, gguf, raw)");
}

void Parser::heldPart(const Tree &tree, WeightLeaf &out) {
  if (!tree.isMap() || tree.keys.size() != 1) {
    diagnostics_.error(tree.location, "a part is written name: rows");
    return;
  }
  WeightLeaf::Part part;
  part.location = tree.keys[0].location;
  part.name = name(tree.keys[0], "a part");
  const Tree &value = tree.items[0];
  if (!value.isMap()) {
    part.rows = data(value);
    out.holds.push_back(std::move(part));
    return;
  }
  MapReader map(value, "part " + quote(part.name), diagnostics_);
  if (const Tree *rows = map.take("rows"))
    part.rows = data(*rows);
  else
    diagnostics_.error(value.location,
                       "a part is written name: rows, or name: {rows: rows, "
                       "apply: [transforms]}");
  if (const Tree *steps = map.take("apply"))
    part.apply = apply(*steps);
  map.finish();
  out.holds.push_back(std::move(part));
}

// Only the tensor that holds all parts says how they lie in it.
void Parser::rowOrder(const SourceDecl &decl, bool holds) {
  if (!holds && (decl.blocks || decl.per || !decl.order.empty()))
    diagnostics_.error(decl.location,
                       "`blocks`, `per` and `order` belong to the one tensor "
                       "of a weight with `holds`");
  for (const SourceDecl &item : decl.items)
    rowOrder(item, false);
}

void Parser::weightBias(const Tree &tree, WeightLeaf &out) {
  if (tree.isMap()) {
    MapReader map(tree, "bias", diagnostics_);
    for (const char *format : {"hf", "gguf", "raw"})
      if (const Tree *value = map.take(format))
        out.biasSources[format] = sources(*value);
    nameRaw(out.biasSources);
    if (const Tree *value = map.take("when"))
      out.biasWhen = scalar(*value);
    map.finish();
    return;
  }
  if (tree.isScalar() && tree.text == "optional") {
    out.biasOptional = true;
    return;
  }
  out.bias = scalar(tree);
  if (!out.bias->expr && !out.bias->literal.isBool())
    diagnostics_.error(tree.location, "bias is true, false, an expression, "
                                      "optional, or {hf: name}");
}

// name, or group[instance].name
void Parser::aliasName(const Tree &tree, AliasDecl &out) {
  std::optional<InstanceName> stated = instanceName(tree.text);
  if (!stated) {
    out.use = word(tree, "the other weight");
    return;
  }
  Tree number = tree;
  number.text = stated->index;
  out.instance = text(number);
  out.use = stated->name;
}

std::optional<AliasDecl> Parser::alias(const Tree &tree,
                                       const std::string &what) {
  AliasDecl out;
  out.location = tree.location;
  if (tree.isScalar()) {
    aliasName(tree, out);
    return out;
  }
  MapReader map(tree, what, diagnostics_);
  if (const Tree *use = map.require("use")) {
    aliasName(*use, out);
    out.location = use->location;
  }
  if (const Tree *when = map.take("when"))
    out.when = scalar(*when);
  map.finish();
  return out;
}

std::vector<SourceDecl> Parser::sources(const Tree &tree) {
  std::vector<SourceDecl> out;
  if (!tree.isList())
    out.push_back(source(tree));
  for (const Tree &item : tree.isList() ? tree.items : std::vector<Tree>())
    out.push_back(source(item));
  return out;
}

SourceDecl Parser::source(const Tree &tree) {
  SourceDecl out;
  out.location = tree.location;
  if (!tree.isMap()) {
    out.name = text(tree);
    return out;
  }
  static const char *const own[] = {"name", "concat", "stack", "gamma_beta"};
  int kinds = 0;
  for (const char *key : own)
    kinds += tree.find(key) != nullptr;
  if (kinds == 0) {
    // {q: ..., k: ...}: the parts of a fused weight, each on its own.
    out.kind = SourceDecl::Kind::Parts;
    for (size_t i = 0; i < tree.keys.size(); ++i) {
      out.partNames.push_back(tree.keys[i].text);
      out.items.push_back(source(tree.items[i]));
    }
    return out;
  }
  MapReader map(tree, "a source", diagnostics_);
  if (kinds > 1)
    diagnostics_.error(tree.location, "a source has one of name, concat, "
                                      "stack, gamma_beta");
  if (const Tree *value = map.take("name"))
    out.name = text(*value);
  if (const Tree *value = map.take("gamma_beta")) {
    out.kind = SourceDecl::Kind::GammaBeta;
    out.name = text(*value);
  }
  if (const Tree *value = map.take("concat")) {
    out.kind = SourceDecl::Kind::Concat;
    out.items = sources(*value);
  }
  if (const Tree *value = map.take("stack")) {
    out.kind = SourceDecl::Kind::Stack;
    out.items.push_back(source(*value));
    if (const Tree *over = map.require("each"))
      out.each = each(*over);
  }
  for (const SourceDecl &item : out.items)
    if (item.kind != SourceDecl::Kind::Name)
      diagnostics_.error(item.location, "concat and stack join named tensors");
  if (const Tree *value = map.take("scales")) {
    if (value->isMap()) {
      MapReader scales(*value, "scales", diagnostics_);
      if (const Tree *name = scales.require("name"))
        out.scales = text(*name);
      if (const Tree *when = scales.require("when"))
        out.scaled = scalar(*when);
      scales.finish();
    } else {
      out.scales = text(*value);
    }
  }
  if (const Tree *value = map.take("format"))
    out.format = word(*value, "format");
  if (out.scales.has_value() == out.format.empty())
    diagnostics_.error(tree.location, "`scales` and `format` go together");
  if (const Tree *value = map.take("apply"))
    out.apply = apply(*value);
  if (const Tree *value = map.take("blocks"))
    out.blocks = flag(*value, "blocks");
  if (const Tree *value = map.take("per"))
    out.per = data(*value);
  if (const Tree *value = map.take("order"))
    out.order = words(*value, "order");
  map.finish();
  return out;
}

std::vector<TransformDecl> Parser::apply(const Tree &tree) {
  static const std::vector<std::string> known = {
      "transpose", "reshape",   "kernel_at", "rope_rows", "rows",
      "add",       "mul",       "neg",       "exp",       "unit_rows",
      "round",     "sinusoids", "swap_heads"};
  std::vector<TransformDecl> out;
  if (!tree.isList()) {
    diagnostics_.error(tree.location, "apply must be a list of transforms");
    return out;
  }
  for (const Tree &item : tree.items) {
    TransformDecl transform;
    transform.location = item.location;
    if (item.isScalar()) {
      transform.name = item.text;
    } else if (item.isMap() && item.keys.size() == 1) {
      transform.name = item.keys[0].text;
      transform.location = item.keys[0].location;
      transform.args = data(item.items[0]);
      transform.hasArgs = true;
    } else {
      diagnostics_.error(item.location,
                         "a transform is a word or {word: arguments}");
      continue;
    }
    bool found = false;
    for (const std::string &other : known)
      found |= other == transform.name;
    if (!found) {
      std::string near = nearest(transform.name, known);
      diagnostics_.error(transform.location,
                         "unknown transform " + quote(transform.name) +
                             (near.empty()
                                  ? "; known: " + join(known)
                                  : "; did you mean " + quote(near) + "?"));
      continue;
    }
    out.push_back(std::move(transform));
  }
  return out;
}

void Parser::state(const Tree &tree, StateGroup &group) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location, "a group of states must be a mapping");
    return;
  }
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const Tree &key = tree.keys[i], &value = tree.items[i];
    if (key.text == "each") {
      group.each = each(value);
    } else if (key.text == "when") {
      group.when = scalar(value);
    } else if (key.text == "doc") {
      word(value, "doc");
    } else if (!value.isMap()) {
      diagnostics_.error(key.location,
                         "state " + quote(key.text) +
                             " must be a mapping with `cache` or `fixed`, or a "
                             "group of states");
    } else if (value.find("cache") || value.find("fixed")) {
      StateLeaf leaf;
      leaf.location = key.location;
      leaf.name = name(key, "a state");
      stateLeaf(value, leaf);
      group.children.emplace_back(std::move(leaf));
    } else {
      StateGroup child;
      child.location = key.location;
      child.name = name(key, "a group of states");
      state(value, child);
      group.children.emplace_back(std::move(child));
    }
  }
}

// Attention is what reads a cache, so it has keys and values, in this order, or
// keys alone.
void Parser::cacheFields(const Tree &tree, StateLeaf &out) {
  std::vector<const char *> names = {"k", "v"};
  if (tree.keys.size() == 1)
    names.pop_back();
  for (const char *field : names) {
    const Tree *sizes = tree.find(field);
    if (!sizes || !sizes->isList() || sizes->items.size() != 2 ||
        tree.keys.size() != names.size()) {
      diagnostics_.error(tree.location,
                         "a cache has keys and values, and is written "
                         "{k: [heads, width], v: [heads, width]}, without v if "
                         "the values are channels of the keys");
      return;
    }
    out.fields.push_back({sizes->location, field, shape(*sizes, "a field")});
  }
}

void Parser::stateLeaf(const Tree &tree, StateLeaf &out) {
  MapReader map(tree, "state " + quote(out.name), diagnostics_);
  const Tree *cache = map.take("cache");
  const Tree *fixed = map.take("fixed");
  if (cache && fixed)
    diagnostics_.error(tree.location,
                       "a state is `cache` or `fixed`, not both");
  if (cache) {
    cacheFields(*cache, out);
    if (const Tree *value = map.take("keep"))
      out.keep = data(*value);
    if (const Tree *value = map.take("chunk"))
      out.chunk = data(*value);
    if (const Tree *value = map.take("once"))
      out.once = flag(*value, "once");
    if (const Tree *value = map.take("full_of"))
      out.fullOf = data(*value);
  } else if (fixed) {
    out.fixed = true;
    out.fields.push_back(
        {fixed->location, "value", shape(*fixed, "a fixed state")});
    if (const Tree *value = map.take("init"))
      out.init = data(*value);
  }
  if (const Tree *value = map.take("when"))
    out.when = scalar(*value);
  map.take("doc");
  map.finish();
}

} // namespace sluice::spec
