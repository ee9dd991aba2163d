// The plan's programs, made ready to run: pointers instead of references.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/executor/Batch.h"
#include "runtime/executor/Engine.h"
#include "runtime/executor/KernelCode.h"
#include "runtime/state/Slots.h"

#include <map>
#include <optional>
#include <vector>

namespace sluice::executor {

struct ReadyDispatch {
  slc_kernel_fn kernel = nullptr;
  uint32_t kernelIndex = 0;
  std::vector<void *> operands;
  const int64_t *dims = nullptr; // in the artifact
  format::RowKind rows = format::RowKind::One;
  int64_t rowScale = 1;
  bool nowait = false;
};

struct ReadyMatmul {
  Product product;
  const void *x = nullptr, *w = nullptr;
  const float *bias = nullptr;
  float *y = nullptr;
  std::string implementation; // as oneDNN calls it
};

// What a step costs one worker, in microseconds: roughly, only to tell whether
// it is worth sharing.
struct StepTime {
  double fixed = 0, perRow = 0, perPosition = 0; // position of a cache
};

struct ReadyStep {
  const format::Step *source = nullptr;
  ReadyDispatch dispatch;            // the fallback if there is a matmul
  std::optional<ReadyMatmul> matmul; // only where the engine is used
  StepTime time;
  const slc_cache *looks = nullptr;       // that its rows look at
  const format::State *looksAt = nullptr; // what the plan says of it
};

struct ReadyOutput {
  const char *data = nullptr;
  int64_t stride = 0; // elements
};

struct ReadyProgram {
  int64_t min = 1, max = 0; // tokens; 0: no limit
  std::vector<ReadyStep> steps;
  std::vector<ReadyOutput> outputs;
};

struct ReadyEntry {
  const format::Entry *info = nullptr;
  std::vector<ReadyInput> inputs;
  std::vector<ReadyProgram> programs;
  std::vector<uint32_t> states; // used by any program
  state::Role role = state::Role::Main;
  bool advances = false;      // slots get longer by the step's tokens
  bool wholeSequence = false; // a sequence cannot be cut into chunks

  // The program for a step of so many tokens, or null: the last one that takes
  // them.
  const ReadyProgram *programFor(int64_t tokens) const;
};

// Memory of all activations; programs share it.
class Arena {
public:
  static Result<Arena> create(const format::Model &model,
                              const state::Limits &limits);

  char *at(uint32_t buffer, int64_t column) const;
  uint64_t bytes() const { return memory_.bytes(); }

private:
  Reservation memory_;
  std::vector<uint64_t> offsets_;   // per buffer
  std::vector<uint64_t> elemBytes_; // per buffer
};

// The rows of a buffer or step in a batch with these counts.
int64_t rowCount(format::RowKind rows, int64_t scale, int64_t tokens,
                 int64_t wanted, int64_t sequences);

class ProgramBuilder {
public:
  // `engine` is null when only generated kernels may run.
  ProgramBuilder(const artifact::Artifact &artifact, const KernelCode &code,
                 const Arena &arena, state::Slots &slots, Batch &batch,
                 Engine *engine);

  Result<ReadyEntry> build(const format::Entry &entry);

private:
  Result<ReadyDispatch> dispatch(const format::Dispatch &source,
                                 ReadyEntry &entry);
  Result<ReadyStep> step(const format::Step &source, ReadyEntry &entry);
  ReadyMatmul matmul(const format::Matmul &source, ReadyEntry &entry);
  bool engineAgrees(const format::Matmul &source, const ReadyMatmul &matmul,
                    const ReadyDispatch &fallback);
  void *operand(const format::Ref &ref, ReadyEntry &entry);

  const artifact::Artifact &artifact_;
  const KernelCode &code_;
  const Arena &arena_;
  state::Slots &slots_;
  Batch &batch_;
  Engine *engine_;
  bool tiles_; // the code multiplies bf16 in tiles
  std::map<uint32_t, slc_kernel_fn> kernels_;
  std::map<std::pair<uint32_t, Product>, bool> agrees_;
};

} // namespace sluice::executor
