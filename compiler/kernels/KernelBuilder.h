// Builds one kernel function against runtime/format/kernel_abi.h:
//
//   func.func @slc_k_NAME(%call: !llvm.ptr) -> i32
//
// A kernel reads its operands as flat memref<?xT> views (vector.load and store
// on them become plain zmm or ymm accesses; the descriptors fold away), its
// dims as index values, and does the items that partition() gives its worker:
//
//   KernelBuilder k(...);
//   Value x = k.operand("x", k.f32()), y = k.operand("y", k.f32());
//   Expr n = k.dim("N"), xs = k.dim("x.stride"), ys = k.dim("y.stride");
//   k.items(k.rows(), [&](Expr row) {
//     k.lanes(n, [&](Lanes at) {
//       k.store(k.load(x, row * xs, at) * 2.0, y, row * ys, at);
//     });
//   });
//
// Rules that keep results equal to the bit on every path: 16 lanes on every
// target (a narrower target splits them), sums over lanes by sumLanes(), fma
// only where it is written, and no value that depends on worker() or workers().
#pragma once

#include "compiler/kernels/Kernels.h"
#include "dialects/expr/Expr.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/format/Packing.h"
#include "runtime/format/kernel_abi.h"

namespace sluice::kernels {

using namespace expr;

// Sixteen consecutive elements of a row, the first at `first`; the mask is null
// when all are inside the row.
struct Lanes {
  static constexpr int64_t width = 16;
  Expr first;
  Expr mask;
};

// Rows of a packed panel: K with its padding. Int is int64_t or Expr.
template <typename Int> Int panelDepth(Int width, format::Elem elem) {
  int64_t unit = format::infoOf(elem).panelDepth;
  return (width + (unit - 1)) / unit * unit;
}

using Values = llvm::SmallVector<Expr>;

class KernelBuilder {
public:
  // Opens the function and reads the call.
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                llvm::StringRef symbol, const Signature &signature,
                const codegen::Target &target);
  // Returns 0 from the function; nothing may be emitted afterwards.
  void finish();

  mlir::ImplicitLocOpBuilder &b() { return builder; }
  const codegen::Target &target() const { return theTarget; }

  // Types and constants.
  mlir::Type f32() { return builder.getF32Type(); }
  // The element type of bf16 memory: i16 on targets that cannot convert, where
  // values of the type bf16 would turn into calls. loadFloat and storeFloat
  // read and write both.
  mlir::Type bf16();
  mlir::Type i32() { return builder.getI32Type(); }
  mlir::VectorType vec(mlir::Type element, int64_t lanes = Lanes::width) {
    return mlir::VectorType::get({lanes}, element);
  }
  Expr expr(mlir::Value value) { return {builder, value}; }
  Expr index(int64_t value);
  Expr real(double value); // f32 scalar
  Expr reals(double value, int64_t lanes = Lanes::width);
  // A table that the code holds: vector constant of f32.
  Expr constant(llvm::ArrayRef<float> values);

  // The call. All loads happen at the start of the function, so values can be
  // used in any region.
  mlir::Value operand(llvm::StringRef name, mlir::Type element);
  mlir::Value pointer(llvm::StringRef name);
  bool hasOperand(llvm::StringRef name) const;
  Expr dim(llvm::StringRef name);
  Expr rows() { return theRows; }
  Expr worker() { return theWorker; }
  Expr workers() { return theWorkers; }
  Expr batchCount(slc_batch_field field);        // tokens, sequences, wanted
  mlir::Value batchArray(slc_batch_field field); // memref<?xi32>
  // A sequence of the step: its rows, and where its slot begins in a fixed
  // state of so many elements of 4 bytes, as slots are padded to 64 bytes.
  struct SequenceRows {
    Expr from, to, state;
  };
  SequenceRows sequence(Expr number, Expr stateElements);
  mlir::Value scratch(mlir::Type element, Expr byteOffset = {});

  // Raw memory: a field of a struct whose fields are 8 bytes each, a pointer
  // moved by bytes, a pointer seen as a flat memref.
  mlir::Value fieldPointer(mlir::Value base, int64_t field);
  Expr fieldIndex(mlir::Value base, int64_t field);
  mlir::Value advance(mlir::Value pointer, Expr bytes);
  mlir::Value view(mlir::Value pointer, mlir::Type element);

