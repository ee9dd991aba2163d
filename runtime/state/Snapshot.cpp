#include "runtime/state/Snapshot.h"

#include "runtime/artifact/Table.h"
#include "runtime/format/CacheLayout.h"
#include "runtime/format/Limits.h"
#include "runtime/state/Slots.h"

#include <algorithm>
#include <cstring>
#include <span>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sluice::state {

using artifact::list;
using artifact::text;
using format::StateKind;

static uint64_t padding(uint64_t bytes) { return -bytes % 8; }

// Walks through bytes that nobody vouches for.
class SnapshotReader {
public:
  explicit SnapshotReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  // The next `count` pieces of `size` bytes; null when there are not so many.
  const uint8_t *take(uint64_t count, uint64_t size) {
    if (static_cast<unsigned __int128>(count) * size > rest_.size())
      return nullptr;
    const uint8_t *data = rest_.data();
    rest_ = rest_.subspan(count * size);
    return data;
  }
  const uint8_t *takePadded(uint64_t size) {
    return size > rest_.size() ? nullptr : take(1, size + padding(size));
  }
  size_t left() const { return rest_.size(); }

private:
  std::span<const uint8_t> rest_;
};

namespace {

Status corrupt(std::string message) {
  return Status(Code::Corrupt, std::move(message));
}

std::string nameOf(const format::State &info) {
  return "state '" + std::string(text(info.name())) + "'";
}

// The rows of a cache's blocks.
struct Heads {
  int64_t count = 0;
  format::CacheLayout<int64_t> layout = {0, 0};
  bool keysAlone = false;

  static Result<Heads> of(const format::State &info);
  // Zeroes rows [from, to) of a block.
  void clear(char *block, int64_t from, int64_t to) const;
};

Result<Heads> Heads::of(const format::State &info) {
  Heads heads;
  for (const format::StateField *field : list(info.fields())) {
    std::vector<int64_t> shape = artifact::numbers(field->shape());
    bool values = text(field->name()) == "v";
    if ((!values && text(field->name()) != "k") ||
        (heads.count && heads.count != shape[0]))
      return Status(Code::Unsupported,
                    nameOf(info) + ": where the rows of its blocks lie is not "
                                   "known, expected keys and values");
    heads.count = shape[0];
    (values ? heads.layout.valueWidth : heads.layout.keyWidth) = shape[1];
  }
  heads.keysAlone = list(info.fields()).size() == 1;
  if (heads.count == 0)
    return Status(Code::Unsupported, nameOf(info) + ": has no fields");
  return heads;
}

void Heads::clear(char *block, int64_t from, int64_t to) const {
  constexpr int64_t panel = format::CacheLayout<int64_t>::panel;
  constexpr int64_t strip = format::CacheLayout<int64_t>::strip;
  if (from >= to)
    return;
  float *at = reinterpret_cast<float *>(block);
  if (keysAlone) {
    format::KeyRows<int64_t> rows{layout.keyWidth};
    for (int64_t head = 0; head < count; ++head, at += rows.headElements())
      std::fill(at + from * rows.stride(), at + to * rows.stride(), 0.0f);
    return;
  }
  for (int64_t head = 0; head < count; ++head) {
    for (int64_t first = 0; first < layout.block; first += panel)
      for (int64_t channel = 0; channel < layout.keyWidth;
           ++channel, at += panel) {
        int64_t begin = std::clamp(from - first, int64_t(0), panel);
        int64_t end = std::clamp(to - first, int64_t(0), panel);
        std::fill(at + begin, at + end, 0.0f);
      }
    for (int64_t column = 0; column < layout.paddedValueWidth();
         column += strip) {
      int64_t width = std::min(strip, layout.paddedValueWidth() - column);
      std::fill(at + from * width, at + to * width, 0.0f);
      at += layout.block * width;
    }
  }
}

// Passes bytes on and keeps their digest.
class Writer {
public:
  explicit Writer(const Sink &sink) : sink_(sink) {
    XXH3_64bits_reset(&digest_);
  }

