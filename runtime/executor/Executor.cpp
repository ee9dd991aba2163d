#include "runtime/executor/Executor.h"

#include "runtime/format/CpuFeatures.h"
#include "runtime/format/Limits.h"
#include "runtime/support/Caught.h"

#include <algorithm>
#include <limits>

namespace sluice::executor {

using artifact::list;
using artifact::text;
using namespace format;

static constexpr int64_t kMaxCapacity = int64_t(1) << 20;

static Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

Executor::Executor(const artifact::Artifact &artifact, const Options &options)
    : artifact_(artifact), options_(options),
      team_(options.threads > 0 ? options.threads : usableCpus()),
      barrier_(team_.workers() > usableCpus()),
      crowd_(static_cast<uint32_t>(team_.workers())),
      held_(static_cast<size_t>(team_.workers())) {}

Result<std::unique_ptr<Executor>>
Executor::create(const artifact::Artifact &artifact, const Options &options) {
  std::unique_ptr<Executor> executor(new Executor(artifact, options));
  if (Status status = executor->prepare(); !status.ok())
    return status;
  return executor;
}

static Status checkLimits(const state::Limits &limits, int threads,
                          int64_t context) {
  auto between = [](const char *what, int64_t value, int64_t high) {
    return value >= 1 && value <= high
               ? Status()
               : invalid(std::string(what) + " must be between 1 and " +
                         std::to_string(high) + ", not " +
                         std::to_string(value));
  };
  Status status = between("capacity", limits.capacity, kMaxCapacity);
  if (status.ok())
    status = between("sequences", limits.sequences, limits.capacity);
  if (status.ok())
    status = between("slots", limits.slots, 1 << 16);
  if (status.ok())
    status = between("context", limits.context, context);
  if (status.ok())
    status = between("threads", threads, 4096);
  return status;
}

static uint64_t scratchOf(const Dispatch &dispatch,
                          const state::Limits &limits) {
  const Extent *extent = dispatch.scratch();
  if (!extent)
    return 0;
  unsigned __int128 bytes =
      static_cast<unsigned __int128>(extent->constant()) +
      static_cast<unsigned __int128>(extent->per_token()) * limits.capacity +
      static_cast<unsigned __int128>(extent->per_sequence()) * limits.sequences;
  return static_cast<uint64_t>(
      std::min(bytes, static_cast<unsigned __int128>(format::kMaxBytes)));
}

static uint64_t largestScratch(const Model &model,
                               const state::Limits &limits) {
  uint64_t largest = 0;
  for (const Entry *entry : list(model.entries()))
    for (const Program *program : list(entry->programs()))
      for (const Step *step : list(program->steps())) {
        const Matmul *matmul = step->body_as_Matmul();
        largest =
            std::max(largest, scratchOf(matmul ? *matmul->fallback()
                                               : *step->body_as_Dispatch(),
                                        limits));
      }
  return largest;
}

Status Executor::prepare() {
  const Model &model = artifact_.model();
  state::Limits &limits = options_.limits;
  if (limits.context == 0)
    limits.context = model.context();
  int threads = options_.threads ? options_.threads : team_.workers();
  if (Status status = checkLimits(limits, threads, model.context());
      !status.ok())
    return status;
  if (Status status = team_.check(); !status.ok())
    return status;
  Result<const Section *> code = artifact_.code();
  if (!code.ok())
    return code.status();
  Result<KernelCode> loaded = KernelCode::load(artifact_.bytes(**code));
  if (!loaded.ok())
    return loaded.status().in(artifact_.path());
  kernels_ = std::move(*loaded);
  Result<Arena> arena = Arena::create(model, limits);
  if (!arena.ok())
    return arena.status();
  arena_ = std::move(*arena);
  Result<state::Slots> slots = state::Slots::create(
      model, limits, [this](uint32_t index, uint32_t layer) {
        return artifact_.weight(index, layer);
      });
  if (!slots.ok())
    return slots.status();
  slots_ = std::move(*slots);
  batch_ = std::make_unique<Batch>(limits.capacity, limits.sequences);
  scratchBytes_ = (largestScratch(model, limits) + 4095) / 4096 * 4096;
  Result<Reservation> scratch = Reservation::make(
      scratchBytes_ * static_cast<uint64_t>(team_.workers()), "scratch");
  if (!scratch.ok())
    return scratch.status();
  scratch_ = std::move(*scratch);
  team_.adopt(static_cast<uint32_t>(team_.workers()));
  if (!options_.reproducible) {
    Result<std::unique_ptr<Engine>> engine = Engine::create();
    if (!engine.ok())
      return engine.status();
    engine_ = std::move(*engine);
  }
  ProgramBuilder builder(artifact_, *kernels_, *arena_, *slots_, *batch_,
                         engine_.get());
  for (const Entry *entry : list(model.entries())) {
    Result<ReadyEntry> ready = builder.build(*entry);
    if (!ready.ok())
      return ready.status().in(artifact_.path());
    entries_.push_back(std::move(*ready));
  }
  return {};
}

const ReadyEntry *Executor::entry(std::string_view name) const {
  for (const ReadyEntry &entry : entries_)
    if (text(entry.info->name()) == name)
      return &entry;
  return nullptr;
}

// Numbers that kernels index tables with must be inside of them. `limit` 0:
// any, but tokens and positions are never negative.
static Status checkIntegers(const ReadyInput &input,
                            std::span<const int32_t> values, int64_t limit) {
  if (limit == 0 && text(input.info->type()) == "rows")
    return {};
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] < 0 || (limit > 0 && values[i] >= limit))
      return invalid(std::string(text(input.info->name())) + "[" +
                     std::to_string(i) + "] is " + std::to_string(values[i]) +
                     ", it must be at least 0 and less than " +
                     std::to_string(limit));
  return {};
}

