// Products in bytes in the tiles of AMX, for as many rows as pay for it. A
// panel is spread out once for all rows of a chunk: its numbers as bytes with a
// sign, its scales as f32. Whole sums are exact, so the bits are those of
// LinearBytes.cpp.
#include "compiler/kernels/LinearKernel.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {

static constexpr int64_t kGroup = BlockReader::group;
static constexpr int64_t kRows = TileProduct::rows;
static constexpr int64_t kTileColumns = 16;
static constexpr int64_t kTiles = kColumns / kTileColumns;

// Bytes and f32 that a panel takes once it is spread out, behind the rows.
static Expr spreadBytes(Expr width) { return width * kColumns; }
static Expr sharesCount(Expr width, const format::BlockInfo &info) {
  return width / info.group * (kColumns * (info.minimum ? 2 : 1));
}

void LinearKernel::useByteTiles() {
  Expr at = k.index((epilogue.parts() + 1) * shape.chunk * kColumns * 4) +
            chunk * stageStride;
  spread = k.scratch(k.b().getI8Type(), at);
  spreadShares = k.scratch(k.f32(), at + spreadBytes(width) * epilogue.parts());
  tileSums = k.scratch(k.i32(),
                       k.index(epilogue.parts() * shape.chunk * kColumns * 4));
}

void LinearKernel::byteTileGroup(const Group &g, KernelBuilder::Range mine) {
  int64_t parts = epilogue.parts();
  // A worker without panels has no use for rows.
  Expr count = select(mine.from < mine.to, g.count, k.index(0));
  k.loop(k.index(0), count, chunk, [&](Expr done) {
    Expr first = g.first + done;
    Expr n = min(count - done, chunk);
    k.loop(k.index(0), n, 1, [&](Expr r) { stageRow(g, first + r, r); });
    k.loop(mine.from, mine.to, 1, [&](Expr p) {
      k.loop(k.index(0), k.index(parts), 1, [&](Expr part) {
        spreadPanel(g.weight + (p * parts + part) * panelElements, part);
      });
      k.loop(k.index(0), n, kRows, [&](Expr at) {
        k.loop(k.index(0), k.index(parts), 1, [&](Expr part) {
          k.loop(k.index(0), k.index(kTiles), 1,
                 [&](Expr c) { byteTile(at, part, c); });
        });
        finishRows(g, first + at, min(n - at, k.index(kRows)), p);
      });
    });
  });
}

// For each group and 16 columns: eight words of four numbers as they are.
void LinearKernel::spreadPanel(Expr wBase, Expr part) {
  const format::BlockInfo &info = blocks->format();
  Type byte = k.b().getI8Type();
  int64_t lanes = 4 * Lanes::width;
  Expr to = part * spreadBytes(width);
  Expr sharesTo = part * sharesCount(width, info);
  Expr offset = k.expr(arith::ConstantOp::create(
      k.b(), DenseElementsAttr::get(k.vec(byte, lanes),
                                    llvm::APInt(8, blocks->quadOffset()))));
  k.loop(k.index(0), width / kGroup, 1, [&](Expr group) {
    for (int64_t c = 0; c < kTiles; ++c) {
      Expr column = k.index(c * kTileColumns);
      Values quads;
      for (int64_t i = 0; i < kGroup / BlockReader::step; ++i)
        quads.append(
            blocks->panelQuads(wBase, column, group * kGroup, k.index(i)));
      for (auto [q, quad] : llvm::enumerate(quads)) {
        Expr bytes =
            k.expr(vector::BitCastOp::create(k.b(), k.vec(byte, lanes), quad));
        k.storeVector(bytes - offset, spread,
                      to + ((group * kTiles + c) * int64_t(quads.size()) + q) *
                               lanes);
      }
      // Of a group that is longer than this one again and again.
      for (int64_t at = 0; at < kGroup; at += byteSpanPart(info)) {
        BlockReader::Shares shares =
            blocks->panelShares(wBase, column, group * kGroup + at);
        Expr place = sharesAt(sharesTo, group * kGroup + at, column);
        k.storeVector(shares.scale, spreadShares, place);
        if (info.minimum)
          k.storeVector(shares.minimum, spreadShares, place + kColumns);
      }
    }
  });
}

