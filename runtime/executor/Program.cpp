#include "runtime/executor/Program.h"

#include "runtime/executor/EngineCheck.h"
#include "runtime/format/Limits.h"

#include <algorithm>

namespace sluice::executor {

using artifact::list;
using artifact::text;
using namespace format;

int64_t rowCount(RowKind rows, int64_t scale, int64_t tokens, int64_t wanted,
                 int64_t sequences) {
  switch (rows) {
  case RowKind::One:
    return scale;
  case RowKind::Tokens:
    return tokens * scale;
  case RowKind::Wanted:
    return wanted * scale;
  case RowKind::Sequences:
    return sequences * scale;
  }
  return 0;
}

const ReadyProgram *ReadyEntry::programFor(int64_t tokens) const {
  const ReadyProgram *found = nullptr;
  for (const ReadyProgram &program : programs)
    if (tokens >= program.min && (program.max == 0 || tokens <= program.max))
      found = &program;
  return found;
}

Result<Arena> Arena::create(const Model &model, const state::Limits &limits) {
  Arena arena;
  uint64_t bytes = 0;
  for (const Buffer *buffer : list(model.buffers())) {
    const Extent &at = *buffer->offset();
    // In range: checkPlan bounds every factor, limits are bounded by create().
    unsigned __int128 offset =
        static_cast<unsigned __int128>(at.constant()) +
        static_cast<unsigned __int128>(at.per_token()) * limits.capacity +
        static_cast<unsigned __int128>(at.per_sequence()) * limits.sequences;
    int64_t rows = rowCount(buffer->rows(), buffer->row_scale(),
                            limits.capacity, limits.capacity, limits.sequences);
    unsigned __int128 end = offset + static_cast<unsigned __int128>(rows) *
                                         buffer->stride() *
                                         elemBytes(buffer->elem());
    if (end > format::kMaxBytes)
      return Status(Code::Resource, "buffer '" +
                                        std::string(text(buffer->name())) +
                                        "' is too large; lower the capacity");
    arena.offsets_.push_back(static_cast<uint64_t>(offset));
    arena.elemBytes_.push_back(elemBytes(buffer->elem()));
    bytes = std::max(bytes, static_cast<uint64_t>(end));
  }
  // Kernels may load a whole vector where a row ends.
  Result<Reservation> memory = Reservation::make(bytes + 4096, "activations");
  if (!memory.ok())
    return memory.status();
  arena.memory_ = std::move(*memory);
  return arena;
}

char *Arena::at(uint32_t buffer, int64_t column) const {
  return memory_.data() + offsets_[buffer] + column * elemBytes_[buffer];
}

static bool usesTiles(const artifact::Artifact &artifact) {
  Result<const Section *> code = artifact.code();
  if (!code.ok())
    return false;
  std::vector<std::string> features = artifact::featuresOf(**code);
  return std::find(features.begin(), features.end(), "amx-tile") !=
         features.end();
}

ProgramBuilder::ProgramBuilder(const artifact::Artifact &artifact,
                               const KernelCode &code, const Arena &arena,
                               state::Slots &slots, Batch &batch,
                               Engine *engine)
    : artifact_(artifact), code_(code), arena_(arena), slots_(slots),
      batch_(batch), engine_(engine), tiles_(usesTiles(artifact)) {}

void *ProgramBuilder::operand(const Ref &ref, ReadyEntry &entry) {
  switch (ref.kind()) {
  case RefKind::Buffer:
    return arena_.at(ref.index(), ref.column());
  case RefKind::Weight:
    return const_cast<uint8_t *>(artifact_.weight(ref.index(), ref.layer()));
  case RefKind::State: {
    if (std::find(entry.states.begin(), entry.states.end(), ref.index()) ==
        entry.states.end())
      entry.states.push_back(ref.index());
    return slots_.operand(ref.index(), ref.layer());
  }
  case RefKind::Input:
    return entry.inputs[ref.index()].rows +
           ref.column() * elemBytes(entry.inputs[ref.index()].info->elem());
  }
  return nullptr;
}

Result<ReadyDispatch> ProgramBuilder::dispatch(const Dispatch &source,
                                               ReadyEntry &entry) {
  ReadyDispatch ready;
  slc_kernel_fn &kernel = kernels_[source.kernel()];
  if (!kernel) {
    const Kernel *info = list(artifact_.model().kernels())[source.kernel()];
    Result<slc_kernel_fn> found =
        code_.kernel(std::string(text(info->symbol())));
    if (!found.ok())
      return found.status();
    kernel = *found;
  }
  ready.kernel = kernel;
  ready.kernelIndex = source.kernel();
  for (const Ref *ref : list(source.operands()))
    ready.operands.push_back(operand(*ref, entry));
  ready.dims = source.dims() ? source.dims()->data() : nullptr;
  ready.rows = source.rows();
  ready.rowScale = source.row_scale();
  ready.nowait = source.nowait();
  return ready;
}

ReadyMatmul ProgramBuilder::matmul(const Matmul &source, ReadyEntry &entry) {
  auto buffers = list(artifact_.model().buffers());
  ReadyMatmul ready;
  ready.product = {.k = source.k(),
                   .n = source.n(),
                   .xStride = buffers[source.x()->index()]->stride(),
                   .yStride = buffers[source.y()->index()]->stride(),
                   .elem = source.elem(),
                   .bias = source.bias() != nullptr,
                   .accumulate = source.accumulate()};
  ready.x = operand(*source.x(), entry);
  ready.w = operand(*source.w(), entry);
  ready.y = static_cast<float *>(operand(*source.y(), entry));
  if (source.bias())
    ready.bias = static_cast<const float *>(operand(*source.bias(), entry));
  return ready;
}

bool ProgramBuilder::engineAgrees(const Matmul &source,
                                  const ReadyMatmul &matmul,
                                  const ReadyDispatch &fallback) {
  // The generated tile kernels are about as fast or faster, and can be fused.
  if (tiles_ && matmul.product.elem == Elem::BF16)
    return false;
  // The padding of y's rows would be overwritten, so y must be the whole row.
  if (text(source.engine()) != "dnnl" || source.y()->column() != 0 ||
      !engine_->fast(matmul.product))
    return false;
  auto [known, added] =
      agrees_.try_emplace({source.fallback()->kernel(), matmul.product}, false);
  if (added)
    known->second =
        sameBits(*engine_, artifact_.model(), source, matmul, fallback);
  return known->second;
}

Result<ReadyStep> ProgramBuilder::step(const Step &source, ReadyEntry &entry) {
  ReadyStep ready;
  ready.source = &source;
  const Matmul *product = source.body_as_Matmul();
  Result<ReadyDispatch> generated = dispatch(
      product ? *product->fallback() : *source.body_as_Dispatch(), entry);
  if (!generated.ok())
    return generated.status();
  ready.dispatch = std::move(*generated);
  const format::Dispatch &call = artifact::generated(source);
  const format::SignatureT &signature = artifact_.signatures().of(call);
  for (size_t i = 0; i < signature.writes; ++i)
    if (signature.operands[i]->role == Role::Cache) {
      ready.looks = static_cast<const slc_cache *>(ready.dispatch.operands[i]);
      ready.looksAt =
          list(artifact_.model().states())[list(call.operands())[i]->index()];
    }
  if (product && engine_) {
    ReadyMatmul candidate = matmul(*product, entry);
    if (engineAgrees(*product, candidate, ready.dispatch)) {
      candidate.implementation = engine_->implementation(candidate.product, 64);
      ready.matmul = std::move(candidate);
    }
  }
  return ready;
}

// Typical of one core: bytes and operations in a microsecond. `small`: all
// weights of the program stay in a cache.
static StepTime timeOf(const artifact::Work &work, bool small) {
  constexpr double kRowBytes = 10e3, kCacheBytes = 40e3, kFlops = 100e3;
  StepTime time;
  time.fixed = work.weightBytes / (small ? 80e3 : 32e3);
  time.perRow =
      work.flops / kFlops + (work.bytes - work.weightBytes) / kRowBytes;
  time.perPosition = work.bytesPerPosition / kCacheBytes;
  return time;
}

static bool isForEngine(const Program &program) {
  for (const Step *step : list(program.steps()))
    if (step->body_as_Matmul())
      return true;
  return false;
}

static bool usesEngine(const ReadyProgram &program) {
  return std::any_of(
      program.steps.begin(), program.steps.end(),
      [](const ReadyStep &step) { return step.matmul.has_value(); });
}

// A program for the engine, which takes none of its products, leaves its
// numbers of tokens to an earlier one that takes them, too.
static void dropIdle(const Entry &source, std::vector<ReadyProgram> &programs) {
  auto infos = list(source.programs());
  for (size_t i = programs.size(); i-- > 1;) {
    bool spare = std::any_of(
        programs.begin(), programs.begin() + static_cast<ptrdiff_t>(i),
        [&](const ReadyProgram &other) {
          return other.min <= programs[i].min &&
                 (other.max == 0 ||
                  (programs[i].max != 0 && programs[i].max <= other.max));
        });
    if (spare && isForEngine(*infos[i]) && !usesEngine(programs[i]))
      programs.erase(programs.begin() + static_cast<ptrdiff_t>(i));
  }
}

Result<ReadyEntry> ProgramBuilder::build(const Entry &source) {
  ReadyEntry entry;
  entry.info = &source;
  entry.role =
      text(source.kind()) == "source" ? state::Role::Source : state::Role::Main;
  for (const Input *info : list(source.inputs())) {
    Result<ReadyInput> input = batch_.addInput(*info);
    if (!input.ok())
      return input.status();
    entry.inputs.push_back(*input);
  }
  for (const Program *program : list(source.programs())) {
    ReadyProgram ready;
    ready.min = program->min();
    ready.max = program->max();
    double weightBytes = 0;
    for (const Step *one : list(program->steps())) {
      Result<ReadyStep> made = step(*one, entry);
      if (!made.ok())
        return made.status();
      ready.steps.push_back(std::move(*made));
    }
    std::vector<artifact::Work> works;
    for (const ReadyStep &step : ready.steps) {
      works.push_back(artifact::workOf(
          artifact_.model(), artifact_.signatures(), *step.source, /*rows=*/1));
      weightBytes += works.back().weightBytes;
    }
    for (size_t i = 0; i < works.size(); ++i)
      ready.steps[i].time = timeOf(works[i], weightBytes < 8e6);
    auto buffers = list(artifact_.model().buffers());
    for (const Ref *ref : list(program->outputs()))
      ready.outputs.push_back({arena_.at(ref->index(), ref->column()),
                               buffers[ref->index()]->stride()});
    entry.programs.push_back(std::move(ready));
  }
  dropIdle(source, entry.programs);
  // A sequence of tokens to come has positions, even if nothing is kept.
  entry.advances = text(source.kind()) == "generate";
  for (uint32_t index : entry.states) {
    const State *state = list(artifact_.model().states())[index];
    if (state->kind() == StateKind::Transient)
      entry.wholeSequence = true;
    else if (!state->once() || entry.role == state::Role::Source)
      entry.advances = true;
  }
  for (const Output *output : list(source.outputs()))
    if (output->rows() == RowKind::Sequences)
      entry.wholeSequence = true;
  // Positions of what follows in a later step would be those of a beginning.
  bool counts = std::any_of(entry.inputs.begin(), entry.inputs.end(),
                            [](const ReadyInput &i) { return i.isPositions; });
  if ((!entry.advances && counts) || entry.role == state::Role::Source)
    entry.wholeSequence = true;
  return entry;
}

} // namespace sluice::executor
