#include "runtime/artifact/Placement.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::artifact {

static constexpr uint64_t kPage = 4096, kHugePage = uint64_t(2) << 20;

static std::string megabytes(uint64_t bytes) {
  return std::to_string((bytes + 999999) / 1000000) + " MB";
}

static std::string contents(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// The number behind `key` in lines of "key number".
static uint64_t field(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key))
      continue;
    line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
    uint64_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
  }
  return 0;
}

SystemMemory SystemMemory::parse(std::string_view meminfo,
                                 std::string_view huge) {
  SystemMemory memory;
  memory.available = field(meminfo, "MemAvailable:") * 1024;
  memory.hugePage = field(meminfo, "Hugepagesize:") * 1024;
  memory.reservedHuge = field(meminfo, "HugePages_Free:") * memory.hugePage;
  memory.transparentHuge =
      huge.find("[always]") != huge.npos || huge.find("[madvise]") != huge.npos;
  return memory;
}

// What the process's control group leaves; its page cache can be dropped.
static uint64_t leftInGroup() {
  constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
  std::string groups = contents("/proc/self/cgroup");
  size_t at = groups.find("0::");
  std::string own = at == groups.npos
                        ? ""
                        : groups.substr(at + 3, groups.find('\n', at) - at - 3);
  for (const std::string &group : {own, std::string()}) {
    std::string folder = "/sys/fs/cgroup" + group;
    std::string limit = contents(folder + "/memory.max");
    if (limit.empty() || limit.starts_with("max"))
      continue;
    uint64_t most = field(limit, ""),
             used = field(contents(folder + "/memory.stat"), "anon ");
    return most - std::min(most, used);
  }
  return kNoLimit;
}

SystemMemory SystemMemory::now() {
  SystemMemory memory =
      parse(contents("/proc/meminfo"),
            contents("/sys/kernel/mm/transparent_hugepage/enabled"));
  memory.available = std::min(memory.available, leftInGroup());
  return memory;
}

Result<Choice> choose(Load load, uint64_t bytes, const SystemMemory &memory) {
  if (load != Load::Huge)
    return Choice{false, load == Load::Map
                             ? "as asked for"
                             : "a copy would delay the first token"};
  if (memory.reservedHuge >= bytes && bytes > 0)
    return Choice{true, "as asked for, into reserved huge pages"};
  if (!memory.transparentHuge)
    return Status(
        Code::Unsupported,
        "no huge pages for " + megabytes(bytes) +
            " of weights: /sys/kernel/mm/transparent_hugepage/enabled is "
            "neither 'madvise' nor 'always', and " +
            megabytes(memory.reservedHuge) + " are reserved");
  if (memory.available < bytes)
    return Status(Code::Resource, "a copy of the weights takes " +
                                      megabytes(bytes) + " of memory, " +
                                      megabytes(memory.available) +
                                      " are available; load them mapped");
  return Choice{true, "as asked for"};
}

// Calls work(first, last) for pieces of whole huge pages.
template <typename F>
static void inPieces(uint32_t threads, uint64_t bytes, F work) {
  constexpr uint64_t kPiece = 8 * kHugePage;
  std::atomic<uint64_t> next{0};
  auto run = [&] {
    for (uint64_t at; (at = next.fetch_add(kPiece)) < bytes;)
      work(at, std::min(at + kPiece, bytes));
  };
  std::vector<std::thread> helpers;
  helpers.reserve(threads);
  try {
    for (uint32_t i = 1; i < threads; ++i)
      helpers.emplace_back(run);
  } catch (const std::exception &) {
    // Those that there are do all of it.
  }
  run();
  for (std::thread &helper : helpers)
    helper.join();
}

Result<Reservation> hugeCopy(uint32_t threads, std::span<const uint8_t> from,
                             const SystemMemory &memory) {
  bool setAside = memory.reservedHuge >= from.size();
  Result<Reservation> copy = Reservation::make(from.size(), "the weights",
                                               setAside ? memory.hugePage : 0);
  if (!copy.ok() && setAside) // another process was faster
    copy = Reservation::make(from.size(), "the weights");
  if (copy.ok())
    inPieces(threads, from.size(), [&](uint64_t first, uint64_t last) {
      std::memcpy(copy->data() + first, from.data() + first, last - first);
    });
  return copy;
}

static void touch(std::span<const uint8_t> bytes) {
  for (uint64_t at = 0; at < bytes.size(); at += kPage)
    static_cast<void>(*static_cast<const volatile uint8_t *>(&bytes[at]));
}

Status prefault(uint32_t threads, std::span<const uint8_t> bytes) {
  std::atomic<int> refused{0};
  inPieces(threads, bytes.size(), [&](uint64_t first, uint64_t last) {
    auto *data = const_cast<uint8_t *>(bytes.data()) + first;
    if (madvise(data, last - first, MADV_POPULATE_READ) == 0)
      return;
    if (errno == EINVAL) // Linux before 5.14
      touch(bytes.subspan(first, last - first));
    else
      refused = errno;
  });
  if (refused)
    return Status(refused == ENOMEM ? Code::Resource : Code::Io,
                  std::string("cannot read the weights into memory: ") +
                      std::strerror(refused));
  return {};
}

Status lock(std::span<const uint8_t> bytes) {
  if (bytes.empty() || mlock(bytes.data(), bytes.size()) == 0)
    return {};
  std::string error = std::strerror(errno);
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return Status(
      Code::Resource,
      "cannot lock " + megabytes(bytes.size()) +
          " of weights in memory: " + error + "; the limit is " +
          (limit.rlim_cur == RLIM_INFINITY
               ? "off"
               : std::to_string(limit.rlim_cur) + " bytes (ulimit -l)"));
}

} // namespace sluice::artifact