Expr LinearKernel::sharesAt(Expr from, Expr at, Expr column) {
  const format::BlockInfo &info = blocks->format();
  return from + at / info.group * (kColumns * (info.minimum ? 2 : 1)) + column;
}

// totals[part][0..15][16 c ...] = sixteen staged rows times 16 columns.
void LinearKernel::byteTile(Expr row, Expr part, Expr c) {
  SmallVector<ByteRow> x;
  Values at;
  for (int64_t r = 0; r < kRows; ++r) {
    x.push_back(byteRow(row + r));
    at.push_back((part * totalRows + r) * kColumns + c * kTileColumns);
    k.storeVector(k.reals(0), totals, at.back());
  }
  int64_t span = byteSpanSize(blocks->format());
  Values zero(size_t(kRows), k.reals(0));
  Expr length = select(width > SLC_K_BLOCK, k.index(SLC_K_BLOCK),
                       k.index(SLC_K_BLOCK_SHORT));
  k.loop(k.index(0), width, length, [&](Expr block) {
    Expr end = min(block + length, width);
    Values sums = k.loop(block / span, end / span, 1, zero,
                         [&](Expr i, ArrayRef<Expr> carried) {
                           Values result(carried);
                           byteTileStep(x, row, part, c, i * span, result);
                           return result;
                         });
    for (auto [sum, place] : llvm::zip(sums, at))
      k.storeVector(k.loadVector(totals, place) + sum, totals, place);
  });
}

// A span of K: whole sums in a tile, which become f32 by way of memory.
void LinearKernel::byteTileStep(ArrayRef<ByteRow> x, Expr row, Expr part,
                                Expr c, Expr at, Values &sums) {
  const format::BlockInfo &info = blocks->format();
  Type byte = k.b().getI8Type();
  auto tile = [&](int64_t rows, int64_t columns, Type type) {
    return amx::TileType::get({rows, columns}, type);
  };
  auto load = [&](amx::TileType type, Value memory, Expr at, Expr stride) {
    return amx::TileLoadOp::create(k.b(), type, memory,
                                   ValueRange{static_cast<Value>(at)}, stride);
  };
  amx::TileType whole = tile(kRows, kTileColumns, k.i32());
  Expr sharesFrom = part * sharesCount(width, info);
  int64_t size = byteSpanPart(info);
  Values groupSums(x.size()), groupTotals(x.size());
  for (int64_t from = 0; from < byteSpanSize(info); from += size) {
    Expr group = at / kGroup + from / kGroup;
    int64_t inside = from % kGroup;
    Expr panel = part * spreadBytes(width) +
                 (group * kTiles + c) * (kGroup * kTileColumns);
    Value a = load(tile(kRows, size, byte), stageBytes,
                   x[0].bytes + group * kGroup + inside, stageStride);
    Value b = load(tile(size / 4, 4 * kTileColumns, byte), spread,
                   panel + inside * kTileColumns, k.index(4 * kTileColumns));
    Value product = amx::TileMulIOp::create(
        k.b(), whole, a, b, amx::TileZeroOp::create(k.b(), whole));
    amx::TileStoreOp::create(k.b(), tileSums,
                             ValueRange{static_cast<Value>(k.index(0))},
                             product, k.index(kTileColumns));
    bool last = (from + size) % info.group == 0;
    BlockReader::Shares shares;
    if (last) {
      Expr place = sharesAt(sharesFrom, at + from, c * kTileColumns);
      shares.scale = k.loadVector(spreadShares, place);
      if (info.minimum)
        shares.minimum = k.loadVector(spreadShares, place + kColumns);
    }
    for (auto [r, own] : llvm::enumerate(x)) {
      Expr acc = k.loadVector(tileSums, k.index(int64_t(r) * kTileColumns));
      addPart(own, at + from, from % info.group == 0, acc, groupSums[r],
              groupTotals[r]);
      if (last)
        addGroup(shares, groupSums[r], groupTotals[r], sums[r]);
    }
  }
}

} // namespace sluice::kernels
