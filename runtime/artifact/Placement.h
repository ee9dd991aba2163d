// Where the weights of an open artifact lie, and what is done about them before
// the first step.
#pragma once

#include "runtime/support/Reservation.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

enum class Load : uint8_t {
  Auto, // what is best for this machine
  Map,  // read from the mapped file
  Huge, // copied into huge pages
};

namespace artifact {

struct Placement {
  Load load = Load::Auto;
  bool prefault = false; // have all pages at hand
  bool lock = false;     // keep them in memory
  uint32_t threads = 1;  // that copy and touch
};

// What the system allows, in bytes.
struct SystemMemory {
  uint64_t available = 0; // without swapping, within the limits of the group
  uint64_t reservedHuge = 0, hugePage = 0; // pages set aside, and their size
  bool transparentHuge = false;            // a program may ask for them

  static SystemMemory now();
  // The same of the texts of /proc/meminfo and transparent_hugepage/enabled.
  static SystemMemory parse(std::string_view meminfo, std::string_view huge);
};

// Whether to copy `bytes` of weights, and why.
struct Choice {
  bool copy = false;
  std::string reason;
};
// Resource: they are to be copied and do not fit; Unsupported: there are no
// huge pages.
Result<Choice> choose(Load load, uint64_t bytes, const SystemMemory &memory);

// A copy in huge pages, those that are set aside if there are enough of them.
// `threads` make it, or fewer where the system has no room for them. Resource:
// the system refuses.
Result<Reservation> hugeCopy(uint32_t threads, std::span<const uint8_t> from,
                             const SystemMemory &memory);
Status prefault(uint32_t threads, std::span<const uint8_t> bytes);
// Resource, with the limit, when the system refuses.
Status lock(std::span<const uint8_t> bytes);

} // namespace artifact
} // namespace sluice
