#include "runtime/state/Slots.h"

#include "tests/unit/fixture/ToyModel.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace sluice;
using namespace sluice::state;
using testing::HasSubstr;

namespace {

constexpr uint64_t kBlockBytes = 128 * 4; // one float per position

// A model with the states that a test adds.
class SlotsTest : public testing::Test {
protected:
  format::StateT &add(format::StateKind kind) {
    auto state = std::make_unique<format::StateT>();
    state->name = "state";
    state->kind = kind;
    state->bank = 2;
    state->block_bytes = kBlockBytes;
    state->slot_bytes = 64;
    auto field = std::make_unique<format::StateFieldT>();
    field->name = "k"; // one channel: its panels are rows one after the other
    field->shape = {1, 1};
    state->fields.push_back(std::move(field));
    model_.states.push_back(std::move(state));
    used_.push_back(static_cast<uint32_t>(used_.size()));
    return *model_.states.back();
  }

  Slots create(const Limits &limits) {
    builder_.Finish(format::Model::Pack(builder_, &model_));
    Result<Slots> slots =
        Slots::create(*format::GetModel(builder_.GetBufferPointer()), limits);
    EXPECT_TRUE(slots.ok()) << slots.status().message();
    return std::move(*slots);
  }

  // One step that writes `value` + row to every layer of every cache.
  void append(Slots &slots, int32_t slot, int64_t tokens, float value,
              Role role = Role::Main) {
    Growth growth{slot, tokens};
    ASSERT_TRUE(slots.prepare(used_, {&growth, 1}, role).ok());
    for (uint32_t layer = 0; layer < 2; ++layer) {
      auto *cache = static_cast<slc_cache *>(slots.operand(0, layer));
      for (int32_t row = cache->held[0]; row < cache->total[0]; ++row)
        *at(*cache, 0, row) = value + static_cast<float>(row);
    }
    slots.finish({&growth, 1}, role, true);
  }

  // The value of a row of layer 1 as the next step of a slot would see it.
  float read(Slots &slots, int32_t slot, int64_t row) {
    Growth growth{slot, 1};
    EXPECT_TRUE(slots.prepare(used_, {&growth, 1}, Role::Main).ok());
    return *at(*static_cast<slc_cache *>(slots.operand(0, 1)), 0, row);
  }

  static float *at(const slc_cache &cache, int64_t sequence, int64_t row) {
    int32_t block = cache.table[sequence * cache.table_stride + row / 128];
    return reinterpret_cast<float *>(cache.pool + block * cache.block_bytes) +
           row % 128;
  }

  format::ModelT model_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<uint32_t> used_;
};

TEST_F(SlotsTest, KeepsRowsAcrossBlocks) {
  add(format::StateKind::Cache);
  Slots slots =
      create({.slots = 2, .sequences = 2, .capacity = 200, .context = 1000});
  append(slots, 0, 100, 0);
  append(slots, 1, 130, 5000);
  append(slots, 0, 200, 0);
  EXPECT_EQ(slots.length(0), 300);
  for (int64_t row : {0, 99, 100, 127, 128, 299})
    EXPECT_EQ(read(slots, 0, row), static_cast<float>(row));
  for (int64_t row : {0, 127, 128, 129})
    EXPECT_EQ(read(slots, 1, row), 5000 + static_cast<float>(row));
  slots.reset(0);
  slots.reset(1);
  EXPECT_EQ(slots.blocksInUse(), 0);
}

TEST_F(SlotsTest, DescribesARaggedStep) {
  add(format::StateKind::Cache);
  Slots slots =
      create({.slots = 3, .sequences = 3, .capacity = 200, .context = 500});
  append(slots, 2, 10, 0);
  std::vector<Growth> batch = {{0, 5}, {2, 130}};
  ASSERT_TRUE(slots.prepare(used_, batch, Role::Main).ok());
  auto *cache = static_cast<slc_cache *>(slots.operand(0, 0));
  EXPECT_EQ(cache->held[0], 0);
  EXPECT_EQ(cache->total[0], 5);
  EXPECT_EQ(cache->held[1], 10);
  EXPECT_EQ(cache->total[1], 140);
  const int32_t *table = cache->table + cache->table_stride;
  EXPECT_NE(table[0], cache->table[0]);
  EXPECT_NE(table[1], table[0]);
}

TEST_F(SlotsTest, CopiesShareBlocksUntilTheyAreWritten) {
  add(format::StateKind::Cache);
  Slots slots =
      create({.slots = 2, .sequences = 1, .capacity = 300, .context = 600});
  append(slots, 0, 200, 0);
  slots.copy(0, 1);
  EXPECT_EQ(slots.blocksInUse(), 2);
  append(slots, 1, 1, 9000);
  EXPECT_EQ(slots.blocksInUse(), 3); // the open block was copied
  append(slots, 0, 1, 7000);
  EXPECT_EQ(read(slots, 1, 200), 9200);
  EXPECT_EQ(read(slots, 0, 200), 7200);
  EXPECT_EQ(read(slots, 1, 199), 199);
  slots.reset(0);
  EXPECT_EQ(read(slots, 1, 5), 5);
}

TEST_F(SlotsTest, CutsSequences) {
  add(format::StateKind::Cache);
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 300, .context = 600});
  append(slots, 0, 300, 0);
  EXPECT_FALSE(slots.rewind(0, 301).ok());
  ASSERT_TRUE(slots.rewind(0, 128).ok());
  EXPECT_EQ(slots.blocksInUse(), 1);
  append(slots, 0, 2, 1000);
  EXPECT_EQ(slots.length(0), 130);
  EXPECT_EQ(read(slots, 0, 127), 127);
  EXPECT_EQ(read(slots, 0, 129), 1129);
}

