// The tables `config`, `check`, `inert`, `params` and `match` of a spec, and
// what all tables are read with.
#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"

namespace sluice::spec {

static const std::vector<std::string> formats = {"hf", "gguf", "raw"};

std::string Parser::word(const Tree &tree, const std::string &what) {
  if (tree.isScalar() && !tree.text.empty())
    return tree.text;
  diagnostics_.error(tree.location, what + " must be a word");
  return {};
}

std::string Parser::name(const Tree &tree, const std::string &what) {
  static const std::vector<std::string> reserved = {
      "true", "false", "none", "and", "or", "not", "if", "else", "in"};
  std::string text = tree.isScalar() ? tree.text : std::string();
  if (!tree.quoted && isYamlBoolean(text))
    diagnostics_.error(tree.location,
                       quote(text) + " is a boolean in YAML 1.1 and cannot be "
                                     "a name");
  else if (text.size() > maxNameLength)
    diagnostics_.error(tree.location, what + " must be a name of at most " +
                                          std::to_string(maxNameLength) +
                                          " characters");
  else if (!isName(text))
    diagnostics_.error(tree.location,
                       what + " must be a name (letters, digits, '_'), found " +
                           quote(text));
  else
    for (const std::string &other : reserved)
      if (text == other)
        diagnostics_.error(tree.location,
                           quote(text) + " cannot be used as a name");
  return text;
}

std::vector<std::string> Parser::words(const Tree &tree,
                                       const std::string &what) {
  std::vector<std::string> out;
  if (tree.isScalar()) {
    out.push_back(tree.text);
    return out;
  }
  if (!tree.isList())
    diagnostics_.error(tree.location, what + " must be a list of words");
  for (const Tree &item : tree.items)
    out.push_back(word(item, what));
  return out;
}

bool Parser::isShort(const Tree &tree, const std::string &what) {
  if (tree.items.size() <= maxNames)
    return true;
  diagnostics_.error(tree.location,
                     what + " are " + std::to_string(tree.items.size()) +
                         ", more than " + std::to_string(maxNames));
  return false;
}

void Parser::notYet(const Location &location, const std::string &what) {
  diagnostics_.error(location, what + " is not supported yet");
}

bool Parser::flag(const Tree &tree, const std::string &what) {
  if (tree.isScalar() && (tree.text == "true" || tree.text == "false"))
    return tree.text == "true";
  diagnostics_.error(tree.location, what + " must be true or false");
  return false;
}

Alternatives Parser::alternatives(const Tree &tree) {
  Alternatives out;
  if (!tree.isList())
    out.push_back(text(tree));
  for (const Tree &item : tree.isList() ? tree.items : std::vector<Tree>())
    out.push_back(text(item));
  return out;
}

PerFormat<Alternatives> Parser::perFormat(const Tree &tree,
                                          const std::string &what) {
  PerFormat<Alternatives> out;
  MapReader map(tree, what, diagnostics_);
  for (const std::string &format : formats)
    if (const Tree *value = map.take(format))
      out[format] = alternatives(*value);
  map.finish();
  nameRaw(out);
  return out;
}

std::string printType(const ParamType &type) {
  static const char *const names[] = {"int",  "float", "bool",
                                      "word", "text",  "json"};
  return std::string(type.lists, '[') + names[int(type.base)] +
         std::string(type.lists, ']');
}

bool Parser::type(const Tree &tree, ParamType &out) {
  static const std::vector<std::string> names = {"int",  "float", "bool",
                                                 "word", "text",  "json"};
  const Tree *inner = &tree;
  while (inner->isList() && inner->items.size() == 1 && out.lists < 4) {
    ++out.lists;
    inner = &inner->items[0];
  }
  for (size_t i = 0; i < names.size(); ++i)
    if (inner->isScalar() && inner->text == names[i]) {
      out.base = ParamType::Base(i);
      return true;
    }
  diagnostics_.error(inner->location, "unknown type " + quote(inner->text) +
                                          suggest(inner->text, names) +
                                          "; a list of T is written [T]");
  return false;
}

static bool isNone(const Tree &tree) {
  return tree.isScalar() && !tree.quoted && tree.text == "none";
}

void Parser::fallback(const Tree &tree, ParamDecl &out) {
  if (!tree.isMap()) {
    out.fallback = data(tree);
    out.noneIsLegal = isNone(tree);
    return;
  }
  MapReader map(tree, "a default by format", diagnostics_);
  for (const std::string &format : formats)
    if (const Tree *value = map.take(format)) {
      out.fallbacks[format] = data(*value);
      out.noneIsLegal |= isNone(*value);
    }
  map.finish();
}

void Parser::values(const Tree &tree, ParamDecl &out) {
  out.valuesAreMap = tree.isMap();
  if (!tree.isMap() && !tree.isList()) {
    diagnostics_.error(tree.location,
                       "values must be a list or a mapping from the file's "
                       "spelling to the spec's");
    return;
  }
  for (size_t i = 0; i < tree.items.size(); ++i) {
    const Tree &item = tree.items[i];
    out.values.emplace_back(tree.isMap() ? tree.keys[i].text : item.text,
                            data(item));
  }
}

void Parser::parameter(const Tree &tree, ParamDecl &out) {
  if (!tree.isMap()) {
    out.derived = true;
    out.value = data(tree);
    return;
  }
  MapReader map(tree, "parameter " + quote(out.name), diagnostics_);
  if (const Tree *value = map.require("type"))
    type(*value, out.type);
  for (const char *format : {"hf", "gguf"})
    if (const Tree *value = map.take(format))
      out.keys[format] = alternatives(*value);
  if (const Tree *value = map.take("size_of")) {
    MapReader size(*value, "size_of", diagnostics_);
    ParamDecl::SizeOf sizeOf;
    if (const Tree *tensor = size.require("tensor"))
      sizeOf.tensors = alternatives(*tensor);
    if (const Tree *axis = size.require("axis"))
      sizeOf.axis = data(*axis);
    size.finish();
    out.sizeOf = std::move(sizeOf);
  }
  if (const Tree *value = map.take("count_of"))
    out.countOf = alternatives(*value);
  if (const Tree *value = map.take("option")) {
    out.context = value->text == "context";
    if (!out.context)
      diagnostics_.error(value->location,
                         "unknown option " + quote(value->text) +
                             suggest(value->text, {"context"}));
  }
  if (const Tree *value = map.take("default"))
    fallback(*value, out);
  if (const Tree *value = map.take("if_null")) {
    out.ifNull = data(*value);
    out.noneIsLegal |= isNone(*value);
  }
  if (const Tree *value = map.take("values"))
    values(*value, out);
  if (const Tree *value = map.take("len"))
    out.length = data(*value);
  if (const Tree *value = map.take("spread")) {
    out.spreads = value->text == "true";
    if (!out.spreads || !out.length || out.type.lists != 1)
      diagnostics_.error(value->location,
                         "`spread` is true, for a list with a `len`");
  }
  if (const Tree *value = map.take("index"))
    out.element = data(*value);
  if (const Tree *value = map.take("range")) {
    if (value->isList() && value->items.size() == 2) {
      out.least = data(value->items[0]);
      out.most = data(value->items[1]);
    } else {
      diagnostics_.error(value->location, "range must be [least, most]");
    }
  }
  map.take("doc");
  map.finish();
  if (out.type.lists > 0 && !out.length &&
      out.type.base != ParamType::Base::Json)
    diagnostics_.warning(out.location,
                         "list parameter " + quote(out.name) + " has no len");
}

void Parser::config(const Tree &tree, ConfigGroup &group) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location, "config must be a mapping");
    return;
  }
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    const Tree &key = tree.keys[i], &value = tree.items[i];
    // A group may have a parameter called `prefix`-something, but `prefix`
    // itself is taken.
    if (key.text == "prefix") {
      group.prefix = perFormat(value, "prefix");
      continue;
    }
    std::string own = name(key, "a parameter");
    // A parameter without its type is still meant as one.
    bool isGroup = value.isMap();
    for (const char *field :
         {"type", "hf", "gguf", "size_of", "count_of", "option"})
      isGroup &= !value.find(field);
    if (isGroup) {
      ConfigGroup child;
      child.location = key.location;
      child.name = own;
      config(value, child);
      group.children.emplace_back(std::move(child));
    } else {
      ParamDecl child;
      child.location = key.location;
      child.name = own;
      parameter(value, child);
      group.children.emplace_back(std::move(child));
    }
  }
}

