#include "runtime/api/sluice.h"

#include "runtime/api/Impl.h"
#include "runtime/support/Caught.h"

#include <algorithm>

namespace sluice {

using artifact::list;
using artifact::text;

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Result<std::unique_ptr<Model>> Model::load(const std::string &path,
                                           const LoadOptions &options) try {
  Result<artifact::Artifact> file = artifact::Artifact::open(path);
  if (!file.ok())
    return file.status();
  int threads = options.threads > 0 ? options.threads : executor::usableCpus();
  Result<std::string> placed =
      file->place({options.load, options.prefault, options.lock,
                   static_cast<uint32_t>(std::min(threads, 64))});
  if (!placed.ok())
    return placed.status();
  if (options.verify)
    if (Status status = file->verifyWeights(); !status.ok())
      return status;
  auto impl = std::make_unique<Impl>(std::move(*file));
  executor::Options plain;
  plain.threads = options.threads;
  plain.reproducible = options.reproducible;
  plain.shareAll = options.shareAll;
  plain.limits.capacity = options.capacity;
  plain.limits.sequences = options.sequences;
  plain.limits.slots = options.slots ? options.slots : options.sequences;
  plain.limits.context = options.context;
  Result<std::unique_ptr<executor::Executor>> executor =
      executor::Executor::create(impl->artifact, plain);
  if (!executor.ok())
    return executor.status();
  impl->executor = std::move(*executor);
  impl->describe();
  impl->info.weights = std::move(*placed);
  if (Status status = impl->readRules(); !status.ok())
    return status;
  return std::unique_ptr<Model>(new Model(std::move(impl)));
} catch (...) {
  return caught();
}

void Model::Impl::describe() {
  const format::Model &model = artifact.model();
  info.family = text(model.family());
  info.source = text(model.source());
  if (auto code = artifact.code(); code.ok()) {
    info.target = text((*code)->name());
    auto kernels = list(model.kernels());
    auto units = list((*code)->units());
    for (size_t i = 0; i < kernels.size() && i < units.size(); ++i)
      info.units[std::string(text(kernels[i]->name()))] = text(units[i]);
  }
  info.context = executor->limits().context;
  info.vocab = model.vocab();
  info.parameters = model.parameters();
  for (int32_t token : list(model.stop_tokens()))
    info.stopTokens.push_back(token);
  for (const executor::ReadyEntry &entry : executor->entries()) {
    EntryInfo one;
    one.name = text(entry.info->name());
    one.kind = text(entry.info->kind());
    for (const format::Input *input : list(entry.info->inputs()))
      one.inputs.push_back(describeInput(*input));
    for (const format::Output *output : list(entry.info->outputs()))
      one.outputs.emplace_back(text(output->name()));
    one.wholeSequences = entry.wholeSequence;
    one.prefixEnd = entry.info->begin();
    info.entries.push_back(std::move(one));
  }
  for (const executor::ReadyEntry &entry : executor->entries())
    for (const executor::ReadyProgram &program : entry.programs)
      for (const executor::ReadyStep &step : program.steps)
        if (step.matmul)
          ++info.engine[step.matmul->implementation];
  info.workers = executor->workers();
  info.activationBytes = executor->arenaBytes();
  info.stateBytes = executor->slots().reservedBytes();
  held.resize(static_cast<size_t>(executor->limits().slots));
  prompts.resize(held.size());
  announced.resize(held.size());
  for (std::vector<int32_t> &tokens : held)
    tokens.reserve(static_cast<size_t>(info.context)); // no step may fail here
}

const ModelInfo &Model::info() const { return impl_->info; }

Result<EntryInfo> Model::entry(std::string_view name) const try {
  const std::vector<EntryInfo> &entries = impl_->info.entries;
  if (!name.empty()) {
    for (const EntryInfo &entry : entries)
      if (entry.name == name)
        return entry;
  } else {
    for (std::string_view kind : {"generate", "fill", "encode"})
      for (const EntryInfo &entry : entries)
        if (entry.kind == kind)
          return entry;
  }
  std::string message = name.empty()
                            ? "the model has no entry to run by default"
                            : "no entry '" + std::string(name) + "'";
  for (size_t i = 0; i < entries.size(); ++i)
    message += (i ? ", " : "; there are: ") + entries[i].name;
  return Status(Code::NotFound, message);
} catch (...) {
  return caught();
}

Result<const executor::ReadyEntry *>
Model::Impl::find(std::string_view name) const {
  const executor::ReadyEntry *entry = executor->entry(name);
  if (!entry)
    return Status(Code::NotFound, "no entry '" + std::string(name) + "'");
  return entry;
}

Status Model::Impl::step(const executor::ReadyEntry &entry,
                         std::span<const executor::StepSequence> sequences) {
  outputs.clear();
  outputs.reserve(list(entry.info->outputs()).size());
  std::vector<executor::StepSequence> filled(sequences.begin(),
                                             sequences.end());
  if (Status status = count(entry, filled); !status.ok())
    return status;
  if (Status status = executor->step(entry, filled); !status.ok())
    return status;
  if (entry.advances && entry.role == state::Role::Main)
    remember(entry, sequences);
  for (const executor::OutputView &view : executor->outputs()) {
    if (view.info->elem() != format::Elem::F32)
      return Status(Code::Unsupported,
                    "output '" + std::string(text(view.info->name())) +
                        "' is not f32");
    outputs.push_back({text(view.info->name()),
                       reinterpret_cast<const float *>(view.data), view.rows,
                       view.info->columns(), view.stride});
  }
  return {};
}

// Of a step that was taken. Rows that are no tokens count as -1.
void Model::Impl::remember(const executor::ReadyEntry &entry,
                           std::span<const executor::StepSequence> sequences) {
  size_t input = 0;
  while (input < entry.inputs.size() && !entry.inputs[input].isTokens)
    ++input;
  for (const executor::StepSequence &sequence : sequences) {
    std::vector<int32_t> &tokens = held[static_cast<size_t>(sequence.slot)];
    size_t length =
        static_cast<size_t>(executor->slots().length(sequence.slot));
    tokens.resize(length - static_cast<size_t>(sequence.count));
    tokens.resize(length, -1);
    if (input < entry.inputs.size() && sequence.values[input])
      std::copy_n(static_cast<const int32_t *>(sequence.values[input]),
                  sequence.count, tokens.end() - sequence.count);
  }
}

Status Model::step(std::string_view name,
                   std::span<const Sequence> sequences) try {
  auto entry = impl_->find(name);
  if (!entry.ok())
    return entry.status();
  auto steps = gatherInputs(**entry, sequences);
  if (!steps.ok())
    return steps.status();
  return impl_->step(**entry, *steps);
} catch (...) {
  return caught();
}

std::span<const OutputRows> Model::outputs() const { return impl_->outputs; }

namespace {

// Cuts the tokens of several sequences into steps.
class Schedule {
public:
  // `first`: the fewest tokens of each sequence's first step.
  Schedule(const executor::ReadyEntry &entry,
           std::span<const executor::StepSequence> sequences,
           std::span<const int64_t> first, int64_t chunk,
           const state::Limits &limits)
      : entry_(entry), sequences_(sequences), first_(first),
        done_(sequences.size()), chunk_(entry.wholeSequence ? 0 : chunk),
        limits_(limits) {}

