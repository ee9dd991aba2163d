// How numbers and texts are laid out, for both ways of formatting.
#pragma once

#include "runtime/template/Heap.h"

#include <string>

namespace sluice::jinja {

struct Layout {
  std::string fill = " ";
  char align = 0;  // '<', '>', '^', '=' (behind the sign), 0: by the type
  char sign = '-'; // '-': only of negative numbers; '+' and ' ': of all
  bool alternate = false;
  char group = 0; // ',' or '_' between thousands
  int64_t width = 0;
  int64_t precision = -1; // -1: not given
  char type = 0;          // 0: not given
};

// The digits of an integer to a base, without sign.
std::string digitsOf(int64_t value, int base, bool upper);
// A number by one of the types e, f, g and %, without sign.
std::string realDigits(double value, const Layout &layout);
// `sign` and `digits` filled up to the width.
void layOut(Writer &out, const Layout &layout, const std::string &sign,
            std::string digits);
std::string signOf(bool negative, const Layout &layout);
// Fails when it asks for more digits than are sensible.
void checkPrecision(const Layout &layout);

} // namespace sluice::jinja