void Parser::inertAsIn(const Tree &tree, std::vector<InertDecl> &out) {
  MapReader map(tree, "keys of another file", diagnostics_);
  const Tree *file = map.require("as_in"), *keys = map.require("keys");
  map.finish();
  if (!file || !keys)
    return;
  if (!keys->isList())
    diagnostics_.error(keys->location, "keys must be a list");
  for (const Tree &key : keys->isList() ? keys->items : std::vector<Tree>()) {
    InertDecl decl;
    decl.location = key.location;
    decl.keys = text(key);
    decl.asIn = word(*file, "as_in");
    out.push_back(std::move(decl));
  }
}

void Parser::inert(const Tree &tree, PerFormat<std::vector<InertDecl>> &out) {
  MapReader map(tree, "inert", diagnostics_);
  for (const char *format : {"hf", "gguf"}) {
    const Tree *list = map.take(format);
    if (list && !list->isList())
      diagnostics_.error(list->location,
                         "inert must be a list of keys, {key: values} or "
                         "{as_in: file, keys: [...]}");
    for (const Tree &item :
         list && list->isList() ? list->items : std::vector<Tree>()) {
      if (item.isMap() && item.keys.size() == 2) {
        inertAsIn(item, out[format]);
        continue;
      }
      bool valued = item.isMap() && item.keys.size() == 1;
      InertDecl decl;
      decl.location = item.location;
      decl.keys = text(valued ? item.keys[0] : item);
      decl.always = !valued;
      if (valued) {
        const Tree &values = item.items[0];
        for (const Tree &value :
             values.isList() ? values.items : std::vector<Tree>{values})
          decl.values.push_back(data(value));
      }
      out[format].push_back(std::move(decl));
    }
  }
  map.finish();
}

