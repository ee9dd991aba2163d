// Runs the steps of an artifact's plan.
//
// Threads: every call must come from one thread at a time, and all calls of a
// process best come from the same one (see Team.h). A server gives its work to
// one compute thread through a queue.
#pragma once

#include "runtime/executor/Barrier.h"
#include "runtime/executor/Crowd.h"
#include "runtime/executor/Importance.h"
#include "runtime/executor/Profile.h"
#include "runtime/executor/Team.h"

namespace sluice::executor {

struct Options {
  int threads = 0; // 0: all usable CPUs
  state::Limits limits;
  bool reproducible = false; // generated kernels only, on every machine
  bool shareAll = false;     // share steps that are not worth it, too
};

// Rows of one output of the last step; valid until the next one.
struct OutputView {
  const format::Output *info = nullptr;
  const char *data = nullptr;
  int64_t rows = 0, stride = 0; // stride in elements
};

class Executor {
public:
  // Loads the kernels and reserves activations and state. `artifact` must
  // outlive the executor.
  static Result<std::unique_ptr<Executor>>
  create(const artifact::Artifact &artifact, const Options &options);

  const ReadyEntry *entry(std::string_view name) const;
  const std::vector<ReadyEntry> &entries() const { return entries_; }
  const state::Limits &limits() const { return options_.limits; }
  state::Slots &slots() { return *slots_; }
  const state::Slots &slots() const { return *slots_; }
  int workers() const { return team_.workers(); }
  uint64_t arenaBytes() const { return arena_->bytes(); }

  // One step over the new tokens of one or more sequences.
  Status step(const ReadyEntry &entry, std::span<const StepSequence> sequences);
  std::span<const OutputView> outputs() const { return outputs_; }
  const slc_batch &batch() const { return batch_->abi(); }

  // Collects spans from now on; null to stop.
  void profile(Profile *profile) { profile_ = profile; }
  // Shows it the rows of all products from now on, which kernels compute alone;
  // null to stop.
  void watch(Importance *importance) { importance_ = importance; }

private:
  Executor(const artifact::Artifact &artifact, const Options &options);

  Status prepare();
  Status check(const ReadyEntry &entry,
               std::span<const StepSequence> sequences) const;
  Status checkSequence(const ReadyEntry &entry,
                       const StepSequence &sequence) const;
  Status checkInput(const ReadyInput &input, const StepSequence &sequence,
                    const void *values, int64_t held) const;
  Status run(const ReadyEntry &entry, const ReadyProgram &program);
  Status tryRun(const ReadyEntry &entry, const ReadyProgram &program);
  Status runEngine(const ReadyStep &step, int64_t rows);
  Status runGroup(std::span<const ReadyStep> steps);
  uint32_t runShared(std::span<const ReadyStep> steps, double work);
  void work(std::span<const ReadyStep> steps, uint32_t worker,
            uint32_t workers);
  int64_t rowsOf(const ReadyStep &step) const;
  artifact::Looked looked(const ReadyStep &step) const;
  uint32_t workersNow();
  double timeOf(const ReadyStep &step) const;
  bool onEngine(const ReadyStep &step) const;

  const artifact::Artifact &artifact_;
  Options options_;
  Team team_;
  Barrier barrier_;
  Crowd crowd_;
  std::optional<KernelCode> kernels_;
  std::optional<Arena> arena_;
  std::optional<state::Slots> slots_;
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<Engine> engine_;
  Reservation scratch_; // [worker][scratchBytes_]
  uint64_t scratchBytes_ = 0;
  std::vector<ReadyEntry> entries_;
  std::vector<OutputView> outputs_;
  std::vector<int64_t> first_; // [S] position of each sequence's first token
  std::vector<state::Growth> growth_;

  // The group that is running.
  double positions_ = 0; // that attention looks at
  std::atomic<int32_t> code_{0};
  std::atomic<const ReadyStep *> failed_{nullptr};
  struct alignas(64) Held {
    Crowd::Duration time{};
  };
  std::vector<Held> held_; // [worker]
  Profile *profile_ = nullptr;
  Importance *importance_ = nullptr;
  std::vector<std::vector<Span>> spans_; // [step of the group][worker]
};

} // namespace sluice::executor
