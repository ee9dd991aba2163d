// The code of one `linear` kernel (see Linear.cpp): the way through groups of
// rows, chunks and panels is the same for every target; LinearVectors.cpp
// multiplies in vector registers, LinearTiles.cpp in the tiles of AMX.
#pragma once

#include "compiler/codegen/Target.h"
#include "compiler/kernels/Epilogue.h"
#include "compiler/kernels/PanelProduct.h"
#include "compiler/kernels/TileProduct.h"
#include <functional>
#include <optional>

namespace sluice::kernels {

enum class SourceRows { Direct, Tokens, Pairs, Heads };

// The attributes of one linear kernel.
struct LinearConfig {
  explicit LinearConfig(const Attrs &attrs)
      : epilogue(attrs), norm(attrs.word("norm")),
        normWeight(attrs.flag("norm_weight")),
        normBias(attrs.flag("norm_bias")), eps(attrs.real("eps")),
        weight(attrs.elem("weight")), compute(attrs.elem("compute")),
        input(attrs.elem("input")), output(attrs.elem("out")) {
    llvm::StringRef word = attrs.word("rows", "direct");
    rows = word == "tokens"  ? SourceRows::Tokens
           : word == "pairs" ? SourceRows::Pairs
           : word == "heads" ? SourceRows::Heads
                             : SourceRows::Direct;
  }
  bool grouped() const {
    return rows == SourceRows::Tokens || rows == SourceRows::Pairs;
  }
  bool hasNorm() const { return norm != "none"; }

  Epilogue epilogue;
  llvm::StringRef norm;
  bool normWeight, normBias;
  double eps;
  Elem weight, compute, input, output;
  SourceRows rows;
};

constexpr int64_t kColumns = SLC_PANEL;

// Rows of a chunk of rows in bf16, and the most of one in bytes.
constexpr int64_t kNarrowChunk = 32, kMaxByteChunk = 240;
constexpr int64_t kSpreadChunkBytes = 1 << 20, kMaxSpreadChunk = 96;

// How the target does this product: what is staged and how long a chunk is.
struct LinearShape {
  // Most rows of a chunk: the weights are read once for each chunk, the staged
  // rows should stay in the level-2 cache.
  int64_t chunk;
  bool staged;
  bool stagedBf16;
  // Elements between staged rows, which a power of two apart would share a set
  // of the cache.
  static constexpr int64_t stagePadding = 32;
  bool tiles;
  bool byteTiles; // for many rows
  PanelProduct::Arithmetic arithmetic;
  // For many rows weights become f32 in scratch, a run of k at a time.
  bool spreads;
  // Rows of k after which the sums leave the registers, so that the next row
  // tile finds the weights in the nearest cache. A multiple of 32.
  int64_t kRun;

