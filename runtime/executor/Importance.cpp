#include "runtime/executor/Importance.h"

#include "runtime/executor/Profile.h"

#include <cstring>

namespace sluice::executor {

using artifact::list;
using artifact::text;
using namespace format;

// The operand that is a weight of products, or -1.
static int productWeight(const SignatureT &signature) {
  for (size_t i = 0; i < signature.operands.size(); ++i)
    if (signature.operands[i]->role == Role::Matrix &&
        !signature.operands[i]->looked_up)
      return int(i);
  return -1;
}

// The operand or dim of a name, or -1.
template <typename T>
static int indexOf(const std::vector<std::unique_ptr<T>> &all,
                   std::string_view name) {
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i]->name == name)
      return int(i);
  return -1;
}

Result<Importance> Importance::create(const artifact::Artifact &artifact) {
  Importance importance(artifact);
  for (const Entry *entry : list(artifact.model().entries()))
    for (const Program *program : list(entry->programs()))
      for (const Step *step : list(program->steps()))
        if (Status status = importance.prepare(*step); !status.ok())
          return status;
  return importance;
}

Status Importance::prepare(const Step &step) {
  const Dispatch &dispatch = artifact::generated(step);
  const SignatureT &signature = signatures_.of(dispatch);
  int index = productWeight(signature);
  if (index < 0)
    return {};
  const OperandT &w = *signature.operands[size_t(index)];
  if (w.multiplies < 0)
    return Status(Code::Unsupported,
                  describeStep(artifact_->model(), step) +
                      ": the kernel makes the rows that it multiplies itself; "
                      "where it normalises them, compile with --disable-pass "
                      "fuse-norm-matmul");
  const Ref &ref = *list(dispatch.operands())[size_t(index)];
  auto dims = artifact::numbers(dispatch.dims());
  Sums &sums = sums_[{ref.index(), ref.layer()}];
  sums.matrices = valueOf(w.count.get(), dims, 1);
  sums.width = valueOf(w.width.get(), dims);
  sums.squares.resize(size_t(sums.matrices * sums.width));
  sums.rows.resize(size_t(sums.matrices));
  return {};
}

void Importance::Sums::add(const void *row, bool bf16, int64_t matrix) {
  double *to = squares.data() + matrix * width;
  for (int64_t i = 0; i < width; ++i) {
    float value;
    if (bf16) {
      uint32_t bits = uint32_t(static_cast<const uint16_t *>(row)[i]) << 16;
      std::memcpy(&value, &bits, sizeof value);
    } else {
      value = static_cast<const float *>(row)[i];
    }
    to[i] += double(value) * value;
  }
  ++rows[size_t(matrix)];
}

void Importance::add(const ReadyStep &step, int64_t rows) {
  const Dispatch &source = artifact::generated(*step.source);
  const SignatureT &signature = signatures_.of(source);
  int index = productWeight(signature);
  if (index < 0)
    return;
  const Ref &ref = *list(source.operands())[size_t(index)];
  Sums &sums = sums_.at({ref.index(), ref.layer()});
  sums.used = true;
  const auto &operands = step.dispatch.operands;
  size_t xIndex = size_t(signature.operands[size_t(index)]->multiplies);
  const OperandT &x = *signature.operands[xIndex];
  bool bf16 = x.elem == Elem::BF16;
  int64_t size = elemBytes(x.elem);
  int64_t stride = x.stride < 0 ? sums.width : step.dispatch.dims[x.stride];
  const char *begin = static_cast<const char *>(operands[xIndex]);
  int offsets = indexOf(signature.operands, "offsets");
  if (offsets < 0) { // each matrix has columns of its own
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t m = 0; m < sums.matrices; ++m)
        sums.add(begin + (row * stride + m * sums.width) * size, bf16, m);
    return;
  }
  // Rows sorted by experts, or the numbers of such rows.
  auto ints = [&](int operand) {
    return static_cast<const int32_t *>(operands[size_t(operand)]);
  };
  int pairs = indexOf(signature.operands, "pairs");
  int topK = indexOf(signature.dims, "top_k");
  int64_t perRow = topK < 0 ? 1 : step.dispatch.dims[topK];
  for (int64_t e = 0; e < sums.matrices; ++e)
    for (int64_t i = ints(offsets)[e]; i < ints(offsets)[e + 1]; ++i) {
      int64_t row = pairs < 0 ? i : ints(pairs)[i] / perRow;
      sums.add(begin + row * stride * size, bf16, e);
    }
}

std::string Importance::name(const Part &part, const Weight &weight,
                             uint32_t instance) const {
  int64_t layer = part.layer();
  if (layer < 0 && weight.layers() && instance < weight.layers()->size())
    layer = weight.layers()->Get(instance);
  std::string name(text(part.path()));
  return layer < 0 ? name : name + "[" + std::to_string(layer) + "]";
}

std::vector<NamedTensor> Importance::tensors() const {
  std::map<std::string, Sums> byName; // a weight may be packed twice
  for (const auto &[key, sums] : sums_) {
    const Weight &weight = *list(artifact_->model().weights())[key.first];
    for (const Part *part : list(weight.parts())) {
      if (!sums.used)
        continue;
      auto [found, isNew] =
          byName.try_emplace(name(*part, weight, key.second), sums);
      Sums &all = found->second;
      if (isNew || all.squares.size() != sums.squares.size())
        continue;
      for (size_t i = 0; i < sums.squares.size(); ++i)
        all.squares[i] += sums.squares[i];
      for (size_t i = 0; i < sums.rows.size(); ++i)
        all.rows[i] += sums.rows[i];
    }
  }
  std::vector<NamedTensor> tensors;
  for (const auto &[name, sums] : byName) {
    std::vector<float> means(sums.squares.size());
    for (size_t i = 0; i < means.size(); ++i) {
      int64_t rows = sums.rows[i / size_t(sums.width)];
      means[i] = rows ? float(sums.squares[i] / double(rows)) : 0;
    }
    std::vector<int64_t> shape = {sums.width};
    if (sums.matrices > 1)
      shape.insert(shape.begin(), sums.matrices);
    tensors.push_back({name, std::move(shape), std::move(means)});
  }
  return tensors;
}

} // namespace sluice::executor