  Status write(const void *data, size_t size) {
    XXH3_64bits_update(&digest_, data, size);
    return sink_(data, size);
  }
  Status writePadded(const void *data, size_t size) {
    constexpr char zeros[8] = {};
    Status status = write(data, size);
    return status.ok() ? write(zeros, padding(size)) : status;
  }
  Status finish() {
    uint64_t digest = XXH3_64bits_digest(&digest_);
    return sink_(&digest, sizeof(digest));
  }

private:
  const Sink &sink_;
  XXH3_state_t digest_;
};

// Checks all that holds for a snapshot of any slot.
Result<SnapshotHeader> readHeader(std::span<const uint8_t> bytes,
                                  uint64_t model) {
  SnapshotHeader header;
  constexpr size_t least = sizeof(header) + sizeof(uint64_t);
  if (bytes.size() >= sizeof(header))
    std::memcpy(&header, bytes.data(), sizeof(header));
  if (bytes.size() < least ||
      std::memcmp(header.magic, kSnapshotMagic, sizeof(kSnapshotMagic)) != 0)
    return corrupt("not a snapshot of a slot: it has " +
                   std::to_string(bytes.size()) + " bytes, expected at least " +
                   std::to_string(least) + " that begin with SLCSLOT");
  if (header.version != kSnapshotVersion)
    return Status(Code::Unsupported, "a snapshot of version " +
                                         std::to_string(header.version) +
                                         ", this runtime reads version " +
                                         std::to_string(kSnapshotVersion));
  if (header.bytes != bytes.size())
    return corrupt(
        std::string(bytes.size() < header.bytes ? "truncated" : "too long") +
        ": " + std::to_string(bytes.size()) + " bytes, expected " +
        std::to_string(header.bytes));
  uint64_t digest;
  size_t end = bytes.size() - sizeof(digest);
  std::memcpy(&digest, bytes.data() + end, sizeof(digest));
  if (XXH3_64bits(bytes.data(), end) != digest)
    return corrupt("the snapshot is damaged: its digest differs");
  if (header.flags != 0)
    return corrupt("reserved fields of the snapshot are set");
  if (header.prompt < 0 || header.prompt > format::kMaxContext)
    return corrupt("a prompt of " + std::to_string(header.prompt) + " tokens");
  if (header.announced < 0 || header.announced > format::kMaxContext)
    return corrupt("announced with " + std::to_string(header.announced) +
                   " tokens");
  if (header.model != model)
    return Status(Code::InvalidArgument,
                  "the snapshot was made with another model, or another "
                  "compilation of this one");
  return header;
}

} // namespace

// Rows [first, count) of a cache and the blocks that they lie in.
struct Slots::Rows {
  int64_t count = 0, first = 0;
  int64_t firstBlock = 0, blocks = 0;
  uint64_t blockBytes = 0;
  uint32_t bank = 0;

  Rows() = default;
  Rows(const format::State &info, int64_t count, int64_t first)
      : count(count), first(first), blockBytes(info.block_bytes()),
        bank(info.bank()) {
    if (first == count)
      return;
    firstBlock = first / SLC_CACHE_BLOCK;
    blocks = (count - 1) / SLC_CACHE_BLOCK + 1 - firstBlock;
  }

  uint64_t bytes() const {
    return static_cast<uint64_t>(blocks) * bank * blockBytes;
  }
  // Which rows of a block they are: [from, to).
  std::pair<int64_t, int64_t> within(int64_t block) const {
    int64_t begin = (firstBlock + block) * SLC_CACHE_BLOCK;
    return {std::max(first - begin, int64_t(0)),
            std::min(count - begin, int64_t(SLC_CACHE_BLOCK))};
  }
};

Slots::Rows Slots::rowsOf(size_t index, const Slot &slot) const {
  const format::State &info = *states_[index].info;
  return Rows(info, info.once() ? slot.source : slot.length, slot.first[index]);
}

Status Slots::checkSavable(int32_t index, const Snapshot &snapshot) const {
  const Slot &slot = slots_[index];
  if (!slot.valid)
    return Status(Code::InvalidArgument,
                  "slot " + std::to_string(index) +
                      " was left by a failed step; reset it first");
  if (static_cast<int64_t>(snapshot.tokens.size()) != slot.length)
    return Status(Code::Internal,
                  std::to_string(snapshot.tokens.size()) +
                      " tokens are known of a slot that has seen " +
                      std::to_string(slot.length));
  for (size_t s = 0; s < states_.size(); ++s) {
    const format::State &info = *states_[s].info;
    if (info.kind() != StateKind::Cache)
      continue;
    if (Status status = Heads::of(info).status(); !status.ok())
      return status;
    // Entries with states of their own leave the others behind.
    Rows rows = rowsOf(s, slot);
    const std::vector<int32_t> &table = slot.tables[s];
    for (int64_t i = 0; i < rows.blocks; ++i) {
      size_t block = static_cast<size_t>(rows.firstBlock + i);
      if (block >= table.size() || table[block] < 0)
        return Status(Code::Unsupported,
                      nameOf(info) + " does not hold all rows of the sequence");
    }
  }
  return {};
}

