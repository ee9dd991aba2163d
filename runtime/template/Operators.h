// What +, in, [] and so on do, by Python's rules.
#pragma once

#include "runtime/template/Ast.h"
#include "runtime/template/Heap.h"

namespace sluice::jinja {

class Interpreter;

Value arithmetic(Interpreter &in, Operation operation, const Value &a,
                 const Value &b);
bool compare(Interpreter &in, Operation operation, const Value &a,
             const Value &b);
Value negate(const Value &value);
Value plus(const Value &value);
bool contains(Interpreter &in, const Value &container, const Value &item);
Value slice(Heap &heap, const Value &value, const Value &start,
            const Value &stop, const Value &step);
// Where an index lands in that many items; -1: outside.
int64_t position(int64_t index, int64_t size);

// str % value
Value formatPercent(Heap &heap, const Value &format, const Value &arguments);
// str.format()
Value formatBraces(Interpreter &in, const Value &format,
                   const std::vector<Value> &positional,
                   const std::vector<std::pair<std::string, Value>> &named);

} // namespace sluice::jinja