Status Executor::checkInput(const ReadyInput &input,
                            const StepSequence &sequence, const void *values,
                            int64_t first) const {
  int64_t limit = input.info->limit();
  if (limit == 0 && input.isTokens)
    limit = artifact_.model().vocab();
  std::string name(text(input.info->name()));
  if (!values && input.isPositions) {
    int32_t last = static_cast<int32_t>(first + sequence.count - 1);
    return checkIntegers(input, {&last, 1}, limit).in("the last position");
  }
  if (!values)
    return input.info->optional() || text(input.info->type()) == "token_types"
               ? Status()
               : invalid("the input '" + name + "' is missing");
  size_t count = static_cast<size_t>(sequence.count * input.info->columns());
  if (input.info->elem() == Elem::I32)
    return checkIntegers(input, {static_cast<const int32_t *>(values), count},
                         limit);
  if (input.info->elem() == Elem::U8)
    for (size_t i = 0; i < count; ++i)
      if (int value = static_cast<const uint8_t *>(values)[i]; value > 1)
        return invalid(name + "[" + std::to_string(i) + "] is " +
                       std::to_string(value) + ", expected 0 or 1");
  return {};
}

Status Executor::checkSequence(const ReadyEntry &entry,
                               const StepSequence &sequence) const {
  int64_t count = sequence.count;
  if (count < 1)
    return invalid("it has no tokens");
  if (sequence.slot < 0 || sequence.slot >= limits().slots)
    return invalid("slot " + std::to_string(sequence.slot) + " of " +
                   std::to_string(limits().slots));
  bool goesOn = entry.advances && entry.role == state::Role::Main;
  if (goesOn && !slots_->valid(sequence.slot))
    return invalid("slot " + std::to_string(sequence.slot) +
                   " was left by a failed step; reset it first");
  int64_t held = goesOn ? slots_->length(sequence.slot) : 0;
  if (entry.role == state::Role::Main && held + count > limits().context)
    return invalid("the sequence would have " + std::to_string(held + count) +
                   " tokens, longer than the context of " +
                   std::to_string(limits().context));
  if (sequence.values.size() != entry.inputs.size())
    return invalid(std::to_string(sequence.values.size()) +
                   " inputs for an entry of " +
                   std::to_string(entry.inputs.size()));
  for (size_t i = 0; i < entry.inputs.size(); ++i)
    if (Status status =
            checkInput(entry.inputs[i], sequence, sequence.values[i],
                       entry.info->position_start() + held);
        !status.ok())
      return status;
  return {};
}

Status Executor::check(const ReadyEntry &entry,
                       std::span<const StepSequence> sequences) const {
  if (sequences.empty() ||
      static_cast<int64_t>(sequences.size()) > limits().sequences)
    return invalid(std::to_string(sequences.size()) +
                   " sequences in a step, at least 1 and at most " +
                   std::to_string(limits().sequences));
  int64_t tokens = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (Status status = checkSequence(entry, sequences[s]); !status.ok())
      return status.in("sequence " + std::to_string(s));
    tokens += sequences[s].count;
    for (size_t other = 0; other < s; ++other)
      if (sequences[other].slot == sequences[s].slot)
        return invalid("sequences " + std::to_string(other) + " and " +
                       std::to_string(s) + " have the same slot");
  }
  if (tokens > limits().capacity)
    return invalid(std::to_string(tokens) +
                   " tokens in a step, the capacity is " +
                   std::to_string(limits().capacity));
  return {};
}

