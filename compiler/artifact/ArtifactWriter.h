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
  std::string target;                // "x86-64-v4+bf16"
  std::vector<std::string> features; // LLVM's names of what the code needs
  std::vector<std::string> units;    // of the plan's kernels
  std::vector<char> bytes;           // the object
};

// One instance of a weight of the plan.
struct WeightInstance {
  struct Part {
    std::string path; // in the spec
    int64_t layer;    // its instance, or -1: there is one
  };
  std::vector<Part> parts;
  format::Packing packing;                // of the parts joined
  std::optional<pack::Computed> computed; // from the parts
};

// Gives exactly packing.bytes() bytes of the instance to the sink.
using WeightSource =
    std::function<Status(const WeightInstance &, const pack::Sink &)>;

// The IR of a stage, kept for readers of the artifact.
struct IrSnapshot {
  std::string stage; // "fused"
  std::string text;
};

// All that goes into a file.
struct ArtifactInputs {
  mlir::ModuleOp plan;        // with buffers placed in the arena
  std::vector<CodeBlob> code; // one per target
  WeightSource weights;
  std::string tokenizer;       // an image; opaque here
  std::string tokenizerConfig; // JSON
  std::string spec;            // the resolved spec
  std::string specs;           // folder of specs: places name files from there
  std::vector<IrSnapshot> ir;
  // What the header says about the model.
  std::string producer, source;
  int64_t context = 0, vocab = 0; // positions; ids, 0: not known
  std::vector<int32_t> stopTokens;
  uint64_t parameters = 0;
};

// The symbol that the code exports for a kernel of this name.
std::string kernelSymbol(const std::string &kernel);

// Weights are asked for in the order of their places in the file. What a source
// gives too little or too much is Internal.
Status writeArtifact(const std::string &path, const ArtifactInputs &inputs);

// Bytes of the weights section, before anything is packed.
Result<uint64_t> weightSectionBytes(mlir::ModuleOp plan);

} // namespace sluice::artifact
