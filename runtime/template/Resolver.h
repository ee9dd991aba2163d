// Decides which variable each name means, as Jinja2's compiler does: a scope
// takes over the variables of the outer scope that it uses when it is entered,
// and what it sets does not reach out. Also finds filters and tests by name.
#pragma once

#include "runtime/template/Ast.h"

#include <map>
#include <memory>
#include <set>

namespace sluice::jinja {

class Resolver {
public:
  Resolver(Tree &tree, size_t maxNesting)
      : tree_(tree), maxNesting_(maxNesting) {}
  void run();

private:
  struct Variable {
    size_t depth = 0; // of its function
    uint32_t index = 0;
  };
  // The names of one scope.
  struct Symbols {
    Symbols(const Symbols *outer, Function *in, size_t at)
        : parent(outer), function(in), depth(at),
          places(std::make_shared<std::map<std::string, uint32_t>>()) {}
    const Variable *find(const std::string &name) const;

    const Symbols *parent;
    Function *function;
    size_t depth;
    std::map<std::string, Variable> known;
    std::map<uint32_t, Load> loads;
    std::set<std::string> stores;
    // Of every name that the scope has defined; shared by branches.
    std::shared_ptr<std::map<std::string, uint32_t>> places;
  };
  struct Context {
    Symbols &symbols;
    bool soft = false; // what can't be found is an error only when it is run
  };

  // Collecting the names of a scope.
  Variable define(Symbols &symbols, const std::string &name, Load::Kind kind,
                  const Variable *source = nullptr);
  void load(Symbols &symbols, const std::string &name);
  void store(Symbols &symbols, const std::string &name);
  Variable parameter(Symbols &symbols, const std::string &name);
  void deeper(const Expr &expr); // fails where that is too deep
  void collect(Symbols &symbols, const Expr *expr);
  void collect(Symbols &symbols, const Block &block);
  void collect(Symbols &symbols, const Stmt &stmt);
  void collectIf(Symbols &symbols, const Stmt &stmt);
  void collectTarget(Symbols &symbols, const Expr &target, bool parameters);
  void merge(Symbols &symbols, const std::vector<Symbols> &branches);
  static Scope scopeOf(const Symbols &symbols);

  // Filling in slots.
  void resolve(const Context &context, const Block &block);
  void resolve(const Context &context, Stmt &stmt);
  void resolve(const Context &context, Expr *expr);
  void resolveNode(const Context &context, Expr &expr);
  void resolveArguments(const Context &context, Arguments &arguments);
  void resolveFor(const Context &context, Stmt &stmt);
  void resolveLoopFilter(const Context &context, Stmt &stmt);
  void resolveFunction(const Context &context, Function &function);
  void resolveNested(const Context &context, Stmt &stmt);
  void resolveWith(const Context &context, Stmt &stmt);
  void resolveBuiltin(const Context &context, Expr &expr);
  Expr *copyTarget(const Expr &target);
  Slot slot(const Symbols &symbols, const std::string &name) const;
  Function *addFunction(const std::string &name, Position at);
  void spend(size_t work, Position at);

  Tree &tree_;
  size_t maxNesting_, nesting_ = 0;
  size_t work_ = 0;
  int loops_ = 0;
};

} // namespace sluice::jinja
