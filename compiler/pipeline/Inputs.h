// What a compilation reads: the checkpoint and the spec bound to it.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/spec/Spec.h"

#include <memory>

namespace sluice::pipeline {

struct Inputs {
  checkpoint::Checkpoint checkpoint;
  std::unique_ptr<spec::Model> model; // never null
};

// Opens the checkpoint, finds the spec if none is named, binds it. Diagnostics
// of the spec go to `errors`. InvalidArgument: no spec, one with errors, or one
// that does not fit.
Result<Inputs> readInputs(const Options &options, llvm::raw_ostream &errors);

// Numbers of a model that no entry computes with, from the checkpoint.
struct Facts {
  int64_t context = 0;     // most positions of a sequence
  int64_t vocab = 0;       // the spec's parameter; 0: it has none
  uint64_t parameters = 0; // numbers of all weights, aliases apart
};
Facts readFacts(const Inputs &inputs, const Options &options);

} // namespace sluice::pipeline
