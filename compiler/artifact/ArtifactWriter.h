// Writes an artifact (.slc): the plan becomes the header, everything else a
// section. The file appears under its name only when it is complete.
#pragma once

#include "compiler/pack/Pack.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::artifact {

// Machine code for one target: an ELF shared object that exports the symbol of
// every kernel.
struct CodeBlob {
  std::string target;
  std::vector<std::string> features; // LLVM's names of what the code needs
  std::vector<std::string> units;    // of the plan's kernels
  std::vector<char> bytes;
};

// One instance of a weight of the plan.
struct WeightInstance {
  struct Part {
    std::string path; // in the spec
    int64_t layer;    // its instance, or -1: there is one
  };
  std::vector<Part> parts;
  format::Packing packing;
  std::optional<pack::Computed> computed; // from the parts
};

// Gives exactly packing.bytes() bytes of the instance to the sink.
using WeightSource =
    std::function<Status(const WeightInstance &, const pack::Sink &)>;

struct IrSnapshot {
  std::string stage;
  std::string text;
};

struct ArtifactInputs {
  mlir::ModuleOp plan; // with buffers placed in the arena
  std::vector<CodeBlob> code;
  WeightSource weights;
  std::string tokenizer;       // an image, see runtime/tokenizer/Image.h
  std::string tokenizerConfig; // JSON
  std::string spec;            // the resolved spec
  std::string specs;           // folder of specs: places name files from there
  std::vector<IrSnapshot> ir;
  // What the header says about the model.
  std::string producer, source;
  int64_t context = 0, vocab = 0;
  std::vector<int32_t> stopTokens;
  uint64_t parameters = 0;
};

// The symbol that the code exports for a kernel of this name.
std::string kernelSymbol(const std::string &kernel);

Status writeArtifact(const std::string &path, const ArtifactInputs &inputs);

// Bytes of the weights section, before anything is packed.
Result<uint64_t> weightSectionBytes(mlir::ModuleOp plan);

} // namespace sluice::artifact