TEST_F(SlotsTest, GivesBackBlocksOutsideTheWindow) {
  add(format::StateKind::Cache).keep = 128;
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 64, .context = 100000});
  EXPECT_LE(slots.reservedBytes(), 4 * 2 * kBlockBytes);
  for (int step = 0; step < 60; ++step) {
    append(slots, 0, 64, 0);
    EXPECT_LE(slots.blocksInUse(), 3);
  }
  // The next token sees its 127 predecessors.
  EXPECT_EQ(read(slots, 0, 60 * 64 - 127), 60 * 64 - 127);
}

// A row is looked at by the 127 tokens behind it.
TEST_F(SlotsTest, CutsWhatAWindowStillHolds) {
  add(format::StateKind::Cache).keep = 128;
  Slots slots =
      create({.slots = 2, .sequences = 1, .capacity = 64, .context = 100000});
  for (int step = 0; step < 10; ++step)
    append(slots, 0, 64, 0);
  // The step from 576 on needs row 449, so blocks 0 to 2 are given back.
  EXPECT_THAT(slots.rewind(0, 510).message(),
              HasSubstr("cut to 510: state 'state' has given back rows that "
                        "the next token would look at; it can be cut to 511 "
                        "or more"));
  EXPECT_EQ(slots.rewind(0, 510).code(), Code::Unsupported);
  EXPECT_EQ(slots.length(0), 640);
  ASSERT_TRUE(slots.rewind(0, 511).ok());
  for (int64_t row : {384, 510})
    EXPECT_EQ(read(slots, 0, row), static_cast<float>(row));
  append(slots, 0, 20, 1000);
  EXPECT_EQ(read(slots, 0, 510), 510);
  EXPECT_EQ(read(slots, 0, 511), 1511);
  // Nothing is looked at from the beginning.
  slots.copy(0, 1);
  ASSERT_TRUE(slots.rewind(1, 0).ok());
  append(slots, 1, 64, 2000);
  EXPECT_EQ(read(slots, 1, 0), 2000);
  EXPECT_EQ(slots.rewind(0, 510).code(), Code::Unsupported);
}

TEST_F(SlotsTest, EmptiesChunks) {
  add(format::StateKind::Cache).chunk = 256;
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 100, .context = 100000});
  for (int step = 0; step < 30; ++step) {
    append(slots, 0, 100, 0);
    EXPECT_LE(slots.blocksInUse(), 4);
  }
  EXPECT_EQ(read(slots, 0, 3000 / 256 * 256), 3000 / 256 * 256);
}

// A chunk looks at none before it, so its beginning can always be gone back to.
TEST_F(SlotsTest, CutsToTheBeginningOfAChunk) {
  add(format::StateKind::Cache).chunk = 200;
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 100, .context = 1000});
  for (int step = 0; step < 9; ++step)
    append(slots, 0, 100, 0);
  // Row 800 is in block 6, which begins in the chunk before.
  EXPECT_THAT(slots.rewind(0, 799).message(), HasSubstr("800 or more"));
  ASSERT_TRUE(slots.rewind(0, 850).ok());
  EXPECT_EQ(read(slots, 0, 800), 800);
  EXPECT_FALSE(slots.rewind(0, 601).ok());
  ASSERT_TRUE(slots.rewind(0, 600).ok());
  append(slots, 0, 30, 1000);
  EXPECT_EQ(read(slots, 0, 600), 1600);
  // Rows of the block that were not written anew are not there.
  EXPECT_FALSE(slots.rewind(0, 599).ok());
  ASSERT_TRUE(slots.rewind(0, 601).ok());
}

TEST_F(SlotsTest, SaysHowFarAllStatesGoBack) {
  for (int64_t keep : {10, 300, 0})
    add(format::StateKind::Cache).keep = keep;
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 100, .context = 2000});
  for (int step = 0; step < 10; ++step)
    append(slots, 0, 100, 0);
  EXPECT_THAT(slots.rewind(0, 100).message(), HasSubstr("811 or more"));
  EXPECT_FALSE(slots.rewind(0, 810).ok());
  EXPECT_TRUE(slots.rewind(0, 905).ok());
}