  // This worker's items [g*w/W, g*(w+1)/W) of a grid of g.
  struct Range {
    Expr from, to;
  };
  Range partition(Expr grid);
  void items(Expr grid, llvm::function_ref<void(Expr item)> body);

  // Control flow. Loops run while i < to; the second form carries values.
  void loop(Expr from, Expr to, int64_t step,
            llvm::function_ref<void(Expr i)> body);
  void loop(Expr from, Expr to, Expr step,
            llvm::function_ref<void(Expr i)> body);
  Values loop(Expr from, Expr to, int64_t step, llvm::ArrayRef<Expr> init,
              llvm::function_ref<Values(Expr i, llvm::ArrayRef<Expr>)> body);
  Values loop(Expr from, Expr to, Expr step, llvm::ArrayRef<Expr> init,
              llvm::function_ref<Values(Expr i, llvm::ArrayRef<Expr>)> body);
  void when(Expr condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = nullptr);
  Values choose(Expr condition, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);

  // Walks a row of n elements by 16; the last body call is masked when n is not
  // a multiple. The second form carries values: masked lanes must then leave
  // them alone, which a suitable fill of load() does for sums and maxima.
  void lanes(Expr n, llvm::function_ref<void(Lanes)> body);
  Values lanes(Expr n, llvm::ArrayRef<Expr> init,
               llvm::function_ref<Values(Lanes, llvm::ArrayRef<Expr>)> body);
  // The lanes of a row whose width is a constant: unrolled, no control flow.
  void lanes(int64_t n, llvm::function_ref<void(Lanes)> body);

  // One element at base.
  Expr load(mlir::Value memref, Expr at);
  void store(Expr value, mlir::Value memref, Expr at);
  // A full vector at base.
  Expr loadVector(mlir::Value memref, Expr at, int64_t lanes = Lanes::width);
  void storeVector(Expr value, mlir::Value memref, Expr at);
  // Lanes of the row that starts at base; masked lanes read `fill`.
  Expr load(mlir::Value memref, Expr base, Lanes lanes, double fill = 0);
  void store(Expr value, mlir::Value memref, Expr base, Lanes lanes);
  // As above, converting: f32 vectors from f32 or bf16 memory and back.
  Expr loadFloat(mlir::Value memref, Expr base, Lanes lanes, double fill = 0);
  void storeFloat(Expr value, mlir::Value memref, Expr base, Lanes lanes);
  // Sixteen elements memref[base + offsets[i]], offsets of i32.
  Expr gather(mlir::Value memref, Expr base, Expr offsets);
  void prefetch(mlir::Value memref, Expr at);

  // Bytes without sign as a wider type.
  Expr extend(Expr x, mlir::Type element);

  // f32 to bf16() and back, on scalars and vectors; to nearest even.
  Expr toBf16(Expr x);
  Expr fromBf16(Expr x);

  // Over the lanes of a vector<16xf32>, in a fixed tree: halves are added (or
  // compared) 8 + 8, 4 + 4, 2 + 2, 1 + 1.
  Expr sumLanes(Expr vector);
  Expr maxLanes(Expr vector);

  // The sum of squares of n elements as every norm takes it: 16 lanes of fma
  // over the row, then sumLanes. `element` gives 16 elements, 0 where masked.
  Expr sumOfSquares(Expr n, llvm::function_ref<Expr(Lanes)> element);

private:
  Expr reduce(Expr vector, Expr (*combine)(Expr, Expr));
  Values wrap(mlir::ValueRange values);

  mlir::OpBuilder::InsertionGuard guard;
  mlir::ImplicitLocOpBuilder builder;
  const Signature &signature;
  const codegen::Target &theTarget;
  mlir::func::FuncOp function;
  // Reads of the call go here, in front of everything else.
  mlir::Operation *head = nullptr;
  mlir::Value call, operands, dims, batch, scratchBase;
  Expr theRows, theWorker, theWorkers;
};

} // namespace sluice::kernels