void Parser::checks(const Tree &tree, std::vector<CheckDecl> &out) {
  if (!tree.isList()) {
    diagnostics_.error(tree.location, "check must be a list");
    return;
  }
  for (const Tree &item : tree.items) {
    MapReader map(item, "a check", diagnostics_);
    CheckDecl check;
    check.location = item.location;
    if (const Tree *that = map.require("that")) {
      check.that = scalar(*that);
      check.location = that->location;
    }
    if (const Tree *otherwise = map.require("else"))
      check.otherwise = word(*otherwise, "else");
    map.finish();
    out.push_back(std::move(check));
  }
}

void Parser::params(const Tree &tree, std::vector<ParamSpec> &out) {
  if (!tree.isMap()) {
    diagnostics_.error(tree.location,
                       "params must be a mapping from names to types");
    return;
  }
  if (!isShort(tree, "params"))
    return;
  for (size_t i = 0; i < tree.keys.size(); ++i) {
    ParamSpec param;
    param.location = tree.keys[i].location;
    param.name = name(tree.keys[i], "a parameter");
    const Tree &value = tree.items[i];
    if (!value.isMap()) {
      type(value, param.type);
    } else {
      MapReader map(value, "parameter " + quote(param.name), diagnostics_);
      if (const Tree *t = map.require("type"))
        type(*t, param.type);
      if (const Tree *d = map.take("default")) {
        param.optional = true;
        if (!isNone(*d))
          param.fallback = data(*d);
      }
      map.take("doc");
      map.finish();
    }
    out.push_back(std::move(param));
  }
}

void Parser::match(const Tree &tree, MatchDecl &out) {
  MapReader map(tree, "match", diagnostics_);
  out.present = true;
  if (const Tree *hf = map.take("hf")) {
    out.hf = true;
    MapReader keys(*hf, "match.hf", diagnostics_);
    if (const Tree *value = keys.take("architectures"))
      out.architectures = words(*value, "architectures");
    if (const Tree *value = keys.take("model_type"))
      out.modelTypes = words(*value, "model_type");
    if (const Tree *value = keys.take("with"))
      out.configWith = words(*value, "with");
    if (const Tree *value = keys.take("without"))
      out.configWithout = words(*value, "without");
    keys.finish();
  }
  if (const Tree *gguf = map.take("gguf")) {
    out.gguf = true;
    MapReader keys(*gguf, "match.gguf", diagnostics_);
    if (const Tree *value = keys.take("architecture"))
      out.ggufArchitectures = words(*value, "architecture");
    if (const Tree *value = keys.take("with"))
      out.ggufWith = alternatives(*value);
    if (const Tree *value = keys.take("without"))
      out.ggufWithout = alternatives(*value);
    keys.finish();
  }
  if (const Tree *tensors = map.take("tensors")) {
    out.tensors = true;
    MapReader keys(*tensors, "match.tensors", diagnostics_);
    if (const Tree *value = keys.take("with"))
      out.tensorsWith = words(*value, "with");
    if (const Tree *value = keys.take("without"))
      out.tensorsWithout = words(*value, "without");
    keys.finish();
  }
  map.finish();
}

} // namespace sluice::spec
