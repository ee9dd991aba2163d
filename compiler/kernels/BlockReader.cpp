#include "compiler/kernels/BlockReader.h"
#include "compiler/codegen/Target.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {

BlockReader::BlockReader(KernelBuilder &k, StringRef name, format::Elem elem,
                         Expr width)
    : k(k), info(format::infoOf(elem)), blocks(info.blocks), width(width) {
  Value memory = k.pointer(name);
  bytes = k.view(memory, k.b().getI8Type());
  halves = k.view(memory, k.b().getF16Type());
  words = k.view(memory, k.i32());
}

Expr BlockReader::panelBytes(Expr columns) {
  return ceilDiv(columns, info.block) * (info.blockBytes * SLC_PANEL);
}

// The part of a block that begins `part` bytes from its begin if the block is
// alone: of the rows that are read.
Expr BlockReader::cell(const Cells &cells, Type type, Expr part) {
  int64_t size = type.getIntOrFloatBitWidth() / 8;
  Expr at = cells.block + part * cells.rows;
  Value memory = size == 1 ? bytes : size == 2 ? halves : words;
  if (size > 1)
    at = at / size;
  at = at + cells.row;
  return cells.lanes == 1 ? k.load(memory, at) : k.loadVector(memory, at);
}

Expr BlockReader::word(const Cells &cells, Expr part) {
  return cell(cells, k.i32(), part);
}

static int64_t sharesBytes(const format::BlockInfo &blocks) {
  return blocks.floats ? 1 : blocks.minimum ? 4 : 2;
}

static int64_t numbersFrom(const format::ElemInfo &info) {
  return info.blockBytes - info.block * info.blocks.bits / 8;
}

BlockReader::Shares BlockReader::shares(const Cells &cells, Expr at) {
  Type half = k.b().getF16Type(), byte = k.b().getI8Type();
  if (blocks.floats) { // half of the scale: the largest is beyond f32
    Expr e = k.extend(cell(cells, byte, k.index(0)), k.i32());
    Expr small = e.like(1 << 21) << e;
    return {bitcast(select(e < 2, small, (e - 1) << 23), k.f32()), {}};
  }
  Shares found;
  found.scale = toFloat(cell(cells, half, k.index(0)), k.f32());
  if (blocks.minimum)
    found.minimum = toFloat(cell(cells, half, k.index(2)), k.f32());
  if (!blocks.nested)
    return found;
  Expr group = at % info.block / blocks.group + sharesBytes(blocks);
  found.scale = found.scale * toFloat(cell(cells, byte, group), k.f32());
  if (blocks.minimum) {
    Expr minimum = cell(cells, byte, group + info.block / blocks.group);
    found.minimum = -(found.minimum * toFloat(minimum, k.f32()));
  }
  return found;
}

Expr BlockReader::value(Expr number, const Shares &shares) {
  if (blocks.floats) { // twice the value
    Expr size = number & 7;
    Expr more = select(size < 2, size.like(0), size << 22);
    Expr bits = select(size == 0, size.like(0), more + 0x3f800000);
    return bitcast(bits | (number & 8) << 28, k.f32()) * shares.scale;
  }
  if (blocks.offset)
    number = number - blocks.offset;
  Expr product = toFloat(number, k.f32()) * shares.scale;
  return blocks.minimum ? product + shares.minimum : product;
}

BlockReader::Cells BlockReader::panelCells(Expr panel, Expr row, Expr at) {
  return {panel + at / info.block * (info.blockBytes * SLC_PANEL), row,
          SLC_PANEL, Lanes::width};
}

BlockReader::Shares BlockReader::panelShares(Expr panel, Expr row, Expr at) {
  return shares(panelCells(panel, row, at), at);
}

// The low four bits of eight numbers are two such words, one shift apart.
Values BlockReader::panelQuads(Expr panel, Expr row, Expr at, Expr eight) {
  Cells cells = panelCells(panel, row, at);
  Expr run = at % info.block / group * (4 * blocks.bits) + numbersFrom(info);
  if (blocks.bits == 8)
    return {word(cells, run + eight * 8), word(cells, run + eight * 8 + 4)};
  Expr low = word(cells, run + eight * 4);
  Values quads = {low & 0x0f0f0f0f, (low >> 4) & 0x0f0f0f0f};
  if (blocks.floats)
    return {throughTable(quads[0]), throughTable(quads[1])};
  int64_t rest = blocks.bits - 4, mask = ((1 << rest) - 1) * 0x10101010;
  if (rest == 0)
    return quads;
  Expr inWord = rest == 1 ? k.index(0) : eight / 2;
  Expr high = word(cells, run + 16 + inWord * 4);
  for (int64_t half = 0; half < 2; ++half) {
    // Where the rest of a number begins in its byte, from where it goes to 4.
    Expr from = rest == 1 ? eight * 2 + half : eight % 2 * 4 + 2 * half;
    auto by = [&](Expr count) {
      return splat(toInt(max(count, k.index(0)), k.i32()), Lanes::width);
    };
    Expr there = (high << by(4 - from)) >> by(from - 4);
    quads[half] = quads[half] | (there & mask);
  }
  return quads;
}

static constexpr int kFloatOffset = 2 * 6; // of the largest, as whole numbers

int64_t BlockReader::quadOffset() const {
  return blocks.floats ? kFloatOffset : blocks.offset;
}

