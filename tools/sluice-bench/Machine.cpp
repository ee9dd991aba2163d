#include "tools/sluice-bench/Machine.h"

#include "runtime/artifact/CpuFeatures.h"

#include <atomic>
#include <chrono>
#include <immintrin.h>
#include <new>

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMemory = size_t(640) << 20;
constexpr int kPeakLoops = 400000;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

__attribute__((target("avx2"))) int64_t readAvx2(const char *data,
                                                 size_t bytes) {
  __m256i sums[4] = {};
  for (size_t i = 0; i + 128 <= bytes; i += 128)
    for (int j = 0; j < 4; ++j)
      sums[j] = _mm256_add_epi64(
          sums[j], _mm256_load_si256(
                       reinterpret_cast<const __m256i *>(data + i + 32 * j)));
  __m256i sum = _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]),
                                 _mm256_add_epi64(sums[2], sums[3]));
  return _mm_cvtsi128_si64(_mm256_castsi256_si128(sum));
}

__attribute__((target("avx512f"))) int64_t readAvx512(const char *data,
                                                      size_t bytes) {
  __m512i sums[4] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
    for (int j = 0; j < 4; ++j)
      sums[j] = _mm512_add_epi64(sums[j], _mm512_load_si512(data + i + 64 * j));
  __m512i sum = _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]),
                                 _mm512_add_epi64(sums[2], sums[3]));
  alignas(64) int64_t lanes[8];
  _mm512_store_si512(lanes, sum);
  return lanes[0];
}

// Enough independent chains to hide the latency, few enough for the registers.
// Each returns its operations and keeps `sink` from being optimised away.
__attribute__((target("avx2,fma"))) double fmaAvx2(float &sink) {
  constexpr int kChains = 12;
  __m256 sums[kChains];
  for (int c = 0; c < kChains; ++c)
    sums[c] = _mm256_set1_ps(static_cast<float>(c));
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c)
      sums[c] = _mm256_fmadd_ps(sums[c], a, b);
  }
  for (int c = 0; c < kChains; ++c)
    sink += _mm256_cvtss_f32(sums[c]);
  return 16.0 * kChains * kPeakLoops;
}

// By a store: GCC 12 warns of its own extracting intrinsics.
__attribute__((target("avx512f"))) float firstLane(__m512 vector) {
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, vector);
  return lanes[0];
}

__attribute__((target("avx512f"))) double fmaAvx512(float &sink) {
  constexpr int kChains = 16;
  __m512 sums[kChains];
  for (int c = 0; c < kChains; ++c)
    sums[c] = _mm512_set1_ps(static_cast<float>(c));
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c)
      sums[c] = _mm512_fmadd_ps(sums[c], a, b);
  }
  for (int c = 0; c < kChains; ++c)
    sink += firstLane(sums[c]);
  return 32.0 * kChains * kPeakLoops;
}

__attribute__((target("avx512f,avx512bf16"))) double dotBf16(float &sink) {
  constexpr int kChains = 20; // 12 read 8 % low
  __m512 sums[kChains];
  for (int c = 0; c < kChains; ++c)
    sums[c] = _mm512_set1_ps(static_cast<float>(c));
  __m512bh a = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3c003c00));
  for (int i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 20
    for (int c = 0; c < kChains; ++c)
      sums[c] = _mm512_dpbf16_ps(sums[c], a, a);
  }
  for (int c = 0; c < kChains; ++c)
    sink += firstLane(sums[c]);
  return 64.0 * kChains * kPeakLoops;
}

double peak(const executor::Team &team, double (*loop)(float &)) {
  std::atomic<double> operations{0};
  std::atomic<float> sinks{0};
  Clock::time_point start = Clock::now();
  team.run([&](uint32_t, uint32_t) {
    float sink = 0;
    operations.fetch_add(loop(sink));
    sinks.fetch_add(sink);
  });
  return operations / since(start);
}

} // namespace

Result<Machine> Machine::create(int threads) {
  Machine machine(threads > 0 ? threads : executor::usableCpus());
  if (!artifact::cpuHas("avx2") || !artifact::cpuHas("fma"))
    return Status(Code::Unsupported, "the benchmark needs a CPU with AVX2");
  try {
    machine.memory_.assign(kMemory + 64, 1);
  } catch (const std::bad_alloc &) {
    return Status(Code::Resource, "no memory to measure the bandwidth with");
  }
  return machine;
}

double Machine::bandwidth(size_t bytes) {
  bytes = std::min(bytes, kMemory / 2) / 4096 * 4096;
  if (at_ + bytes > kMemory)
    at_ = 0;
  auto address = reinterpret_cast<uintptr_t>(memory_.data());
  const char *slice = memory_.data() + (64 - address % 64) % 64 + at_;
  at_ += bytes;
  auto *read = artifact::cpuHas("avx512f") ? readAvx512 : readAvx2;
  std::atomic<int64_t> sink{0};
  Clock::time_point start = Clock::now();
  team_.run([&](uint32_t worker, uint32_t workers) {
    size_t first = bytes / 256 * worker / workers * 256;
    size_t last = bytes / 256 * (worker + 1) / workers * 256;
    sink.fetch_add(read(slice + first, last - first));
  });
  return static_cast<double>(bytes) / since(start);
}

double Machine::peakF32() const {
  return peak(team_, artifact::cpuHas("avx512f") ? fmaAvx512 : fmaAvx2);
}

double Machine::peakBf16() const {
  return artifact::cpuHas("avx512bf16") ? peak(team_, dotBf16) : 0;
}

} // namespace sluice::bench
