// Functions of f32 elements that are computed while compiling: arithmetic on
// weights and tables, which is the same for every row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::formula {

// What a step does with a, b and c, all f32.
enum class Op {
  Constant,
  Add,
  Sub,
  Mul,
  Div,
  Less, // comparisons give 1 or 0
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  Unequal,
  Select, // b where a is 1, else c
  Fma,    // a * b + c, rounded once
  Neg,
  Abs,
  Sqrt,
  Exp,
  Log,
  Log1p,
  Tanh,
  Erf,
  Sin,
  Cos,
  Floor,
  RoundEven,
  RoundF16, // to the nearest value of the narrower type
  RoundBf16,
};

// `a`, `b` and `c` number the inputs and, after them, the steps.
struct Step {
  Op op;
  int a = 0, b = 0, c = 0; // those that the op reads; earlier than the step
  float value = 0;         // of a constant
};

// A straight line of steps.
struct Formula {
  int inputs = 0; // how many
  std::vector<Step> steps;
  int result = 0; // the number of an input or step
};

// out[i] = formula(inputs[0][i], inputs[1][i], ...) for i < count, each step
// rounded to f32.
void evaluate(const Formula &formula, std::span<const float *const> inputs,
              int64_t count, float *out);

} // namespace sluice::formula
