// What a template consists of. All nodes belong to a Tree.
#pragma once

#include "runtime/template/Value.h"

#include <deque>
#include <string>
#include <vector>

namespace sluice::jinja {

struct Builtin;

// A variable: `hops` functions outwards, then a place in its variables.
struct Slot {
  uint32_t hops = 0, index = 0;
};

struct Expr;

// What stands between the parentheses of a call, filter or test.
struct Arguments {
  std::vector<Expr *> positional;
  std::vector<std::pair<std::string, Expr *>> named;
  Expr *rest = nullptr, *namedRest = nullptr; // *rest, **namedRest
};

enum class Operation : uint8_t {
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Power,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,
  NotIn,
};

struct Expr {
  enum class Kind : uint8_t {
    Constant, // value
    Name,     // name, slot
    Field,    // name '.' field, a target of `set` only; slot
    Tuple,    // operands
    List,     // operands
    Dict,     // operands: keys and values in turn
    Negate,   // operands[0]; so for Plus and Not
    Plus,
    Not,
    And, // operands[0], operands[1]; so for Or
    Or,
    Binary,      // operands[0], operations[0], operands[1]
    Compare,     // operands[0], operations[0], operands[1], operations[1] ...
    Concat,      // operands
    Conditional, // operands: test, then, else (may be null)
    Attribute,   // operands[0] '.' name
    Item,        // operands[0] '[' operands[1] ']'
    Slice,       // operands[0] '[' 1 ':' 2 ':' 3 ']', each may be null
    Call,        // operands[0] '(' arguments ')'
    Filter,      // operands[0] (null: the text of the block) '|' name, builtin
    Test,        // operands[0] 'is' name, builtin
  };
  Kind kind;
  Position at;
  std::string name, field;
  Value value;
  std::vector<Expr *> operands;
  std::vector<Operation> operations;
  Arguments arguments;
  Slot slot;
  const Builtin *builtin = nullptr; // null: there is none of that name
};

// How a variable of a scope gets its value when the scope is entered.
struct Load {
  enum Kind : uint8_t {
    Parameter, // it is set in another way
    Unset,
    Global, // from the variables of the caller
    Alias,  // from an outer scope
  } kind;
  std::string name;
  uint32_t index = 0; // in the variables of the function
  Slot source;
};
using Scope = std::vector<Load>;

struct Stmt;
using Block = std::vector<Stmt *>;

// Code with variables of its own: the template, a macro, the body of a `call`,
// of a recursive loop, the condition of a loop.
struct Function {
  std::string name; // of a macro
  Position at;
  std::vector<Expr *> parameters; // names
  std::vector<Expr *> defaults;   // of the last ones
  Block body;
  Scope scope;
  uint32_t variables = 0;
  // Slots that are filled when the body names them; -1: it does not.
  int64_t caller = -1, keywords = -1, positional = -1;
};

struct Stmt {
  enum class Kind : uint8_t {
    Text,       // value
    Output,     // expressions
    If,         // branches: condition (null: else) and block
    For,        // target, expression, condition, body, otherwise
    Set,        // target, expression
    SetBlock,   // target, expression (filters or null), body
    Macro,      // target, function
    Call,       // expression (the call), function
    Generation, // function
    Filter,     // expression, body
    With,       // bindings, body
    Break,
    Continue,
  };
  Kind kind;
  Position at;
  Value value;
  std::vector<Expr *> expressions;
  Expr *target = nullptr, *expression = nullptr, *condition = nullptr;
  Block body, otherwise;
  std::vector<std::pair<Expr *, Block>> branches;
  std::vector<std::pair<Expr *, Expr *>> bindings;
  Function *function = nullptr; // of For: of a recursive body
  // For: the function that holds the condition and its own target.
  Function *filter = nullptr;
  Expr *filterTarget = nullptr;
  Scope scope, otherwiseScope;
  bool recursive = false;
  int64_t loop = -1; // the slot of `loop`; -1: the body does not name it
};

struct Tree {
  std::deque<Expr> expressions;
  std::deque<Stmt> statements;
  std::deque<Function> functions;
  Function *main = nullptr;
};

} // namespace sluice::jinja
