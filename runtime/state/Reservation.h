// Address space that costs memory only where it is touched.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>

namespace sluice::state {

class Reservation {
public:
  Reservation() = default;
  // Reads as zero until written. Resource when the system refuses.
  static Result<Reservation> make(uint64_t bytes, const char *purpose);

  Reservation(Reservation &&other) noexcept;
  Reservation &operator=(Reservation &&other) noexcept;
  ~Reservation();

  char *data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

private:
  char *data_ = nullptr;
  uint64_t bytes_ = 0;
};

} // namespace sluice::state
