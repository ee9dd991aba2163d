#include "compiler/kernels/KernelBuilder.h"
#include "compiler/codegen/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sluice::kernels {

KernelBuilder::KernelBuilder(OpBuilder &outer, Location loc, StringRef symbol,
                             const Signature &signature,
                             const codegen::Target &target)
    : guard(outer), builder(loc, outer), signature(signature),
      theTarget(target) {
  auto pointerType = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = builder.getFunctionType({pointerType}, {builder.getI32Type()});
  function = func::FuncOp::create(builder, symbol, type);
  builder.setInsertionPointToStart(function.addEntryBlock());
  call = function.getArgument(0);
  operands = fieldPointer(call, SLC_CALL_OPERANDS);
  dims = fieldPointer(call, SLC_CALL_DIMS);
  batch = fieldPointer(call, SLC_CALL_BATCH);
  scratchBase = fieldPointer(call, SLC_CALL_SCRATCH);
  theRows = fieldIndex(call, SLC_CALL_ROWS);
  theWorker = fieldIndex(call, SLC_CALL_WORKER);
  theWorkers = fieldIndex(call, SLC_CALL_WORKERS);
  head = arith::ConstantIntOp::create(builder, 0, 32);
}

void KernelBuilder::finish() {
  func::ReturnOp::create(builder, head->getResult(0));
}

Expr KernelBuilder::index(int64_t value) {
  return expr(arith::ConstantIndexOp::create(builder, value));
}
Expr KernelBuilder::real(double value) {
  return expr(arith::ConstantOp::create(
      builder, builder.getF32FloatAttr(static_cast<float>(value))));
}
Expr KernelBuilder::reals(double value, int64_t lanes) {
  return expr(arith::ConstantOp::create(
      builder,
      DenseElementsAttr::get(vec(f32(), lanes), static_cast<float>(value))));
}
Expr KernelBuilder::constant(ArrayRef<float> values) {
  int64_t lanes = static_cast<int64_t>(values.size());
  return expr(arith::ConstantOp::create(
      builder, DenseElementsAttr::get(vec(f32(), lanes), values)));
}

// -- The call ---------------------------------------------------------------

Value KernelBuilder::pointer(StringRef name) {
  std::optional<size_t> at = operandNamed(signature, name);
  assert(at && "operand is in the signature");
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(head);
  return fieldPointer(operands, static_cast<int64_t>(*at));
}

bool KernelBuilder::hasOperand(StringRef name) const {
  return operandNamed(signature, name).has_value();
}

Value KernelBuilder::operand(StringRef name, Type element) {
  Value address = pointer(name);
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(head);
  return view(address, element);
}

Expr KernelBuilder::dim(StringRef name) {
  std::optional<size_t> at = dimNamed(signature, name);
  assert(at && "dim is in the signature");
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(head);
  return fieldIndex(dims, static_cast<int64_t>(*at));
}

Expr KernelBuilder::batchCount(slc_batch_field field) {
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(head);
  return fieldIndex(batch, field);
}

Value KernelBuilder::batchArray(slc_batch_field field) {
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(head);
  return view(fieldPointer(batch, field), i32());
}

KernelBuilder::SequenceRows KernelBuilder::sequence(Expr number,
                                                    Expr stateElements) {
  Value starts = batchArray(SLC_BATCH_FIRST);
  Expr slot = toIndex(load(batchArray(SLC_BATCH_SLOT), number));
  return {toIndex(load(starts, number)), toIndex(load(starts, number + 1)),
          slot * (ceilDiv(stateElements, 16) * 16)};
}

Value KernelBuilder::scratch(Type element, Expr byteOffset) {
  return view(byteOffset ? advance(scratchBase, byteOffset) : scratchBase,
              element);
}

// -- Raw memory -------------------------------------------------------------

static Value fieldAddress(ImplicitLocOpBuilder &b, Value base, int64_t field) {
  return LLVM::GEPOp::create(
      b, base.getType(), b.getI64Type(), base,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(field)});
}

