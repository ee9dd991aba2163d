// Runs a tree.
#pragma once

#include "runtime/template/Ast.h"
#include "runtime/template/Builtins.h"
#include "runtime/template/Heap.h"
#include "runtime/template/Iteration.h"
#include "runtime/template/Template.h"

#include <map>
#include <optional>

namespace sluice::jinja {

// The variables of one run of a function.
struct Variables : Object {
  Variables *outer = nullptr;
  std::vector<Value> slots;
};

struct LoopState;

class Interpreter {
public:
  Interpreter(const Tree &tree, const nlohmann::ordered_json &variables,
              const Template::Limits &limits, const Template::Clock &clock)
      : tree_(tree), given_(variables), clock_(clock), heap_(limits),
        output_(heap_) {}

  std::string run();

  Heap &heap() { return heap_; }
  std::tm now() const;
  Value call(const Value &callee, CallArguments arguments);
  // object.name and object[key]: Undefined where there is none.
  Value attribute(const Value &object, const std::string &name);
  Value item(const Value &object, const Value &key);
  // A filter or test that a template names in a string.
  Value applyFilter(const Value &name, CallArguments arguments);
  bool applyTest(const Value &name, CallArguments arguments);

private:
  friend struct Macro;
  friend struct LoopState;
  friend struct LoopFilter;
  enum class Flow { Next, Break, Continue };
  // For as long as it lives, output goes to a string of its own.
  struct Capture {
    explicit Capture(Interpreter &interpreter)
        : in(interpreter), outer(in.out_), text(in.heap_) {
      in.out_ = &text;
    }
    ~Capture() { in.out_ = outer; }
    Interpreter &in;
    Writer *outer;
    Writer text;
  };
  // For as long as it lives, these are the variables.
  struct Running {
    Running(Interpreter &interpreter, Variables *variables)
        : in(interpreter), outer(in.variables_) {
      in.variables_ = variables;
    }
    ~Running() { in.variables_ = outer; }
    Interpreter &in;
    Variables *outer;
  };

  // Evaluate.cpp
  Value eval(const Expr *expr);
  Value evalNode(const Expr &expr);
  Value evalName(const Expr &expr);
  Value evalDict(const Expr &expr);
  Value evalCompare(const Expr &expr);
  Value evalConcat(const Expr &expr);
  Value evalConditional(const Expr &expr);
  Value evalSlice(const Expr &expr);
  Value evalCall(const Expr &expr, const Value *caller = nullptr);
  Value evalFilter(const Expr &expr, const Value *input = nullptr);
  Value evalTest(const Expr &expr);
  std::vector<Value> evalAll(const std::vector<Expr *> &exprs);
  CallArguments evalArguments(const Arguments &arguments,
                              const Value *first = nullptr);
  void spread(CallArguments &result, const Arguments &arguments);
  // Missing if the object has no attribute of that name in Python.
  Value ownAttribute(const Value &object, std::string_view name);
  Value subscript(const Value &object, const Value &key);
  Value method(const Value &object, const Builtin &builtin);
  Value noAttribute(const Value &object, std::string_view name);

  // Execute.cpp
  Flow exec(const Block &block);
  Flow exec(const Stmt &stmt);
  Flow execNode(const Stmt &stmt);
  Flow execIf(const Stmt &stmt);
  // What the body writes, instead of writing it.
  Flow captureBody(const Stmt &stmt, Value &text);
  Flow execFilter(const Stmt &stmt);
  Flow execSetBlock(const Stmt &stmt);
  Flow execWith(const Stmt &stmt);
  Flow execFor(const Stmt &stmt);
  Flow runLoop(const Stmt &stmt, Value iterable, size_t depth,
               Variables *around);
  Flow runElse(const Stmt &stmt);
  Value recurse(const Stmt &stmt, Variables *around, const Value &iterable,
                size_t depth);
  Value filtered(const Stmt &stmt, Variables *around, const Value &iterable);
  void write(const Value &value);
  void writeText(const Value &value, const char *what);
  void write(std::string_view text);
  void assign(const Expr &target, const Value &value);
  void checkFields(const Expr &target);
  void enter(const Scope &scope);
  void leave(const Scope &scope);
  Value &slot(Slot slot);
  Value global(const std::string &name);
  Variables *newVariables(const Function &function, Variables *outer);
  Value macro(const Function &function);
  Value runMacro(const Function &function, Variables *outer,
                 CallArguments arguments);
  void bindMacro(const Function &function, CallArguments &arguments);

  const Tree &tree_;
  const nlohmann::ordered_json &given_;
  const Template::Clock &clock_;
  Heap heap_;
  Writer output_;
  Writer *out_ = &output_;
  Variables *variables_ = nullptr;
  std::map<std::string, Value> globals_; // those that were asked for
};

// What `loop` is.
struct LoopState : Callable {
  LoopState(Interpreter &interpreter, const Stmt &statement,
            Variables *variables, Value items, size_t level)
      : in(interpreter), stmt(statement), around(variables), iterable(items),
        source(in.heap(), items), depth0(level) {}
  bool next(Value &out);
  Value call(Interpreter &in, CallArguments arguments) override;
  std::string print() override;
  Value attribute(Interpreter &in, std::string_view name) override;

  Value peek(); // Missing at the end
  int64_t length();
  bool changed(std::vector<Value> values);

  Interpreter &in;
  const Stmt &stmt;
  Variables *around; // the variables that its function sees
  Value iterable;
  Iteration source;
  std::optional<std::vector<Value>> drained; // items, to learn how many
  size_t drainedAt = 0;
  int64_t index0 = -1, known = -1;
  Value current = Value::missing(), before = Value::missing(),
        after = Value::missing();
  size_t depth0;
  std::optional<std::vector<Value>> last; // of changed()
};

} // namespace sluice::jinja
