// The processors that kernels are compiled for. A target is a plain value: the
// kernel builders read its flags, the code generator its LLVM names.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::codegen {

struct Target {
  // The level and the extensions that are used: "x86-64-v4+bf16+amx". Whatever
  // the user wrote, the name says what the code needs, and parses again.
  std::string name;
  std::string cpu;      // x86-64 level whose instructions are allowed
  std::string tune;     // processor whose costs the scheduler assumes
  std::string features; // additions to the level: "+avx512bf16,+avx512vnni"
  // What the running machine must have, complete and in LLVM's names: "avx2",
  // "fma", ..., "avx512bf16".
  std::vector<std::string> required;

  bool hasAvx512 = false;     // F, BW, CD, DQ and VL (x86-64-v4)
  bool hasAvx512Bf16 = false; // vdpbf16ps, vcvtneps2bf16
  bool hasAvx512Vnni = false;
  bool hasAmx = false; // tiles of bf16, whose order products have, and of i8
  // The tiles are spelled out in vector code: the bits of an AMX machine on any
  // other, slowly.
  bool emulatesAmx = false;

  // Lanes of an f32 vector register.
  int vectorLanes() const { return hasAvx512 ? 16 : 8; }
};

// BASE or BASE+EXTENSION+...; BASE is "native", an x86-64 level from x86-64-v3
// on, or a processor that LLVM knows (znver5, sapphirerapids, ...), EXTENSION
// vnni, bf16, vbmi, vbmi2 or amx on top of x86-64-v4, or amx-emulated. Below
// x86-64-v3 there is no target.
Result<Target> parseTarget(std::string_view name);

} // namespace sluice::codegen
