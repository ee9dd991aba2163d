// What a tapped value is called where it leaves a program.
#pragma once

#include "llvm/ADT/Twine.h"

#include <string>

namespace sluice::llm {

// A tap in a block is passed once per call of the block; `time` counts from 0
// in the order of evaluation.
inline std::string tapName(llvm::StringRef name, int64_t time) {
  return (name + "#" + llvm::Twine(time)).str();
}

} // namespace sluice::llm
