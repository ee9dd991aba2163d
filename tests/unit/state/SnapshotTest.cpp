#include "runtime/state/Snapshot.h"

#include "runtime/state/Slots.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace sluice;
using namespace sluice::state;
using testing::HasSubstr;

namespace {

constexpr uint64_t kModel = 77;
constexpr int64_t kHeads = 2, kKey = 3, kValue = 70; // two strips of values
constexpr int64_t kHeadElements = 128 * (kKey + 80);

using Bytes = std::vector<uint8_t>;

// Caches of two layers, with a window, of the source, and a fixed state.
class SnapshotTest : public testing::Test {
protected:
  SnapshotTest() {
    for (const char *name : {"all", "window", "source", "fixed"}) {
      auto state = std::make_unique<format::StateT>();
      state->name = name;
      state->kind = state->name == "fixed" ? format::StateKind::Fixed
                                           : format::StateKind::Cache;
      state->bank = 2;
      state->block_bytes = kHeads * kHeadElements * sizeof(float);
      state->slot_bytes = 128;
      state->keep = state->name == "window" ? 100 : 0;
      state->once = state->name == "source";
      for (auto [field, width] : {std::pair("k", kKey), {"v", kValue}}) {
        auto info = std::make_unique<format::StateFieldT>();
        info->name = field;
        info->shape = {kHeads, width};
        state->fields.push_back(std::move(info));
      }
      model_.states.push_back(std::move(state));
    }
  }

  Slots create(const Limits &limits = {
                   .slots = 2, .capacity = 200, .context = 1000}) {
    builder_.Clear();
    builder_.Finish(format::Model::Pack(builder_, &model_));
    buffers_.emplace_back(builder_.Release());
    Result<Slots> slots =
        Slots::create(*format::GetModel(buffers_.back().data()), limits);
    EXPECT_TRUE(slots.ok()) << slots.status().message();
    return std::move(*slots);
  }

  // The place of a channel at a position, by the words of docs/artifact.md.
  static float *at(const slc_cache &cache, int64_t row, int64_t head,
                   int64_t channel) {
    int64_t p = row % 128, padded = (kValue + 15) / 16 * 16;
    float *base = reinterpret_cast<float *>(
                      cache.pool + cache.table[row / 128] * cache.block_bytes) +
                  head * kHeadElements;
    if (channel < kKey)
      return base + p / 64 * 64 * kKey + channel * 64 + p % 64;
    int64_t c = channel - kKey, w = std::min<int64_t>(64, padded - c / 64 * 64);
    return base + 128 * kKey + c / 64 * 64 * 128 + p * w + c % 64;
  }
  static float value(uint32_t state, uint32_t layer, int64_t row, int64_t head,
                     int64_t channel) {
    return static_cast<float>(row * 1000 + channel * 4 + head * 2 + layer) +
           static_cast<float>(state) / 4;
  }

  template <typename F>
  static void each(Slots &slots, uint32_t state, int64_t from, int64_t to,
                   F visit) {
    for (uint32_t layer = 0; layer < 2; ++layer) {
      auto *cache = static_cast<slc_cache *>(slots.operand(state, layer));
      for (int64_t row = from; row < to; ++row)
        for (int64_t head = 0; head < kHeads; ++head)
          for (int64_t channel = 0; channel < kKey + kValue; ++channel)
            visit(*at(*cache, row, head, channel),
                  value(state, layer, row, head, channel));
    }
  }

  // One step that writes its rows.
  static void append(Slots &slots, int32_t slot, int64_t tokens,
                     Role role = Role::Main) {
    Growth growth{slot, tokens};
    std::vector<uint32_t> used = {0, 1};
    if (role == Role::Source)
      used = {2};
    ASSERT_TRUE(slots.prepare(used, {&growth, 1}, role).ok());
    for (uint32_t state : used) {
      auto *cache = static_cast<slc_cache *>(slots.operand(state, 0));
      each(slots, state, cache->held[0], cache->total[0],
           [](float &place, float value) { place = value; });
    }
    slots.finish({&growth, 1}, role, true);
  }

  static float &fixed(Slots &slots, int32_t slot, uint32_t layer) {
    return static_cast<float *>(slots.operand(3, layer))[slot * 32 + 31];
  }

