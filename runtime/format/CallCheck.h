// Whether a call of a kernel stays inside what it is given: the one reading of
// signatures that the verifier of plans (with the compiler's ops at hand) and
// the check of artifacts (with the file's tables) share.
#pragma once

#include "runtime/format/CacheLayout.h"
#include "runtime/format/Packing.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::format {

// Sizes are products of at most three dims below this.
inline constexpr int64_t kMaxDim = int64_t(1) << 31;

// The value of a count, far from overflow: at most 2^62 in size. A count that
// is missing is `otherwise`. Factors must name dims that exist.
int64_t valueOf(const CountT *count, std::span<const int64_t> dims,
                int64_t otherwise = 0);

// As in "2 * rotary + 4"; ceil(N, 64) is N rounded up to a multiple of 64.
std::string textOf(const CountT &count, const SignatureT &signature);

// What stands for an operand.
struct Given {
  RefKind kind = RefKind::Buffer;
  std::string_view name; // for messages
  Elem elem = Elem::F32; // but states

  // A buffer's or an input's rows; `column` is where the operand begins.
  RowKind rows = RowKind::One;
  // Columns, stride and column in elements.
  int64_t rowScale = 1, columns = 1, stride = 1, column = 0;

  // A weight.
  Packing packing;

  // A state; `elements` of a fixed one are those of a slot.
  int64_t elements = 0;
  StateKind state = StateKind::Cache;
  std::vector<NamedShape> fields;
};

// A call as a plan has it: all but how many rows there are.
struct Call {
  std::span<const int64_t> dims;   // in the signature's order
  RowKind rows;                    // of the step
  int64_t rowScale;                // times which they are taken
  std::span<const Given> operands; // in the signature's order
};

// Empty, or what is wrong with the signature itself: a dim or a stride that
// does not exist, an operand without a name.
std::string checkSignature(const SignatureT &signature);

// Empty, or what is wrong with the call. The signature must be good, and there
// must be as many dims and operands as it has.
std::string checkCall(const SignatureT &signature, const Call &call);

} // namespace sluice::format