Status Executor::step(const ReadyEntry &entry,
                      std::span<const StepSequence> sequences) {
  outputs_.clear();
  if (Status status = check(entry, sequences); !status.ok())
    return status;
  int64_t tokens = 0;
  growth_.clear();
  first_.clear();
  for (const StepSequence &sequence : sequences) {
    growth_.push_back({sequence.slot, sequence.count});
    tokens += growth_.back().tokens;
    bool goesOn = entry.advances && entry.role == state::Role::Main;
    first_.push_back(entry.info->position_start() +
                     (goesOn ? slots_->length(sequence.slot) : 0));
  }
  const ReadyProgram *program = entry.programFor(tokens);
  if (!program)
    return Status(Code::Unsupported, "no program for a step of " +
                                         std::to_string(tokens) + " tokens");
  if (Status status = slots_->prepare(entry.states, growth_, entry.role);
      !status.ok())
    return status;
  batch_->fill(entry.inputs, sequences, first_);
  auto infos = list(entry.info->outputs());
  outputs_.reserve(infos.size());
  Status status = tryRun(entry, *program);
  // Nothing from here on fails: lengths and states stay together.
  if (entry.advances)
    slots_->finish(growth_, entry.role, status.ok());
  if (!status.ok())
    return status;
  const slc_batch &batch = batch_->abi();
  for (size_t i = 0; i < infos.size(); ++i)
    outputs_.push_back({infos[i], program->outputs[i].data,
                        rowCount(infos[i]->rows(), infos[i]->row_scale(),
                                 batch.tokens, batch.wanted, batch.sequences),
                        program->outputs[i].stride});
  return {};
}

Status Executor::tryRun(const ReadyEntry &entry,
                        const ReadyProgram &program) try {
  return run(entry, program);
} catch (...) {
  return caught();
}

int64_t Executor::rowsOf(const ReadyStep &step) const {
  const slc_batch &batch = batch_->abi();
  return rowCount(step.dispatch.rows, step.dispatch.rowScale, batch.tokens,
                  batch.wanted, batch.sequences);
}

bool Executor::onEngine(const ReadyStep &step) const {
  return step.matmul && rowsOf(step) >= kEngineRows && !importance_;
}

// Microseconds of one worker. After a longer region than that another number of
// workers may go on.
static constexpr double kLongRegion = 50e3;

Status Executor::run(const ReadyEntry &entry, const ReadyProgram &program) {
  team_.adopt(workersNow());
  positions_ = 0;
  for (size_t s = 0; s < growth_.size(); ++s)
    positions_ += static_cast<double>(first_[s] + growth_[s].tokens);
  Clock::time_point start = Clock::now();
  std::span<const ReadyStep> steps(program.steps);
  size_t at = 0;
  while (at < steps.size()) {
    Status status;
    if (onEngine(steps[at])) {
      status = runEngine(steps[at], rowsOf(steps[at]));
      ++at;
    } else {
      size_t first = at;
      for (double time = 0;
           at < steps.size() && !onEngine(steps[at]) && time < kLongRegion;
           ++at)
        time += timeOf(steps[at]);
      status = runGroup(steps.subspan(first, at - first));
    }
    if (!status.ok())
      return status;
  }
  if (profile_)
    profile_->addRun(std::string(text(entry.info->name())),
                     batch_->abi().tokens, {start, Clock::now()});
  return {};
}

Status Executor::runEngine(const ReadyStep &step, int64_t rows) {
  Clock::time_point start = Clock::now();
  const ReadyMatmul &matmul = *step.matmul;
  Status status = engine_->run(matmul.product, rows, matmul.x, matmul.w,
                               matmul.bias, matmul.y);
  if (!status.ok())
    return status.in(describeStep(artifact_.model(), *step.source));
  if (profile_)
    profile_->add({step.source,
                   matmul.implementation,
                   rows,
                   {},
                   {{start, Clock::now()}}});
  return {};
}

