// Weights as the packer lays them out for products: panels of 64 columns, k
// padded to 16 (f32) or 32 (bf16) and n to 64 with zeros.
#pragma once

#include "tests/unit/kernels/KernelHarness.h"

namespace sluice::testing {

// A weight [n][k] in f32 and packed. Its numbers are exact in bf16, so that
// both storages hold the same matrix.
struct Weight {
  int64_t n, k;
  std::vector<float> dense;

  Weight(int64_t n, int64_t k, unsigned seed, float scale = 0.25f)
      : n(n), k(k) {
    std::mt19937 generator(seed);
    for (int64_t i = 0; i < n * k; ++i)
      dense.push_back(
          Bf16(scale * (static_cast<float>(generator() >> 8) / 8388608 - 1)));
  }
  float at(int64_t row, int64_t column) const {
    return dense[row * k + column];
  }
};

// Appends the panels of weights that alternate panel by panel: one weight, or
// gate and up.
class Packed {
public:
  Packed(const std::vector<std::vector<const Weight *>> &banks, bool bf16)
      : bytes(size(banks, bf16)) {
    std::memset(bytes.data(), 0, bytes.size());
    int64_t panel = 0;
    for (const auto &parts : banks)
      for (int64_t p = 0; p < (parts[0]->n + 63) / 64; ++p)
        for (const Weight *part : parts)
          write(*part, p, panel++, bf16);
  }
  Packed(const Weight &weight, bool bf16) : Packed({{&weight}}, bf16) {}
  operator void *() { return bytes.data(); }

private:
  static int64_t depth(const Weight &w, bool bf16) {
    int64_t unit = bf16 ? 32 : 16;
    return (w.k + unit - 1) / unit * unit;
  }
  static size_t size(const std::vector<std::vector<const Weight *>> &banks,
                     bool bf16) {
    int64_t elements = 0;
    for (const auto &parts : banks)
      for (const Weight *part : parts)
        elements += (part->n + 63) / 64 * 64 * depth(*part, bf16);
    return static_cast<size_t>(elements) * (bf16 ? 2 : 4);
  }
  void write(const Weight &w, int64_t p, int64_t panel, bool bf16) {
    for (int64_t c = 0; c < 64 && p * 64 + c < w.n; ++c)
      for (int64_t k = 0; k < w.k; ++k) {
        int64_t base = panel * 64 * depth(w, bf16);
        float value = w.at(p * 64 + c, k);
        if (bf16)
          reinterpret_cast<Bf16 *>(
              bytes.data())[base + k / 2 * 128 + c * 2 + k % 2] = Bf16(value);
        else
          reinterpret_cast<float *>(bytes.data())[base + k * 64 + c] = value;
      }
  }

  GuardedBytes bytes;
};

} // namespace sluice::testing
