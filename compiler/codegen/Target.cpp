#include "compiler/codegen/Target.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using llvm::StringRef;

namespace sluice::codegen {
namespace {

// Instruction sets of the two base levels, in the order in which they are
// reported.
constexpr StringRef level3[] = {"sse4.2", "popcnt", "avx", "avx2",  "bmi",
                                "bmi2",   "f16c",   "fma", "lzcnt", "movbe"};
constexpr StringRef level4[] = {"avx512f", "avx512bw", "avx512cd", "avx512dq",
                                "avx512vl"};
// Extensions that kernels profit from. Everything else a processor has stays
// unused, so that what a code section requires is a short exact list.
constexpr StringRef extensions512[] = {"avx512vnni", "avx512bf16", "avx512vbmi",
                                       "avx512vbmi2"};

// What a processor has by its name, with what its features imply.
llvm::StringMap<bool> featuresOf(StringRef cpu) {
  llvm::SmallVector<StringRef, 64> list;
  llvm::X86::getFeaturesForCPU(cpu, list);
  llvm::StringMap<bool> features;
  for (StringRef feature : list) {
    features[feature] = true;
    llvm::X86::updateImpliedFeatures(feature, /*Enabled=*/true, features);
  }
  return features;
}

Status unknownTarget(StringRef name) {
  llvm::SmallVector<StringRef, 64> known;
  llvm::X86::fillValidCPUArchList(known, /*Only64Bit=*/true);
  StringRef nearest = "x86-64-v3";
  unsigned best = ~0u;
  for (StringRef candidate : known) {
    unsigned distance = name.edit_distance(candidate);
    if (distance < best && featuresOf(candidate).lookup("avx2"))
      best = distance, nearest = candidate;
  }
  return Status(Code::InvalidArgument,
                "unknown target '" + name.str() +
                    "', expected native, x86-64-v3, x86-64-v4 or a processor "
                    "name; did you mean '" +
                    nearest.str() + "'?");
}

} // namespace

Result<Target> parseTarget(std::string_view text) {
  Target target;
  target.name =
      text == "native" ? llvm::sys::getHostCPUName().str() : std::string(text);
  if (llvm::X86::parseArchX86(target.name, /*Only64Bit=*/true) ==
      llvm::X86::CK_None)
    return unknownTarget(target.name);

  // The host is asked and not looked up: a hypervisor may hide features.
  llvm::StringMap<bool> present = text == "native"
                                      ? llvm::sys::getHostCPUFeatures()
                                      : featuresOf(target.name);
  for (StringRef feature : level3) {
    if (!present.lookup(feature))
      return Status(Code::Unsupported, "target '" + target.name + "' has no " +
                                           feature.str() +
                                           ", expected x86-64-v3 or better");
    target.required.push_back(feature.str());
  }

  target.hasAvx512 = llvm::all_of(
      level4, [&](StringRef feature) { return present.lookup(feature); });
  target.cpu = target.hasAvx512 ? "x86-64-v4" : "x86-64-v3";
  target.tune =
      StringRef(target.name).starts_with("x86-64") ? "generic" : target.name;
  if (target.hasAvx512) {
    for (StringRef feature : level4)
      target.required.push_back(feature.str());
    for (StringRef feature : extensions512) {
      if (!present.lookup(feature))
        continue;
      target.required.push_back(feature.str());
      target.features += (target.features.empty() ? "+" : ",+") + feature.str();
    }
    target.hasAvx512Bf16 = present.lookup("avx512bf16");
    target.hasAvx512Vnni = present.lookup("avx512vnni");
  }
  return target;
}

} // namespace sluice::codegen
