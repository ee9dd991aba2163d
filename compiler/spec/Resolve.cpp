#include "compiler/spec/Resolve.h"

#include <algorithm>

namespace sluice::spec {

static void resolveOnce(const SpecFile &file, Diagnostics &diagnostics,
                        std::set<const SpecFile *> &done) {
  if (!done.insert(&file).second)
    return;
  for (const UseDecl &use : file.uses)
    if (use.library)
      resolveOnce(*use.library, diagnostics, done);
  NameResolver(file, diagnostics).run();
}

void resolveNames(const SpecFile &file, Diagnostics &diagnostics) {
  std::set<const SpecFile *> done;
  resolveOnce(file, diagnostics, done);
}

bool NameResolver::Visible::contains(const std::string &name) const {
  return (params && params->count(name)) || (indices && indices->count(name)) ||
         std::find(bound.begin(), bound.end(), name) != bound.end();
}

NameResolver::Names NameResolver::Visible::all() const {
  Names names = bound;
  for (const std::set<std::string> *set : {params, indices})
    if (set)
      names.insert(names.end(), set->begin(), set->end());
  return names;
}

NameResolver::NameResolver(const SpecFile &file, Diagnostics &diagnostics)
    : file_(file), diagnostics_(diagnostics) {
  collectParams(file, "");
  paramSet_.insert(params_.begin(), params_.end());
  collectWeights(file.weights, "");
  for (const UseDecl &use : file.uses)
    if (use.library) {
      groups_.add(use.name);
      collectWeights(use.library->weights, use.name + ".");
    }
  collectStates(file.state, "");
  for (const BlockDecl &block : file.blocks)
    listed_.insert(block.weights.begin(), block.weights.end());
}

void NameResolver::collectParams(const SpecFile &file,
                                 const std::string &prefix) {
  for (const ParamSpec &param : file.params)
    params_.push_back(prefix + param.name);
  collectGroup(file.config, prefix);
  for (const UseDecl &use : file.uses)
    if (use.library)
      collectParams(*use.library, prefix + use.name + ".");
}

void NameResolver::collectGroup(const ConfigGroup &group,
                                const std::string &prefix) {
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<ConfigGroup>(&child)) {
      collectGroup(*inner, prefix + inner->name + ".");
      continue;
    }
    const ParamDecl &decl = std::get<ParamDecl>(child);
    params_.push_back(prefix + decl.name);
    decls_[prefix + decl.name] = &decl;
  }
}

void NameResolver::collectWeights(const WeightGroup &group,
                                  const std::string &prefix) {
  if (group.each)
    indices_.insert(group.each->index);
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<WeightGroup>(&child)) {
      groups_.add(prefix + inner->name);
      collectWeights(*inner, prefix + inner->name + ".");
      continue;
    }
    const auto &leaf = std::get<WeightLeaf>(child);
    if (leaf.holds.empty())
      leaves_.add(prefix + leaf.name);
    for (const WeightLeaf::Part &part : leaf.holds)
      leaves_.add(prefix + part.name);
  }
}

void NameResolver::collectStates(const StateGroup &group,
                                 const std::string &prefix) {
  if (group.each)
    indices_.insert(group.each->index);
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<StateGroup>(&child)) {
      groups_.add(prefix + inner->name);
      collectStates(*inner, prefix + inner->name + ".");
    } else {
      states_.add(prefix + std::get<StateLeaf>(child).name);
    }
  }
}

void NameResolver::ref(const Scalar &scalar, const Expr &expr,
                       const Visible &visible) {
  if (paramSet_.count(expr.name) || visible.contains(expr.name))
    return;
  std::string head = expr.name + ".";
  auto first = paramSet_.lower_bound(head);
  bool group = first != paramSet_.end() && first->starts_with(head);
  auto known = [&] {
    Names names = visible.all();
    names.insert(names.end(), params_.begin(), params_.end());
    return names;
  };
  diagnostics_.error(scalar.at(expr.offset),
                     group ? "'$" + expr.name + "' is a group of parameters"
                           : "unknown parameter '$" + expr.name + "'" +
                                 hint(expr.name, known));
}

