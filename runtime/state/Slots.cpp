#include "runtime/state/Slots.h"

#include "runtime/artifact/Table.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace sluice::state {

using format::StateKind;

static int64_t blocksOf(int64_t rows) {
  return (rows + SLC_CACHE_BLOCK - 1) / SLC_CACHE_BLOCK;
}

int64_t Slots::firstSeen(const format::State &info, int64_t length) {
  int64_t first = 0;
  if (info.keep() > 0)
    first = std::max(first, length - info.keep() + 1);
  if (info.chunk() > 0)
    first = std::max(first, length / info.chunk() * info.chunk());
  return first;
}

Result<Slots> Slots::create(const format::Model &model, const Limits &limits,
                            const WeightAt &weight) {
  Slots slots;
  slots.limits_ = limits;
  // A source may be longer than the context of the decoder, up to a step.
  slots.tableStride_ = blocksOf(std::max(limits.context, limits.capacity));
  for (const format::State *info : artifact::list(model.states()))
    if (Status status = slots.addState(model, *info, weight); !status.ok())
      return status.in("state '" + std::string(artifact::text(info->name())) +
                       "'");
  slots.slots_.resize(static_cast<size_t>(limits.slots));
  for (Slot &slot : slots.slots_) {
    slot.tables.resize(slots.states_.size());
    slot.first.resize(slots.states_.size());
  }
  for (int32_t slot = 0; slot < limits.slots; ++slot)
    slots.reset(slot);
  return slots;
}

int64_t Slots::blocksFor(const format::State &info) const {
  if (info.kind() == StateKind::Transient)
    return blocksOf(limits_.capacity) + limits_.sequences;
  int64_t perSlot = tableStride_;
  // Rows that fell out of view are given back before a step adds new ones.
  if (int64_t seen = std::max(info.keep(), info.chunk()); seen > 0)
    perSlot = std::min(perSlot, blocksOf(seen + limits_.capacity) + 1);
  return perSlot * limits_.slots;
}

Status Slots::addState(const format::Model &model, const format::State &info,
                       const WeightAt &weight) {
  State state;
  state.info = &info;
  if (info.kind() == StateKind::Fixed) {
    uint64_t bytes;
    if (__builtin_mul_overflow(uint64_t(info.bank()) * limits_.slots,
                               info.slot_bytes(), &bytes))
      return Status(Code::Resource, "too large");
    Result<Reservation> memory = Reservation::make(bytes, "a fixed state");
    if (!memory.ok())
      return memory.status();
    state.fixed = std::move(*memory);
    for (const format::Ref *ref : artifact::list(info.start()))
      if (weight)
        state.start.emplace_back(
            weight(ref->index(), ref->layer()),
            artifact::list(model.weights())[ref->index()]->bytes());
    states_.push_back(std::move(state));
    return {};
  }
  Result<CachePool> pool =
      CachePool::create(info.bank(), blocksFor(info), info.block_bytes());
  if (!pool.ok())
    return pool.status();
  state.pool = std::move(*pool);
  size_t sequences = static_cast<size_t>(limits_.sequences);
  state.table.assign(sequences * static_cast<size_t>(tableStride_), 0);
  state.held.assign(sequences, 0);
  state.total.assign(sequences, 0);
  for (uint32_t layer = 0; layer < info.bank(); ++layer)
    state.views.push_back({state.pool->layer(layer), state.pool->blockBytes(),
                           state.table.data(), tableStride_, state.held.data(),
                           state.total.data()});
  states_.push_back(std::move(state));
  return {};
}

void *Slots::operand(uint32_t index, uint32_t layer) {
  State &state = states_[index];
  if (state.pool)
    return &state.views[layer];
  return fixedAt(state, layer, 0);
}

char *Slots::fixedAt(const State &state, uint32_t layer, int32_t slot) const {
  return state.fixed.data() +
         (uint64_t(layer) * limits_.slots + slot) * state.info->slot_bytes();
}

void Slots::resetFixed(const State &state, int32_t slot) {
  for (uint32_t layer = 0; layer < state.info->bank(); ++layer) {
    char *to = fixedAt(state, layer, slot);
    std::fill_n(reinterpret_cast<float *>(to),
                state.info->slot_bytes() / sizeof(float), state.info->init());
    if (!state.start.empty())
      std::memcpy(to, state.start[layer].data(), state.start[layer].size());
  }
}

