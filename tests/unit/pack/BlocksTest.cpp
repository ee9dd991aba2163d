// Weights in block formats: exactly the numbers of the file where it has them
// so, else the nearest.
#include "compiler/pack/Blocks.h"

#include "tests/unit/pack/BlockPlaces.h"
#include "tests/unit/pack/Model.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace sluice;
using namespace sluice::pack;
using namespace sluice::test;
using checkpoint::Block;
using format::Elem, format::Layout;
using testing::HasSubstr;

namespace {

std::vector<float> valuesOf(Elem elem, const Block &block) {
  std::vector<float> values(format::infoOf(elem).block);
  checkpoint::blockValues(format::infoOf(elem), block, values.data());
  return values;
}

class Formats : public testing::TestWithParam<Elem> {
protected:
  const format::ElemInfo &info = format::infoOf(GetParam());
};

TEST_P(Formats, LieInTheirPlacesAloneAndSideBySide) {
  std::mt19937 generator(1);
  constexpr int64_t rows = 5, step = 2;
  std::vector<Block> blocks;
  for (int64_t i = 0; i < rows * step; ++i)
    blocks.push_back(drawnBlock(GetParam(), generator));
  for (int64_t together : {1, 64}) {
    int64_t some = std::min(together, rows);
    std::vector<uint8_t> bytes(together * info.blockBytes, 0xee);
    layBlocks(GetParam(), blocks.data(), some, step, together, bytes.data());
    for (int64_t row = 0; row < some; ++row) {
      Block found = readBlock(GetParam(), bytes.data(), row, together);
      EXPECT_EQ(valuesOf(GetParam(), found),
                valuesOf(GetParam(), blocks[row * step]));
    }
    for (int64_t row = some; row < together; ++row)
      for (float value : valuesOf(
               GetParam(), readBlock(GetParam(), bytes.data(), row, together)))
        ASSERT_EQ(value, 0) << row;
  }
}

struct Packed {
  std::vector<uint8_t> bytes;
  Status status;

  Packed(const checkpoint::Checkpoint &file,
         const std::vector<const spec::Weight *> &parts,
         const format::Packing &packing, const PackOptions &options = {}) {
    auto sink = [&](const void *data, size_t size) {
      const auto *from = static_cast<const uint8_t *>(data);
      bytes.insert(bytes.end(), from, from + size);
      return Status();
    };
    status = packWeight(file, parts, packing, sink, options);
    if (status.ok()) {
      EXPECT_EQ(int64_t(bytes.size()), packing.bytes());
    }
  }
  Packed(const checkpoint::Checkpoint &file,
         const std::vector<const spec::Weight *> &parts, Elem elem,
         Layout layout)
      : Packed(file, parts, {elem, layout, *joinedShape(parts)}) {
    EXPECT_TRUE(status.ok()) << status.message();
  }

  // Row `row` of K columns, of rows or of the panels from a byte on.
  std::vector<float> row(Elem elem, int64_t row, int64_t K, bool panels,
                         int64_t from = 0) const {
    const format::ElemInfo &info = format::infoOf(elem);
    int64_t together = panels ? 64 : 1;
    std::vector<float> found;
    for (int64_t block = 0; block < K / info.block; ++block) {
      int64_t at = from + (row / together * (K / info.block) + block) *
                              together * info.blockBytes;
      std::vector<float> values = valuesOf(
          elem, readBlock(elem, bytes.data() + at, row % together, together));
      found.insert(found.end(), values.begin(), values.end());
    }
    return found;
  }
};

// The vectors of the GGUF reader: three rows of two blocks of each type.
class Kept : public Formats {
protected:
  Kept() {
    auto opened = checkpoint::Checkpoint::open(SLUICE_GGUF_VECTORS);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    file.emplace(std::move(*opened));
    width = 2 * info.block;
    Result<ViewPtr> view = openWeight(*file, tensor());
    EXPECT_TRUE(view.ok()) << view.status().message();
    stored = values(**view);
  }
  spec::Weight tensor() const { return weight("w", {3, width}, {info.stored}); }
  std::vector<float> expected(int64_t row) const {
    return {stored.begin() + row * width, stored.begin() + (row + 1) * width};
  }

