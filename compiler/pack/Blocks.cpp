#include "compiler/pack/Blocks.h"

#include "compiler/checkpoint/Message.h"

#include <algorithm>
#include <cstring>

namespace sluice::pack {

using checkpoint::Block;

namespace {

// Parts one after the other, each with a cell for every row.
class PartWriter {
public:
  PartWriter(int64_t together, uint8_t *out) : together_(together), out_(out) {}

  template <typename T> void put(int64_t row, T value) {
    std::memcpy(out_ + row * sizeof(T), &value, sizeof(T));
  }
  template <typename T> void next() { out_ += together_ * sizeof(T); }

private:
  int64_t together_;
  uint8_t *out_;
};

// Words of 32 numbers; see Packing.h.
void wordsOf(int bits, const uint8_t *numbers, uint32_t *words) {
  std::memset(words, 0, bits * sizeof(uint32_t));
  for (int i = 0; i < 32; ++i) {
    uint32_t number = numbers[i];
    if (bits == 8) {
      words[i / 4] |= number << (8 * (i % 4));
      continue;
    }
    int word = i / 8, low = format::kNibble[i % 8];
    int byte = low / 8, half = low / 4 % 2;
    words[word] |= (number & 15) << low;
    if (bits == 5)
      words[4] |= (number >> 4) << (8 * byte + 2 * word + half);
    if (bits == 6)
      words[4 + word / 2] |= (number >> 4)
                             << (8 * byte + 4 * (word % 2) + 2 * half);
  }
}

} // namespace

void layBlocks(format::Elem elem, const Block *blocks, int64_t rows,
               int64_t step, int64_t together, uint8_t *out) {
  const format::ElemInfo &info = format::infoOf(elem);
  const format::BlockInfo &shared = info.blocks;
  std::memset(out, 0, together * info.blockBytes);
  PartWriter part(together, out);
  auto each = [&]<typename T>(auto value) {
    for (int64_t row = 0; row < rows; ++row)
      part.put(row, static_cast<T>(value(blocks[row * step])));
    part.next<T>();
  };
  auto scale = [](const Block &block) { return block.scale; };
  if (shared.floats)
    each.operator()<uint8_t>(scale);
  else
    each.operator()<uint16_t>(scale);
  if (shared.minimum)
    each.operator()<uint16_t>([](const Block &b) { return b.minimum; });
  int64_t groups = shared.nested ? info.block / shared.group : 0;
  for (int64_t g = 0; g < groups; ++g)
    each.operator()<int8_t>([g](const Block &b) { return b.scales[g]; });
  for (int64_t g = 0; g < groups && shared.minimum; ++g)
    each.operator()<uint8_t>([g](const Block &b) { return b.minimums[g]; });
  std::vector<uint32_t> words(rows * shared.bits);
  for (int64_t first = 0; first < info.block; first += 32) {
    for (int64_t row = 0; row < rows; ++row)
      wordsOf(shared.bits, blocks[row * step].numbers + first,
              words.data() + row * shared.bits);
    for (int word = 0; word < shared.bits; ++word) {
      for (int64_t row = 0; row < rows; ++row)
        part.put(row, words[row * shared.bits + word]);
      part.next<uint32_t>();
    }
  }
}

Status readBlocks(format::Elem elem, const View &view, const Tile &tile,
                  std::vector<Block> &blocks,
                  std::span<const float> importance) {
  const format::ElemInfo &info = format::infoOf(elem);
  blocks.resize(tile.rows * tile.columns / info.block);
  if (view.blocks() == elem)
    return view.read(tile, blocks.data());
  std::vector<float> values(tile.rows * tile.columns);
  Status status = view.read(tile, values.data());
  for (size_t i = 0; i < blocks.size() && status.ok(); ++i) {
    int64_t at = int64_t(i) * info.block;
    const float *first = values.data() + at, *weights = nullptr;
    if (!importance.empty()) {
      int64_t row = tile.row + at / tile.columns;
      int64_t matrix =
          int64_t(importance.size()) == view.columns() ? 0 : row / view.rows();
      weights = importance.data() + matrix * view.columns() + tile.column +
                at % tile.columns;
    }
    std::optional<Block> nearest = nearestBlock(elem, first, weights);
    if (!nearest)
      return Status(Code::Unsupported,
                    checkpoint::message("the values ", first[0], ", ", first[1],
                                        ", ... are too large for ", info.name,
                                        ", or no numbers"));
    blocks[i] = *nearest;
  }
  return status;
}

Status readAs(format::Elem elem, const View &view, const Tile &tile,
              float *out) {
  if (!isBlocks(elem)) {
    Status status = view.read(tile, out);
    if (status.ok() && elem == format::Elem::BF16)
      for (float &x : std::span(out, tile.rows * tile.columns))
        x = checkpoint::bf16ToFloat(checkpoint::floatToBf16(x));
    return status;
  }
  std::vector<Block> blocks;
  Status status = readBlocks(elem, view, tile, blocks);
  for (size_t i = 0; i < blocks.size() && status.ok(); ++i)
    blockValues(format::infoOf(elem), blocks[i],
                out + i * format::infoOf(elem).block);
  return status;
}

} // namespace sluice::pack
