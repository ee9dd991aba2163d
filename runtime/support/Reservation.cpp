#include "runtime/support/Reservation.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace sluice {

Result<Reservation> Reservation::make(uint64_t bytes, const char *purpose,
                                      uint64_t setAside) {
  Reservation reservation;
  reservation.bytes_ = reservation.mapped_ = bytes;
  if (bytes == 0)
    return reservation;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (setAside > 0) {
    reservation.mapped_ = (bytes + setAside - 1) / setAside * setAside;
    flags |= MAP_HUGETLB;
  } else {
    flags |= MAP_NORESERVE;
  }
  void *data =
      mmap(nullptr, reservation.mapped_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (data == MAP_FAILED)
    return Status(Code::Resource, "cannot reserve " + std::to_string(bytes) +
                                      " bytes for " + purpose + ": " +
                                      std::strerror(errno));
  if (setAside == 0)
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
  std::swap(mapped_, other.mapped_);
  return *this;
}

Reservation::~Reservation() {
  if (data_)
    munmap(data_, mapped_);
}

} // namespace sluice
