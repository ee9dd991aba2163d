#include "runtime/artifact/DimCheck.h"

#include "runtime/artifact/PlanCheck.h"
#include "runtime/artifact/Table.h"
#include "runtime/format/kernel_abi.h"

#include <algorithm>
#include <optional>
#include <string>

namespace sluice::artifact {
namespace {

using namespace format;

// Counts of elements are products of at most three of these.
constexpr int64_t kMaxCount = int64_t(1) << 31;
using Wide = __int128;

Status corrupt(std::string message) {
  return Status(Code::Corrupt, std::move(message));
}

std::string quoted(std::string_view name) {
  return "'" + std::string(name.substr(0, 100)) + "'";
}

Wide roundUp(Wide value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Rows of a matrix as it is packed, `n` of them and what pads panels.
Wide packedRows(const Weight &weight, int64_t n) {
  if (text(weight.layout()) == "panel_glu")
    return 2 * roundUp(n / 2, SLC_PANEL);
  return text(weight.layout()) == "panel" ? roundUp(n, SLC_PANEL) : Wide(n);
}

class DimChecker {
public:
  DimChecker(const Model &model, const Dispatch &dispatch)
      : model_(model), dispatch_(dispatch),
        kernel_(*list(model.kernels())[dispatch.kernel()]),
        kind_(text(kernel_.kind())) {}

  Status check();

private:
  Status checkCounts() const;
  Status checkStride(std::string_view dim, int64_t value) const;
  Status checkOperand(std::string_view name, const Ref &ref) const;
  Status checkBuffer(std::string_view name, const Ref &ref) const;
  Status checkVector(std::string_view name, const Weight &weight) const;
  Status checkMatrix(const Weight &weight) const;
  Status checkCache(const State &state) const;
  Wide width(std::string_view name) const;
  Wide vectorWidth(std::string_view name) const;
  bool rowByRow(std::string_view name) const;

  std::optional<int64_t> find(std::string_view name) const;
  int64_t dim(std::string_view name, int64_t otherwise) const {
    return find(name).value_or(otherwise);
  }
  const Ref *operand(std::string_view name) const;
  // Widths of a key and a value: dims, or else those of the cache.
  int64_t headWidth(size_t field) const;

  const Model &model_;
  const Dispatch &dispatch_;
  const Kernel &kernel_;
  std::string_view kind_;
};

std::optional<int64_t> DimChecker::find(std::string_view name) const {
  auto names = list(kernel_.dims());
  for (size_t i = 0; i < names.size(); ++i)
    if (text(names[i]) == name)
      return list(dispatch_.dims())[i];
  return std::nullopt;
}

const Ref *DimChecker::operand(std::string_view name) const {
  auto names = list(kernel_.operands());
  for (size_t i = 0; i < names.size(); ++i)
    if (text(names[i]) == name)
      return list(dispatch_.operands())[i];
  return nullptr;
}

int64_t fieldShape(const State &state, size_t field, size_t axis) {
  auto fields = list(state.fields());
  if (fields.size() != 2 || list(fields[field]->shape()).size() != 2)
    return 0;
  return list(fields[field]->shape())[axis];
}

int64_t DimChecker::headWidth(size_t field) const {
  if (auto value = find(field == 0 ? "head_dim" : "value_dim"))
    return *value;
  const Ref *cache = operand("cache");
  if (!cache || cache->kind() != RefKind::State)
    return dim("head_dim", 0);
  return fieldShape(*list(model_.states())[cache->index()], field, 1);
}

Status DimChecker::checkCounts() const {
  for (const char *name : {"K", "N", "V", "heads", "kv_heads", "head_dim",
                           "value_dim", "experts", "top_k", "outer", "inner"})
    if (auto value = find(name); value && (*value < 1 || *value > kMaxCount))
      return corrupt(quoted(name) + " is " + std::to_string(*value));
  int64_t rotary = dim("rotary", 0);
  if (rotary < 0 || 2 * Wide(rotary) > dim("head_dim", kMaxCount))
    return corrupt("'rotary' is " + std::to_string(rotary));
  if (int64_t heads = dim("heads", 1), shared = dim("kv_heads", heads);
      heads % shared != 0)
    return corrupt(std::to_string(shared) + " heads of keys for " +
                   std::to_string(heads));
  return {};
}

Status DimChecker::checkStride(std::string_view name, int64_t value) const {
  const Ref *ref = operand(name);
  if (!ref)
    return corrupt("a stride of " + quoted(name) + ", which is no operand");
  // An operand without rows of its own is the same for all of the step.
  const Buffer *buffer = ref->kind() == RefKind::Buffer
                             ? list(model_.buffers())[ref->index()]
                             : nullptr;
  int64_t expected = buffer                          ? buffer->stride()
                     : ref->kind() == RefKind::Input ? 1
                                                     : 0;
  if (value == expected ||
      (value == 0 && !(buffer && buffer->rows() != RowKind::One)))
    return {};
  return corrupt("the stride of " + quoted(name) + " is " +
                 std::to_string(value) + ", not " + std::to_string(expected));
}

// Elements of a row of a buffer, 0 where its name does not tell.
Wide DimChecker::width(std::string_view name) const {
  Wide heads = dim("heads", 1), keyHeads = dim("kv_heads", dim("heads", 1));
  int64_t n = dim("N", 0), topK = dim("top_k", 0);
  bool headed = find("head_dim") || operand("cache");
  if (name == "q")
    return heads * headWidth(0);
  if (name == "k")
    return keyHeads * headWidth(0);
  if (name == "v")
    return keyHeads * headWidth(1);
  if (name == "table")
    return 2 * Wide(dim("rotary", 0));
  if (name == "idx" || name == "weight")
    return topK;
  if (name == "offsets")
    return Wide(dim("experts", 0)) + 1;
  if (name == "residual")
    return n;
  if (name == "x")
    return headed      ? heads * headWidth(0)
           : find("K") ? Wide(dim("K", 0))
           : n         ? heads * n
                       : Wide(dim("experts", 0));
  if (name != "y")
    return 0;
  if (headed)
    return heads * headWidth(kind_ == "attend" ? 1 : 0);
  if (kind_ == "sum")
    return heads;
  return (kind_ == "rope_table" ? 2 : heads) * Wide(n ? n : topK);
}

// Elements of a weight that has one axis.
Wide DimChecker::vectorWidth(std::string_view name) const {
  if (name == "norm_w" || name == "norm_b")
    return dim("K", 0);
  if (name == "bias" || name == "b" || name == "freqs" ||
      (name == "w" && kind_ == "norm"))
    return dim("N", 0);
  if (name == "q_norm_w" || name == "k_norm_w")
    return headWidth(0);
  if (name == "slopes" || name == "sinks")
    return dim("heads", 0);
  return name == "correction" ? dim("experts", 0) : 0;
}

// Row r of the step reads or writes row r of the operand.
bool DimChecker::rowByRow(std::string_view name) const {
  if (name == "y")
    return true;
  if (operand("pairs") || operand("position") || kind_ == "gather_rows" ||
      kind_ == "pool_rows")
    return false;
  // Of a map: x0, x1, ...
  if (name.size() > 1 && name[0] == 'x' &&
      name.find_first_not_of("0123456789", 1) == name.npos)
    return true;
  return name == "x" || name == "q" || name == "k" || name == "v" ||
         name == "table" || name == "residual" || name == "idx" ||
         name == "weight";
}

Status DimChecker::checkBuffer(std::string_view name, const Ref &ref) const {
  const Buffer &buffer = *list(model_.buffers())[ref.index()];
  std::string stride = std::string(name) + ".stride";
  if (rowByRow(name) && dim(stride, 0) != 0 &&
      (buffer.rows() != dispatch_.rows() ||
       buffer.row_scale() < dispatch_.row_scale()))
    return corrupt(quoted(name) + " has other rows than the step");
  Wide needed = width(name);
  if (auto step = find(std::string(name) + ".outer"))
    needed = (Wide(dim("outer", 1)) - 1) * *step +
             (name == "y" ? dim("inner", 1) : 1);
  if (needed > buffer.stride() - ref.column())
    return corrupt(quoted(name) + " has rows of " +
                   std::to_string(buffer.stride() - ref.column()) +
                   " elements, the step's dims ask for " +
                   std::to_string(static_cast<int64_t>(
                       std::min<Wide>(needed, INT64_MAX))));
  return {};
}

Status DimChecker::checkVector(std::string_view name,
                               const Weight &weight) const {
  Wide needed = rowByRow(name) ? width(name) : vectorWidth(name);
  if (name == "bias")
    needed *= dim("experts", 1);
  if (auto step = find(std::string(name) + ".outer"))
    needed = (Wide(dim("outer", 1)) - 1) * *step + 1;
  if (needed * elemBytes(weight.elem()) <= Wide(weight.bytes()))
    return {};
  return corrupt(quoted(name) + " is " + quoted(text(weight.name())) +
                 ", which has fewer elements than the step's dims ask for");
}

// The matrix of a product, or of an embedding.
Status DimChecker::checkMatrix(const Weight &weight) const {
  auto shape = list(weight.shape());
  bool product = kind_ == "linear";
  auto deep = find(product ? "K" : "N"), wide = find(product ? "N" : "V");
  if (!deep || !wide)
    return {};
  if (shape.size() < 2)
    return corrupt("'w' is not a matrix");
  if (product && !text(weight.layout()).starts_with("panel"))
    return corrupt("'w' is " + quoted(text(weight.name())) +
                   ", which is not packed in panels");
  Wide rows = packedRows(weight, shape[shape.size() - 2]);
  int64_t columns = shape[shape.size() - 1];
  int64_t experts = dim("experts", 1);
  if (columns != *deep || rows < *wide ||
      (experts > 1 && (shape.size() < 3 || shape[0] < experts)))
    return corrupt("'w' is " + quoted(text(weight.name())) +
                   ", which has another shape than the step's dims");
  return {};
}

Status DimChecker::checkCache(const State &state) const {
  int64_t heads = dim("kv_heads", dim("heads", 0));
  if (list(state.fields()).size() != 2 || heads == 0)
    return {};
  for (size_t field : {0, 1})
    if (fieldShape(state, field, 0) != heads ||
        fieldShape(state, field, 1) != headWidth(field))
      return corrupt("'cache' is " + quoted(text(state.name())) +
                     ", which has other heads than the step's dims");
  return {};
}

Status DimChecker::checkOperand(std::string_view name, const Ref &ref) const {
  switch (ref.kind()) {
  case RefKind::Buffer:
    return checkBuffer(name, ref);
  case RefKind::Weight: {
    const Weight &weight = *list(model_.weights())[ref.index()];
    if (name == "w" && (kind_ == "linear" || kind_ == "embedding"))
      return checkMatrix(weight);
    return checkVector(name, weight);
  }
  case RefKind::State:
    return name == "cache" ? checkCache(*list(model_.states())[ref.index()])
                           : Status();
  case RefKind::Input: // one element a row
    return width(name) <= 1
               ? Status()
               : corrupt(quoted(name) + " is an input, which has one element a "
                                        "row");
  }
  return {};
}

Status DimChecker::check() {
  if (Status status = checkCounts(); !status.ok())
    return status;
  auto dims = list(kernel_.dims());
  constexpr std::string_view suffix = ".stride";
  for (size_t i = 0; i < dims.size(); ++i) {
    std::string_view name = text(dims[i]);
    int64_t value = list(dispatch_.dims())[i];
    if (name.ends_with(".outer") && (value < 0 || value > kMaxCount))
      return corrupt(quoted(name) + " is " + std::to_string(value));
    if (!name.ends_with(suffix))
      continue;
    Status status =
        checkStride(name.substr(0, name.size() - suffix.size()), value);
    if (!status.ok())
      return status;
  }
  auto operands = list(kernel_.operands());
  for (size_t i = 0; i < operands.size(); ++i)
    if (Status status =
            checkOperand(text(operands[i]), *list(dispatch_.operands())[i]);
        !status.ok())
      return status;
  return {};
}

} // namespace

Status checkDims(const Model &model, const Dispatch &dispatch) {
  return DimChecker(model, dispatch).check();
}

Status checkBlock(const State &state) {
  Wide elements = 0; // of a position
  for (size_t field : {0, 1}) {
    int64_t heads = fieldShape(state, field, 0);
    int64_t width = fieldShape(state, field, 1);
    if (heads < 0 || heads > kMaxCount || width < 0 || width > kMaxCount)
      return corrupt("bad shape of a field");
    elements += Wide(heads) * (field == 0 ? width : roundUp(width, 16));
  }
  if (SLC_CACHE_BLOCK * elements * 4 > Wide(state.block_bytes()))
    return corrupt("its blocks are smaller than its fields");
  return {};
}

Status checkPacked(const Weight &weight) {
  auto shape = list(weight.shape());
  Wide elements = 1;
  for (int64_t axis : shape) {
    if (axis < 1 || axis > kMaxCount || elements > Wide(1) << 60)
      return corrupt("bad shape");
    elements *= axis;
  }
  if (text(weight.layout()).starts_with("panel")) {
    if (shape.size() < 2)
      return corrupt("panels of no matrix");
    int64_t n = shape[shape.size() - 2], k = shape[shape.size() - 1];
    int64_t depth = weight.elem() == Elem::BF16 ? SLC_PANEL_DEPTH_BF16
                                                : SLC_PANEL_DEPTH_F32;
    elements = elements / n / k * packedRows(weight, n) * roundUp(k, depth);
  }
  if (elements * elemBytes(weight.elem()) > Wide(weight.bytes()))
    return corrupt(quoted(text(weight.name())) + " has " +
                   std::to_string(weight.bytes()) +
                   " bytes, fewer than its shape and layout take");
  return {};
}

} // namespace sluice::artifact
