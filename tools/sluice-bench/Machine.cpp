#include "tools/sluice-bench/Machine.h"

#include "runtime/format/CpuFeatures.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <immintrin.h>
#include <mutex>
#include <sys/mman.h>
#include <vector>

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMemory = size_t(640) << 20;
// An artifact is mapped in pieces of the page cache that may be as large; in
// small pages the same bytes are read at half the speed where tables of pages
// are nested.
constexpr size_t kLargePage = size_t(2) << 20;
// A core that fetches this far ahead reads a fifth more than one that leaves it
// to the hardware, so without it the limit would lie below what kernels reach.
constexpr size_t kAhead = 4096;
constexpr int kPeakLoops = 100000;
const std::vector<std::string> kTileFeatures = {"amx-tile", "amx-bf16"};

__attribute__((target("avx2"))) int64_t readAvx2(const char *data,
                                                 size_t bytes) {
  __m256i sums[4] = {};
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    _mm_prefetch(data + i + kAhead, _MM_HINT_T0);
    _mm_prefetch(data + i + kAhead + 64, _MM_HINT_T0);
    for (int j = 0; j < 4; ++j)
      sums[j] = _mm256_add_epi64(
          sums[j], _mm256_load_si256(
                       reinterpret_cast<const __m256i *>(data + i + 32 * j)));
  }
  __m256i sum = _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]),
                                 _mm256_add_epi64(sums[2], sums[3]));
  return _mm_cvtsi128_si64(_mm256_castsi256_si128(sum));
}

__attribute__((target("avx512f"))) int64_t readAvx512(const char *data,
                                                      size_t bytes) {
  __m512i sums[4] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
    for (int j = 0; j < 4; ++j) {
      _mm_prefetch(data + i + kAhead + 64 * j, _MM_HINT_T0);
      sums[j] = _mm512_add_epi64(sums[j], _mm512_load_si512(data + i + 64 * j));
    }
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

// Four tiles of sums out of two of rows and two of columns, all in the nearest
// cache: GCC 12 knows too little of what the configuration reads, hence the
// barrier.
__attribute__((target("amx-tile,amx-bf16"))) double multiplyTiles(float &sink) {
  struct alignas(64) Configuration {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } configuration;
  alignas(64) static const uint16_t tiles[4][16 * 32] = {};
  alignas(64) float sums[16 * 16];
  asm volatile("" ::"r"(&configuration) : "memory");
  _tile_loadconfig(&configuration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int i = 0; i < kPeakLoops; ++i) {
    _tile_loadd(4, tiles[0], 64);
    _tile_loadd(6, tiles[2], 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, tiles[3], 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, tiles[1], 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, 64);
  _tile_release();
  sink += sums[0];
  return 4.0 * 2 * 16 * 16 * 32 * kPeakLoops;
}

double threadTime() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

// Runs `share` on every thread, each returning what it did, and gives the rate
// of all together. A slice in which a thread lost its CPU says nothing of the
// machine: the median of three undisturbed slices counts, or, on a machine too
// busy for that, the best of all.
double
rate(const executor::Team &team,
     const std::function<double(uint32_t worker, uint32_t workers)> &share) {
  std::vector<double> quiet;
  double best = 0;
  for (int attempt = 0; attempt < 12 && quiet.size() < 3; ++attempt) {
    std::mutex mutex;
    double done = 0;
    bool disturbed = false;
    Clock::time_point first = Clock::time_point::max(), last{};
    team.run(static_cast<uint32_t>(team.workers()), [&](uint32_t worker,
                                                        uint32_t workers) {
      Clock::time_point start = Clock::now();
      double cpu = threadTime();
      double amount = share(worker, workers);
      cpu = threadTime() - cpu;
      Clock::time_point end = Clock::now();
      std::lock_guard lock(mutex);
      done += amount;
      disturbed |=
          cpu < 0.97 * std::chrono::duration<double>(end - start).count();
      first = std::min(first, start);
      last = std::max(last, end);
    });
    double found = done / std::chrono::duration<double>(last - first).count();
    best = std::max(best, found);
    if (!disturbed)
      quiet.push_back(found);
  }
  std::sort(quiet.begin(), quiet.end());
  return quiet.size() < 3 ? best : quiet[1];
}

// Keeps what a loop computed from being optimised away.
std::atomic<double> sink{0};

double peak(const executor::Team &team, double (*loop)(float &)) {
  return rate(team, [&](uint32_t, uint32_t) {
    float value = 0;
    double operations = loop(value);
    sink.store(value);
    return operations;
  });
}

} // namespace

Result<Machine> Machine::create(int threads) {
  Machine machine(threads > 0 ? threads : executor::usableCpus());
  if (!format::cpuHas("avx2") || !format::cpuHas("fma"))
    return Status(Code::Unsupported, "the benchmark needs a CPU with AVX2");
  char *memory = static_cast<char *>(std::aligned_alloc(kLargePage, kMemory));
  machine.memory_.reset(memory);
  if (!memory)
    return Status(Code::Resource, "no memory to measure the bandwidth with");
  madvise(memory, kMemory, MADV_HUGEPAGE); // small pages will do
  std::memset(memory, 1, kMemory);
  return machine;
}

double Machine::bandwidth(size_t bytes) {
  bytes = std::min(bytes, kMemory / 2) / 4096 * 4096;
  const char *memory = memory_.get();
  auto *read = format::cpuHas("avx512f") ? readAvx512 : readAvx2;
  std::atomic<size_t> arrived{0};
  double found = rate(team_, [&](uint32_t worker, uint32_t workers) {
    // Every round of all workers reads the next slice.
    size_t round = arrived.fetch_add(1) / workers;
    size_t at = (at_ + round * bytes) % (kMemory - bytes) / 4096 * 4096;
    size_t first = bytes / 256 * worker / workers * 256;
    size_t last = bytes / 256 * (worker + 1) / workers * 256;
    sink.store(static_cast<double>(read(memory + at + first, last - first)));
    return static_cast<double>(last - first);
  });
  at_ = (at_ + arrived / team_.workers() * bytes) % (kMemory - bytes);
  return found;
}

double Machine::peakF32() const {
  return peak(team_, format::cpuHas("avx512f") ? fmaAvx512 : fmaAvx2);
}

double Machine::peakBf16() const {
  if (format::missingFeatures(kTileFeatures).empty())
    return peak(team_, multiplyTiles);
  return format::cpuHas("avx512bf16") ? peak(team_, dotBf16) : 0;
}

} // namespace sluice::bench