Status Slots::save(int32_t index, const Snapshot &snapshot,
                   const Sink &sink) const {
  if (Status status = checkSavable(index, snapshot); !status.ok())
    return status;
  const Slot &slot = slots_[index];
  SnapshotHeader header = {};
  header.version = kSnapshotVersion;
  header.model = snapshot.model;
  header.length = slot.length;
  header.source = slot.source;
  header.prompt = snapshot.prompt;
  header.announced = snapshot.announced;
  header.noteBytes = snapshot.note.size();
  std::memcpy(header.magic, kSnapshotMagic, sizeof(kSnapshotMagic));
  uint64_t tokenBytes = snapshot.tokens.size() * sizeof(int32_t);
  header.bytes = sizeof(header) + tokenBytes + padding(tokenBytes) +
                 header.noteBytes + padding(header.noteBytes) +
                 sizeof(uint64_t);
  for (size_t s = 0; s < states_.size(); ++s) {
    const format::State &info = *states_[s].info;
    if (info.kind() == StateKind::Fixed)
      header.bytes += info.bank() * info.slot_bytes();
    else if (info.kind() == StateKind::Cache)
      header.bytes += sizeof(int64_t) + rowsOf(s, slot).bytes();
  }
  Writer writer(sink);
  Status status = writer.write(&header, sizeof(header));
  if (status.ok())
    status = writer.writePadded(snapshot.tokens.data(), tokenBytes);
  if (status.ok())
    status = writer.writePadded(snapshot.note.data(), header.noteBytes);
  auto write = [&](const void *data, size_t size) {
    return writer.write(data, size);
  };
  for (size_t s = 0; s < states_.size() && status.ok(); ++s) {
    const format::State &info = *states_[s].info;
    if (info.kind() == StateKind::Cache)
      status = saveCache(s, slot, write);
    for (uint32_t layer = 0;
         info.kind() == StateKind::Fixed && layer < info.bank() && status.ok();
         ++layer)
      status = write(fixedAt(states_[s], layer, index), info.slot_bytes());
  }
  return status.ok() ? writer.finish() : status;
}

// Rows of a block that the slot does not hold are those of others: they are
// left out.
Status Slots::saveCache(size_t index, const Slot &slot,
                        const Sink &write) const {
  const State &state = states_[index];
  Rows rows = rowsOf(index, slot);
  Heads heads = *Heads::of(*state.info);
  std::vector<char> copy(rows.blocks ? rows.blockBytes : 0);
  Status status = write(&rows.first, sizeof(rows.first));
  for (int64_t i = 0; i < rows.blocks; ++i) {
    size_t block = static_cast<size_t>(rows.firstBlock + i);
    for (uint32_t layer = 0; layer < rows.bank && status.ok(); ++layer) {
      const char *data = state.pool->at(layer, slot.tables[index][block]);
      if (auto [from, to] = rows.within(i); to - from < SLC_CACHE_BLOCK) {
        std::memcpy(copy.data(), data, rows.blockBytes);
        heads.clear(copy.data(), 0, from);
        heads.clear(copy.data(), to, SLC_CACHE_BLOCK);
        data = copy.data();
      }
      status = write(data, rows.blockBytes);
    }
  }
  return status;
}

// What a snapshot says of one state, checked.
struct Slots::Incoming {
  Rows rows;
  const uint8_t *data = nullptr; // blocks [block][layer], or [layer] of a slot
  int64_t skip = 0;              // blocks that this slot has no room for
  Heads heads;
  std::vector<int32_t> table; // with room for all blocks
};

Result<Snapshot> Slots::load(int32_t index, std::span<const uint8_t> bytes,
                             uint64_t model) {
  Result<SnapshotHeader> header = readHeader(bytes, model);
  if (!header.ok())
    return header.status();
  if (header->length < 0 || header->source < 0)
    return corrupt("a sequence of " + std::to_string(header->length) +
                   " tokens with a source of " +
                   std::to_string(header->source));
  if (header->length > limits_.context)
    return Status(Code::InvalidArgument,
                  "the snapshot holds " + std::to_string(header->length) +
                      " tokens, more than the context of " +
                      std::to_string(limits_.context));
  if (header->source > tableStride_ * SLC_CACHE_BLOCK)
    return Status(Code::InvalidArgument, "the snapshot's source has " +
                                             std::to_string(header->source) +
                                             " tokens, the capacity is " +
                                             std::to_string(limits_.capacity));
  SnapshotReader reader(
      bytes.subspan(sizeof(*header), bytes.size() - sizeof(*header) - 8));
  uint64_t tokenBytes = uint64_t(header->length) * sizeof(int32_t);
  const uint8_t *tokens = reader.takePadded(tokenBytes);
  const uint8_t *note = tokens ? reader.takePadded(header->noteBytes) : nullptr;
  if (!note)
    return corrupt("the snapshot ends within its tokens or its note");
  Snapshot snapshot;
  snapshot.model = model;
  snapshot.tokens.resize(static_cast<size_t>(header->length));
  if (tokenBytes > 0)
    std::memcpy(snapshot.tokens.data(), tokens, tokenBytes);
  snapshot.note.assign(reinterpret_cast<const char *>(note), header->noteBytes);
  std::vector<Incoming> incoming(states_.size());
  for (size_t s = 0; s < states_.size(); ++s) {
    const format::State &info = *states_[s].info;
    Status status;
    if (info.kind() == StateKind::Cache)
      status = accept(s, index, *header, reader, incoming[s]);
    else if (info.kind() == StateKind::Fixed &&
             !(incoming[s].data = reader.take(info.bank(), info.slot_bytes())))
      status = corrupt("the snapshot ends within it");
    if (!status.ok())
      return status.in(nameOf(info));
  }
  if (reader.left() > 0)
    return corrupt("the snapshot has " + std::to_string(reader.left()) +
                   " bytes that belong to no state");
  snapshot.prompt = header->prompt;
  snapshot.announced = header->announced;
  replace(index, *header, incoming);
  return snapshot;
}