Value KernelBuilder::fieldPointer(Value base, int64_t field) {
  return LLVM::LoadOp::create(builder, base.getType(),
                              fieldAddress(builder, base, field));
}

Expr KernelBuilder::fieldIndex(Value base, int64_t field) {
  return toIndex(expr(LLVM::LoadOp::create(
      builder, builder.getI64Type(), fieldAddress(builder, base, field))));
}

Value KernelBuilder::advance(Value pointer, Expr bytes) {
  Value offset =
      arith::IndexCastOp::create(builder, builder.getI64Type(), bytes);
  return LLVM::GEPOp::create(builder, pointer.getType(), builder.getI8Type(),
                             pointer, ArrayRef<LLVM::GEPArg>{offset});
}

Value KernelBuilder::view(Value pointer, Type element) {
  MLIRContext *context = builder.getContext();
  Type i64 = builder.getI64Type();
  auto array = LLVM::LLVMArrayType::get(i64, 1);
  auto descriptorType = LLVM::LLVMStructType::getLiteral(
      context, {pointer.getType(), pointer.getType(), i64, array, array});
  Value descriptor = LLVM::UndefOp::create(builder, descriptorType);
  auto insert = [&](Value part, ArrayRef<int64_t> position) {
    descriptor =
        LLVM::InsertValueOp::create(builder, descriptor, part, position);
  };
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(builder, i64,
                                    builder.getI64IntegerAttr(value));
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(constant(0), {2});
  // The extent is not known here and never read.
  insert(constant(INT64_MAX), {3, 0});
  insert(constant(1), {4, 0});
  auto type = MemRefType::get({ShapedType::kDynamic}, element);
  return UnrealizedConversionCastOp::create(builder, type, descriptor)
      .getResult(0);
}

// -- Control flow -----------------------------------------------------------

KernelBuilder::Range KernelBuilder::partition(Expr grid) {
  return {grid * worker() / workers(), grid * (worker() + 1) / workers()};
}

void KernelBuilder::items(Expr grid, function_ref<void(Expr)> body) {
  Range range = partition(grid);
  loop(range.from, range.to, 1, body);
}

static SmallVector<Value> raw(ArrayRef<Expr> values) {
  return SmallVector<Value>(values.begin(), values.end());
}

void KernelBuilder::loop(Expr from, Expr to, int64_t step,
                         function_ref<void(Expr)> body) {
  loop(from, to, index(step), body);
}

void KernelBuilder::loop(Expr from, Expr to, Expr step,
                         function_ref<void(Expr)> body) {
  loop(from, to, step, {}, [&](Expr i, ArrayRef<Expr>) {
    body(i);
    return Values{};
  });
}

Values KernelBuilder::loop(Expr from, Expr to, int64_t step,
                           ArrayRef<Expr> init,
                           function_ref<Values(Expr, ArrayRef<Expr>)> body) {
  return loop(from, to, index(step), init, body);
}

Values KernelBuilder::loop(Expr from, Expr to, Expr step, ArrayRef<Expr> init,
                           function_ref<Values(Expr, ArrayRef<Expr>)> body) {
  auto op = scf::ForOp::create(builder, from, to, step, raw(init));
  {
    OpBuilder::InsertionGuard restore(builder);
    builder.setInsertionPointToStart(op.getBody());
    Values carried = wrap(op.getRegionIterArgs());
    Values next = body(expr(op.getInductionVar()), carried);
    // Without values the loop was created with its terminator.
    if (!init.empty())
      scf::YieldOp::create(builder, raw(next));
  }
  return wrap(op.getResults());
}

Values KernelBuilder::wrap(ValueRange values) {
  Values result;
  for (Value value : values)
    result.push_back(expr(value));
  return result;
}

