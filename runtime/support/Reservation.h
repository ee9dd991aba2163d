// Address space that costs memory only where it is touched.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <cstdint>

namespace sluice {

class Reservation {
public:
  Reservation() = default;
  // Reads as zero until written. Huge pages where the system gives them; with
  // `setAside`, the bytes of such a page, those that were set aside for
  // programs that ask. Resource when the system refuses.
  static Result<Reservation> make(uint64_t bytes, const char *purpose,
                                  uint64_t setAside = 0);

  Reservation(Reservation &&other) noexcept;
  Reservation &operator=(Reservation &&other) noexcept;
  ~Reservation();

  char *data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

private:
  char *data_ = nullptr;
  uint64_t bytes_ = 0;
  uint64_t mapped_ = 0; // whole pages
};

} // namespace sluice
