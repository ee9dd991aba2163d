#include "runtime/template/Resolver.h"

#include "runtime/template/Builtins.h"
#include "runtime/template/Names.h"

namespace sluice::jinja {

void Resolver::run() {
  Symbols symbols(nullptr, tree_.main, 0);
  collect(symbols, tree_.main->body);
  resolve({symbols}, tree_.main->body);
  tree_.main->scope = scopeOf(symbols);
}

const Resolver::Variable *
Resolver::Symbols::find(const std::string &name) const {
  for (const Symbols *scope = this; scope; scope = scope->parent)
    if (auto it = scope->known.find(name); it != scope->known.end())
      return &it->second;
  return nullptr;
}

Resolver::Variable Resolver::define(Symbols &symbols, const std::string &name,
                                    Load::Kind kind, const Variable *source) {
  auto [place, added] = symbols.places->try_emplace(name, 0);
  if (added)
    place->second = symbols.function->variables++;
  Load load{kind, name, place->second, {}};
  if (source)
    load.source = {uint32_t(symbols.depth - source->depth), source->index};
  symbols.loads[place->second] = load;
  return symbols.known[name] = {symbols.depth, place->second};
}

void Resolver::load(Symbols &symbols, const std::string &name) {
  if (!symbols.find(name))
    define(symbols, name, Load::Global);
}

void Resolver::store(Symbols &symbols, const std::string &name) {
  symbols.stores.insert(name);
  if (symbols.known.count(name))
    return;
  const Variable *outer = symbols.parent ? symbols.parent->find(name) : nullptr;
  define(symbols, name, outer ? Load::Alias : Load::Unset, outer);
}

Resolver::Variable Resolver::parameter(Symbols &symbols,
                                       const std::string &name) {
  symbols.stores.insert(name);
  return define(symbols, name, Load::Parameter);
}

Scope Resolver::scopeOf(const Symbols &symbols) {
  Scope scope;
  for (const auto &[index, load] : symbols.loads)
    scope.push_back(load);
  return scope;
}

void Resolver::deeper(const Expr &expr) {
  if (++nesting_ > maxNesting_)
    failAt(expr.at,
           "expressions nest more than " + std::to_string(maxNesting_) +
               " levels deep",
           Code::Resource);
}

void Resolver::collect(Symbols &symbols, const Expr *expr) {
  if (!expr)
    return;
  deeper(*expr);
  if (expr->kind == Expr::Kind::Name || expr->kind == Expr::Kind::Field)
    load(symbols, expr->name);
  for (const Expr *operand : expr->operands)
    collect(symbols, operand);
  for (const Expr *argument : expr->arguments.positional)
    collect(symbols, argument);
  for (const auto &[name, argument] : expr->arguments.named)
    collect(symbols, argument);
  collect(symbols, expr->arguments.rest);
  collect(symbols, expr->arguments.namedRest);
  --nesting_;
}

void Resolver::collectTarget(Symbols &symbols, const Expr &target,
                             bool parameters) {
  if (target.kind == Expr::Kind::Field) {
    load(symbols, target.name);
  } else if (target.kind == Expr::Kind::Name) {
    if (parameters)
      parameter(symbols, target.name);
    else
      store(symbols, target.name);
  }
  for (const Expr *item : target.operands)
    collectTarget(symbols, *item, parameters);
}

void Resolver::collect(Symbols &symbols, const Block &block) {
  for (const Stmt *stmt : block)
    collect(symbols, *stmt);
}

// What lies in scopes of their own is not visited.
void Resolver::collect(Symbols &symbols, const Stmt &stmt) {
  switch (stmt.kind) {
  case Stmt::Kind::If:
    return collectIf(symbols, stmt);
  case Stmt::Kind::Set:
    collect(symbols, stmt.expression);
    return collectTarget(symbols, *stmt.target, false);
  case Stmt::Kind::SetBlock:
    return collectTarget(symbols, *stmt.target, false);
  case Stmt::Kind::Macro:
    return store(symbols, stmt.target->name);
  case Stmt::Kind::With:
    for (const auto &[target, value] : stmt.bindings)
      collect(symbols, value);
    return;
  default:
    for (const Expr *expr : stmt.expressions)
      collect(symbols, expr);
    return collect(symbols, stmt.expression);
  }
}

// Branches copy the names that are known so far, which a hostile template could
// make expensive.
void Resolver::spend(size_t work, Position at) {
  work_ += work;
  if (work_ > 5'000'000)
    failAt(at, "too many names in too many branches", Code::Resource);
}

// Jinja2 has three branches: the first, all `elif` in a row, and `else`.
void Resolver::collectIf(Symbols &symbols, const Stmt &stmt) {
  spend((symbols.known.size() + 1) * (stmt.branches.size() + 2), stmt.at);
  std::vector<Symbols> branches;
  for (size_t i = 0; i < stmt.branches.size(); ++i) {
    const auto &[condition, block] = stmt.branches[i];
    if (i == 0)
      collect(symbols, condition);
    if (i == 0 || !condition) {
      branches.push_back(symbols);
      collect(branches.back(), block);
    }
  }
  Symbols others = symbols;
  for (size_t i = 1; i < stmt.branches.size(); ++i) {
    const auto &[condition, block] = stmt.branches[i];
    if (!condition)
      continue;
    collect(others, condition);
    std::vector<Symbols> inner(3, others);
    collect(inner[0], block);
    merge(others, inner);
  }
  branches.insert(branches.begin() + 1, others);
  if (branches.size() < 3)
    branches.push_back(symbols);
  merge(symbols, branches);
}

void Resolver::merge(Symbols &symbols, const std::vector<Symbols> &branches) {
  std::map<std::string, size_t> counts;
  for (const Symbols &branch : branches)
    for (const std::string &name : branch.stores)
      if (!symbols.stores.count(name))
        ++counts[name];
  for (const Symbols &branch : branches) {
    for (const auto &[name, variable] : branch.known)
      symbols.known[name] = variable;
    for (const auto &[index, load] : branch.loads)
      symbols.loads[index] = load;
    symbols.stores.insert(branch.stores.begin(), branch.stores.end());
  }
  // What only some branches set has its outer value in the others.
  for (const auto &[name, count] : counts) {
    if (count == branches.size())
      continue;
    const Variable *outer =
        symbols.parent ? symbols.parent->find(name) : nullptr;
    define(symbols, name, outer ? Load::Alias : Load::Global, outer);
  }
}

Slot Resolver::slot(const Symbols &symbols, const std::string &name) const {
  const Variable *variable = symbols.find(name);
  if (!variable)
    fail("the name '" + name + "' was not resolved", Code::Internal);
  return {uint32_t(symbols.depth - variable->depth), variable->index};
}

Function *Resolver::addFunction(const std::string &name, Position at) {
  Function &function = tree_.functions.emplace_back();
  function.name = name;
  function.at = at;
  return &function;
}

void Resolver::resolve(const Context &context, const Block &block) {
  for (Stmt *stmt : block)
    resolve(context, *stmt);
}

void Resolver::resolve(const Context &context, Stmt &stmt) {
  switch (stmt.kind) {
  case Stmt::Kind::If:
    for (auto &[condition, block] : stmt.branches) {
      resolve({context.symbols, true}, condition);
      resolve({context.symbols, true}, block);
    }
    return;
  case Stmt::Kind::For:
    return resolveFor(context, stmt);
  case Stmt::Kind::Macro:
    resolveFunction(context, *stmt.function);
    return resolve(context, stmt.target);
  case Stmt::Kind::Call:
  case Stmt::Kind::Generation:
    resolveFunction(context, *stmt.function);
    return resolve(context, stmt.expression);
  case Stmt::Kind::Filter:
  case Stmt::Kind::SetBlock:
    return resolveNested(context, stmt);
  case Stmt::Kind::With:
    return resolveWith(context, stmt);
  default:
    for (Expr *expr : stmt.expressions)
      resolve(context, expr);
    resolve(context, stmt.expression);
    resolve(context, stmt.target);
    if (stmt.target && loops_ > 0 && stmt.target->kind == Expr::Kind::Name &&
        stmt.target->name == "loop")
      failAt(stmt.target->at, "'loop' can't be set inside of a loop");
  }
}

void Resolver::resolveNested(const Context &context, Stmt &stmt) {
  Symbols inner(&context.symbols, context.symbols.function,
                context.symbols.depth);
  collect(inner, stmt.body);
  collect(inner, stmt.expression);
  resolve({inner}, stmt.body);
  resolve({inner}, stmt.expression);
  resolve(context, stmt.target);
  stmt.scope = scopeOf(inner);
}

void Resolver::resolveWith(const Context &context, Stmt &stmt) {
  Symbols inner(&context.symbols, context.symbols.function,
                context.symbols.depth);
  for (auto &[target, value] : stmt.bindings)
    collectTarget(inner, *target, true);
  collect(inner, stmt.body);
  for (auto &[target, value] : stmt.bindings) {
    resolve(context, value);
    resolve({inner}, target);
  }
  resolve({inner}, stmt.body);
  stmt.scope = scopeOf(inner);
}

Expr *Resolver::copyTarget(const Expr &target) {
  Expr &copy = tree_.expressions.emplace_back(target);
  for (Expr *&item : copy.operands)
    item = copyTarget(*item);
  return &copy;
}

// The condition is a function, called while the loop goes on.
void Resolver::resolveLoopFilter(const Context &context, Stmt &stmt) {
  stmt.filter = addFunction("loop filter", stmt.at);
  Symbols inner(&context.symbols, stmt.filter, context.symbols.depth + 1);
  stmt.filterTarget = copyTarget(*stmt.target);
  collectTarget(inner, *stmt.target, true);
  collect(inner, stmt.condition);
  resolve({inner}, stmt.filterTarget);
  resolve({inner}, stmt.condition);
  stmt.filter->scope = scopeOf(inner);
}

void Resolver::resolveFor(const Context &context, Stmt &stmt) {
  resolve(context, stmt.expression);
  if (stmt.condition)
    resolveLoopFilter(context, stmt);
  Function *in = context.symbols.function;
  size_t depth = context.symbols.depth;
  if (stmt.recursive) {
    in = stmt.function = addFunction("loop", stmt.at);
    ++depth;
  }
  Symbols body(&context.symbols, in, depth);
  if (stmt.recursive || usedNames(stmt.body, {"loop"}).count("loop"))
    stmt.loop = parameter(body, "loop").index;
  collectTarget(body, *stmt.target, true);
  collect(body, stmt.body);
  resolve({body}, stmt.target);
  ++loops_;
  resolve({body}, stmt.body);
  --loops_;
  stmt.scope = scopeOf(body);

  Symbols otherwise(&context.symbols, in, depth);
  collect(otherwise, stmt.otherwise);
  resolve({otherwise}, stmt.otherwise);
  stmt.otherwiseScope = scopeOf(otherwise);
}

void Resolver::resolveFunction(const Context &context, Function &function) {
  Symbols inner(&context.symbols, &function, context.symbols.depth + 1);
  std::set<std::string> special =
      usedNames(function.body, {"caller", "kwargs", "varargs"});
  for (size_t i = 0; i < function.parameters.size(); ++i) {
    const Expr &name = *function.parameters[i];
    parameter(inner, name.name);
    bool optional = i + function.defaults.size() >= function.parameters.size();
    if (name.name == "caller" && special.count("caller") && !optional)
      failAt(name.at, "the parameter 'caller' must have a default");
    special.erase(name.name);
  }
  // The other parameters are known before the body is looked at.
  if (special.count("caller"))
    function.caller = parameter(inner, "caller").index;
  if (special.count("kwargs"))
    function.keywords = parameter(inner, "kwargs").index;
  if (special.count("varargs"))
    function.positional = parameter(inner, "varargs").index;
  for (const Expr *value : function.defaults)
    collect(inner, value);
  collect(inner, function.body);
  for (Expr *name : function.parameters)
    resolve({inner}, name);
  for (Expr *value : function.defaults)
    resolve({inner}, value);
  resolve({inner}, function.body);
  function.scope = scopeOf(inner);
}

void Resolver::resolve(const Context &context, Expr *expr) {
  if (!expr)
    return;
  deeper(*expr);
  resolveNode(context, *expr);
  --nesting_;
}

void Resolver::resolveNode(const Context &context, Expr &expr) {
  bool soft = context.soft || expr.kind == Expr::Kind::Conditional;
  Context inner{context.symbols, soft};
  if (expr.kind == Expr::Kind::Name || expr.kind == Expr::Kind::Field)
    expr.slot = slot(context.symbols, expr.name);
  if (expr.kind == Expr::Kind::Filter || expr.kind == Expr::Kind::Test)
    resolveBuiltin(inner, expr);
  for (Expr *operand : expr.operands)
    resolve(inner, operand);
  resolveArguments(inner, expr.arguments);
}

void Resolver::resolveArguments(const Context &context, Arguments &arguments) {
  for (Expr *argument : arguments.positional)
    resolve(context, argument);
  for (auto &[name, argument] : arguments.named)
    resolve(context, argument);
  resolve(context, arguments.rest);
  resolve(context, arguments.namedRest);
}

void Resolver::resolveBuiltin(const Context &context, Expr &expr) {
  bool filter = expr.kind == Expr::Kind::Filter;
  expr.builtin = filter ? findFilter(expr.name) : findTest(expr.name);
  if (!expr.builtin && !context.soft)
    failAt(expr.at, filter ? unknownFilter(expr.name) : unknownTest(expr.name));
}

} // namespace sluice::jinja
