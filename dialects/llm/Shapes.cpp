#include "dialects/llm/Shapes.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace sluice::llm {

static bool isFilled(ArrayRef<int64_t> shape) {
  return llvm::all_of(shape, [](int64_t size) { return size > 0; });
}

bool hasRows(RankedTensorType type) {
  ArrayRef<int64_t> shape = type.getShape();
  return !shape.empty() && ShapedType::isDynamic(shape.front()) &&
         isFilled(shape.drop_front());
}

bool hasNoRows(RankedTensorType type) { return isFilled(type.getShape()); }

ArrayRef<int64_t> rowShape(RankedTensorType type) {
  return hasRows(type) ? type.getShape().drop_front() : type.getShape();
}

int64_t rowElements(RankedTensorType type) {
  return ShapedType::getNumElements(rowShape(type));
}

RankedTensorType rowsOf(MLIRContext *context, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> dims{ShapedType::kDynamic};
  llvm::append_range(dims, shape);
  return RankedTensorType::get(dims, Float32Type::get(context));
}

FailureOr<RankedTensorType> tensorOf(std::optional<Location> location,
                                     Value value, StringRef name,
                                     int64_t rank) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || (rank >= 0 && type.getRank() != rank))
    return emitOptionalError(location, "expected ", name, " to be a tensor",
                             rank >= 0 ? " of " + std::to_string(rank) + " axes"
                                       : "",
                             ", found ", value.getType());
  return type;
}

// Joins `from` into `into`, aligned at the right.
static bool joinShape(SmallVector<int64_t> &into, ArrayRef<int64_t> from) {
  if (from.size() > into.size())
    into.insert(into.begin(), from.size() - into.size(), 1);
  size_t skip = into.size() - from.size();
  for (auto [i, size] : llvm::enumerate(from)) {
    int64_t &have = into[skip + i];
    if (have != size && have != 1 && size != 1)
      return false;
    have = have == 1 ? size : have;
  }
  return true;
}

FailureOr<RankedTensorType> broadcast(std::optional<Location> location,
                                      ValueRange operands) {
  bool rows = false;
  SmallVector<int64_t> shape;
  MLIRContext *context = nullptr;
  for (Value operand : operands) {
    FailureOr<RankedTensorType> type = tensorOf(location, operand, "operand");
    if (failed(type))
      return failure();
    context = type->getContext();
    rows |= hasRows(*type);
    if (!joinShape(shape, rowShape(*type)))
      return emitOptionalError(
          location, "shapes do not broadcast: ", operands.front().getType(),
          " and ", *type,
          " (row shapes are aligned at the right; sizes must agree or be 1)");
  }
  if (!context)
    return emitOptionalError(location, "expected at least one operand");
  if (rows)
    return rowsOf(context, shape);
  return RankedTensorType::get(shape, Float32Type::get(context));
}

} // namespace sluice::llm
