// Builds a kernel by kind, compiles it for this machine and calls it, as the
// executor would, with one or more simulated workers.
//
//   Kernel norm("norm", R"({kind = "rms", eps = 1.0e-5 : f32})");
//   Rows<float> x(3, 24), y(3, 24);
//   norm.run({.operands = {{"x", x}, {"y", y}},
//             .dims = {{"N", 24}, {"x.stride", x.stride}, ...},
//             .rows = 3, .workers = 2});
#pragma once

#include "runtime/format/kernel_abi.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice::testing {

// A bf16 number: the upper half of an f32.
struct Bf16 {
  uint16_t bits = 0;

  Bf16() = default;
  // To nearest even; finite values only.
  explicit Bf16(float value) {
    uint32_t word;
    std::memcpy(&word, &value, 4);
    bits = static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  operator float() const {
    uint32_t word = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
  }
};

// 64-byte aligned elements behind and before which nothing may be written; the
// destructor fails the test when something was.
class GuardedBytes {
public:
  explicit GuardedBytes(size_t bytes);
  ~GuardedBytes();
  GuardedBytes(GuardedBytes &&) = default;

  char *data() const;
  size_t size() const { return bytes; }

private:
  static constexpr size_t guard = 256;
  size_t bytes;
  std::unique_ptr<char, void (*)(void *)> memory;
};

// A buffer as plans lay it out: rows with a stride of a multiple of 16
// elements. Padding holds a pattern (a NaN in f32 and bf16) that kernels must
// neither use nor change.
template <typename T> struct Rows {
  int64_t rows, columns, stride;

  Rows(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), stride((columns + 15) / 16 * 16),
        bytes(static_cast<size_t>(rows * stride) * sizeof(T)) {}

  T &at(int64_t row, int64_t column) { return data()[row * stride + column]; }
  T *data() { return reinterpret_cast<T *>(bytes.data()); }
  operator void *() { return bytes.data(); }

  // Values between -scale and scale.
  Rows &&random(unsigned seed, float scale = 1.0f) && {
    std::mt19937 generator(seed);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        at(row, column) =
            T(scale * (static_cast<float>(generator() >> 8) / 8388608 - 1));
    return std::move(*this);
  }
  Rows &&fill(const std::function<T(int64_t, int64_t)> &value) && {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        at(row, column) = value(row, column);
    return std::move(*this);
  }
  // The elements without padding.
  std::vector<T> values() {
    std::vector<T> all;
    for (int64_t row = 0; row < rows; ++row)
      all.insert(all.end(), &at(row, 0), &at(row, 0) + columns);
    return all;
  }

  // As new.
  void erase() { std::memset(bytes.data(), 0xff, bytes.size()); }
  bool paddingIsUntouched() {
    for (int64_t row = 0; row < rows; ++row)
      for (char *byte = reinterpret_cast<char *>(&at(row, columns));
           byte != reinterpret_cast<char *>(data() + (row + 1) * stride);
           ++byte)
        if (static_cast<unsigned char>(*byte) != 0xff)
          return false;
    return true;
  }

private:
  GuardedBytes bytes;
};

// The ragged batch of a step, from the number of new tokens of each sequence.
// Wanted are the last rows unless said otherwise.
class Batch {
public:
  explicit Batch(std::vector<int32_t> lengths,
                 std::vector<int32_t> wanted = {});
  const slc_batch *get() const { return &batch; }
  int64_t tokens() const { return batch.tokens; }

  std::vector<int32_t> sequence, offset, first, slot, wanted;

private:
  slc_batch batch;
};

class Kernel {
public:
  // `attributes` is a dictionary in MLIR syntax. `body` is a function in MLIR
  // syntax whose region the kind takes (map). SLUICE_KERNEL_TARGET in the
  // environment stands in for the target "native".
  Kernel(const std::string &kind, const std::string &attributes = "{}",
         const std::string &body = "", const std::string &target = "native");
  ~Kernel();

  struct Call {
    std::map<std::string, void *> operands; // by name, all of them
    std::map<std::string, int64_t> dims;    // by name, all of them
    int64_t rows = 1;
    int workers = 1;
    const slc_batch *batch = nullptr;
  };
  // One worker after the other, the last first: an item must not depend on
  // another. Returns the or of their codes; adds a test failure when operands
  // or dims do not match the signature.
  int run(const Call &call) const;

  // Runs with one, two and three workers, fails the test unless each time `y`
  // holds the same bits and its padding is left alone, and gives its values.
  // Outputs other than y keep the values of the last run.
  template <typename T> std::vector<T> results(Call call, Rows<T> &y) const;

  bool hasInput(const std::string &name) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

// This machine can run code for the target.
bool runsHere(const std::string &target);

// Kernels for "native" add up products of bf16 in the order of the tile unit.
bool addsInTiles();

void failIf(bool condition, const std::string &message);

template <typename T>
std::vector<T> Kernel::results(Call call, Rows<T> &y) const {
  std::vector<T> first;
  for (call.workers = 1; call.workers <= 3; ++call.workers) {
    std::string with = " with " + std::to_string(call.workers) + " workers";
    y.erase();
    failIf(run(call) != 0, "failed" + with);
    std::vector<T> values = y.values();
    if (call.workers == 1)
      first = values;
    failIf(std::memcmp(values.data(), first.data(), values.size() * sizeof(T)),
           "other bits" + with);
    failIf(!y.paddingIsUntouched(), "padding was written" + with);
  }
  return first;
}

// Fails the test, naming the first place, unless |a - b| <= absolute + relative
// * |b| everywhere.
void expectNear(const std::vector<float> &actual,
                const std::vector<float> &expected, double relative,
                double absolute = 0);

} // namespace sluice::testing
