#include "dialects/plan/PlanDialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace sluice::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#include "dialects/plan/PlanEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttributes.cpp.inc"

#include "dialects/plan/PlanInterfaces.cpp.inc"

void PlanDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/plan/PlanTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/plan/PlanAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

namespace sluice::plan {

BufferShape shapeOf(Value buffer) {
  if (auto input = buffer.getDefiningOp<InputOp>())
    return {RowKind::Tokens, 1, input.getElem(),
            static_cast<int64_t>(input.getColumns())};
  auto op = cast<BufferOp>(buffer.getDefiningOp());
  return {op.getRows(), static_cast<int64_t>(op.getRowScale()), op.getElem(),
          static_cast<int64_t>(op.getColumns())};
}

int64_t elementBytes(Type elem) { return elem.getIntOrFloatBitWidth() / 8; }

int64_t rowStride(Value buffer) {
  int64_t columns = shapeOf(buffer).columns;
  if (columns == 1 || buffer.getDefiningOp<InputOp>())
    return columns;
  return llvm::alignTo(columns, 16);
}

SmallVector<Operand> operandsOf(StepOpInterface step) {
  SmallVector<Operand> operands;
  auto next = step.getBuffers().begin();
  for (auto [i, name, attr] :
       llvm::enumerate(step.getNames().getAsRange<StringAttr>(),
                       step.getRefs().getAsRange<RefAttr>())) {
    bool isBuffer = !attr.getSymbol();
    operands.push_back({name.getValue(), isBuffer ? *next++ : Value(),
                        attr.getSymbol(), attr.getIndex(),
                        static_cast<int64_t>(i) >= step.getWrites()});
  }
  return operands;
}

} // namespace sluice::plan
