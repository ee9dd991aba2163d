#include "runtime/template/Names.h"

namespace sluice::jinja {

namespace {
class Finder {
public:
  explicit Finder(std::set<std::string> names) : names_(std::move(names)) {}

  void visit(const Block &block) {
    for (const Stmt *stmt : block)
      visit(*stmt);
  }
  std::set<std::string> found;

private:
  void set(const Expr *target) {
    if (!target)
      return;
    if (target->kind == Expr::Kind::Name)
      names_.erase(target->name);
    for (const Expr *item : target->operands)
      set(item);
  }

  void visit(const Expr *expr) {
    if (!expr)
      return;
    if (expr->kind == Expr::Kind::Name && names_.count(expr->name))
      found.insert(expr->name);
    for (const Expr *operand : expr->operands)
      visit(operand);
    for (const Expr *argument : expr->arguments.positional)
      visit(argument);
    for (const auto &[name, argument] : expr->arguments.named)
      visit(argument);
    visit(expr->arguments.rest);
    visit(expr->arguments.namedRest);
  }

  void visit(const Function &function) {
    for (const Expr *parameter : function.parameters)
      set(parameter);
    for (const Expr *value : function.defaults)
      visit(value);
    visit(function.body);
  }

  // In the order of the fields of Jinja2's nodes: a name that was set before is
  // not looked for any more.
  void visit(const Stmt &stmt) {
    if (stmt.function && stmt.kind != Stmt::Kind::Macro)
      visit(stmt.expression);
    if (stmt.kind != Stmt::Kind::Macro)
      set(stmt.target);
    for (const auto &[target, value] : stmt.bindings)
      set(target);
    for (const auto &[target, value] : stmt.bindings)
      visit(value);
    for (const Expr *expr : stmt.expressions)
      visit(expr);
    for (const auto &[condition, block] : stmt.branches) {
      visit(condition);
      visit(block);
    }
    bool filterLast = stmt.kind == Stmt::Kind::Filter;
    if (!stmt.function && !filterLast)
      visit(stmt.expression);
    if (stmt.function)
      visit(*stmt.function);
    visit(stmt.body);
    visit(stmt.otherwise);
    visit(stmt.condition);
    if (filterLast)
      visit(stmt.expression);
  }

  std::set<std::string> names_;
};
} // namespace

std::set<std::string> usedNames(const Block &block,
                                std::set<std::string> names) {
  Finder finder(std::move(names));
  finder.visit(block);
  return finder.found;
}

} // namespace sluice::jinja