  // Without a target (when scratch is asked for) the largest but tiles.
  LinearShape(const LinearConfig &config, const codegen::Target *target) {
    tiles = config.compute == Elem::BF16 && target && target->hasAmx;
    byteTiles = config.compute == Elem::I8 && target && target->hasAmx;
    bool dot = config.compute == Elem::BF16 && target && target->hasAvx512Bf16;
    arithmetic = config.compute == Elem::I8   ? PanelProduct::Bytes
                 : isBlocks(config.weight)    ? PanelProduct::Blocks
                 : config.weight == Elem::F32 ? PanelProduct::F32
                 : dot                        ? PanelProduct::Dot
                                              : PanelProduct::Widen;
    staged =
        tiles || config.hasNorm() || config.rows == SourceRows::Tokens ||
        config.compute == Elem::I8 ||
        (config.compute == Elem::BF16 && !(dot && config.input == Elem::BF16));
    stagedBf16 = dot || tiles;
    spreads =
        arithmetic == PanelProduct::Widen || arithmetic == PanelProduct::Blocks;
    chunk = spreads                       ? kMaxSpreadChunk
            : config.compute == Elem::I8  ? kMaxByteChunk
            : config.compute != Elem::F32 ? kNarrowChunk
            : staged                      ? 16
                                          : 64;
    kRun = (target && !target->hasAvx512 ? 128 : 256) / (spreads ? 2 : 1);
  }
  int64_t spreadBytes() const { return spreads ? kRun * kColumns * 4 : 0; }
};

// Rows from which on the spreading of weights is paid for, and the rows of a
// chunk: the more, the less often it is done, while a mebibyte holds them.
constexpr int64_t kSpreadRows = 12;
template <typename Int> Int spreadChunk(Int width, Int least, Int most) {
  using std::max, std::min;
  return max(least, min(kSpreadChunkBytes / (width * 4) / 6 * 6, most));
}

// Rows that a pass of tiles takes, and rows of a chunk for them: what 8 MiB of
// the last-level cache hold.
constexpr int64_t kTileRows = 2 * TileProduct::rows;
constexpr int64_t kTileChunkBytes = 8 << 20, kMaxTileChunk = 512;
template <typename Int> Int tileChunk(Int padded, Int least, Int most) {
  using std::max, std::min;
  Int rowTiles = kTileChunkBytes / (padded * (2 * kTileRows));
  return max(least, min(rowTiles * kTileRows, most));
}

// In bytes: rows from which on tiles are faster than vectors, and the bytes of
// a staged row: numbers, a scale for 32, a sum for 16.
constexpr int64_t kByteTileRows = 12;
template <typename Int> Int byteStride(Int width) {
  return (width + width / 32 * 12 + 63) / 64 * 64;
}
// Rows of a chunk: the more, the less often weights come from memory, while a
// mebibyte holds them; whole tiles of both kinds.
constexpr int64_t kByteChunkBytes = 1 << 20, kByteChunkUnit = 48;
template <typename Int> Int byteChunk(Int width, Int least, Int most) {
  using std::max, std::min;
  Int units = kByteChunkBytes / (byteStride(width) * kByteChunkUnit);
  return max(least, min(units * kByteChunkUnit, most));
}

// Numbers after which groups of x and of the weight both end, and those that
// share both scales.
inline int64_t byteSpanSize(const format::BlockInfo &info) {
  return std::max<int64_t>(BlockReader::group, info.group);
}
inline int64_t byteSpanPart(const format::BlockInfo &info) {
  return std::min<int64_t>(BlockReader::group, info.group);
}

class LinearKernel {
public:
  LinearKernel(KernelBuilder &k, const Attrs &attrs)
      : k(k), config(attrs), epilogue(config.epilogue),
        shape(config, &k.target()), width(k.dim("K")), outWidth(k.dim("N")),
        xStride(k.dim("x.stride")), yStride(k.dim("y.stride")) {
    x = k.operand("x", config.input == Elem::BF16 ? k.bf16() : k.f32());
    y = k.operand("y", config.output == Elem::BF16 ? k.bf16() : k.f32());
    if (epilogue.bias)
      bias = k.operand("bias", k.f32());
    if (epilogue.residual) {
      residual = k.operand("residual", k.f32());
      residualStride = k.dim("residual.stride");
    }
    if (config.normWeight)
      normWeight = k.operand("norm_w", k.f32());
    if (config.normBias)
      normBias = k.operand("norm_b", k.f32());

    panels = ceilDiv(outWidth, kColumns);
    totals = k.scratch(k.f32());
    if (shape.tiles)
      useTiles();
    else
      useVectors();
  }

  void build() {
    if (config.grouped())
      return groups();
    if (config.rows == SourceRows::Heads)
      return heads();
    Group all{k.index(0), k.rows(), k.index(0), k.index(0)};
    KernelBuilder::Range mine = k.partition(panels);
    group(all, mine);
  }

private:
  void useVectors();
  void useTiles();
  void useBytes();

  // Rows that share a weight.
  struct Group {
    Expr first, count;           // rows of y
    Expr weight;                 // element of the weight where its panels start
    Expr biasAt;                 // element of bias
    Expr xFrom = {}, yFrom = {}; // first column of x and y; null for 0
  };

