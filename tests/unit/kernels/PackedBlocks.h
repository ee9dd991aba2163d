// Weights in blocks, drawn and packed.
#pragma once

#include "compiler/pack/Blocks.h"
#include "tests/unit/kernels/Packed.h"
#include "tests/unit/pack/BlockPlaces.h"
#include <gtest/gtest.h>

namespace sluice::testing {

using checkpoint::blockValues;
using format::Elem, format::infoOf;

inline constexpr int64_t kPanel = 64;

// A matrix [n][k] of drawn blocks.
struct BlockWeight {
  Elem elem;
  int64_t n, k, across;
  std::vector<checkpoint::Block> blocks; // [n][across]

  BlockWeight(Elem elem, int64_t n, int64_t k, unsigned seed)
      : elem(elem), n(n), k(k), across(k / infoOf(elem).block) {
    std::mt19937 generator(seed);
    for (int64_t i = 0; i < n * across; ++i)
      blocks.push_back(test::drawnBlock(elem, generator));
  }

  Weight dense() const {
    Weight weight(n, k, 0);
    for (size_t i = 0; i < blocks.size(); ++i)
      blockValues(infoOf(elem), blocks[i],
                  weight.dense.data() + i * infoOf(elem).block);
    return weight;
  }
};

using BlockBanks = std::vector<std::vector<const BlockWeight *>>;
using Banks = std::vector<std::vector<const Weight *>>;

// Panels as runtime/format/Packing.h says.
class PackedBlocks {
public:
  explicit PackedBlocks(const BlockBanks &banks) : bytes(size(banks)) {
    std::memset(bytes.data(), 0, bytes.size());
    char *to = bytes.data();
    for (const auto &parts : banks)
      for (int64_t first = 0; first < parts[0]->n; first += kPanel)
        for (const BlockWeight *part : parts)
          to = write(*part, first, to);
  }
  explicit PackedBlocks(const BlockWeight &weight)
      : PackedBlocks(BlockBanks(1, {&weight})) {}
  operator void *() { return bytes.data(); }

private:
  static size_t size(const BlockBanks &banks) {
    int64_t bytes = 0;
    for (const auto &parts : banks)
      for (const BlockWeight *part : parts)
        bytes += (part->n + kPanel - 1) / kPanel * kPanel * part->across *
                 infoOf(part->elem).blockBytes;
    return static_cast<size_t>(bytes);
  }
  static char *write(const BlockWeight &w, int64_t first, char *to) {
    int64_t rows = std::min(kPanel, w.n - first);
    for (int64_t block = 0; block < w.across; ++block) {
      pack::layBlocks(w.elem, &w.blocks[first * w.across + block], rows,
                      w.across, kPanel, reinterpret_cast<uint8_t *>(to));
      to += kPanel * infoOf(w.elem).blockBytes;
    }
    return to;
  }

  GuardedBytes bytes;
};

// What a linear kernel makes of the rows and the panels `w` of n columns.
inline std::vector<float> product(const Kernel &kernel, Rows<float> &x, void *w,
                                  int64_t n, int workers = 1,
                                  std::map<std::string, void *> more = {}) {
  Rows<float> y(x.rows, n);
  Kernel::Call call{.operands = {{"x", x}, {"w", w}, {"y", y}},
                    .dims = {{"K", x.columns},
                             {"N", n},
                             {"x.stride", x.stride},
                             {"y.stride", y.stride}},
                    .rows = x.rows,
                    .workers = workers};
  call.operands.merge(more);
  EXPECT_EQ(kernel.run(call), 0);
  EXPECT_TRUE(y.paddingIsUntouched());
  return y.values();
}

} // namespace sluice::testing
