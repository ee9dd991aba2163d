#include "runtime/executor/EngineCheck.h"

#include <algorithm>
#include <cstring>

namespace sluice::executor {
namespace {

using artifact::list;
using artifact::text;
using namespace format;

constexpr int64_t kRows = 20;               // several row tiles
constexpr int64_t kColumns = 2 * SLC_PANEL; // two panels
constexpr size_t kAlignment = 64;

// Zeroed, aligned and with room for a vector past the end.
class Scratch {
public:
  explicit Scratch(uint64_t bytes)
      : memory_((bytes + 2 * kAlignment) / sizeof(uint64_t) + 16) {}
  char *data() {
    auto address = reinterpret_cast<uintptr_t>(memory_.data());
    return reinterpret_cast<char *>((address + kAlignment - 1) / kAlignment *
                                    kAlignment);
  }

private:
  std::vector<uint64_t> memory_;
};

class Random {
public:
  // Between -1 and 1.
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<int64_t>(state_ >> 40) - (1 << 23)) /
           (1 << 23);
  }

private:
  uint64_t state_ = 1;
};

void store(char *base, int64_t index, Elem elem, float value) {
  if (elem == Elem::F32) {
    std::memcpy(base + index * 4, &value, 4);
    return;
  }
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint16_t high = static_cast<uint16_t>(bits >> 16);
  std::memcpy(base + index * 2, &high, 2);
}

bool same(const Ref &a, const Ref &b) {
  return a.kind() == b.kind() && a.index() == b.index() &&
         a.layer() == b.layer() && a.column() == b.column();
}

uint64_t scratchBytes(const Dispatch &dispatch) {
  const Extent *extent = dispatch.scratch();
  return extent ? extent->constant() + kRows * extent->per_token() +
                      extent->per_sequence()
                : 0;
}

// Runs the fallback on x and y in place of the plan's buffers.
bool runKernel(const Model &model, const Matmul &source,
               const ReadyDispatch &fallback, int64_t columns, char *x,
               char *y) {
  const Dispatch &dispatch = *source.fallback();
  std::vector<void *> operands = fallback.operands;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Ref &ref = *list(dispatch.operands())[i];
    if (same(ref, *source.x()))
      operands[i] = x;
    else if (same(ref, *source.y()))
      operands[i] = y;
    else if (ref.kind() != RefKind::Weight)
      return false; // something else goes in: no plain product
  }
  auto names =
      list(list(model.kernels())[dispatch.kernel()]->signature()->dims());
  std::vector<int64_t> dims(fallback.dims, fallback.dims + names.size());
  for (size_t i = 0; i < names.size(); ++i)
    if (text(names[i]->name()) == "N")
      dims[i] = columns;
  Scratch scratch(scratchBytes(dispatch));
  slc_batch batch = {};
  batch.tokens = kRows;
  slc_call call = {.operands = operands.data(),
                   .dims = dims.data(),
                   .batch = &batch,
                   .scratch = scratch.data(),
                   .rows = kRows,
                   .worker = 0,
                   .workers = 1};
  return fallback.kernel(&call) == 0;
}

} // namespace

bool sameBits(Engine &engine, const Model &model, const Matmul &source,
              const ReadyMatmul &matmul, const ReadyDispatch &fallback) {
  Product product = matmul.product;
  int64_t yStride = product.yStride;
  product.n = product.yStride = std::min(product.n, kColumns);
  Random random;
  Scratch x(kRows * product.xStride * 4);
  for (int64_t i = 0; i < kRows * product.xStride; ++i)
    store(x.data(), i, product.elem, random.next());
  Scratch expected(kRows * yStride * 4), found(kRows * product.n * 4);
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t c = 0; c < product.n; ++c) {
      float value = random.next();
      store(expected.data(), r * yStride + c, Elem::F32, value);
      store(found.data(), r * product.n + c, Elem::F32, value);
    }
  if (!runKernel(model, source, fallback, product.n, x.data(), expected.data()))
    return false;
  if (!engine
           .run(product, kRows, x.data(), matmul.w, matmul.bias,
                reinterpret_cast<float *>(found.data()))
           .ok())
    return false;
  for (int64_t r = 0; r < kRows; ++r)
    if (std::memcmp(expected.data() + r * yStride * 4,
                    found.data() + r * product.n * 4, product.n * 4) != 0)
      return false;
  return true;
}

} // namespace sluice::executor
