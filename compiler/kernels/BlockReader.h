// Numbers of a weight in a block format (runtime/format/Packing.h), read as
// f32.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace sluice::kernels {

class BlockReader {
public:
  // The weight is the operand `name`; a row has K numbers.
  BlockReader(KernelBuilder &k, llvm::StringRef name, format::Elem elem,
              Expr width);

  // Bytes of a panel.
  Expr panelBytes();
  // Column `at` of K of 16 rows of the panel that starts at a byte, from row
  // `row` of its 64 on: vector<16xf32>.
  Expr panelColumn(Expr panel, Expr row, Expr at);
  // Number `at` of a row, as panels or as rows: f32.
  Expr inPanels(Expr row, Expr at);
  Expr inRows(Expr row, Expr at);

private:
  // i8 and f16 at these bytes, as f32; of 16 or of one.
  Expr product(Expr numberAt, Expr scaleAt, bool sixteen);

  KernelBuilder &k;
  const format::ElemInfo &info;
  mlir::Value bytes, halves; // the same memory
  Expr width;
};

} // namespace sluice::kernels