void Executor::work(std::span<const ReadyStep> steps, uint32_t worker,
                    uint32_t workers) {
  const slc_batch &batch = batch_->abi();
  Crowd::Duration held{};
  for (size_t i = 0; i < steps.size(); ++i) {
    const ReadyDispatch &dispatch = steps[i].dispatch;
    slc_call call = {
        .operands = dispatch.operands.data(),
        .dims = dispatch.dims,
        .batch = &batch,
        .scratch = scratch_.data() + worker * scratchBytes_,
        .rows = rowsOf(steps[i]),
        .worker = worker,
        .workers = workers,
    };
    // What a step reads stays as it is until its last worker is done.
    if (importance_ && worker == 0 && call.rows > 0)
      importance_->add(steps[i], call.rows);
    Clock::time_point start;
    if (profile_)
      start = Clock::now();
    if (call.rows > 0 && code_.load(std::memory_order_relaxed) == 0)
      if (int32_t code = dispatch.kernel(&call)) {
        failed_.store(&steps[i], std::memory_order_relaxed);
        code_.store(code, std::memory_order_relaxed);
      }
    if (profile_)
      spans_[i][worker] = {start, Clock::now()};
    // At the end, too: who is late there is to be seen like anywhere else.
    if (i + 1 == steps.size() || !dispatch.nowait)
      held += barrier_.wait(workers);
  }
  held_[worker].time = held;
}

// Tests that share everything want the same team every time.
uint32_t Executor::workersNow() {
  return options_.shareAll ? static_cast<uint32_t>(team_.workers())
                           : crowd_.workers(Clock::now());
}

// Microseconds of one worker, roughly.
double Executor::timeOf(const ReadyStep &step) const {
  return step.time.fixed +
         static_cast<double>(rowsOf(step)) * step.time.perRow +
         positions_ * step.time.perPosition;
}

// A row of a cache that grows looks back from where it is, any other at all
// that the sequence has.
artifact::Looked Executor::looked(const ReadyStep &step) const {
  artifact::Looked looked;
  if (!step.looks)
    return looked;
  bool back = step.looksAt->kind() == StateKind::Cache && !step.looksAt->once();
  double keep = step.looksAt->keep() > 0
                    ? static_cast<double>(step.looksAt->keep())
                    : std::numeric_limits<double>::infinity();
  const slc_batch &batch = batch_->abi();
  for (int64_t s = 0; s < batch.sequences; ++s) {
    double total = step.looks->total[s];
    auto count = static_cast<double>(batch.first[s + 1] - batch.first[s]);
    looked.positions += std::min(total, keep + count - 1);
    for (double at = 0; at < count; ++at)
      looked.pairs += std::min(back ? total - at : total, keep);
  }
  // A step of the wanted rows alone looks for these.
  looked.pairs *=
      static_cast<double>(rowsOf(step)) / static_cast<double>(batch.tokens);
  return looked;
}

uint32_t Executor::runShared(std::span<const ReadyStep> steps, double work) {
  uint32_t members = 1;
  Clock::time_point start = Clock::now();
  team_.run(workersNow(), [&](uint32_t worker, uint32_t workers) {
    if (worker == 0)
      members = workers;
    this->work(steps, worker, workers);
  });
  Clock::time_point end = Clock::now();
  Crowd::Duration held{};
  for (uint32_t worker = 0; worker < members; ++worker)
    held = std::max(held, held_[worker].time);
  crowd_.ran({work, end - start, held}, end);
  return members;
}

// Meeting at a barrier costs workers half a microsecond when each has a core,
// and far more when another process wants one; steps that are no longer than a
// few microseconds are done sooner by one worker.
Status Executor::runGroup(std::span<const ReadyStep> steps) {
  constexpr double kWorthIt = 4; // microseconds of a step
  code_.store(0);
  uint32_t members = 1;
  if (profile_)
    spans_.assign(steps.size(),
                  std::vector<Span>(static_cast<size_t>(team_.workers())));
  double time = 0;
  for (const ReadyStep &step : steps)
    time += timeOf(step);
  if (options_.shareAll || time > kWorthIt * static_cast<double>(steps.size()))
    members = runShared(steps, time);
  else
    work(steps, 0, 1);
  if (int32_t code = code_.load())
    return Status(Code::Internal,
                  "step " +
                      describeStep(artifact_.model(), *failed_.load()->source) +
                      " failed with code " + std::to_string(code));
  if (profile_)
    for (size_t i = 0; i < steps.size(); ++i) {
      spans_[i].resize(members);
      if (rowsOf(steps[i]) > 0)
        profile_->add({steps[i].source, "", rowsOf(steps[i]), looked(steps[i]),
                       spans_[i]});
    }
  return {};
}

} // namespace sluice::executor
