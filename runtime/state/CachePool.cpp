#include "runtime/state/CachePool.h"

#include <cstring>

namespace sluice::state {

Result<CachePool> CachePool::create(int64_t layers, int64_t blocks,
                                    uint64_t blockBytes) {
  uint64_t bytes;
  if (blocks > INT32_MAX ||
      __builtin_mul_overflow(static_cast<uint64_t>(layers * blocks), blockBytes,
                             &bytes))
    return Status(Code::Resource, "a cache of " + std::to_string(blocks) +
                                      " blocks is too large");
  CachePool pool;
  Result<Reservation> memory = Reservation::make(bytes, "a cache");
  if (!memory.ok())
    return memory.status();
  pool.memory_ = std::move(*memory);
  pool.blockBytes_ = blockBytes;
  pool.layers_ = layers;
  pool.references_.assign(static_cast<size_t>(blocks), 0);
  for (int64_t block = blocks; block-- > 0;)
    pool.free_.push_back(static_cast<int32_t>(block));
  return pool;
}

Result<int32_t> CachePool::take() {
  if (free_.empty())
    return Status(Code::Resource, "all " + std::to_string(blocks()) +
                                      " blocks of the cache are in use");
  int32_t block = free_.back();
  free_.pop_back();
  references_[block] = 1;
  return block;
}

void CachePool::drop(int32_t block) {
  if (--references_[block] == 0)
    free_.push_back(block);
}

void CachePool::copy(int32_t from, int32_t to) {
  for (int64_t l = 0; l < layers_; ++l)
    std::memcpy(layer(l) + static_cast<uint64_t>(to) * blockBytes_,
                layer(l) + static_cast<uint64_t>(from) * blockBytes_,
                blockBytes_);
}

} // namespace sluice::state
