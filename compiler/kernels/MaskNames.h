// The operand or dim of a term of a mask: its word, and a number from the
// second term of that word on; terms are counted in the order of the list, the
// terms in a term after it.
#pragma once

#include "llvm/ADT/StringMap.h"
#include <string>

namespace sluice::kernels {

// What stands behind the name of `blocks` in the names of its dims.
inline constexpr llvm::StringRef blockDims[] = {".size", ".local", ".stride",
                                                ".hop"};

class MaskNames {
public:
  std::string next(llvm::StringRef word) {
    int time = times[word]++;
    return time ? word.str() + "." + std::to_string(time) : word.str();
  }

private:
  llvm::StringMap<int> times;
};

} // namespace sluice::kernels
