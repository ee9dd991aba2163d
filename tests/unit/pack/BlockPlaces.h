// Where runtime/format/Packing.h says that the parts of a block lie, read byte
// by byte.
#pragma once

#include "compiler/checkpoint/Dequant.h"

#include <cstring>
#include <random>

namespace sluice::test {

// The block of row `row` of `together` that begin at `bytes`.
inline checkpoint::Block readBlock(format::Elem elem, const uint8_t *bytes,
                                   int64_t row, int64_t together) {
  const format::ElemInfo &info = format::infoOf(elem);
  const format::BlockInfo &shared = info.blocks;
  checkpoint::Block block;
  auto take = [&](auto &to) {
    std::memcpy(&to, bytes + row * sizeof to, sizeof to);
    bytes += together * sizeof to;
  };
  if (shared.floats) {
    uint8_t exponent;
    take(exponent);
    block.scale = exponent;
  } else {
    take(block.scale);
  }
  if (shared.minimum)
    take(block.minimum);
  if (shared.nested)
    for (int64_t g = 0; g < info.block / shared.group; ++g)
      take(block.scales[g]);
  if (shared.nested && shared.minimum)
    for (int64_t g = 0; g < info.block / shared.group; ++g)
      take(block.minimums[g]);
  for (int64_t first = 0; first < info.block; first += 32) {
    uint32_t words[8];
    for (int word = 0; word < shared.bits; ++word)
      take(words[word]);
    for (int i = 0; i < 32; ++i) {
      uint8_t &number = block.numbers[first + i];
      if (shared.bits == 8) {
        number = words[i / 4] >> (8 * (i % 4)) & 255;
        continue;
      }
      static constexpr int bits[] = {0, 16, 8, 24, 4, 20, 12, 28};
      int word = i / 8, byte = bits[i % 8] / 8, half = bits[i % 8] / 4 % 2;
      number = words[word] >> bits[i % 8] & 15;
      if (shared.bits == 5)
        number |= (words[4] >> (8 * byte + 2 * word + half) & 1) << 4;
      if (shared.bits == 6)
        number |=
            (words[4 + word / 2] >> (8 * byte + 4 * (word % 2) + 2 * half) & 3)
            << 4;
    }
  }
  return block;
}

// A block of any numbers, whose scales are f16 around 2^-9 of either sign, some
// of them zero or below the normal numbers.
inline checkpoint::Block drawnBlock(format::Elem elem,
                                    std::mt19937 &generator) {
  const format::ElemInfo &info = format::infoOf(elem);
  checkpoint::Block block;
  auto half = [&] {
    uint32_t random = generator();
    uint32_t exponent = random % 11 == 7 ? 0 : 4 + (random >> 20) % 5;
    uint32_t mantissa = random % 13 == 5 ? 0 : random & 1023;
    return uint16_t((random >> 31) << 15 | exponent << 10 | mantissa);
  };
  block.scale = info.blocks.floats ? uint16_t(118 + generator() % 8) : half();
  if (info.blocks.minimum)
    block.minimum = half();
  for (int g = 0; info.blocks.nested && g < info.block / info.blocks.group;
       ++g) {
    block.scales[g] = info.blocks.minimum ? generator() % 64 : generator();
    block.minimums[g] = info.blocks.minimum ? generator() % 64 : 0;
  }
  for (int64_t i = 0; i < info.block; ++i)
    block.numbers[i] = generator() >> 8 & ((1 << info.blocks.bits) - 1);
  return block;
}

inline std::vector<format::Elem> blockFormats() {
  std::vector<format::Elem> found;
  for (format::Elem elem : format::EnumValuesElem())
    if (format::isBlocks(elem))
      found.push_back(elem);
  return found;
}

} // namespace sluice::test
