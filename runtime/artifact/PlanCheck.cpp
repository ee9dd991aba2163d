#include "runtime/artifact/PlanCheck.h"

#include "runtime/artifact/Calls.h"
#include "runtime/artifact/Table.h"
#include "runtime/format/CacheLayout.h"
#include "runtime/format/FixedState.h"
#include "runtime/format/Limits.h"
#include "runtime/format/container.h"
#include "runtime/format/kernel_abi.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>

namespace sluice::artifact {
namespace {

using namespace format;

// Largest constant of a size formula and largest size per token or sequence.
constexpr int64_t kMaxTerm = int64_t(1) << 40;

Status corrupt(std::string message) {
  return Status(Code::Corrupt, std::move(message));
}

std::string numbered(const char *what, size_t index) {
  return std::string(what) + " " + std::to_string(index);
}

Status outOfRange(const char *what, int64_t index, size_t count) {
  return corrupt(numbered(what, static_cast<size_t>(index)) +
                 " does not exist, there are " + std::to_string(count));
}

bool within(int64_t value, int64_t low, int64_t high) {
  return value >= low && value <= high;
}

bool aligned(uint64_t value) { return value % kDataAlignment == 0; }

// A packed weight has the bytes that its shape and layout take.
Status checkPacked(const Weight &weight) {
  Packing packing = packingOf(weight);
  if (std::string expected = packing.expected(); !expected.empty())
    return corrupt("bad shape, expected " + expected);
  if (static_cast<uint64_t>(packing.bytes()) > weight.bytes())
    return corrupt("'" + std::string(text(weight.name())) + "' has " +
                   std::to_string(weight.bytes()) +
                   " bytes, fewer than its shape and layout take");
  return {};
}

// A cache's block, or a slot of a fixed state, has room for its fields.
Status checkFields(const State &state) {
  bool fixed = state.kind() == StateKind::Fixed;
  std::vector<NamedShape> fields;
  for (const StateField *field : list(state.fields())) {
    std::vector<int64_t> shape = numbers(field->shape());
    if ((!fixed && shape.size() != 2) ||
        !std::ranges::all_of(
            shape, [](int64_t size) { return within(size, 0, kMaxColumns); }))
      return corrupt("bad shape of a field");
    fields.push_back({text(field->name()), std::move(shape)});
  }
  if (fixed)
    return static_cast<uint64_t>(fixedSlotBytes(fields)) > state.slot_bytes()
               ? corrupt("its slots are smaller than its fields")
               : Status();
  if (static_cast<uint64_t>(cacheBlockBytes(fields)) > state.block_bytes())
    return corrupt("its blocks are smaller than its fields");
  return {};
}

class PlanChecker {
public:
  explicit PlanChecker(const Model &model)
      : buffers_(model.buffers()), weights_(model.weights()),
        states_(model.states()), kernels_(model.kernels()), model_(model) {}

  Status check();

private:
  Status checkBuffer(const Buffer &) const;
  Status checkWeight(const Weight &) const;
  Status checkState(const State &) const;
  Status checkStart(const State &) const;
  Status checkKernel(const Kernel &) const;
  Status checkPositions(const Entry &) const;
  Status checkEntry(const Entry &) const;
  Status checkInput(const Input &) const;
  Status checkProgram(const Program &, const Entry &) const;
  Status checkOutputs(const Program &, const Entry &) const;
  Status checkStep(const Step &, const Entry &) const;
  Status checkRef(const Ref &, const Entry &) const;
  Status checkCall(const Dispatch &, const Entry &) const;
  Status checkMatmul(const Matmul &, const Entry &) const;
  Status checkMatrix(const Ref &, const Matmul &, Elem elem,
                     int64_t columns) const;
  Status checkRows(RowKind rows, int64_t scale) const;
  Status checkExtent(const Extent &, uint64_t alignment) const;

  template <typename T, typename F>
  Status each(const char *what, List<flatbuffers::Offset<T>> items,
              F checkOne) const {
    for (size_t i = 0; i < items.size(); ++i)
      if (Status status = checkOne(*items[i]); !status.ok())
        return status.in(numbered(what, i));
    return {};
  }