void Slots::dropBlocks(Slot &slot, size_t state, size_t first, size_t last) {
  std::vector<int32_t> &table = slot.tables[state];
  for (size_t i = first; i < std::min(last, table.size()); ++i)
    if (table[i] >= 0) {
      states_[state].pool->drop(table[i]);
      table[i] = -1;
    }
}

void Slots::reset(int32_t index) {
  Slot &slot = slots_[index];
  for (size_t s = 0; s < states_.size(); ++s) {
    dropBlocks(slot, s, 0, slot.tables[s].size());
    slot.tables[s].clear();
    slot.first[s] = 0;
    if (states_[s].info->kind() == StateKind::Fixed)
      resetFixed(states_[s], index);
  }
  slot.length = slot.source = 0;
  slot.valid = true;
}

void Slots::copy(int32_t from, int32_t to) {
  if (from == to)
    return;
  reset(to);
  Slot &source = slots_[from], &target = slots_[to];
  target.valid = false; // until all is there, should memory run out
  for (size_t s = 0; s < states_.size(); ++s) {
    State &state = states_[s];
    target.tables[s] = source.tables[s];
    for (int32_t block : target.tables[s])
      if (block >= 0)
        state.pool->share(block);
    target.first[s] = source.first[s];
    if (state.info->kind() == StateKind::Fixed)
      for (uint32_t layer = 0; layer < state.info->bank(); ++layer)
        std::memcpy(fixedAt(state, layer, to), fixedAt(state, layer, from),
                    state.info->slot_bytes());
  }
  target.length = source.length;
  target.source = source.source;
  target.valid = source.valid;
}

// The fewest tokens, at least one, that a sequence can be cut to, like any
// more, when the rows before `first` are given back.
static int64_t leastCut(const format::State &info, int64_t first) {
  int64_t least = std::numeric_limits<int64_t>::max();
  if (info.keep() > 0)
    least = first + info.keep() - 1;
  if (info.chunk() > 0)
    least = std::min(least,
                     (first + info.chunk() - 1) / info.chunk() * info.chunk());
  return first > 0 ? least : 0;
}

// The rows that the next token of a cut sequence may look at must be there.
Status Slots::checkCut(const Slot &slot, int64_t length) const {
  int64_t least = 0;
  const format::State *missing = nullptr;
  for (size_t s = 0; s < states_.size(); ++s) {
    const format::State &info = *states_[s].info;
    if (info.kind() == StateKind::Fixed)
      return Status(Code::Unsupported,
                    "state '" + std::string(artifact::text(info.name())) +
                        "' holds what the last token left and nothing before, "
                        "so the sequence cannot be cut");
    if (info.kind() != StateKind::Cache || info.once())
      continue;
    least = std::max(least, leastCut(info, slot.first[s]));
    if (firstSeen(info, length) < std::min(slot.first[s], length))
      missing = &info;
  }
  if (!missing)
    return {};
  return Status(Code::Unsupported,
                "a sequence of " + std::to_string(slot.length) +
                    " tokens cannot be cut to " + std::to_string(length) +
                    ": state '" + std::string(artifact::text(missing->name())) +
                    "' has given back rows that the next token would look at; "
                    "it can be cut to " +
                    std::to_string(least) + " or more");
}

Status Slots::rewind(int32_t index, int64_t length) {
  Slot &slot = slots_[index];
  if (length < 0 || length > slot.length)
    return Status(Code::InvalidArgument,
                  "cannot cut a sequence of " + std::to_string(slot.length) +
                      " tokens to " + std::to_string(length));
  if (length == slot.length)
    return {};
  if (Status status = checkCut(slot, length); !status.ok())
    return status;
  for (size_t s = 0; s < states_.size(); ++s)
    if (states_[s].info->kind() == StateKind::Cache &&
        !states_[s].info->once()) {
      dropBlocks(slot, s, static_cast<size_t>(blocksOf(length)),
                 slot.tables[s].size());
      slot.first[s] = std::min(slot.first[s], length);
    }
  slot.length = length;
  return {};
}