  // Whether the next token finds all that it may look at.
  static void expectRows(Slots &slots, int32_t slot, int64_t length,
                         int64_t source) {
    EXPECT_EQ(slots.length(slot), length);
    Growth growth{slot, 1};
    std::vector<uint32_t> used = {0, 1};
    if (source > 0)
      used.push_back(2);
    ASSERT_TRUE(slots.prepare(used, {&growth, 1}, Role::Main).ok());
    auto same = [](float found, float value) { ASSERT_EQ(found, value); };
    each(slots, 0, 0, length, same);
    each(slots, 1, std::max<int64_t>(0, length - 99), length, same);
    each(slots, 2, 0, source, same);
  }

  static Bytes save(const Slots &slots, int32_t slot,
                    const std::string &note = "a note") {
    Snapshot snapshot;
    snapshot.model = kModel;
    snapshot.note = note;
    for (int64_t i = 0; i < slots.length(slot); ++i)
      snapshot.tokens.push_back(static_cast<int32_t>(i * 3));
    Bytes bytes;
    Status status =
        slots.save(slot, snapshot, [&](const void *data, size_t size) {
          auto *first = static_cast<const uint8_t *>(data);
          bytes.insert(bytes.end(), first, first + size);
          return Status();
        });
    EXPECT_TRUE(status.ok()) << status.message();
    return bytes;
  }

  // A slot with a source of 150 rows and 700 tokens, the window's first blocks
  // given back.
  Bytes sample(Slots &slots, int32_t slot = 0) {
    append(slots, slot, 150, Role::Source);
    for (int64_t tokens : {200, 200, 199, 101})
      append(slots, slot, tokens);
    fixed(slots, slot, 0) = 5;
    fixed(slots, slot, 1) = 6;
    return save(slots, slot);
  }

  static Bytes sealed(Bytes bytes) {
    uint64_t digest = XXH3_64bits(bytes.data(), bytes.size() - 8);
    std::memcpy(bytes.data() + bytes.size() - 8, &digest, 8);
    return bytes;
  }
  // The header's field of a snapshot, changed, with the digest that fits.
  template <typename T>
  static Bytes changed(Bytes bytes, T SnapshotHeader::*field, T value) {
    SnapshotHeader header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    header.*field = value;
    std::memcpy(bytes.data(), &header, sizeof(header));
    return sealed(std::move(bytes));
  }

