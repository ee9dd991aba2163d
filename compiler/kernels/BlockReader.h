// Numbers of a weight in a block format (runtime/format/Packing.h), read as
// f32.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

class BlockReader {
public:
  // Columns of K that panelColumns and panelQuads give at once; columns whose
  // words lie together.
  static constexpr int64_t step = 8, group = 32;

  // The weight is the operand `name`; a row has K numbers.
  BlockReader(KernelBuilder &k, llvm::StringRef name, format::Elem elem,
              Expr width);

  // Bytes of so many columns of a panel, whole blocks.
  Expr panelBytes(Expr columns);
  // Columns `at` to `at + 7` of K, a multiple of 8, of 16 rows of the panel
  // that starts at a byte, from row `row` of its 64 on: eight vector<16xf32>.
  Values panelColumns(Expr panel, Expr row, Expr at);
  // What makes values of numbers: value = (n - offset) * scale + minimum, of 16
  // rows or of one; the minimum is null where there is none.
  struct Shares {
    Expr scale, minimum;
  };
  Shares panelShares(Expr panel, Expr row, Expr at);
  // Eight columns of such rows, number `eight` of those of the group of 32 that
  // begins at column `at`, as whole numbers with quadOffset(), four to a word
  // as bytes: two vector<16xi32>. Byte b of word q is column
  // quadNumber(4 * q + b) of the group, q counted from its begin. Of floats
  // twice the value, as the scale is half.
  Values panelQuads(Expr panel, Expr row, Expr at, Expr eight);
  int64_t quadOffset() const;
  int64_t quadNumber(int64_t place) const;
  // Fetches what panelQuads and panelShares will read some groups later.
  void prefetch(Expr panel, Expr row, Expr group);
  void prefetchLine(Expr byte);

  const format::BlockInfo &format() const { return blocks; }

  // Number `at` of a row, as panels or as rows: f32.
  Expr inPanels(Expr row, Expr at);
  Expr inRows(Expr row, Expr at);

private:
  // Blocks of some rows side by side, of which one row, or 16, are read.
  struct Cells {
    Expr block;    // the byte where the blocks begin
    Expr row;      // the first
    int64_t rows;  // side by side
    int64_t lanes; // 16, or 1
  };
  Cells panelCells(Expr panel, Expr row, Expr at);
  Expr cell(const Cells &cells, mlir::Type type, Expr part);
  Expr word(const Cells &cells, Expr part);
  Shares shares(const Cells &cells, Expr at);
  Expr value(Expr number, const Shares &shares);
  Expr throughTable(Expr quads);
  Expr single(const Cells &cells, Expr at);

  KernelBuilder &k;
  const format::ElemInfo &info;
  const format::BlockInfo &blocks;
  mlir::Value bytes, halves, words; // the same memory
  Expr width;
};

} // namespace sluice::kernels