  List<flatbuffers::Offset<Buffer>> buffers_;
  List<flatbuffers::Offset<Weight>> weights_;
  List<flatbuffers::Offset<State>> states_;
  List<flatbuffers::Offset<Kernel>> kernels_;
  const Model &model_;
  std::optional<Signatures> signatures_;
};

Status PlanChecker::check() {
  if (!within(model_.context(), 1, kMaxContext))
    return corrupt("context of " + std::to_string(model_.context()) +
                   " positions");
  if (!within(model_.vocab(), 0, kMaxColumns))
    return corrupt("vocabulary of " + std::to_string(model_.vocab()));
  Status status =
      each("buffer", buffers_, [&](auto &b) { return checkBuffer(b); });
  if (status.ok())
    status = each("weight", weights_, [&](auto &w) { return checkWeight(w); });
  if (status.ok())
    status = each("state", states_, [&](auto &s) { return checkState(s); });
  if (status.ok())
    status = each("kernel", kernels_, [&](auto &k) { return checkKernel(k); });
  if (status.ok())
    signatures_.emplace(model_);
  if (status.ok())
    status = each("entry", list(model_.entries()),
                  [&](auto &e) { return checkEntry(e); });
  return status;
}

Status PlanChecker::checkRows(RowKind rows, int64_t scale) const {
  if (rows > RowKind::MAX)
    return corrupt("unknown kind of rows");
  if (!within(scale, 1, kMaxRowScale))
    return corrupt("row scale " + std::to_string(scale));
  return {};
}

Status PlanChecker::checkExtent(const Extent &extent,
                                uint64_t alignment) const {
  for (int64_t term :
       {extent.constant(), extent.per_token(), extent.per_sequence()})
    if (!within(term, 0, kMaxTerm) || static_cast<uint64_t>(term) % alignment)
      return corrupt("size or offset term " + std::to_string(term) +
                     " is out of range or not a multiple of " +
                     std::to_string(alignment));
  return {};
}

Status PlanChecker::checkBuffer(const Buffer &buffer) const {
  if (buffer.elem() > Elem::MAX || isBlocks(buffer.elem()))
    return corrupt("unknown element type");
  if (!within(buffer.columns(), 1, kMaxColumns) ||
      !within(buffer.stride(), buffer.columns(), 2 * kMaxColumns))
    return corrupt("columns " + std::to_string(buffer.columns()) +
                   " with stride " + std::to_string(buffer.stride()));
  if (Status status = checkRows(buffer.rows(), buffer.row_scale());
      !status.ok())
    return status;
  return checkExtent(*buffer.offset(), kDataAlignment);
}

Status PlanChecker::checkWeight(const Weight &weight) const {
  if (weight.section() != SectionKind::Weights &&
      weight.section() != SectionKind::Constants)
    return corrupt("lies in a section that holds no weights");
  const Section *home = nullptr;
  for (const Section *section : list(model_.sections()))
    if (section->kind() == weight.section()) {
      if (home)
        return corrupt("two sections of one kind hold weights");
      home = section;
    }
  if (!home)
    return corrupt("its section is missing");
  uint64_t bank = weight.bank();
  if (bank < 1 || weight.bytes() > kMaxBytes ||
      (bank > 1 && (weight.bank_stride() < weight.bytes() ||
                    !aligned(weight.bank_stride()))) ||
      weight.bank_stride() > kMaxBytes || !aligned(weight.offset()))
    return corrupt("bad size, alignment or bank");
  if (weight.layers() && weight.layers()->size() != bank)
    return corrupt("a bank of " + std::to_string(bank) + " with " +
                   std::to_string(weight.layers()->size()) + " layers");
  uint64_t end = 0;
  if (__builtin_mul_overflow(bank - 1, weight.bank_stride(), &end) ||
      __builtin_add_overflow(end, weight.bytes(), &end) ||
      __builtin_add_overflow(end, weight.offset(), &end) || end > home->bytes())
    return corrupt("'" + std::string(text(weight.name())) +
                   "' lies outside its section");
  return checkPacked(weight);
}

Status PlanChecker::checkState(const State &state) const {
  if (state.kind() > StateKind::MAX)
    return corrupt("unknown kind");
  if (!within(state.bank(), 1, 1 << 16))
    return corrupt("bank of " + std::to_string(state.bank()));
  uint64_t bytes = state.kind() == StateKind::Fixed ? state.slot_bytes()
                                                    : state.block_bytes();
  if (bytes == 0 || bytes > (uint64_t(1) << 32) || !aligned(bytes))
    return corrupt("size of " + std::to_string(bytes) + " bytes");
  if (!within(state.keep(), 0, kMaxContext) ||
      !within(state.chunk(), 0, kMaxContext))
    return corrupt("bad keep or chunk");
  if (Status status = checkFields(state); !status.ok())
    return status;
  if (state.kind() == StateKind::Fixed)
    return checkStart(state);
  if (list(state.start()).size() > 0)
    return corrupt("starts with weights, but is not fixed");
  return {};
}

// What a fresh slot takes over: f32 in order, all within the slot.
Status PlanChecker::checkStart(const State &state) const {
  auto start = list(state.start());
  if (start.size() == 0)
    return {};
  if (start.size() != state.bank())
    return corrupt("starts for " + std::to_string(start.size()) +
                   " instances of " + std::to_string(state.bank()));
  for (const Ref *ref : start) {
    if (ref->kind() != RefKind::Weight || ref->index() >= weights_.size())
      return corrupt("starts with no weight");
    const Weight &weight = *weights_[ref->index()];
    if (ref->layer() >= weight.bank())
      return outOfRange("layer", ref->layer(), weight.bank());
    if (weight.elem() != Elem::F32 || weight.layout() != Layout::Rows ||
        weight.bytes() > state.slot_bytes())
      return corrupt("starts with a weight that is not its f32 in order");
  }
  return {};
}

Status PlanChecker::checkKernel(const Kernel &kernel) const {
  std::string_view symbol = text(kernel.symbol());
  if (symbol.substr(0, sizeof(kKernelPrefix) - 1) != kKernelPrefix)
    return corrupt("symbol '" + std::string(symbol.substr(0, 100)) +
                   "' does not begin with " + kKernelPrefix);
  return checkSignature(*kernel.signature());
}

Status PlanChecker::checkInput(const Input &input) const {
  std::string_view type = text(input.type());
  constexpr std::string_view numbered[] = {
      "tokens", "positions", "block_positions", "prefix",
      "prompt", "announced", "token_types"};
  bool number = std::ranges::find(numbered, type) != std::end(numbered);
  if (!number && type != "rows")
    return Status(Code::Unsupported,
                  "type '" + std::string(type.substr(0, 100)) +
                      "' is not one of tokens, positions, block_positions, "
                      "prefix, prompt, announced, token_types, rows");
  if (input.rows() != RowKind::Tokens ||
      (input.elem() != Elem::F32 && input.elem() != Elem::I32 &&
       input.elem() != Elem::U8))
    return Status(Code::Unsupported,
                  "this runtime takes f32, i32 or bool for each token");
  int64_t columns = 1;
  for (int64_t size : numbers(input.shape()))
    if (!within(size, 1, kMaxColumns / columns))
      return corrupt("bad shape");
    else
      columns *= size;
  if (input.columns() != columns ||
      (number && (columns != 1 || input.elem() != Elem::I32)))
    return corrupt(std::to_string(input.columns()) +
                   " columns, which are not what its shape or type has");
  if (!within(input.limit(), 0, kMaxColumns))
    return corrupt("bad limit");
  return {};
}

// What counts positions must be there to count from.
Status PlanChecker::checkPositions(const Entry &entry) const {
  std::string_view kind = text(entry.positions());
  bool spans = kind == "spans";
  if (!kind.empty() && kind != "linear" && !spans)
    return Status(Code::Unsupported,
                  "positions '" + std::string(kind.substr(0, 100)) +
                      "', this runtime knows 'linear' and 'spans'");
  bool tokens = false;
  for (const Input *input : list(entry.inputs())) {
    std::string_view type = text(input->type());
    tokens |= type == "tokens";
    if (!spans && (type == "block_positions" || type == "prefix"))
      return corrupt("an input of type '" + std::string(type) +
                     "' without positions of kind 'spans'");
  }
  if (!spans)
    return {};
  if (!tokens || entry.begin() < 0 || list(entry.anchors()).size() == 0)
    return corrupt("positions of kind 'spans' without tokens to count from");
  for (const Anchors *anchors : list(entry.anchors()))
    if (list(anchors->tokens()).size() == 0)
      return corrupt("an anchor of no token");
  return {};
}

Status PlanChecker::checkEntry(const Entry &entry) const {
  std::string name = "'" + std::string(text(entry.name())) + "'";
  if (!within(entry.position_start(), 0, kMaxContext))
    return corrupt(name + ": position_start " +
                   std::to_string(entry.position_start()));
  if (Status status = checkPositions(entry); !status.ok())
    return status.in(name);
  Status status = each("input", list(entry.inputs()),
                       [&](auto &input) { return checkInput(input); });
  if (!status.ok())
    return status.in(name);
  for (const Output *output : list(entry.outputs()))
    if (status = checkRows(output->rows(), output->row_scale()); !status.ok())
      return status.in(name + ": output");
  if (list(entry.programs()).size() == 0)
    return corrupt(name + " has no program");
  status = each("program", list(entry.programs()),
                [&](auto &program) { return checkProgram(program, entry); });
  return status.in(name);
}

Status PlanChecker::checkProgram(const Program &program,
                                 const Entry &entry) const {
  if (program.min() < 1 ||
      (program.max() != 0 && program.max() < program.min()))
    return corrupt("token range [" + std::to_string(program.min()) + ", " +
                   std::to_string(program.max()) + "]");
  if (Status status = checkOutputs(program, entry); !status.ok())
    return status;
  return each("step", list(program.steps()),
              [&](auto &step) { return checkStep(step, entry); });
}

Status PlanChecker::checkOutputs(const Program &program,
                                 const Entry &entry) const {
  auto refs = list(program.outputs());
  auto outputs = list(entry.outputs());
  if (refs.size() != outputs.size())
    return corrupt(std::to_string(refs.size()) + " outputs, the entry has " +
                   std::to_string(outputs.size()));
  for (size_t i = 0; i < refs.size(); ++i) {
    if (Status status = checkRef(*refs[i], entry); !status.ok())
      return status.in(numbered("output", i));
    if (refs[i]->kind() != RefKind::Buffer)
      return corrupt(numbered("output", i) + " is not a buffer");
    const Buffer &buffer = *buffers_[refs[i]->index()];
    const Output &output = *outputs[i];
    if (buffer.elem() != output.elem() || buffer.rows() != output.rows() ||
        buffer.row_scale() != output.row_scale() ||
        !within(output.columns(), 1, buffer.stride() - refs[i]->column()))
      return corrupt(numbered("output", i) +
                     " does not match its buffer in type, rows or columns");
  }
  return {};
}

Status PlanChecker::checkRef(const Ref &ref, const Entry &entry) const {
  switch (ref.kind()) {
  case RefKind::Buffer:
    if (ref.index() >= buffers_.size())
      return outOfRange("buffer", ref.index(), buffers_.size());
    if (!within(ref.column(), 0, buffers_[ref.index()]->stride() - 1))
      return corrupt("column " + std::to_string(ref.column()) +
                     " is outside the buffer");
    return {};
  case RefKind::Weight:
    if (ref.index() >= weights_.size())
      return outOfRange("weight", ref.index(), weights_.size());
    if (ref.layer() >= weights_[ref.index()]->bank())
      return outOfRange("layer", ref.layer(), weights_[ref.index()]->bank());
    return {};
  case RefKind::State:
    if (ref.index() >= states_.size())
      return outOfRange("state", ref.index(), states_.size());
    if (ref.layer() >= states_[ref.index()]->bank())
      return outOfRange("layer", ref.layer(), states_[ref.index()]->bank());
    return {};
  case RefKind::Input:
    if (ref.index() >= list(entry.inputs()).size())
      return outOfRange("input", ref.index(), list(entry.inputs()).size());
    if (!within(ref.column(), 0,
                list(entry.inputs())[ref.index()]->columns() - 1))
      return corrupt("column " + std::to_string(ref.column()) +
                     " is outside the input");
    return {};
  }
  return corrupt("unknown kind of operand");
}

Status PlanChecker::checkStep(const Step &step, const Entry &entry) const {
  if (const Dispatch *dispatch = step.body_as_Dispatch())
    return checkCall(*dispatch, entry);
  if (const Matmul *matmul = step.body_as_Matmul())
    return checkMatmul(*matmul, entry);
  return corrupt("unknown kind of step");
}

Status PlanChecker::checkCall(const Dispatch &dispatch,
                              const Entry &entry) const {
  if (dispatch.kernel() >= kernels_.size())
    return outOfRange("kernel", dispatch.kernel(), kernels_.size());
  const Kernel &kernel = *kernels_[dispatch.kernel()];
  std::string name = "kernel '" + std::string(text(kernel.name())) + "'";
  auto operands = list(dispatch.operands());
  const SignatureT &signature = signatures_->of(dispatch);
  for (auto [what, found, expected] :
       {std::tuple("operands", operands.size(), signature.operands.size()),
        std::tuple("dims", list(dispatch.dims()).size(),
                   signature.dims.size())})
    if (found != expected)
      return corrupt(name + " takes " + std::to_string(expected) + " " + what +
                     ", not " + std::to_string(found));
  for (size_t i = 0; i < operands.size(); ++i) {
    if (Status status = checkRef(*operands[i], entry); !status.ok())
      return status.in(numbered("operand", i));
    bool constant = operands[i]->kind() == RefKind::Weight ||
                    operands[i]->kind() == RefKind::Input;
    if (i >= signature.writes && constant)
      return corrupt(numbered("operand", i) + " is written but read-only");
  }
  if (dispatch.scratch())
    if (Status status = checkExtent(*dispatch.scratch(), 1); !status.ok())
      return status.in("scratch");
  if (Status status = checkRows(dispatch.rows(), dispatch.row_scale());
      !status.ok())
    return status;
  return checkDispatch(model_, entry, signature, dispatch).in(name);
}

// `ref` is a matrix of the product: the rows of the step, `columns` wide.
Status PlanChecker::checkMatrix(const Ref &ref, const Matmul &matmul, Elem elem,
                                int64_t columns) const {
  if (ref.kind() != RefKind::Buffer)
    return corrupt("is not a buffer");
  const Buffer &buffer = *buffers_[ref.index()];
  if (buffer.elem() != elem)
    return corrupt("has another element type than the product");
  if (buffer.rows() != matmul.rows() || buffer.row_scale() < matmul.row_scale())
    return corrupt("has other rows than the product");
  if (columns > buffer.stride() - ref.column())
    return corrupt("has fewer columns than the product");
  return {};
}

Status PlanChecker::checkMatmul(const Matmul &matmul,
                                const Entry &entry) const {
  for (const Ref *ref : {matmul.x(), matmul.w(), matmul.y(), matmul.bias()})
    if (ref)
      if (Status status = checkRef(*ref, entry); !status.ok())
        return status;
  if (Status status = checkRows(matmul.rows(), matmul.row_scale());
      !status.ok())
    return status;
  if (matmul.elem() != Elem::F32 && matmul.elem() != Elem::BF16)
    return corrupt("products take f32 or bf16");
  if (!within(matmul.k(), 1, kMaxColumns) ||
      !within(matmul.n(), 1, kMaxColumns))
    return corrupt("product of " + std::to_string(matmul.k()) + " by " +
                   std::to_string(matmul.n()));
  if (Status status =
          checkMatrix(*matmul.x(), matmul, matmul.elem(), matmul.k());
      !status.ok())
    return status.in("x");
  if (Status status = checkMatrix(*matmul.y(), matmul, Elem::F32, matmul.n());
      !status.ok())
    return status.in("y");
  if (matmul.w()->kind() != RefKind::Weight)
    return corrupt("w is not a weight");
  const Weight &w = *weights_[matmul.w()->index()];
  Packing product{matmul.elem(), Layout::Panel, {matmul.n(), matmul.k()}};
  if (w.elem() != matmul.elem() ||
      w.bytes() < static_cast<uint64_t>(product.bytes()))
    return corrupt("w is not a packed matrix of the product's size and type");
  if (const Ref *bias = matmul.bias())
    if (bias->kind() != RefKind::Weight ||
        weights_[bias->index()]->elem() != Elem::F32 ||
        weights_[bias->index()]->bytes() <
            static_cast<uint64_t>(matmul.n()) * 4)
      return corrupt("bias is not an f32 vector of the product's width");
  return checkCall(*matmul.fallback(), entry).in("fallback");
}

} // namespace

Status checkPlan(const Model &model) { return PlanChecker(model).check(); }

} // namespace sluice::artifact
