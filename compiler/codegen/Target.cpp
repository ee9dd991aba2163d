#include "compiler/codegen/Target.h"

#include "runtime/format/CpuFeatures.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

using llvm::ArrayRef;
using llvm::StringRef;

namespace sluice::codegen {
namespace {

// Instruction sets of the two base levels, in the order in which they are
// reported.
constexpr StringRef level3[] = {"sse4.2", "popcnt", "avx", "avx2",  "bmi",
                                "bmi2",   "f16c",   "fma", "lzcnt", "movbe"};
constexpr StringRef level4[] = {"avx512f", "avx512bw", "avx512cd", "avx512dq",
                                "avx512vl"};

// Extensions of the upper level that kernels profit from. Everything else a
// processor has stays unused, so that what a code section requires is a short
// exact list.
struct Extension {
  StringRef word;
  llvm::SmallVector<StringRef, 3> features;
};

ArrayRef<Extension> extensions() {
  static const Extension list[] = {
      {"vnni", {"avx512vnni"}},
      {"bf16", {"avx512bf16"}},
      {"vbmi", {"avx512vbmi"}},
      {"vbmi2", {"avx512vbmi2"}},
      {"amx", {"avx512bf16", "amx-tile", "amx-bf16", "amx-int8"}},
  };
  return list;
}

constexpr StringRef emulation = "amx-emulated";

using Features = llvm::StringMap<bool>;

// What a processor has by its name, with what its features imply.
Features featuresOf(StringRef cpu) {
  llvm::SmallVector<StringRef, 64> list;
  llvm::X86::getFeaturesForCPU(cpu, list);
  Features features;
  for (StringRef feature : list) {
    features[feature] = true;
    llvm::X86::updateImpliedFeatures(feature, /*Enabled=*/true, features);
  }
  return features;
}

bool hasAll(const Features &features, ArrayRef<StringRef> names) {
  return llvm::all_of(names,
                      [&](StringRef name) { return features.lookup(name); });
}

// The candidate that is spelled most like `name`.
StringRef nearest(StringRef name, ArrayRef<StringRef> candidates) {
  return *llvm::min_element(candidates, [&](StringRef a, StringRef b) {
    return name.edit_distance(a) < name.edit_distance(b);
  });
}

Status unknownBase(StringRef name) {
  llvm::SmallVector<StringRef, 64> known;
  llvm::X86::fillValidCPUArchList(known, /*Only64Bit=*/true);
  llvm::erase_if(known, [](StringRef candidate) {
    return !featuresOf(candidate).lookup("avx2");
  });
  return Status(Code::InvalidArgument,
                "unknown target '" + name.str() +
                    "', expected native, x86-64-v3, x86-64-v4 or a processor "
                    "name; did you mean '" +
                    nearest(name, known).str() + "'?");
}

// Adds what the words after the base ask for.
Status extend(Features &present, Target &target, ArrayRef<StringRef> words) {
  llvm::SmallVector<StringRef, 8> known{emulation};
  for (const Extension &extension : extensions())
    known.push_back(extension.word);
  for (StringRef word : words) {
    if (word == emulation) {
      target.emulatesAmx = true;
      continue;
    }
    const Extension *found = llvm::find_if(
        extensions(), [&](const Extension &e) { return e.word == word; });
    if (found == extensions().end())
      return Status(Code::InvalidArgument,
                    "unknown extension '" + word.str() + "' of a target, " +
                        "expected one of " + llvm::join(known, ", ") +
                        "; did you mean '" + nearest(word, known).str() + "'?");
    if (!hasAll(present, level4))
      return Status(Code::InvalidArgument, "extension '" + word.str() +
                                               "' goes with x86-64-v4 and "
                                               "better");
    for (StringRef feature : found->features)
      present[feature] = true;
  }
  return {};
}

void addExtensions(const Features &present, Target &target) {
  for (const Extension &extension : extensions()) {
    bool isAmx = extension.word == "amx";
    if (!hasAll(present, extension.features) || (isAmx && target.emulatesAmx))
      continue;
    target.hasAmx |= isAmx;
    target.name += "+" + extension.word.str();
    for (StringRef feature : extension.features) {
      if (llvm::is_contained(target.required, feature))
        continue;
      target.required.push_back(feature.str());
      target.features += (target.features.empty() ? "+" : ",+") + feature.str();
    }
  }
}

// All processors with tiles are alike to the scheduler; a hypervisor may have
// hidden which one this is.
std::string tuning(StringRef base, const Target &target) {
  if (base == "native")
    return target.hasAmx && !target.emulatesAmx
               ? "sapphirerapids"
               : llvm::sys::getHostCPUName().str();
  return base.starts_with("x86-64") ? "generic" : base.str();
}

} // namespace

Result<Target> parseTarget(std::string_view text) {
  llvm::SmallVector<StringRef, 4> words;
  StringRef(text).split(words, '+');
  StringRef base = words.front();
  if (base != "native" &&
      llvm::X86::parseArchX86(base, /*Only64Bit=*/true) == llvm::X86::CK_None)
    return unknownBase(base);

  Target target;
  // The host is asked and not looked up: a hypervisor may hide features.
  Features present =
      base == "native" ? llvm::sys::getHostCPUFeatures() : featuresOf(base);
  // The system may keep the tiles from this process.
  if (base == "native" && !format::cpuHas("amx-tile"))
    present["amx-tile"] = false;
  // Without tiles products of bf16 are vector code, which has the same bits
  // with and without the dot.
  if (base == "native" && !present.lookup("amx-tile") &&
      format::hasSlowBf16Dot())
    present["avx512bf16"] = false;
  if (Status status = extend(present, target, ArrayRef(words).drop_front());
      !status.ok())
    return status;
  for (StringRef feature : level3) {
    if (!present.lookup(feature))
      return Status(Code::Unsupported, "target '" + base.str() + "' has no " +
                                           feature.str() +
                                           ", expected x86-64-v3 or better");
    target.required.push_back(feature.str());
  }

  target.hasAvx512 = hasAll(present, level4);
  target.name = target.cpu = target.hasAvx512 ? "x86-64-v4" : "x86-64-v3";
  if (target.hasAvx512) {
    for (StringRef feature : level4)
      target.required.push_back(feature.str());
    addExtensions(present, target);
    target.hasAvx512Bf16 = present.lookup("avx512bf16");
    target.hasAvx512Vnni = present.lookup("avx512vnni");
  }
  if (target.emulatesAmx) {
    target.name += "+" + emulation.str();
    target.hasAmx = true;
  }
  target.tune = tuning(base, target);
  return target;
}

} // namespace sluice::codegen
