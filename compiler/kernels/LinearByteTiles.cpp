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
  Expr at =
      k.index((epilogue.parts() + 1) * shape.chunk * kColumns * 4) +
      byteChunk(width, k.index(kRows), k.index(kMaxByteChunk)) * stageStride;
  spread = k.scratch(k.b().getI8Type(), at);
  spreadShares = k.scratch(k.f32(), at + spreadBytes(width) * epilogue.parts());
  tileSums = k.scratch(k.i32(),
                       k.index(epilogue.parts() * shape.chunk * kColumns * 4));
}

void LinearKernel::byteTileGroup(const Group &g, KernelBuilder::Range mine) {
  Expr chunk = byteChunk(width, k.index(kRows), k.index(kMaxByteChunk));
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
  int64_t lanes = 4 * Lanes::width, perGroup = info.group / 4;
  Expr to = part * spreadBytes(width);
  Expr sharesTo = part * sharesCount(width, info);
  Expr offset = k.expr(arith::ConstantOp::create(
      k.b(),
      DenseElementsAttr::get(k.vec(byte, lanes), llvm::APInt(8, info.offset))));
  k.loop(k.index(0), width / kGroup, 1, [&](Expr group) {
    for (int64_t c = 0; c < kTiles; ++c) {
      Expr column = k.index(c * kTileColumns);
      Values quads = blocks->panelQuads(wBase, column, group * kGroup);
      for (auto [q, quad] : llvm::enumerate(quads)) {
        Expr bytes =
            k.expr(vector::BitCastOp::create(k.b(), k.vec(byte, lanes), quad));
        k.storeVector(bytes - offset, spread,
                      to + ((group * kTiles + c) * int64_t(quads.size()) + q) *
                               lanes);
      }
      for (int64_t at = 0; at < kGroup / 4; at += perGroup) {
        BlockReader::Shares shares =
            blocks->panelShares(wBase, column, group * kGroup + at * 4);
        Expr place = sharesAt(sharesTo, group * kGroup + at * 4, column);
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
  Values zero(size_t(kRows), k.reals(0));
  Expr length = select(width > SLC_K_BLOCK, k.index(SLC_K_BLOCK),
                       k.index(SLC_K_BLOCK_SHORT));
  k.loop(k.index(0), width, length, [&](Expr block) {
    Expr end = min(block + length, width);
    Values sums = k.loop(block / kGroup, end / kGroup, 1, zero,
                         [&](Expr group, ArrayRef<Expr> carried) {
                           Values result(carried);
                           byteTileStep(x, row, part, c, group, result);
                           return result;
                         });
    for (auto [sum, place] : llvm::zip(sums, at))
      k.storeVector(k.loadVector(totals, place) + sum, totals, place);
  });
}

// A group of K: whole sums in a tile, which becomes f32 by way of memory.
void LinearKernel::byteTileStep(ArrayRef<ByteRow> x, Expr row, Expr part,
                                Expr c, Expr group, Values &sums) {
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
  Expr panel = part * spreadBytes(width) +
               (group * kTiles + c) * (kGroup * kTileColumns);
  Expr sharesFrom = part * sharesCount(width, info);
  for (int64_t first = 0; first < kGroup; first += info.group) {
    Value a = load(tile(kRows, info.group, byte), stageBytes,
                   x[0].bytes + group * kGroup + first, stageStride);
    Value b = load(tile(info.group / 4, 4 * kTileColumns, byte), spread,
                   panel + first * kTileColumns, k.index(4 * kTileColumns));
    Value product = amx::TileMulIOp::create(
        k.b(), whole, a, b, amx::TileZeroOp::create(k.b(), whole));
    amx::TileStoreOp::create(k.b(), tileSums,
                             ValueRange{static_cast<Value>(k.index(0))},
                             product, k.index(kTileColumns));
    Expr place = sharesAt(sharesFrom, group * kGroup + first, c * kTileColumns);
    Expr scale = k.loadVector(spreadShares, place), minimum;
    if (info.minimum)
      minimum = k.loadVector(spreadShares, place + kColumns);
    for (auto [r, from] : llvm::enumerate(x)) {
      Expr own = k.load(stage, from.scales + group);
      Expr acc = k.loadVector(tileSums, k.index(int64_t(r) * kTileColumns));
      sums[r] =
          fma(toFloat(acc, k.f32()), scale * splat(own, Lanes::width), sums[r]);
      if (minimum) {
        Expr total = partSum(from, group, first / info.group);
        sums[r] =
            fma(minimum, splat(toFloat(total, k.f32()) * own, Lanes::width),
                sums[r]);
      }
    }
  }
}

} // namespace sluice::kernels