  format::ModelT model_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<flatbuffers::DetachedBuffer> buffers_;
};

TEST_F(SnapshotTest, GoesOnElsewhere) {
  Slots from = create(),
        other = create(
            {.slots = 3, .sequences = 2, .capacity = 256, .context = 800});
  Bytes bytes = sample(from);
  append(other, 2, 40); // what the slot held before is gone
  append(other, 1, 130);
  Result<Snapshot> snapshot = other.load(2, bytes, kModel);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  EXPECT_EQ(snapshot->note, "a note");
  ASSERT_EQ(snapshot->tokens.size(), 700u);
  EXPECT_EQ(snapshot->tokens[699], 699 * 3);
  expectRows(other, 2, 700, 150);
  EXPECT_EQ(fixed(other, 2, 0), 5);
  EXPECT_EQ(fixed(other, 2, 1), 6);
  EXPECT_EQ(fixed(other, 1, 0), 0);
  append(other, 2, 100);
  expectRows(other, 1, 130, 0);
  EXPECT_EQ(save(from, 0), bytes); // and the first slot is as it was
}

TEST_F(SnapshotTest, ASnapshotOfARestoredSlotIsTheSame) {
  Slots from = create(), to = create();
  Bytes bytes = sample(from);
  ASSERT_TRUE(to.load(1, bytes, kModel).ok());
  EXPECT_EQ(save(to, 1), bytes);
}

// Blocks are used again, and then hold rows of others.
TEST_F(SnapshotTest, HoldsNoRowsOfOthers) {
  Slots slots = create(), fresh = create();
  append(slots, 1, 200);
  slots.reset(1);
  append(slots, 0, 130);
  append(fresh, 0, 130);
  EXPECT_EQ(save(slots, 0), save(fresh, 0));
}

// Keys alone lie in rows of whole vectors.
TEST_F(SnapshotTest, HoldsNoRowsOfOthersInACacheOfKeysAlone) {
  constexpr int64_t stride = 16; // of kKey channels
  model_.states.resize(1);
  model_.states[0]->fields.resize(1);
  model_.states[0]->block_bytes = kHeads * 128 * stride * sizeof(float);
  Slots slots = create(), fresh = create();
  auto fill = [](Slots &into, int32_t slot, int64_t tokens) {
    Growth growth{slot, tokens};
    const std::vector<uint32_t> used = {0};
    ASSERT_TRUE(into.prepare(used, {&growth, 1}, Role::Main).ok());
    for (uint32_t layer = 0; layer < 2; ++layer) {
      auto *cache = static_cast<slc_cache *>(into.operand(0, layer));
      for (int64_t row = cache->held[0]; row < cache->total[0]; ++row)
        for (int64_t i = 0; i < kHeads * stride; ++i)
          reinterpret_cast<float *>(
              cache->pool +
              cache->table[row / 128] *
                  cache->block_bytes)[i / stride * stride * 128 +
                                      row % 128 * stride + i % stride] =
              static_cast<float>(row + i);
    }
    into.finish({&growth, 1}, Role::Main, true);
  };
  fill(slots, 1, 200);
  slots.reset(1);
  fill(slots, 0, 130);
  fill(fresh, 0, 130);
  EXPECT_EQ(save(slots, 0), save(fresh, 0));
}

TEST_F(SnapshotTest, AnEmptySlotIsOneToo) {
  Slots from = create(), to = create();
  Bytes bytes = save(from, 0, "");
  append(to, 0, 10);
  ASSERT_TRUE(to.load(0, bytes, kModel).ok());
  EXPECT_EQ(to.length(0), 0);
  EXPECT_EQ(to.blocksInUse(), 0);
}

// A window keeps what a large step may still need; where steps are small there
// is room for what is looked at, no more.
TEST_F(SnapshotTest, FitsASmallerCapacity) {
  Slots from = create({.slots = 1, .capacity = 800, .context = 1000});
  append(from, 0, 700);
  Bytes bytes = save(from, 0);
  Slots to = create({.slots = 1, .capacity = 1, .context = 1000});
  Result<Snapshot> snapshot = to.load(0, bytes, kModel);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  expectRows(to, 0, 700, 0);
  EXPECT_LT(save(to, 0).size(), bytes.size());
  for (int i = 0; i < 299; ++i)
    append(to, 0, 1);
  expectRows(to, 0, 999, 0);
}

TEST_F(SnapshotTest, RefusesWhatDoesNotFit) {
  Slots from = create();
  Bytes bytes = sample(from);
  auto message = [&](const Limits &limits) {
    Slots slots = create(limits);
    Status status = slots.load(0, bytes, kModel).status();
    EXPECT_EQ(status.code(), Code::InvalidArgument);
    return status.message();
  };
  EXPECT_THAT(message({.slots = 1, .capacity = 200, .context = 699}),
              HasSubstr("holds 700 tokens, more than the context of 699"));
  bytes = Bytes();
  Slots source = create();
  append(source, 0, 200, Role::Source);
  bytes = save(source, 0);
  EXPECT_THAT(message({.slots = 1, .capacity = 100, .context = 120}),
              HasSubstr("source has 200 tokens, the capacity is 100"));
}

TEST_F(SnapshotTest, RefusesDamageAndLeavesTheSlot) {
  Slots from = create(), to = create();
  Bytes good = sample(from);
  append(to, 0, 60);
  fixed(to, 0, 0) = 9;
  const Bytes before = save(to, 0);
  auto refuses = [&](const Bytes &bytes, Code code, const char *message) {
    Status status = to.load(0, bytes, kModel).status();
    EXPECT_EQ(status.code(), code);
    EXPECT_THAT(status.message(), HasSubstr(message));
  };
  refuses({}, Code::Corrupt, "it has 0 bytes, expected at least 80");
  refuses(Bytes(1000, 'x'), Code::Corrupt, "not a snapshot of a slot");
  for (size_t size : {size_t(79), size_t(80), good.size() / 2, good.size() - 1})
    refuses(Bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(size)),
            Code::Corrupt, size < 80 ? "not a snapshot" : "truncated");
  Bytes longer = good;
  longer.push_back(0);
  refuses(longer, Code::Corrupt, "too long");
  for (size_t at : {size_t(40), size_t(70), good.size() / 2, good.size() - 1}) {
    Bytes flipped = good;
    flipped[at] ^= 1;
    refuses(flipped, Code::Corrupt, "the snapshot is damaged");
  }
  using H = SnapshotHeader;
  refuses(changed(good, &H::version, 9u), Code::Unsupported, "of version 9");
  refuses(changed(good, &H::flags, 1u), Code::Corrupt, "reserved fields");
  refuses(changed(good, &H::announced, int64_t(-1)), Code::Corrupt,
          "announced with -1 tokens");
  refuses(changed(good, &H::announced, INT64_MAX), Code::Corrupt,
          "announced with 9223372036854775807 tokens");
  refuses(changed(good, &H::model, kModel + 1), Code::InvalidArgument,
          "made with another model");
  refuses(changed(good, &H::length, int64_t(-1)), Code::Corrupt,
          "a sequence of -1 tokens");
  refuses(changed(good, &H::length, INT64_MAX), Code::InvalidArgument,
          "more than the context of 1000");
  refuses(changed(good, &H::length, int64_t(698)), Code::Corrupt, "state");
  refuses(changed(good, &H::source, int64_t(1000)), Code::Corrupt,
          "state 'source': the snapshot ends within it");
  refuses(changed(good, &H::source, int64_t(100)), Code::Corrupt, "state");
  refuses(changed(good, &H::noteBytes, UINT64_MAX), Code::Corrupt,
          "ends within its tokens or its note");
  refuses(changed(good, &H::noteBytes, uint64_t(14)), Code::Corrupt, "state");
  Bytes extra = good;
  extra.insert(extra.end() - 8, 8, 0);
  refuses(changed(extra, &H::bytes, uint64_t(extra.size())), Code::Corrupt,
          "8 bytes that belong to no state");
  EXPECT_EQ(save(to, 0), before);
}