void KernelBuilder::when(Expr condition, function_ref<void()> then,
                         function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(builder, condition,
                              /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPointToStart(op.thenBlock());
  then();
  if (otherwise) {
    builder.setInsertionPointToStart(op.elseBlock());
    otherwise();
  }
}

Values KernelBuilder::choose(Expr condition, function_ref<Values()> then,
                             function_ref<Values()> otherwise) {
  // The result types are known only once a branch is built.
  auto side = [&](function_ref<Values()> build, Block *block) {
    OpBuilder::InsertionGuard restore(builder);
    builder.setInsertionPointToStart(block);
    Values values = build();
    scf::YieldOp::create(builder, raw(values));
    return values;
  };
  Region thenRegion, elseRegion;
  Values values = side(then, &thenRegion.emplaceBlock());
  side(otherwise, &elseRegion.emplaceBlock());
  auto op = scf::IfOp::create(builder, ValueRange(raw(values)).getTypes(),
                              condition, /*withElseRegion=*/true);
  op.getThenRegion().takeBody(thenRegion);
  op.getElseRegion().takeBody(elseRegion);
  return wrap(op.getResults());
}

void KernelBuilder::lanes(Expr n, function_ref<void(Lanes)> body) {
  lanes(n, {}, [&](Lanes at, ArrayRef<Expr>) {
    body(at);
    return Values{};
  });
}

Values KernelBuilder::lanes(Expr n, ArrayRef<Expr> init,
                            function_ref<Values(Lanes, ArrayRef<Expr>)> body) {
  Expr rest = n % Lanes::width;
  Expr whole = n - rest;
  Values sums = loop(
      index(0), whole, Lanes::width, init,
      [&](Expr i, ArrayRef<Expr> carried) { return body({i, {}}, carried); });
  auto tail = [&] {
    auto maskType = vec(builder.getI1Type());
    Expr mask = expr(vector::CreateMaskOp::create(
        builder, maskType, ValueRange{static_cast<Value>(rest)}));
    return body({whole, mask}, sums);
  };
  if (init.empty()) {
    when(rest > 0, [&] { tail(); });
    return {};
  }
  return choose(rest > 0, tail, [&] { return sums; });
}

void KernelBuilder::lanes(int64_t n, function_ref<void(Lanes)> body) {
  int64_t first = 0;
  for (; first + Lanes::width <= n; first += Lanes::width)
    body({index(first), {}});
  if (first < n)
    body({index(first),
          expr(vector::ConstantMaskOp::create(builder, vec(builder.getI1Type()),
                                              ArrayRef<int64_t>{n - first}))});
}

// -- Loads and stores -------------------------------------------------------

static Type elementOf(Value memref) {
  return cast<MemRefType>(memref.getType()).getElementType();
}

Expr KernelBuilder::load(Value memref, Expr at) {
  return expr(memref::LoadOp::create(builder, memref,
                                     ValueRange{static_cast<Value>(at)}));
}

void KernelBuilder::store(Expr value, Value memref, Expr at) {
  memref::StoreOp::create(builder, value, memref,
                          ValueRange{static_cast<Value>(at)});
}

Expr KernelBuilder::extend(Expr x, Type element) {
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(x.type()))
    type = vec(element, vector.getNumElements());
  return expr(arith::ExtUIOp::create(builder, type, x));
}

Expr KernelBuilder::loadVector(Value memref, Expr at, int64_t lanes) {
  return expr(vector::LoadOp::create(builder, vec(elementOf(memref), lanes),
                                     memref,
                                     ValueRange{static_cast<Value>(at)}));
}

void KernelBuilder::storeVector(Expr value, Value memref, Expr at) {
  vector::StoreOp::create(builder, value, memref,
                          ValueRange{static_cast<Value>(at)});
}

Expr KernelBuilder::load(Value memref, Expr base, Lanes lanes, double fill) {
  Expr at = base + lanes.first;
  if (!lanes.mask)
    return loadVector(memref, at);
  VectorType type = vec(elementOf(memref));
  Expr zero =
      expr(arith::ConstantOp::create(builder, builder.getZeroAttr(type)));
  return expr(vector::MaskedLoadOp::create(
      builder, type, memref, ValueRange{static_cast<Value>(at)}, lanes.mask,
      fill == 0 ? zero : zero.like(fill)));
}

