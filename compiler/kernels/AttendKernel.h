// The code of one `attend` kernel (see Attend.cpp); AttendProducts.cpp has the
// products of queries with keys and of weights with values.
#pragma once

#include "compiler/kernels/CacheOperand.h"
#include "compiler/kernels/Mask.h"
#include "compiler/kernels/PanelProduct.h"
#include <optional>

namespace sluice::kernels {

constexpr int64_t kBlock = CacheLayout<int64_t>::block;
constexpr int64_t kPanel = CacheLayout<int64_t>::panel;
constexpr int64_t kStrip = CacheLayout<int64_t>::strip;

// A tile has at most so many tokens, and fewer when their rows exceed the
// second number. Of a group of more heads than that it has a piece; groups are
// cut for workers that would be idle, too, but not into fewer than the third.
constexpr int64_t kTileTokens = 16;
constexpr int64_t kAttendRows = 64;
constexpr int64_t kPieceHeads = 8;

// slope * (key - query), or what the attributes make of it.
struct Alibi {
  bool twoSided;
  llvm::StringRef rounded;
  double times; // of what was rounded; else it is in the slopes

  Expr of(Expr positions, Expr distance, Expr slope) const {
    mlir::Type f32 = slope.b().getF32Type();
    if (twoSided)
      distance = min(distance, -distance);
    else if (rounded != "none")
      distance = positions;
    Expr bias = toFloat(distance, f32) * slope;
    if (rounded == "none")
      return bias;
    mlir::Type narrow = rounded == "f16" ? mlir::Type(slope.b().getF16Type())
                                         : slope.b().getBF16Type();
    return toFloat(toFloat(bias, narrow), f32) * times;
  }
};

class AttendKernel {
public:
  AttendKernel(KernelBuilder &k, const Attrs &attrs);
  void build();

private:
  // Tokens [from, to) of one sequence, with query heads of one key head.
  struct Tile {
    Expr sequence, keyHead, firstHead, heads, from, to;
    Expr rows;      // (to - from) * heads
    Expr low, high; // positions that some row sees
  };
  // Query heads of a key head that go together.
  struct Piece {
    Expr keyHead, firstHead, heads;
  };

  void cutGroups(Expr items);
  Piece pieceOf(Expr number);
  Tile open(Expr sequence, Piece piece, Expr from, Expr to);
  void rowsBefore(const Tile &tile, Expr row);
  void blockIfSeen(const Tile &tile, Expr start);
  void block(const Tile &tile, Expr start);
  void scores(const Tile &tile, mlir::Value head, Expr start);
  void scoresOfRows(const Tile &tile, mlir::Value head, Expr start);
  void softmax(const Tile &tile, Expr row, Expr start);
  void weigh(const Tile &tile, mlir::Value head, Expr start);
  void weighStrip(const Tile &tile, mlir::Value head, Expr start, Expr first,
                  int64_t width);
  void merge(Expr row, Expr start);
  void close(const Tile &tile);
  Expr score(const Tile &tile, Expr row, Expr positions, Expr query, Expr s);
  Expr biasOf(const Tile &tile, Expr row, Expr positions, Expr query);
  Mask::Query queryOf(const Tile &tile, Expr row);

  // Sums of `rows` rows of x times a panel of `width` columns, to z.
  void product(const PanelProduct &panel, Expr rows, Expr xStride, Expr xOffset,
               Expr wBase, int64_t width, Expr from, Expr to, mlir::Value z,
               Expr zBase, int64_t zStride);

  // Positions of the block at `start` that some row of the tile sees, rounded
  // outwards to panels; relative to start.
  KernelBuilder::Range panelsSeen(const Tile &tile, Expr start);

  Expr rowFrom(Expr row) { return toIndex(k.load(fromRow, row)); }
  Expr rowTo(Expr row) { return toIndex(k.load(toRow, row)); }
  Expr tokenOf(const Tile &tile, Expr row) {
    return tile.from + row / tile.heads;
  }
  Expr head(const Tile &tile, Expr row) {
    return tile.firstHead + row % tile.heads;
  }

  KernelBuilder &k;
  CacheLayout<int64_t> layout;
  bool keysAlone; // the values are the first channels of the keys
  KeyRows<int64_t> keyRows;
  int64_t qWidth; // stride of q in scratch
  double scale;
  std::optional<double> cap;
  bool hasSinks;
  bool full; // rows of zeros stand before the first token
  llvm::StringRef bias;
  Alibi alibi;
  Mask mask;
  CacheOperand cache;
  Expr heads, keyHeads, group, pieces, pieceHeads, tileTokens, maxDistance;
  mlir::Value q, y, sinks, slopes, biasWeight, buckets, biasRows;
  mlir::Value sequenceOf, offsetOf, firstOf;
  mlir::Value queries, turned, weights, out, blockOut, maxRow, sumRow, blockMax,
      blockSum;
  mlir::Value fromRow, toRow;
  Expr iota;
};

} // namespace sluice::kernels