// A window that begins too late would show the rows of another slot.
TEST_F(SnapshotTest, RefusesRowsThatAreMissing) {
  Slots from = create(), to = create();
  Bytes good = sample(from);
  size_t first = sizeof(SnapshotHeader) + 700 * 4 + 8;
  for (int64_t start : {int64_t(-1), int64_t(128), int64_t(701), INT64_MAX}) {
    Bytes bytes = good;
    std::memcpy(bytes.data() + first, &start, sizeof(start));
    EXPECT_THAT(to.load(0, sealed(bytes), kModel).status().message(),
                HasSubstr("state 'all': its rows begin at"));
  }
}

TEST_F(SnapshotTest, RefusesSlotsThatAStepLeft) {
  Slots slots = create();
  Growth growth{0, 4};
  std::vector<uint32_t> used = {0, 1};
  ASSERT_TRUE(slots.prepare(used, {&growth, 1}, Role::Main).ok());
  slots.finish({&growth, 1}, Role::Main, false);
  EXPECT_THAT(slots.save(0, {}, [](auto...) { return Status(); }).message(),
              HasSubstr("left by a failed step"));
}

TEST_F(SnapshotTest, PassesOnWhatASinkSays) {
  Slots slots = create();
  sample(slots);
  for (size_t calls = 0; calls < 20; ++calls) {
    size_t left = calls;
    Snapshot snapshot;
    snapshot.tokens.resize(700);
    Status status = slots.save(0, snapshot, [&](const void *, size_t) {
      return left-- > 0 ? Status() : Status(Code::Io, "the disk is gone");
    });
    EXPECT_EQ(status.message(), "the disk is gone");
  }
}

TEST_F(SnapshotTest, RefusesLayoutsThatItDoesNotKnow) {
  model_.states[1]->fields[0]->name = "latent";
  Slots slots = create();
  EXPECT_EQ(slots.save(0, {}, [](auto...) { return Status(); }).message(),
            "state 'window': where the rows of its blocks lie is not known, "
            "expected keys and values");
}

} // namespace