void NameResolver::has(const Scalar &scalar, const Expr &expr) {
  // A block of a library asks about weights of whoever calls it.
  auto isKnown = [&](const std::string &name) {
    return leaves_.endsIn(name) || groups_.endsIn(name) || listed_.count(name);
  };
  if (isKnown(expr.name) ||
      (expr.name.ends_with(".bias") &&
       isKnown(expr.name.substr(0, expr.name.size() - 5))))
    return;
  diagnostics_.error(scalar.at(expr.offset),
                     "has() asks for an unknown weight " + quote(expr.name) +
                         hint(expr.name, [&] { return leaves_.paths(); }));
}

void NameResolver::given(const Scalar &scalar, const Expr &expr,
                         const Visible &visible) {
  Names optional;
  if (visible.block)
    for (const BlockDecl::Name &input : visible.block->inputs)
      if (input.optional)
        optional.push_back(input.name);
  if (std::find(optional.begin(), optional.end(), expr.name) == optional.end())
    diagnostics_.error(scalar.at(expr.offset),
                       "given() asks about an input that may be left out; " +
                           quote(expr.name) + " is not one" +
                           suggest(expr.name, optional));
}

void NameResolver::check(const Scalar &scalar, const Visible &visible) {
  visitNames(
      scalar, [&](const Expr &expr) { ref(scalar, expr, visible); },
      [&](const std::string &function, const Expr &expr) {
        if (function == "has")
          has(scalar, expr);
        else
          given(scalar, expr, visible);
      });
}

void NameResolver::check(const Data &data, const Visible &visible) {
  if (data.isScalar())
    check(data.scalar, visible);
  for (const Data &item : data.items)
    check(item, visible);
}

void NameResolver::check(const Template &text, const Visible &visible) {
  for (const Template::Piece &piece : text.pieces) {
    if (piece.scalar)
      check(*piece.scalar, visible);
    if (piece.name.empty() || piece.name == "arch" ||
        visible.contains(piece.name))
      continue;
    auto known = [&] {
      Names names = visible.all();
      names.push_back("arch");
      return names;
    };
    diagnostics_.error(
        text.location,
        "unknown index '$" + piece.name + "' in a name" +
            (paramSet_.count(piece.name)
                 ? "; a parameter is written ${$" + piece.name + "}"
                 : hint(piece.name, known)));
  }
}

void NameResolver::check(const PerFormat<Alternatives> &names,
                         const Visible &visible) {
  for (const auto &[format, alternatives] : names)
    for (const Template &text : alternatives)
      check(text, visible);
}

void NameResolver::config(const ConfigGroup &group) {
  check(group.prefix, {});
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<ConfigGroup>(&child)) {
      config(*inner);
      continue;
    }
    const ParamDecl &decl = std::get<ParamDecl>(child);
    if (decl.derived)
      check(decl.value, {});
    check(decl.keys, {});
    if (decl.sizeOf)
      for (const Template &text : decl.sizeOf->tensors)
        check(text, {});
    if (decl.countOf)
      for (const Template &text : *decl.countOf)
        check(text, {});
    for (const auto &[format, data] : decl.fallbacks)
      check(data, {});
    for (const std::optional<Data> *data :
         {&decl.fallback, &decl.ifNull, &decl.length, &decl.element,
          &decl.least, &decl.most})
      if (*data)
        check(**data, {});
    for (const auto &[spelling, data] : decl.values)
      check(data, {});
  }
}

void NameResolver::source(const SourceDecl &decl, Visible visible) {
  if (decl.each) {
    check(decl.each->count, visible);
    visible.bound.push_back(decl.each->index);
  }
  check(decl.name, visible);
  if (decl.scales)
    check(*decl.scales, visible);
  if (decl.scaled)
    check(*decl.scaled, visible);
  if (decl.per)
    check(*decl.per, visible);
  for (const TransformDecl &transform : decl.apply)
    check(transform.args, visible);
  for (const SourceDecl &item : decl.items)
    source(item, visible);
}

