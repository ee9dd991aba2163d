#include "compiler/codegen/EmulateTiles.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

namespace sluice::codegen {
namespace {

VectorType vectorOf(amx::TileType tile) {
  return VectorType::get(tile.getShape(), tile.getElementType());
}

Value constantIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

// The last index of a row: `row` strides after the tile's first.
SmallVector<Value> rowIndices(ImplicitLocOpBuilder &b, ValueRange indices,
                              Value stride, int64_t row) {
  SmallVector<Value> at(indices);
  Value offset = arith::MulIOp::create(b, stride, constantIndex(b, row));
  at.back() = arith::AddIOp::create(b, at.back(), offset);
  return at;
}

struct EmulateZero : public OpConversionPattern<amx::TileZeroOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(amx::TileZeroOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    VectorType type = vectorOf(op.getTileType());
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op,
                                                   rewriter.getZeroAttr(type));
    return success();
  }
};

struct EmulateLoad : public OpConversionPattern<amx::TileLoadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(amx::TileLoadOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!op.getStride())
      return rewriter.notifyMatchFailure(op, "takes its stride from a memref");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    VectorType type = vectorOf(op.getTileType());
    VectorType rowType = VectorType::Builder(type).dropDim(0);
    Value tile = arith::ConstantOp::create(b, b.getZeroAttr(type));
    for (int64_t row = 0; row < type.getDimSize(0); ++row) {
      Value values = vector::LoadOp::create(
          b, rowType, operands.getBase(),
          rowIndices(b, operands.getIndices(), operands.getStride(), row));
      tile = vector::InsertOp::create(b, values, tile, ArrayRef<int64_t>{row});
    }
    rewriter.replaceOp(op, tile);
    return success();
  }
};

struct EmulateStore : public OpConversionPattern<amx::TileStoreOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(amx::TileStoreOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!op.getStride())
      return rewriter.notifyMatchFailure(op, "takes its stride from a memref");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    for (int64_t row = 0; row < op.getTileType().getDimSize(0); ++row)
      vector::StoreOp::create(
          b,
          vector::ExtractOp::create(b, operands.getVal(),
                                    ArrayRef<int64_t>{row}),
          operands.getBase(),
          rowIndices(b, operands.getIndices(), operands.getStride(), row));
    rewriter.eraseOp(op);
    return success();
  }
};

// Vectors of f32 as the tile unit sees them.
class TileMath {
public:
  TileMath(ImplicitLocOpBuilder &b, int64_t lanes)
      : b(b), floats(VectorType::get({lanes}, b.getF32Type())),
        words(VectorType::get({lanes}, b.getI32Type())) {}

  // A number below the normal range is a zero of its sign.
  Value flush(Value x) {
    Value bits = arith::BitcastOp::create(b, words, x);
    Value exponent = arith::AndIOp::create(b, bits, splat(0x7f800000));
    Value tiny =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, exponent, splat(0));
    Value zero = arith::AndIOp::create(b, bits, splat(0x80000000));
    return arith::BitcastOp::create(
        b, floats, arith::SelectOp::create(b, tiny, zero, bits));
  }
  // The even or odd elements of pairs of bf16.
  Value half(Value pairs, bool odd) {
    Value bits = vector::BitCastOp::create(b, words, pairs);
    bits = odd ? arith::AndIOp::create(b, bits, splat(0xffff0000)).getResult()
               : arith::ShLIOp::create(b, bits, splat(16)).getResult();
    return flush(arith::BitcastOp::create(b, floats, bits));
  }
  Value fma(Value a, Value x, Value c) {
    return flush(vector::FMAOp::create(b, a, x, c));
  }
  Value add(Value x, Value y) { return flush(arith::AddFOp::create(b, x, y)); }

private:
  Value splat(uint32_t word) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(words, llvm::APInt(32, word)));
  }

  ImplicitLocOpBuilder &b;
  VectorType floats, words;
};

// res[m][n] = acc[m][n] + (sum of the even k, fma by fma, + sum of the odd),
// see SLC_K_BLOCK. Operands go through memory, so that the code is two loops.
class Product {
public:
  Product(ImplicitLocOpBuilder &b, amx::TileMulFOp op)
      : b(b), function(op->getParentOfType<func::FuncOp>()),
        rows(op.getTileType().getDimSize(0)),
        pairs(op.getRhsTileType().getDimSize(0)),
        rowType(VectorType::get({op.getTileType().getDimSize(1)},
                                b.getF32Type())) {}

  Value emit(Value lhs, Value rhs, Value acc) {
    TileMath deep(b, pairs), wide(b, rowType.getDimSize(0));
    for (int odd : {0, 1}) {
      a[odd] = spill(lhs, rows, [&](Value x) { return deep.half(x, odd); });
      w[odd] = spill(rhs, pairs, [&](Value x) { return wide.half(x, odd); });
    }
    Value sums = spill(acc, rows, [&](Value x) { return wide.flush(x); });
    Value first = constantIndex(b, 0);
    scf::ForOp::create(
        b, first, constantIndex(b, rows), constantIndex(b, 1), ValueRange{},
        [&](OpBuilder &inner, Location loc, Value m, ValueRange) {
          ImplicitLocOpBuilder body(loc, inner);
          addRow(body, m, sums);
          scf::YieldOp::create(body);
        });
    Value result = acc;
    for (int64_t row = 0; row < rows; ++row)
      result = vector::InsertOp::create(
          b,
          vector::LoadOp::create(b, rowType, sums,
                                 ValueRange{constantIndex(b, row), first}),
          result, ArrayRef<int64_t>{row});
    return result;
  }

private:
  // The rows of a tile, each through `convert`, in a buffer of f32.
  Value spill(Value tile, int64_t count, function_ref<Value(Value)> convert) {
    Value buffer;
    for (int64_t row = 0; row < count; ++row) {
      Value values =
          convert(vector::ExtractOp::create(b, tile, ArrayRef<int64_t>{row}));
      if (!buffer)
        buffer = stack(count, cast<VectorType>(values.getType()).getDimSize(0));
      vector::StoreOp::create(
          b, values, buffer,
          ValueRange{constantIndex(b, row), constantIndex(b, 0)});
    }
    return buffer;
  }

