// The fixed part of an artifact file, shared by the writer and the reader.
// The file begins with the preamble; the FlatBuffers header (artifact.fbs) and
// the sections follow, each section on a page of its own. Little endian.
#pragma once

#include <cstdint>

namespace sluice::format {

// The first bytes of a file.
inline constexpr char kMagic[8] = {'S', 'L', 'U', 'I', 'C', 'E', '\0', '\1'};

// Raised when an older reader would misread a newer file.
inline constexpr uint32_t kVersion = 6;

// Bytes: what offsets in a file are multiples of.
inline constexpr uint64_t kHeaderAlignment = 64;
inline constexpr uint64_t kSectionAlignment = 4096; // a page, for mapping
inline constexpr uint64_t kDataAlignment = 64;      // weights, buffers, states

// Exported symbols of kernels start with this.
inline constexpr char kKernelPrefix[] = "slc_k_";

// The start of a file.
struct Preamble {
  char magic[8];         // kMagic
  uint32_t version;      // kVersion; a reader takes no other
  uint32_t flags;        // none defined: must be 0
  uint64_t headerOffset; // from the start of the file
  uint64_t headerBytes;
  uint64_t fileBytes;   // a file of another size is truncated or damaged
  uint64_t headerXxh3;  // XXH3_64bits of the header
  uint64_t reserved[2]; // must be 0
};
static_assert(sizeof(Preamble) == 64);

} // namespace sluice::format