// Codes of floats in bytes: twice their values and the offset.
Expr BlockReader::throughTable(Expr quads) {
  int64_t bytes = 4 * Lanes::width, part = k.target().hasAvx512 ? bytes : 32;
  StringRef shuffle = k.target().hasAvx512 ? "llvm.x86.avx512.pshuf.b.512"
                                           : "llvm.x86.avx2.pshuf.b";
  Type byte = k.b().getI8Type();
  SmallVector<int8_t> codes;
  for (int64_t i = 0; i < part; ++i)
    codes.push_back(int8_t(2 * format::kE2M1[i % 16]) + kFloatOffset);
  Value table = arith::ConstantOp::create(
      k.b(), DenseElementsAttr::get(k.vec(byte, part), ArrayRef(codes)));
  Value all = vector::BitCastOp::create(k.b(), k.vec(byte, bytes), quads);
  Value found;
  for (int64_t from = 0; from < bytes; from += part) {
    Value some = vector::ExtractStridedSliceOp::create(k.b(), all, from, part,
                                                       int64_t(1));
    Value values = LLVM::CallIntrinsicOp::create(k.b(), some.getType(),
                                                 k.b().getStringAttr(shuffle),
                                                 ValueRange{table, some})
                       .getResults();
    SmallVector<int64_t> both;
    for (int64_t i = 0; i < from + part; ++i)
      both.push_back(i);
    found =
        found ? vector::ShuffleOp::create(k.b(), found, values, both) : values;
  }
  return k.expr(vector::BitCastOp::create(k.b(), quads.type(), found));
}

int64_t BlockReader::quadNumber(int64_t place) const {
  if (blocks.bits == 8)
    return place;
  int64_t bit = place / 4 % 2 * 4 + place % 4 * 8;
  int64_t inWord = llvm::find(format::kNibble, bit) - format::kNibble;
  return place / 8 * 8 + inWord;
}

// Blocks lie one behind the other, so groups have equal shares of the bytes.
void BlockReader::prefetch(Expr panel, Expr row, Expr at) {
  constexpr int64_t ahead = 8192, line = 64;
  int64_t groupBytes = info.blockBytes * SLC_PANEL * group / info.block;
  int64_t each = (groupBytes + 4 * line - 1) / (4 * line); // for 16 rows
  Expr from = panel + at * groupBytes + row / Lanes::width * (each * line);
  for (int64_t i = 0; i < each; ++i)
    k.prefetch(bytes, from + (ahead + i * line));
}

void BlockReader::prefetchLine(Expr at) { k.prefetch(bytes, at); }

Values BlockReader::panelColumns(Expr panel, Expr row, Expr at) {
  Cells cells = panelCells(panel, row, at);
  Shares here = shares(cells, at);
  Expr inRun = at % 32 / step; // eight of the 32 whose words are together
  Expr run = at % info.block / 32 * (4 * blocks.bits) + numbersFrom(info);
  Values result;
  if (blocks.bits == 8) {
    for (int64_t half = 0; half < 2; ++half) {
      Expr four = word(cells, run + inRun * 8 + half * 4);
      for (int64_t i = 0; i < 4; ++i)
        result.push_back(value((four >> (8 * i)) & 255, here));
    }
    return result;
  }
  Expr low = word(cells, run + inRun * 4), high;
  if (blocks.bits == 5)
    high =
        word(cells, run + 16) >> splat(toInt(inRun * 2, k.i32()), Lanes::width);
  if (blocks.bits == 6)
    high = word(cells, run + 16 + inRun / 2 * 4) >>
           splat(toInt(inRun % 2 * 4, k.i32()), Lanes::width);
  for (int64_t i = 0; i < step; ++i) {
    int bit = format::kNibble[i], rest = blocks.bits - 4;
    Expr number = (low >> bit) & 15;
    if (high)
      number =
          number |
          ((high >> (bit / 8 * 8 + bit / 4 % 2 * rest)) & ((1 << rest) - 1))
              << 4;
    result.push_back(value(number, here));
  }
  return result;
}

// The same from the bytes that hold it: blocks in rows are not aligned.
Expr BlockReader::single(const Cells &cells, Expr at) {
  Type byte = k.b().getI8Type();
  Expr i = at % 32;
  Expr run = at % info.block / 32 * (4 * blocks.bits) + numbersFrom(info);
  auto bitsAt = [&](Expr word, Expr byteOfWord, Expr from, int count) {
    Cells inside = cells;
    inside.block = cells.block + byteOfWord;
    inside.row = cells.row * 4;
    Expr found = k.extend(cell(inside, byte, run + word * 4), k.i32());
    return (found >> toInt(from, k.i32())) & ((1 << count) - 1);
  };
  Shares here = shares(cells, at);
  if (blocks.bits == 8)
    return value(bitsAt(i / 4, i % 4, k.index(0), 8), here);
  Expr word = i / 8, ofByte = i % 2 * 2 + i % 4 / 2, half = i % 8 / 4;
  Expr number = bitsAt(word, ofByte, half * 4, 4);
  if (blocks.bits == 5)
    number = number | bitsAt(k.index(4), ofByte, word * 2 + half, 1) << 4;
  if (blocks.bits == 6)
    number = number | bitsAt(word / 2 + 4, ofByte, word % 2 * 4 + half * 2, 2)
                          << 4;
  return value(number, here);
}

Expr BlockReader::inPanels(Expr row, Expr at) {
  Expr block = row / SLC_PANEL * panelBytes(width) +
               at / info.block * (info.blockBytes * SLC_PANEL);
  return single({block, row % SLC_PANEL, SLC_PANEL, 1}, at);
}

Expr BlockReader::inRows(Expr row, Expr at) {
  Expr block = (row * width + at) / info.block * info.blockBytes;
  return single({block, k.index(0), 1, 1}, at);
}

} // namespace sluice::kernels