TEST_F(SlotsTest, OnceCachesBelongToTheSource) {
  add(format::StateKind::Cache).once = true;
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 200, .context = 50});
  Growth growth{0, 3};
  EXPECT_EQ(slots.prepare(used_, {&growth, 1}, Role::Main).message(),
            "slot 0 has no source to look at");
  append(slots, 0, 150, 0, Role::Source);
  EXPECT_EQ(slots.length(0), 0);
  ASSERT_TRUE(slots.prepare(used_, {&growth, 1}, Role::Main).ok());
  auto *cache = static_cast<slc_cache *>(slots.operand(0, 0));
  EXPECT_EQ(cache->held[0], 150);
  EXPECT_EQ(cache->total[0], 150);
  EXPECT_EQ(*at(*cache, 0, 149), 149);
  append(slots, 0, 10, 500, Role::Source); // a new source starts anew
  EXPECT_EQ(read(slots, 0, 9), 509);
}

TEST_F(SlotsTest, TransientCachesLiveForAStep) {
  add(format::StateKind::Transient);
  Slots slots =
      create({.slots = 1, .sequences = 3, .capacity = 300, .context = 300});
  std::vector<Growth> batch = {{0, 1}, {0, 129}, {0, 170}};
  for (int step = 0; step < 3; ++step) {
    ASSERT_TRUE(slots.prepare(used_, batch, Role::Main).ok());
    auto *cache = static_cast<slc_cache *>(slots.operand(0, 0));
    std::vector<float *> rows;
    for (int64_t s = 0; s < 3; ++s) {
      EXPECT_EQ(cache->held[s], 0);
      for (int64_t row = 0; row < cache->total[s]; ++row)
        rows.push_back(at(*cache, s, row));
    }
    std::sort(rows.begin(), rows.end());
    EXPECT_EQ(std::unique(rows.begin(), rows.end()), rows.end());
    EXPECT_EQ(rows.size(), 300u);
  }
}

TEST_F(SlotsTest, FixedStatesStartAndCopy) {
  add(format::StateKind::Fixed).init = 2.5f;
  Slots slots =
      create({.slots = 3, .sequences = 1, .capacity = 8, .context = 8});
  auto layer = [&](uint32_t l) {
    return static_cast<float *>(slots.operand(0, l));
  };
  EXPECT_EQ(layer(1)[2 * 16 + 15], 2.5f);
  layer(0)[16] = 1; // slot 1
  layer(1)[16 + 15] = 3;
  EXPECT_TRUE(slots.rewind(1, 0).ok()); // it has seen nothing
  slots.copy(1, 2);
  EXPECT_EQ(layer(0)[32], 1);
  EXPECT_EQ(layer(1)[32 + 15], 3);
  EXPECT_EQ(layer(0)[0], 2.5f);
  slots.reset(2);
  EXPECT_EQ(layer(0)[32], 2.5f);
  EXPECT_EQ(layer(0)[16], 1);
}

TEST_F(SlotsTest, FixedStatesStartWithWeights) {
  format::StateT &state = add(format::StateKind::Fixed);
  state.init = 2.5f;
  state.start = {format::Ref(0, 0, 1, format::RefKind::Weight),
                 format::Ref(0, 0, 0, format::RefKind::Weight)};
  auto weight = std::make_unique<format::WeightT>();
  weight->bytes = 3 * sizeof(float);
  model_.weights.push_back(std::move(weight));
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  builder_.Finish(format::Model::Pack(builder_, &model_));
  Result<Slots> slots = Slots::create(
      *format::GetModel(builder_.GetBufferPointer()),
      {.slots = 2, .sequences = 1, .capacity = 8, .context = 8},
      [&](uint32_t, uint32_t layer) {
        return reinterpret_cast<const uint8_t *>(&values[layer * 3]);
      });
  ASSERT_TRUE(slots.ok()) << slots.status().message();
  auto layer = [&](uint32_t l) {
    return static_cast<float *>(slots->operand(0, l));
  };
  layer(0)[16] = 9;
  slots->reset(1);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(layer(0)[16 + i], values[size_t(3 + i)]);
    EXPECT_EQ(layer(1)[16 + i], values[size_t(i)]);
  }
  EXPECT_EQ(layer(0)[16 + 3], 2.5f); // beyond them
}

TEST_F(SlotsTest, FailedStepsInvalidate) {
  add(format::StateKind::Cache);
  Slots slots =
      create({.slots = 1, .sequences = 1, .capacity = 8, .context = 8});
  Growth growth{0, 4};
  ASSERT_TRUE(slots.prepare(used_, {&growth, 1}, Role::Main).ok());
  slots.finish({&growth, 1}, Role::Main, false);
  EXPECT_FALSE(slots.valid(0));
  EXPECT_EQ(slots.length(0), 0);
  slots.reset(0);
  EXPECT_TRUE(slots.valid(0));
}

TEST_F(SlotsTest, RefusesWhatCannotBeReserved) {
  format::StateT &state = add(format::StateKind::Cache);
  state.block_bytes = 1ull << 32;
  state.bank = 1 << 16;
  builder_.Finish(format::Model::Pack(builder_, &model_));
  Result<Slots> slots =
      Slots::create(*format::GetModel(builder_.GetBufferPointer()),
                    {.slots = 100, .context = 1 << 20});
  EXPECT_EQ(slots.status().code(), Code::Resource);
}

} // namespace
