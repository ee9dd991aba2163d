#include "runtime/state/Reservation.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace sluice::state {

Result<Reservation> Reservation::make(uint64_t bytes, const char *purpose) {
  Reservation reservation;
  reservation.bytes_ = bytes;
  if (bytes == 0)
    return reservation;
  void *data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return Status(Code::Resource, "cannot reserve " + std::to_string(bytes) +
                                      " bytes for " + purpose + ": " +
                                      std::strerror(errno));
  madvise(data, bytes, MADV_HUGEPAGE); // advice only
  reservation.data_ = static_cast<char *>(data);
  return reservation;
}

Reservation::Reservation(Reservation &&other) noexcept {
  *this = std::move(other);
}

Reservation &Reservation::operator=(Reservation &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Reservation::~Reservation() {
  if (data_)
    munmap(data_, bytes_);
}

} // namespace sluice::state
