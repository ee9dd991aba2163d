// What a compilation reads: the checkpoint and the spec bound to it.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/spec/Spec.h"

#include <memory>

namespace sluice::pipeline {

struct Inputs {
  checkpoint::Checkpoint checkpoint;
  std::unique_ptr<spec::Model> model;
};

// Opens the checkpoint, finds the spec if none is named, binds it. Diagnostics
// of the spec go to `errors`.
Result<Inputs> readInputs(const Options &options, llvm::raw_ostream &errors);

// Numbers of a model that no entry computes with, from the checkpoint.
struct Facts {
  int64_t context = 0, vocab = 0;
  uint64_t parameters = 0;
};
Facts readFacts(const Inputs &inputs, const Options &options);

} // namespace sluice::pipeline