Status Slots::accept(size_t index, int32_t slot, const SnapshotHeader &header,
                     SnapshotReader &reader, Incoming &incoming) {
  const State &state = states_[index];
  const format::State &info = *state.info;
  Result<Heads> heads = Heads::of(info);
  if (!heads.ok())
    return heads.status();
  incoming.heads = *heads;
  int64_t count = info.once() ? header.source : header.length, first;
  const uint8_t *word = reader.take(1, sizeof(first));
  if (!word)
    return corrupt("the snapshot ends before it");
  std::memcpy(&first, word, sizeof(first));
  // Without these rows, those of another slot would be looked at.
  int64_t seen = info.once() ? 0 : firstSeen(info, count);
  if (first < 0 || first > count || (first < count && first > seen))
    return corrupt("its rows begin at " + std::to_string(first) + " of " +
                   std::to_string(count) + ", the next token looks at " +
                   std::to_string(seen));
  incoming.rows = Rows(info, count, first);
  incoming.data = reader.take(static_cast<uint64_t>(incoming.rows.blocks),
                              incoming.rows.blockBytes * incoming.rows.bank);
  if (!incoming.data)
    return corrupt("the snapshot ends within it");
  // A smaller capacity has room for fewer rows that are not looked at any more.
  int64_t room = blocksFor(info) / limits_.slots;
  incoming.skip = std::max(int64_t(0), incoming.rows.blocks - room);
  int64_t own = state.pool->freeBlocks();
  for (int32_t block : slots_[slot].tables[index])
    own += block >= 0 && !state.pool->shared(block);
  if (seen < count &&
      incoming.skip + incoming.rows.firstBlock > seen / SLC_CACHE_BLOCK)
    return Status(Code::Resource, "there is no room for its rows");
  if (own < incoming.rows.blocks - incoming.skip)
    return Status(Code::Resource, "other slots hold its blocks");
  incoming.table.assign(
      static_cast<size_t>(incoming.rows.firstBlock + incoming.rows.blocks), -1);
  return {};
}

// Nothing here fails, so the slot is either as it was or as the snapshot has
// it.
void Slots::replace(int32_t index, const SnapshotHeader &header,
                    std::vector<Incoming> &incoming) {
  reset(index);
  Slot &slot = slots_[index];
  slot.length = header.length;
  slot.source = header.source;
  for (size_t s = 0; s < states_.size(); ++s) {
    State &state = states_[s];
    Incoming &one = incoming[s];
    Rows &rows = one.rows;
    if (state.info->kind() == StateKind::Fixed)
      for (uint32_t layer = 0; layer < state.info->bank(); ++layer)
        std::memcpy(fixedAt(state, layer, index),
                    one.data + layer * state.info->slot_bytes(),
                    state.info->slot_bytes());
    for (int64_t i = one.skip; i < rows.blocks; ++i) {
      int32_t block = *state.pool->take();
      one.table[static_cast<size_t>(rows.firstBlock + i)] = block;
      auto [from, to] = rows.within(i);
      for (uint32_t layer = 0; layer < rows.bank; ++layer) {
        char *data = state.pool->at(layer, block);
        std::memcpy(data,
                    one.data +
                        (uint64_t(i) * rows.bank + layer) * rows.blockBytes,
                    rows.blockBytes);
        one.heads.clear(data, 0, from);
        one.heads.clear(data, to, SLC_CACHE_BLOCK);
      }
    }
    if (state.info->kind() != StateKind::Cache)
      continue;
    slot.first[s] = rows.first;
    if (one.skip > 0)
      slot.first[s] = (rows.firstBlock + one.skip) * SLC_CACHE_BLOCK;
    slot.tables[s] = std::move(one.table);
  }
}

} // namespace sluice::state
