// The operand that names a cache (slc_cache), and what is written to one
// (runtime/format/CacheLayout.h).
#pragma once

#include "compiler/kernels/KernelBuilder.h"
#include "runtime/format/CacheLayout.h"

namespace sluice::kernels {

using format::CacheLayout;
using format::KeyRows;

class CacheOperand {
public:
  CacheOperand(KernelBuilder &k, llvm::StringRef name);

  // f32 memref of one head in the block that holds position `position` of a
  // sequence.
  mlir::Value head(Expr sequence, Expr position, Expr headBytes);

  Expr held(Expr sequence) { return toIndex(k.load(heldRows, sequence)); }
  Expr total(Expr sequence) { return toIndex(k.load(totalRows, sequence)); }

private:
  KernelBuilder &k;
  mlir::Value pool, table, heldRows, totalRows;
  Expr blockBytes, tableStride;
};

// Writes the key or the value of one head at a position of its block; `head`
// comes from CacheOperand::head, the row from x at base.
void appendKey(KernelBuilder &k, CacheLayout<Expr> layout, mlir::Value head,
               Expr position, mlir::Value x, Expr base);
void appendValue(KernelBuilder &k, CacheLayout<Expr> layout, mlir::Value head,
                 Expr position, mlir::Value x, Expr base);

// Likewise the key of one head in a cache of keys alone.
void appendRow(KernelBuilder &k, KeyRows<Expr> rows, mlir::Value head,
               Expr position, mlir::Value x, Expr base);

} // namespace sluice::kernels