void NameResolver::weightLeaf(const WeightLeaf &leaf, const Visible &visible) {
  for (const Data &size : leaf.shape)
    check(size, visible);
  for (const WeightLeaf::Part &part : leaf.holds) {
    check(part.rows, visible);
    for (const TransformDecl &transform : part.apply)
      check(transform.args, visible);
  }
  for (const std::optional<Data> *data : {&leaf.per, &leaf.cols, &leaf.experts})
    if (*data)
      check(**data, visible);
  for (const std::optional<Scalar> *scalar :
       {&leaf.when, &leaf.bias, &leaf.biasWhen})
    if (*scalar)
      check(**scalar, visible);
  for (const Sources *sources : {&leaf.sources, &leaf.biasSources})
    for (const auto &[format, alternatives] : *sources)
      for (const SourceDecl &decl : alternatives)
        source(decl, visible);
  for (const std::optional<AliasDecl> *alias : {&leaf.absent, &leaf.sameAs}) {
    if (!*alias)
      continue;
    if ((*alias)->when)
      check(*(*alias)->when, visible);
    if ((*alias)->instance)
      check(*(*alias)->instance, visible);
    const std::string &use = (*alias)->use;
    if (!leaves_.endsIn(use))
      diagnostics_.error((*alias)->location,
                         "unknown weight " + quote(use) +
                             hint(use, [&] { return leaves_.paths(); }));
  }
}

void NameResolver::weights(const WeightGroup &group, Visible visible) {
  if (group.when)
    check(*group.when, visible);
  if (group.each) {
    check(group.each->count, visible);
    visible.bound.push_back(group.each->index);
  }
  check(group.prefix, visible);
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<WeightGroup>(&child)) {
      weights(*inner, visible);
      continue;
    }
    weightLeaf(std::get<WeightLeaf>(child), visible);
  }
}

void NameResolver::states(const StateGroup &group, Visible visible) {
  if (group.when)
    check(*group.when, visible);
  if (group.each) {
    check(group.each->count, visible);
    visible.bound.push_back(group.each->index);
  }
  for (const auto &child : group.children) {
    if (const auto *inner = std::get_if<StateGroup>(&child)) {
      states(*inner, visible);
      continue;
    }
    const auto &leaf = std::get<StateLeaf>(child);
    if (leaf.when)
      check(*leaf.when, visible);
    for (const StateLeaf::Field &field : leaf.fields)
      for (const Data &size : field.shape)
        check(size, visible);
    for (const std::optional<Data> *data :
         {&leaf.keep, &leaf.chunk, &leaf.fullOf})
      if (*data)
        check(**data, visible);
    if (!leaf.init)
      continue;
    if (leaf.init->isWord() && leaf.init->scalar.text.starts_with("w."))
      weightName(leaf.init->scalar.text.substr(2), leaf.init->location, {});
    else
      check(*leaf.init, visible);
  }
}

void NameResolver::run() {
  config(file_.config);
  for (const auto &[format, keys] : file_.inert)
    for (const InertDecl &decl : keys) {
      check(decl.keys, {});
      for (const Data &value : decl.values)
        check(value, {});
    }
  for (const CheckDecl &decl : file_.checks)
    check(decl.that, {});
  for (const UseDecl &use : file_.uses)
    for (const ArgDecl &arg : use.args)
      check(arg.value, {});
  for (const ParamSpec &param : file_.params)
    if (param.fallback)
      check(*param.fallback, {});
  for (const Alternatives *names :
       {&file_.match.ggufWith, &file_.match.ggufWithout})
    for (const Template &text : *names)
      check(text, {});
  check(file_.ignore, {});
  weights(file_.weights, {});
  states(file_.state, {});
  for (const BlockDecl &decl : file_.blocks)
    block(decl);
  for (const EntryDecl &decl : file_.entries)
    entry(decl);
  recursion();
  if (!file_.library)
    neverCalled();
}

} // namespace sluice::spec