  // Taken once, not in the loop that the product may stand in.
  Value stack(int64_t first, int64_t second) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.getBody().front());
    return memref::AllocaOp::create(
        b, MemRefType::get({first, second}, b.getF32Type()));
  }

  void addRow(ImplicitLocOpBuilder &body, Value m, Value sums) {
    Value first = constantIndex(body, 0);
    Value zero = arith::ConstantOp::create(body, body.getZeroAttr(rowType));
    auto halves = scf::ForOp::create(
        body, first, constantIndex(body, pairs), constantIndex(body, 1),
        ValueRange{zero, zero},
        [&](OpBuilder &inner, Location loc, Value pair, ValueRange carried) {
          ImplicitLocOpBuilder step(loc, inner);
          TileMath math(step, rowType.getDimSize(0));
          SmallVector<Value> next;
          for (int odd : {0, 1}) {
            Value x = memref::LoadOp::create(step, a[odd], ValueRange{m, pair});
            x = vector::BroadcastOp::create(step, rowType, x);
            Value y = vector::LoadOp::create(step, rowType, w[odd],
                                             ValueRange{pair, first});
            next.push_back(math.fma(x, y, carried[odd]));
          }
          scf::YieldOp::create(step, next);
        });
    TileMath math(body, rowType.getDimSize(0));
    Value old =
        vector::LoadOp::create(body, rowType, sums, ValueRange{m, first});
    Value sum =
        math.add(old, math.add(halves.getResult(0), halves.getResult(1)));
    vector::StoreOp::create(body, sum, sums, ValueRange{m, first});
  }

  ImplicitLocOpBuilder &b;
  func::FuncOp function;
  int64_t rows, pairs;
  VectorType rowType;
  Value a[2], w[2]; // even and odd elements of k
};

struct EmulateProduct : public OpConversionPattern<amx::TileMulFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(amx::TileMulFOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!op.getLhsTileType().getElementType().isBF16())
      return rewriter.notifyMatchFailure(op,
                                         "multiplies other tiles than bf16");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op,
                       Product(b, op).emit(operands.getLhs(), operands.getRhs(),
                                           operands.getAcc()));
    return success();
  }
};

// res[m][n] = acc[m][n] + sum over k of lhs[m][k] rhs[k / 4][4 n + k % 4], of
// bytes with a sign: exact in any order.
struct EmulateWholeProduct : public OpConversionPattern<amx::TileMulIOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(amx::TileMulIOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (op.getIsZextLhs() || op.getIsZextRhs())
      return rewriter.notifyMatchFailure(op, "multiplies bytes without a sign");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t rows = op.getTileType().getDimSize(0);
    int64_t columns = op.getTileType().getDimSize(1);
    int64_t quads = op.getRhsTileType().getDimSize(0);
    auto row = VectorType::get({columns}, b.getI32Type());
    SmallVector<Value> w; // a row for each k
    for (int64_t k = 0; k < 4 * quads; ++k) {
      SmallVector<int64_t> every;
      for (int64_t n = 0; n < columns; ++n)
        every.push_back(4 * n + k % 4);
      Value bytes = vector::ExtractOp::create(b, operands.getRhs(),
                                              ArrayRef<int64_t>{k / 4});
      w.push_back(arith::ExtSIOp::create(
          b, row, vector::ShuffleOp::create(b, bytes, bytes, every)));
    }
    Value result = operands.getAcc();
    for (int64_t m = 0; m < rows; ++m) {
      Value sum = vector::ExtractOp::create(b, result, ArrayRef<int64_t>{m});
      for (int64_t k = 0; k < 4 * quads; ++k) {
        Value x = arith::ExtSIOp::create(
            b, b.getI32Type(),
            vector::ExtractOp::create(b, operands.getLhs(),
                                      ArrayRef<int64_t>{m, k}));
        sum = arith::AddIOp::create(
            b, sum,
            arith::MulIOp::create(b, vector::BroadcastOp::create(b, row, x),
                                  w[k]));
      }
      result = vector::InsertOp::create(b, sum, result, ArrayRef<int64_t>{m});
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct EmulateTilesPass
    : public PassWrapper<EmulateTilesPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EmulateTilesPass)

  StringRef getArgument() const override { return "emulate-tiles"; }
  StringRef getDescription() const override {
    return "Replace AMX tiles by vector code with the same results";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, memref::MemRefDialect, scf::SCFDialect,
                    vector::VectorDialect>();
  }

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([](amx::TileType type) { return vectorOf(type); });
    RewritePatternSet patterns(context);
    patterns.add<EmulateZero, EmulateLoad, EmulateStore, EmulateProduct,
                 EmulateWholeProduct>(types, context);
    ConversionTarget target(*context);
    target.addIllegalDialect<amx::AMXDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns,
                                                         target);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createEmulateTilesPass() {
  return std::make_unique<EmulateTilesPass>();
}

} // namespace sluice::codegen