// Blocks for rows [from, to); a shared block that gets new rows is copied
// first.
Status Slots::grow(size_t index, Slot &slot, int64_t from, int64_t to) {
  CachePool &pool = *states_[index].pool;
  std::vector<int32_t> &table = slot.tables[index];
  table.resize(std::max(table.size(), static_cast<size_t>(blocksOf(to))), -1);
  for (int64_t i = from / SLC_CACHE_BLOCK; i < blocksOf(to); ++i) {
    if (table[i] >= 0 && !pool.shared(table[i]))
      continue;
    Result<int32_t> block = pool.take();
    if (!block.ok())
      return block.status();
    if (table[i] >= 0) {
      pool.copy(table[i], *block);
      pool.drop(table[i]);
    }
    table[i] = *block;
  }
  return {};
}

// Gives back the blocks that no later query can see.
void Slots::releaseUnseen(size_t index, Slot &slot) {
  const format::State &info = *states_[index].info;
  int64_t blocks = firstSeen(info, slot.length) / SLC_CACHE_BLOCK;
  dropBlocks(slot, index, 0, static_cast<size_t>(blocks));
  slot.first[index] = std::max(slot.first[index], blocks * SLC_CACHE_BLOCK);
}

bool Slots::appends(const State &state, Role role) const {
  return state.info->once() == (role == Role::Source);
}

Status Slots::prepareTransient(State &state, std::span<const Growth> batch) {
  int32_t next = 0;
  for (size_t s = 0; s < batch.size(); ++s) {
    state.held[s] = 0;
    state.total[s] = static_cast<int32_t>(batch[s].tokens);
    for (int64_t i = 0; i < blocksOf(batch[s].tokens); ++i)
      state.table[s * tableStride_ + i] = next++;
  }
  return {};
}

Status Slots::prepareCache(size_t index, std::span<const Growth> batch,
                           Role role) {
  State &state = states_[index];
  bool writes = appends(state, role);
  for (size_t s = 0; s < batch.size(); ++s) {
    Slot &slot = slots_[batch[s].slot];
    int64_t held = state.info->once() ? slot.source : slot.length;
    if (state.info->once() && !writes && held == 0)
      return Status(Code::InvalidArgument, "slot " +
                                               std::to_string(batch[s].slot) +
                                               " has no source to look at");
    int64_t total = held + (writes ? batch[s].tokens : 0);
    if (writes) {
      releaseUnseen(index, slot);
      if (Status status = grow(index, slot, held, total); !status.ok())
        return status.in("state '" +
                         std::string(artifact::text(state.info->name())) + "'");
    }
    state.held[s] = static_cast<int32_t>(held);
    state.total[s] = static_cast<int32_t>(total);
    // A released block is never looked at; 0 keeps its address inside the pool.
    for (int64_t i = 0; i < blocksOf(total); ++i)
      state.table[s * tableStride_ + i] = std::max(slot.tables[index][i], 0);
  }
  return {};
}

Status Slots::prepare(std::span<const uint32_t> used,
                      std::span<const Growth> batch, Role role) {
  if (role == Role::Source)
    for (const Growth &growth : batch)
      reset(growth.slot);
  for (uint32_t index : used) {
    State &state = states_[index];
    Status status;
    if (state.info->kind() == StateKind::Transient)
      status = prepareTransient(state, batch);
    else if (state.info->kind() == StateKind::Cache)
      status = prepareCache(index, batch, role);
    if (!status.ok())
      return status;
  }
  return {};
}

void Slots::finish(std::span<const Growth> batch, Role role, bool succeeded) {
  for (const Growth &growth : batch) {
    Slot &slot = slots_[growth.slot];
    if (!succeeded)
      slot.valid = false;
    else
      (role == Role::Source ? slot.source : slot.length) += growth.tokens;
  }
}

int64_t Slots::blocksInUse() const {
  int64_t used = 0;
  for (const State &state : states_)
    if (state.pool)
      used += state.pool->blocks() - state.pool->freeBlocks();
  return used;
}

uint64_t Slots::reservedBytes() const {
  uint64_t bytes = 0;
  for (const State &state : states_)
    bytes += state.pool ? uint64_t(state.pool->blocks()) *
                              state.pool->blockBytes() * state.info->bank()
                        : state.fixed.bytes();
  return bytes;
}

} // namespace sluice::state