  // The next step and the sequences it belongs to; empty when all is done.
  std::vector<executor::StepSequence> next(std::vector<size_t> &members) {
    std::vector<executor::StepSequence> step;
    members.clear();
    int64_t space = limits_.capacity;
    for (size_t s = 0; s < sequences_.size(); ++s) {
      int64_t count = sequences_[s].count - done_[s];
      int64_t least = done_[s] == 0 ? first_[s] : 0;
      if (chunk_ > 0)
        count = std::min(count, std::max(chunk_, least));
      if (!entry_.wholeSequence && least <= space)
        count = std::min(count, space);
      if (count == 0 || count > space ||
          static_cast<int64_t>(step.size()) == limits_.sequences)
        continue;
      step.push_back(partOf(entry_, sequences_[s], done_[s], count));
      step.back().wanted = executor::Wanted::All;
      members.push_back(s);
      done_[s] += count;
      space -= count;
    }
    return step;
  }

private:
  const executor::ReadyEntry &entry_;
  std::span<const executor::StepSequence> sequences_;
  std::span<const int64_t> first_;
  std::vector<int64_t> done_; // tokens per sequence
  int64_t chunk_;
  const state::Limits &limits_;
};

// Appends the rows of `view` that belong to member `m` of the step.
void collect(const executor::OutputView &view, const slc_batch &batch, size_t m,
             Output &output) {
  int64_t first = 0, last = view.rows;
  output.perSequence = view.info->rows() == format::RowKind::Sequences;
  if (output.perSequence) {
    first = static_cast<int64_t>(m) * view.info->row_scale();
    last = first + view.info->row_scale();
  } else if (view.info->rows() != format::RowKind::One) {
    // All rows are wanted, so wanted rows and tokens are the same.
    first = batch.first[m] * view.info->row_scale();
    last = batch.first[m + 1] * view.info->row_scale();
  }
  output.name = text(view.info->name());
  output.columns = view.info->columns();
  const float *data = reinterpret_cast<const float *>(view.data);
  for (int64_t r = first; r < last; ++r)
    output.data.insert(output.data.end(), data + r * view.stride,
                       data + r * view.stride + output.columns);
  output.rows += last - first;
}

} // namespace

Result<std::vector<std::vector<Output>>>
Model::run(std::string_view name, std::span<const Sequence> sequences,
           int64_t chunk) try {
  auto entry = impl_->find(name);
  if (!entry.ok())
    return entry.status();
  if (chunk < 0)
    return Status(Code::InvalidArgument,
                  "chunks of " + std::to_string(chunk) + " tokens");
  auto given = gatherInputs(**entry, sequences);
  if (!given.ok())
    return given.status();
  const state::Limits &limits = impl_->executor->limits();
  std::vector<int64_t> first;
  for (size_t s = 0; s < given->size(); ++s) {
    executor::StepSequence &one = (*given)[s];
    std::string which = "sequence " + std::to_string(s);
    if (one.count == 0)
      return Status(Code::InvalidArgument, which + " has no tokens");
    Result<int64_t> least = impl_->firstStep(**entry, one);
    if (!least.ok())
      return least.status().in(which);
    first.push_back(*least);
    if ((*entry)->wholeSequence && one.count > limits.capacity)
      return Status(Code::InvalidArgument,
                    "entry '" + std::string(name) + "' needs all " +
                        std::to_string(one.count) +
                        " tokens of a sequence in one step, the capacity is " +
                        std::to_string(limits.capacity));
    if (one.prompt == 0 && impl_->lengthOf(one.slot) == 0)
      one.prompt = one.announced = one.count;
  }
  Schedule schedule(**entry, *given, first, chunk, limits);
  std::vector<std::vector<Output>> results(
      sequences.size(),
      std::vector<Output>(list((*entry)->info->outputs()).size()));
  std::vector<size_t> members;
  for (auto step = schedule.next(members); !step.empty();
       step = schedule.next(members)) {
    if (Status status = impl_->step(**entry, step); !status.ok())
      return status;
    auto views = impl_->executor->outputs();
    for (size_t o = 0; o < views.size(); ++o)
      for (size_t m = 0; m < members.size(); ++m)
        collect(views[o], impl_->executor->batch(), m, results[members[m]][o]);
  }
  return results;
} catch (...) {
  return caught();
}

const executor::ReadyEntry *Model::Impl::ofKind(std::string_view kind) const {
  for (const executor::ReadyEntry &entry : executor->entries())
    if (text(entry.info->kind()) == kind)
      return &entry;
  return nullptr;
}

Status Model::Impl::checkSlot(int32_t slot) const {
  if (slot < 0 || slot >= executor->limits().slots)
    return Status(Code::InvalidArgument,
                  "slot " + std::to_string(slot) + " of " +
                      std::to_string(executor->limits().slots));
  return {};
}

Result<StepCost> Model::cost(std::string_view name, int64_t sequences,
                             int64_t tokens, int64_t held) const try {
  auto entry = impl_->find(name);
  if (!entry.ok())
    return entry.status();
  constexpr int64_t most = int64_t(1) << 30;
  if (sequences < 1 || tokens < 1 || held < 0 || held > most ||
      sequences > most / tokens)
    return Status(Code::InvalidArgument,
                  "a step of " + std::to_string(sequences) +
                      " sequences with " + std::to_string(tokens) +
                      " tokens each after " + std::to_string(held));
  int64_t all = sequences * tokens; // new tokens of the step
  const format::Model &model = impl_->artifact.model();
  const executor::ReadyProgram *program = (*entry)->programFor(all);
  if (!program)
    return Status(Code::Unsupported, "no program for such a step");
  StepCost cost;
  for (const executor::ReadyStep &step : program->steps) {
    artifact::Work work = artifact::workOf(
        model, impl_->artifact.signatures(), *step.source,
        executor::rowCount(step.dispatch.rows, step.dispatch.rowScale, all,
                           sequences, sequences));
    cost.bytes += work.weightBytes;
    (work.bf16 ? cost.flopsBf16 : cost.flopsF32) += work.flops;
  }
  for (uint32_t index : (*entry)->states) {
    const format::State &state = *list(model.states())[index];
    if (state.kind() != format::StateKind::Cache || state.once())
      continue;
    int64_t rows = state.keep() ? std::min(held, state.keep()) : held;
    cost.bytes += static_cast<double>(rows) * static_cast<double>(sequences) *
                  static_cast<double>(state.block_bytes()) * state.bank() /
                  SLC_CACHE_BLOCK;
  }
  return cost;
} catch (...) {
  return caught();
}

Result<int64_t> Model::length(int32_t slot) const try {
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  return impl_->executor->slots().length(slot);
} catch (...) {
  return caught();
}

Status Model::reset(int32_t slot) try {
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  impl_->executor->slots().reset(slot);
  return {};
} catch (...) {
  return caught();
}

Status Model::copy(int32_t from, int32_t to) try {
  for (int32_t slot : {from, to})
    if (Status status = impl_->checkSlot(slot); !status.ok())
      return status;
  impl_->executor->slots().copy(from, to);
  impl_->held[static_cast<size_t>(to)] = impl_->held[static_cast<size_t>(from)];
  impl_->prompts[static_cast<size_t>(to)] =
      impl_->prompts[static_cast<size_t>(from)];
  impl_->announced[static_cast<size_t>(to)] =
      impl_->announced[static_cast<size_t>(from)];
  return {};
} catch (...) {
  return caught();
}

Status Model::rewind(int32_t slot, int64_t length) try {
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  return impl_->executor->slots().rewind(slot, length);
} catch (...) {
  return caught();
}

Status Model::startProfile() try {
  impl_->profile = std::make_unique<executor::Profile>(impl_->artifact);
  impl_->executor->profile(impl_->profile.get());
  return {};
} catch (...) {
  return caught();
}

Status Model::printProfile(std::ostream &out) const try {
  if (!impl_->profile)
    return Status(Code::InvalidArgument, "nothing has been profiled");
  impl_->profile->printTable(out);
  return {};
} catch (...) {
  return caught();
}

Status Model::writeProfile(const std::string &path) const try {
  if (!impl_->profile)
    return Status(Code::InvalidArgument, "nothing has been profiled");
  return impl_->profile->writeTrace(path);
} catch (...) {
  return caught();
}

Status Model::startImportance() try {
  Result<executor::Importance> importance =
      executor::Importance::create(impl_->artifact);
  if (!importance.ok())
    return importance.status();
  impl_->importance =
      std::make_unique<executor::Importance>(std::move(*importance));
  impl_->executor->watch(impl_->importance.get());
  return {};
} catch (...) {
  return caught();
}

Status Model::writeImportance(const std::string &path) const try {
  std::vector<NamedTensor> tensors;
  if (impl_->importance)
    tensors = impl_->importance->tensors();
  if (tensors.empty())
    return Status(Code::InvalidArgument, "no product has been watched");
  return writeTensors(path, tensors);
} catch (...) {
  return caught();
}

} // namespace sluice