  std::optional<checkpoint::Checkpoint> file;
  int64_t width;
  std::vector<float> stored;
};

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_P(Kept, RowsAndPanelsHaveTheBitsOfTheFile) {
  spec::Weight w = tensor();
  for (Layout layout : {Layout::Rows, Layout::Panel}) {
    Packed packed(*file, {&w}, GetParam(), layout);
    for (int64_t row = 0; row < 3; ++row)
      EXPECT_TRUE(
          sameBits(packed.row(GetParam(), row, width, layout == Layout::Panel),
                   expected(row)))
          << row;
  }
}

// 64 rows and 1 of a second panel, from joined parts of other rows of the file.
TEST_P(Kept, RowsMayMove) {
  spec::Weight one = tensor(), turned = tensor();
  spec::Transform swap;
  swap.kind = spec::Transform::Kind::SwapHeads;
  swap.outer = 3;
  swap.inner = 1;
  turned.source.tensors[0].apply = {swap};
  spec::Transform last;
  last.kind = spec::Transform::Kind::Rows;
  last.first = 2;
  last.last = 3;
  one.source.tensors[0].apply = {last};
  one.shape[0] = 1;
  std::vector<const spec::Weight *> parts = {&one, &turned};
  Packed packed(*file, parts, GetParam(), Layout::Panel);
  for (int64_t row = 0; row < 4; ++row)
    EXPECT_TRUE(sameBits(packed.row(GetParam(), row, width, true),
                         expected(row == 0 ? 2 : row - 1)))
        << row;
}

TEST_P(Kept, ExpertsAndPairsArePanelsByTurns) {
  std::vector<std::string> names(4, info.stored);
  spec::Weight gate = weight("gate", {4, 3, width}, names);
  gate.source.join = spec::Source::Join::Stack;
  spec::Weight up = gate;
  up.path = "up";
  Packed packed(*file, {&gate, &up}, GetParam(), Layout::PanelGlu);
  int64_t panel = width / info.block * 64 * info.blockBytes;
  for (int64_t p = 0; p < 8; ++p)
    for (int64_t row = 0; row < 3; ++row)
      ASSERT_TRUE(sameBits(packed.row(GetParam(), row, width, true, p * panel),
                           expected(row)))
          << p << " " << row;
}

std::string nameOf(const testing::TestParamInfo<Elem> &info) {
  return format::infoOf(info.param).name;
}
std::vector<Elem> storedFormats() {
  std::vector<Elem> found;
  for (Elem elem : blockFormats())
    if (format::infoOf(elem).stored)
      found.push_back(elem);
  return found;
}
INSTANTIATE_TEST_SUITE_P(All, Formats, testing::ValuesIn(blockFormats()),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(All, Kept, testing::ValuesIn(storedFormats()), nameOf);

// A file with one tensor "t" of f32.
class OneTensor {
public:
  OneTensor(const Shape &shape, const std::vector<float> &values)
      : file_(open(shape, values)) {}
  const checkpoint::Checkpoint &operator*() const { return *file_; }

private:
  Result<checkpoint::Checkpoint> open(const Shape &shape,
                                      const std::vector<float> &values) {
    Bytes data;
    data.floats(values);
    nlohmann::json header;
    header["t"] = {{"dtype", "F32"},
                   {"shape", shape},
                   {"data_offsets", {0, data.data.size()}}};
    return checkpoint::Checkpoint::open(
        folder_.add("m.safetensors", safetensors(header.dump(), data.data)));
  }

  Folder folder_;
  Result<checkpoint::Checkpoint> file_;
};

std::vector<float> drawn(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(),
                [&] { return normal(generator); });
  return values;
}

double miss(Elem elem, const Block &block, const float *values) {
  double sum = 0;
  std::vector<float> found = valuesOf(elem, block);
  for (size_t i = 0; i < found.size(); ++i)
    sum += std::pow(double(found[i]) - values[i], 2);
  return sum;
}

// With the scale that just holds the largest value, and a minimum that does.
Block plainest(Elem elem, const float *values) {
  const format::ElemInfo &info = format::infoOf(elem);
  auto [low, high] = std::minmax_element(values, values + info.block);
  float most = float((1 << info.blocks.bits) - 1), base = 0, scale;
  if (info.blocks.minimum) {
    base = *low;
    scale = (*high - *low) / most;
  } else {
    scale = std::max(-*low, *high) / float(info.blocks.offset - 1);
  }
  Block block;
  block.scale = checkpoint::floatToF16(scale);
  block.minimum = checkpoint::floatToF16(base);
  for (int64_t i = 0; i < info.block; ++i)
    block.numbers[i] = uint8_t(std::clamp(
        std::nearbyint((values[i] - base) / scale) + float(info.blocks.offset),
        0.0f, most));
  return block;
}

class NearestFormats : public Formats {};

TEST_P(NearestFormats, AreNearerThanTheLargestValueAsScale) {
  double found = 0, plain = 0, size = 0;
  std::vector<float> values = drawn(64 * info.block, 3);
  for (int64_t i = 0; i < 64; ++i) {
    const float *block = values.data() + i * info.block;
    double best = miss(GetParam(), *nearestBlock(GetParam(), block), block);
    found += best;
    for (int64_t k = 0; k < info.block; ++k)
      size += double(block[k]) * block[k];
    if (info.blocks.floats)
      continue;
    double simple = miss(GetParam(), plainest(GetParam(), block), block);
    EXPECT_LE(best, simple) << i;
    plain += simple;
  }
  if (!info.blocks.floats) {
    EXPECT_LT(found, 0.97 * plain);
  }
  // A step is about 2^-bits of six deviations; floats have one bit.
  double step = info.blocks.floats ? 0.4 : 6.0 / (1 << info.blocks.bits);
  EXPECT_LT(std::sqrt(found / size), step / std::sqrt(12.0));
}

TEST_P(NearestFormats, TakeZerosAndRefuseWhatTheyCannotHold) {
  std::vector<float> zeros(info.block, 0);
  EXPECT_EQ(valuesOf(GetParam(), *nearestBlock(GetParam(), zeros.data())),
            zeros);
  std::vector<float> bad = {INFINITY, -INFINITY, NAN};
  if (!info.blocks.floats)
    bad.push_back(1e9f); // more than the largest f16 times the largest number
  for (float value : bad) {
    std::vector<float> values = drawn(3 * info.block, 4);
    values[info.block + 7] = value;
    OneTensor file({3, info.block}, values);
    spec::Weight w = weight("layers.q", {3, info.block}, {"t"});
    w.index = 4;
    Packed packed(*file, {&w}, {GetParam(), Layout::Panel, {3, info.block}});
    EXPECT_EQ(packed.status.code(), Code::Unsupported) << value;
    EXPECT_THAT(packed.status.message(),
                testing::StartsWith("weight 'layers.q[4]': the values "));
    EXPECT_THAT(packed.status.message(),
                HasSubstr(std::string("... are too large for ") + info.name +
                          ", or no numbers"));
  }
}

// More columns than are read at once, a ragged panel.
TEST_P(NearestFormats, ArePackedBlockByBlock) {
  int64_t K = 2048 + 2 * info.block, N = 65;
  std::vector<float> values = drawn(N * K, 5);
  OneTensor file({N, K}, values);
  spec::Weight w = weight("w", {N, K}, {"t"});
  Packed packed(*file, {&w}, GetParam(), Layout::Panel);
  for (int64_t row : {0, 63, 64}) {
    std::vector<float> expected;
    for (int64_t k = 0; k < K; k += info.block) {
      std::vector<float> block = valuesOf(
          GetParam(), *nearestBlock(GetParam(), values.data() + row * K + k));
      expected.insert(expected.end(), block.begin(), block.end());
    }
    EXPECT_TRUE(sameBits(packed.row(GetParam(), row, K, true), expected))
        << row;
  }
}

// Columns that count for more are nearer, those that count for nothing do not
// keep them from it.
TEST_P(NearestFormats, HeedWhatColumnsCountFor) {
  constexpr int64_t blocks = 32;
  std::vector<float> values = drawn(blocks * info.block, 8);
  std::vector<float> weights(info.block);
  for (int64_t k = 0; k < info.block; ++k)
    weights[k] = k % 8 == 0 ? 100 : k % 3 == 0 ? 0 : 1;
  auto weighted = [&](const Block &block, const float *from) {
    std::vector<float> found = valuesOf(GetParam(), block);
    double sum = 0;
    for (int64_t k = 0; k < info.block; ++k)
      sum += weights[k] * std::pow(double(found[k]) - from[k], 2);
    return sum;
  };
  double alike = 0, heeded = 0;
  for (int64_t i = 0; i < blocks; ++i) {
    const float *from = values.data() + i * info.block;
    alike += weighted(*nearestBlock(GetParam(), from), from);
    heeded += weighted(*nearestBlock(GetParam(), from, weights.data()), from);
  }
  EXPECT_LT(heeded, (info.blocks.floats ? 1.0 : 0.95) * alike);
  std::vector<float> none(info.block, 0);
  EXPECT_EQ(valuesOf(GetParam(),
                     *nearestBlock(GetParam(), values.data(), none.data())),
            valuesOf(GetParam(), *nearestBlock(GetParam(), values.data())));
}

// Of a stack of matrices each by its own numbers.
TEST_P(NearestFormats, ArePackedWithWhatColumnsCountFor) {
  int64_t K = 2 * info.block, N = 65, E = 3;
  std::vector<float> values = drawn(E * N * K, 9), weights(E * K);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = float(i * 7 % 5);
  OneTensor file({E, N, K}, values);
  spec::Weight w = weight("w", {E, N, K}, {"t"});
  PackOptions how;
  how.importance = weights;
  Packed packed(*file, {&w}, {GetParam(), Layout::Rows, {E, N, K}}, how);
  for (int64_t row : {int64_t(0), N, 3 * N - 1}) {
    std::vector<float> expected;
    for (int64_t k = 0; k < K; k += info.block) {
      std::vector<float> block = valuesOf(
          GetParam(), *nearestBlock(GetParam(), values.data() + row * K + k,
                                    weights.data() + row / N * K + k));
      expected.insert(expected.end(), block.begin(), block.end());
    }
    EXPECT_TRUE(sameBits(packed.row(GetParam(), row, K, false), expected))
        << row;
  }
}

std::vector<Elem> nearestFormats() {
  std::vector<Elem> found;
  for (Elem elem : blockFormats())
    if (!format::infoOf(elem).blocks.nested)
      found.push_back(elem);
  return found;
}
INSTANTIATE_TEST_SUITE_P(All, NearestFormats,
                         testing::ValuesIn(nearestFormats()), nameOf);

TEST(PackBlocks, RefusesRowsThatAreNoWholeBlocks) {
  OneTensor file({4, 48}, drawn(4 * 48, 6));
  spec::Weight w = weight("w", {4, 48}, {"t"});
  for (Layout layout : {Layout::Rows, Layout::Panel})
    EXPECT_THAT(
        Packed(*file, {&w}, {Elem::I8x32, layout, {4, 48}}).status.message(),
        HasSubstr("[4, 48] i8x32: expected a multiple of 32 columns"));
}

TEST(PackBlocks, StopsWhenTheSinkFails) {
  OneTensor file({130, 64}, drawn(130 * 64, 7));
  spec::Weight w = weight("w", {130, 64}, {"t"});
  const spec::Weight *parts[] = {&w};
  for (int good = 0; good < 3; ++good) {
    int calls = 0;
    Status status = packWeight(
        *file, parts, {Elem::I8x32, Layout::Panel, {130, 64}},
        [&](const void *, size_t) {
          return calls++ < good ? Status() : Status(Code::Io, "disk full");
        });
    EXPECT_EQ(status.message(), "weight 'w': disk full") << good;
    EXPECT_EQ(calls, good + 1);
  }
}

} // namespace
