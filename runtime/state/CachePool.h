// Memory of one cache state: blocks of SLC_CACHE_BLOCK positions, counted
// references, the same block number in every layer of the bank.
#pragma once

#include "runtime/support/Reservation.h"

#include <vector>

namespace sluice::state {

class CachePool {
public:
  static Result<CachePool> create(int64_t layers, int64_t blocks,
                                  uint64_t blockBytes);

  int64_t blockBytes() const { return static_cast<int64_t>(blockBytes_); }
  int64_t blocks() const { return static_cast<int64_t>(references_.size()); }
  int64_t freeBlocks() const { return static_cast<int64_t>(free_.size()); }
  // First byte of block 0 of a layer.
  char *layer(int64_t index) const {
    return memory_.data() +
           static_cast<uint64_t>(index) * blocks() * blockBytes_;
  }

  char *at(int64_t index, int32_t block) const {
    return layer(index) + static_cast<uint64_t>(block) * blockBytes_;
  }

  // A block with one reference; Resource when all are in use.
  Result<int32_t> take();
  void share(int32_t block) { ++references_[block]; }
  void drop(int32_t block);
  bool shared(int32_t block) const { return references_[block] > 1; }
  // Copies the contents in every layer.
  void copy(int32_t from, int32_t to);

private:
  CachePool() = default;

  Reservation memory_;
  uint64_t blockBytes_ = 0;
  int64_t layers_ = 0;
  std::vector<int32_t> references_; // per block
  std::vector<int32_t> free_;       // the next one at the back
};

} // namespace sluice::state