void KernelBuilder::store(Expr value, Value memref, Expr base, Lanes lanes) {
  Expr at = base + lanes.first;
  if (!lanes.mask)
    return storeVector(value, memref, at);
  vector::MaskedStoreOp::create(
      builder, memref, ValueRange{static_cast<Value>(at)}, lanes.mask, value);
}

static bool isNarrow(Value memref) {
  return elementOf(memref).getIntOrFloatBitWidth() == 16;
}

Expr KernelBuilder::loadFloat(Value memref, Expr base, Lanes lanes,
                              double fill) {
  if (!isNarrow(memref))
    return load(memref, base, lanes, fill);
  Expr x = fromBf16(load(memref, base, lanes));
  return lanes.mask && fill != 0 ? select(lanes.mask, x, x.like(fill)) : x;
}

void KernelBuilder::storeFloat(Expr value, Value memref, Expr base,
                               Lanes lanes) {
  store(isNarrow(memref) ? toBf16(value) : value, memref, base, lanes);
}

Expr KernelBuilder::gather(Value memref, Expr base, Expr offsets) {
  VectorType type = vec(elementOf(memref));
  Value mask = vector::ConstantMaskOp::create(builder, vec(builder.getI1Type()),
                                              ArrayRef<int64_t>{Lanes::width});
  Value pass = arith::ConstantOp::create(builder, builder.getZeroAttr(type));
  return expr(vector::GatherOp::create(builder, type, memref,
                                       ValueRange{static_cast<Value>(base)},
                                       offsets, mask, pass));
}

void KernelBuilder::prefetch(Value memref, Expr at) {
  memref::PrefetchOp::create(builder, memref,
                             ValueRange{static_cast<Value>(at)},
                             /*isWrite=*/false, /*localityHint=*/3,
                             /*isDataCache=*/true);
}

// -- Arithmetic -------------------------------------------------------------

Expr KernelBuilder::reduce(Expr vector, Expr (*combine)(Expr, Expr)) {
  for (int64_t width = Lanes::width / 2; width > 0; width /= 2) {
    auto half = [&](int64_t first) {
      return expr(vector::ExtractStridedSliceOp::create(
          builder, vector, ArrayRef<int64_t>{first}, ArrayRef<int64_t>{width},
          ArrayRef<int64_t>{1}));
    };
    vector = combine(half(0), half(width));
  }
  return expr(vector::ExtractOp::create(builder, vector, ArrayRef<int64_t>{0}));
}

Type KernelBuilder::bf16() {
  if (target().hasAvx512Bf16)
    return builder.getBF16Type();
  return builder.getI16Type();
}

static Type withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

Expr KernelBuilder::toBf16(Expr x) {
  if (target().hasAvx512Bf16)
    return toFloat(x, bf16());
  // A NaN keeps its upper half and is made quiet.
  Expr bits = bitcast(x, i32());
  Expr rounded = (bits + ((bits >> 16 & 1) + 0x7fff)) >> 16;
  Expr quiet = bits >> 16 | 0x40;
  Expr half = select(x != x, quiet, rounded);
  return expr(
      arith::TruncIOp::create(builder, withElement(x.type(), bf16()), half));
}

Expr KernelBuilder::fromBf16(Expr x) {
  if (target().hasAvx512Bf16)
    return toFloat(x, f32());
  Expr wide =
      expr(arith::ExtUIOp::create(builder, withElement(x.type(), i32()), x));
  return bitcast(wide << 16, f32());
}

Expr KernelBuilder::sumLanes(Expr vector) {
  return reduce(vector, [](Expr a, Expr b) { return a + b; });
}

Expr KernelBuilder::maxLanes(Expr vector) { return reduce(vector, max); }

Expr KernelBuilder::sumOfSquares(Expr n, function_ref<Expr(Lanes)> element) {
  Values sums = lanes(n, {reals(0)}, [&](Lanes at, ArrayRef<Expr> carried) {
    Expr x = element(at);
    return Values{fma(x, x, carried[0])};
  });
  return sumLanes(sums[0]);
}

} // namespace sluice::kernels