  void groups();
  void heads();
  void group(const Group &g, KernelBuilder::Range mine);
  void vectorGroup(const Group &g, KernelBuilder::Range mine);
  void tileGroup(const Group &g, KernelBuilder::Range mine);
  // Sixteen elements of a row of x, normalised if the kernel does so.
  std::function<Expr(Lanes)> rowReader(const Group &g, Expr row);
  void stageRow(const Group &g, Expr row, Expr stageRow);
  Expr stageBase(Expr row, Expr column);
  void tilePanel(const Group &g, Expr first, Expr at, Expr n, Expr p);
  void finishRows(const Group &g, Expr first, Expr n, Expr p);
  void panel(const Group &g, Expr first, Expr n, Expr p);
  void sumPanel(const Group &g, Expr first, Expr n, Expr wBase, Expr totalBase);
  void multiplyRun(const PanelProduct &by, const Group &g, Expr first, Expr n,
                   Expr wBase, Expr from, Expr to);
  void tileRun(const PanelProduct &by, const Group &g, Tile tile, Expr row,
               Expr first, Expr wBase, Expr from, Expr to);
  void spreadRun(Expr wBase, Expr from, Expr to);
  void finish(const Group &g, Expr row, Expr totalRow, Expr p);

  // In bytes: where a staged row, its scales and what parts of a group of the
  // weight ask for begin, counted in bytes, f32 and words.
  struct ByteRow {
    Expr bytes, scales, parts;
  };
  ByteRow byteRow(Expr row);
  int64_t bytePart() const { return byteSpanPart(blocks->format()); }
  void stageRowBytes(const Group &g, Expr row, Expr stageRow);
  void stagePart(const ByteRow &to, Expr at, Expr numbers);
  void byteRuns(Expr n, Expr wBase, Expr from, Expr to);
  // A pass fetches its share of the next run, so many lines; with 0 the first
  // rows of a run fetch what they will use.
  void byteRun(Tile tile, Expr row, Expr wBase, Expr from, Expr to, Expr share);
  Values byteSpan(llvm::ArrayRef<ByteRow> x, Expr wBase, Expr column, Expr at,
                  llvm::ArrayRef<Expr> sums);
  void fetchShare(Expr pass, Expr wBase, Expr to, Expr share);
  void fetchSpan(Tile tile, Expr wBase, Expr column, Expr at);
  Values wholeSums(llvm::ArrayRef<ByteRow> x, Expr wBase, Expr column,
                   Expr group, int64_t from, int64_t vectors);
  void addPart(const ByteRow &row, Expr at, bool begins,
               llvm::ArrayRef<Expr> whole, llvm::MutableArrayRef<Expr> sums,
               Expr &sumOfX);
  void addGroup(const BlockReader::Shares &shares, Expr sum, Expr sumOfX,
                Expr &into);

  void useByteTiles();
  void byteTileGroup(const Group &g, KernelBuilder::Range mine);
  void spreadPanel(Expr wBase, Expr part);
  Expr sharesAt(Expr from, Expr at, Expr column);
  void byteTile(Expr row, Expr part, Expr c);
  void byteTileStep(llvm::ArrayRef<ByteRow> x, Expr row, Expr part, Expr c,
                    Expr at, Values &sums);

  // The row of x that row i of the sorted list reads.
  Expr sourceRow(Expr row) {
    if (config.rows != SourceRows::Tokens)
      return row;
    return toIndex(k.load(pairs, row)) / topK;
  }

  // An element of x, or of y, in the columns of a group.
  static Expr within(Expr at, Expr from) { return from ? at + from : at; }

  KernelBuilder &k;
  LinearConfig config;
  const Epilogue &epilogue;
  LinearShape shape;
  PanelProduct product;
  PanelProduct spreadProduct; // with what spreadRun writes
  std::optional<BlockReader> blocks;
  TileProduct tiles;
  Expr chunk;            // rows of a chunk that is multiplied in vectors
  int64_t totalRows = 0; // rows of totals for each part of the epilogue
  Expr width, outWidth, xStride, yStride, residualStride, stageStride;
  Expr panels, panelElements; // of the weight
  Expr steps;                 // tiles in a row of x
  Expr topK;
  mlir::Value x, y, bias, residual, normWeight, normBias, pairs;
  mlir::Value totals, sums, stage;
  mlir::Value stageWords, stageBytes; // the same memory
  mlir::Value spread, spreadShares, tileSums;
};

} // namespace sluice::kernels
