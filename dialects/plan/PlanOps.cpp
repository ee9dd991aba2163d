// What each op of a plan must hold by itself; verify-plan checks them together.
#include "dialects/plan/PlanDialect.h"
#include "dialects/plan/PlanSyntax.h"

#include "dialects/llm/LLMDialect.h"
#include "runtime/format/CacheLayout.h"
#include "runtime/format/FixedState.h"
#include "runtime/format/Limits.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace sluice::plan;
using sluice::format::cacheBlockBytes;
using sluice::format::fixedSlotBytes;
using sluice::format::kMaxColumns;
using sluice::format::NamedShape;

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

// Accessors of integers are unsigned.
static int64_t signedOf(uint64_t number) {
  return static_cast<int64_t>(number);
}

static LogicalResult checkElement(Operation *op, Type elem) {
  if ((isa<WeightOp>(op) && isa<sluice::llm::BlocksType>(elem)) ||
      (isa<InputOp>(op) && elem.isUnsignedInteger(8)) || elem.isF32() ||
      elem.isBF16() || elem.isInteger(32))
    return success();
  return op->emitOpError() << "has element type " << elem
                           << ", expected f32, bf16 or i32";
}

static LogicalResult checkLayers(Operation *op,
                                 std::optional<ArrayRef<int64_t>> layers) {
  if (!layers)
    return success();
  if (layers->empty())
    return op->emitOpError("has an empty list of layers");
  for (size_t i = 0; i < layers->size(); ++i)
    if ((*layers)[i] < (i ? (*layers)[i - 1] + 1 : 0))
      return op->emitOpError("has layers that do not ascend from 0");
  return success();
}

// A computed weight takes one element of each part and table.
static LogicalResult verifyBody(WeightOp op) {
  ArrayAttr tables = op.getTablesAttr();
  if (op.getBody().empty())
    return tables ? op.emitOpError("has tables but no body that reads them")
                  : success();
  if (!op.getParts() || op.getLayers() || op.getLayout() != Layout::Rows ||
      !op.getElem().isF32())
    return op.emitOpError(
        "is computed, so it needs parts and is f32 rows without layers");
  size_t inputs = op.getParts()->size() + (tables ? tables.size() : 0);
  Block &body = op.getBody().front();
  auto isF32 = [](Type type) { return type.isF32(); };
  if (body.getNumArguments() != inputs ||
      !llvm::all_of(body.getArgumentTypes(), isF32))
    return op.emitOpError("has a body of ")
           << body.getNumArguments() << " arguments, expected an f32 for each "
           << "of its " << inputs << " parts and tables";
  if (tables)
    for (auto table : tables.getAsRange<ElementsAttr>())
      if (!isa<DenseElementsAttr>(table) || !table.getElementType().isF32())
        return op.emitOpError("has a table that is not dense f32");
  auto yield = body.mightHaveTerminator()
                   ? dyn_cast<YieldOp>(body.getTerminator())
                   : YieldOp();
  if (!yield || yield.getValues().size() != 1 ||
      !yield.getValues().front().getType().isF32())
    return op.emitOpError("has a body that does not yield one f32");
  return success();
}

LogicalResult WeightOp::verify() {
  if (failed(checkElement(*this, getElem())) ||
      failed(checkLayers(*this, getLayers())))
    return failure();
  if (getShape().empty() ||
      llvm::any_of(getShape(), [](int64_t n) { return n < 1; }))
    return emitOpError("needs a shape with positive sizes");
  if (getParts().has_value() == getValue().has_value())
    return emitOpError("needs either parts or a value");
  Layout layout = getLayout();
  size_t rank = getShape().size();
  if ((layout == Layout::Panel || layout == Layout::PanelGlu) && rank != 2 &&
      rank != 3)
    return emitOpError("is packed in panels, so its shape must be [N, K] or "
                       "[E, N, K], found rank ")
           << rank;
  if ((layout == Layout::PanelGlu || layout == Layout::VectorGlu) &&
      (!getParts() || getParts()->size() != 2))
    return emitOpError("interleaves two parts, gate and up");
  if (getValue()) {
    auto type = cast<ShapedType>(getValue()->getType());
    if (type.getShape() != getShape() || type.getElementType() != getElem())
      return emitOpError("has a value of type ")
             << type << ", expected " << getElem() << " of the stated shape";
    if (layout != Layout::Rows)
      return emitOpError("has a value, which is stored as rows");
  }
  return verifyBody(*this);
}

// The bytes of a block, or of a slot of a fixed state, are those of its layout.
static LogicalResult checkBytes(StateOp op) {
  std::vector<NamedShape> fields;
  for (auto [name, shape] :
       llvm::zip_equal(op.getFields().getAsValueRange<StringAttr>(),
                       op.getShapes().getAsRange<DenseI64ArrayAttr>()))
    fields.push_back({name, std::vector<int64_t>(shape.asArrayRef())});
  int64_t needed = op.getKind() == StateKind::Fixed ? fixedSlotBytes(fields)
                                                    : cacheBlockBytes(fields);
  if (signedOf(op.getBlockBytes()) == needed)
    return success();
  return op.emitOpError() << "has " << op.getBlockBytes()
                          << " bytes, its fields take " << needed;
}

LogicalResult StateOp::verify() {
  if (failed(checkElement(*this, getElem())) ||
      failed(checkLayers(*this, getLayers())))
    return failure();
  if (getFields().empty() || getFields().size() != getShapes().size())
    return emitOpError("needs a shape for each of its fields");
  for (Attribute attr : getShapes()) {
    auto shape = dyn_cast<DenseI64ArrayAttr>(attr);
    if (!shape || llvm::any_of(shape.asArrayRef(), [](int64_t n) {
          return n < 1 || n > kMaxColumns;
        }))
      return emitOpError("needs field shapes with positive sizes");
  }
  if (getKind() == StateKind::Fixed)
    return checkBytes(*this);
  Builder builder(getContext());
  auto shape = [&](size_t field) {
    return cast<DenseI64ArrayAttr>(getShapes()[field]).asArrayRef();
  };
  bool alone = getFields() == builder.getStrArrayAttr({"k"});
  if ((!alone && getFields() != builder.getStrArrayAttr({"k", "v"})) ||
      shape(0).size() != 2 ||
      (!alone && (shape(1).size() != 2 || shape(0)[0] != shape(1)[0])))
    return emitOpError("needs the field k = [heads, width], and behind it v = "
                       "[heads, width] unless its values are channels of its "
                       "keys");
  return checkBytes(*this);
}

LogicalResult KernelOp::verify() {
  llvm::SmallDenseSet<StringRef> seen;
  for (auto list : {getInputs(), getOutputs()})
    for (auto name : list.getAsRange<StringAttr>())
      if (!seen.insert(name.getValue()).second)
        return emitOpError("declares operand '")
               << name.getValue() << "' twice";
  if (getOutputs().empty())
    return emitOpError("writes nothing");
  if (getBody().empty())
    return success();
  if (getBody().getNumArguments() != getInputs().size())
    return emitOpError("has a body of ")
           << getBody().getNumArguments()
           << " arguments, expected one for each "
           << "of its " << getInputs().size() << " inputs";
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getValues().size() != getOutputs().size())
    return emitOpError("has a body that does not yield one value per output");
  return success();
}

StringRef KernelOp::getOperandName(int64_t i) {
  int64_t inputs = getInputs().size();
  Attribute name = i < inputs ? getInputs()[i] : getOutputs()[i - inputs];
  return cast<StringAttr>(name).getValue();
}

LogicalResult EntryOp::verify() {
  if (getInputNames().size() != getInputKinds().size() ||
      getInputNames().size() != getLimits().size())
    return emitOpError("needs a kind and a limit for each of its inputs");
  if (getOutputs().empty() && getKind() != "source")
    return emitOpError("has no output");
  llvm::SmallDenseSet<StringRef> names;
  for (auto name : getInputNames().getAsRange<StringAttr>())
    if (!names.insert(name.getValue()).second)
      return emitOpError("has the input '") << name.getValue() << "' twice";
  for (int64_t limit : getLimits())
    if (limit < 0)
      return emitOpError("has a limit below zero: ") << limit;
  if (getOptional())
    for (auto name : getOptional()->getAsRange<StringAttr>())
      if (!names.contains(name.getValue()))
        return emitOpError("has no input '")
               << name.getValue() << "' that could be optional";
  return success();
}

LogicalResult ProgramOp::verify() {
  if (signedOf(getMin()) < 1 ||
      (getMax() && signedOf(*getMax()) < signedOf(getMin())))
    return emitOpError("has an empty range of token counts");
  return success();
}

StringRef ProgramOp::getDefaultDialect() { return "plan"; }

bool ProgramOp::hasProductsForEngine() {
  return !getBody().getOps<MatmulOp>().empty();
}

LogicalResult BufferOp::verify() {
  if (failed(checkElement(*this, getElem())))
    return failure();
  if (signedOf(getColumns()) < 1 || signedOf(getRowScale()) < 1)
    return emitOpError("needs at least one column and row");
  std::optional<ArrayRef<int64_t>> offset = getOffset();
  if (!offset)
    return success();
  if (offset->size() != 3)
    return emitOpError("needs an offset of three terms: bytes, per token, per "
                       "sequence");
  for (int64_t term : *offset)
    if (term < 0 || term % 64)
      return emitOpError("needs offset terms that are multiples of 64");
  return success();
}

LogicalResult OutputOp::verify() {
  BufferShape shape = shapeOf(getBuffer());
  if (signedOf(getColumns()) < 1 || signedOf(getColumn()) < 0)
    return emitOpError("needs at least one column, from 0 on");
  if (signedOf(getColumn()) > shape.columns - signedOf(getColumns()))
    return emitOpError("reads columns ")
           << getColumn() << " to " << getColumn() + getColumns()
           << " of a buffer with " << shape.columns;
  if (shape.rows != getRows() ||
      shape.rowScale != static_cast<int64_t>(getRowScale()))
    return emitOpError("has other rows than its buffer: ")
           << stringifyRowKind(shape.rows) << " * " << shape.rowScale;
  return success();
}

LogicalResult InputOp::verify() {
  if (failed(checkElement(*this, getElem())))
    return failure();
  if (signedOf(getColumns()) < 1)
    return emitOpError("needs at least one column");
  std::optional<ArrayRef<int64_t>> shape = getShape();
  int64_t columns = 1;
  for (int64_t size : shape.value_or(ArrayRef<int64_t>()))
    columns *= size;
  if (shape && columns != static_cast<int64_t>(getColumns()))
    return emitOpError("has rows of ")
           << columns << " numbers in " << getColumns() << " columns";
  return success();
}

void InputOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getBuffer(), getName());
}

void BufferOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getBuffer(), getName());
}

// What can be said about a step alone; verify-plan checks it against the
// symbols that it names.
static LogicalResult verifyStep(StepOpInterface step) {
  Operation *op = step;
  if (step.getNames().size() != step.getRefs().size())
    return op->emitOpError("needs a reference for each name");
  if (step.getWrites() < 0 ||
      step.getWrites() >= static_cast<int64_t>(step.getNames().size()))
    return op->emitOpError("writes nothing");
  size_t buffers = llvm::count_if(step.getRefs().getAsRange<RefAttr>(),
                                  [](RefAttr ref) { return !ref.getSymbol(); });
  if (buffers != step.getBuffers().size())
    return op->emitOpError("refers to ")
           << buffers << " buffers but has " << step.getBuffers().size();
  for (const sluice::plan::Operand &operand : operandsOf(step)) {
    if (!operand.buffer)
      continue;
    int64_t columns = shapeOf(operand.buffer).columns;
    if (operand.index < 0 || operand.index >= columns)
      return op->emitOpError("takes '")
             << operand.name << "' from column " << operand.index
             << " of a buffer with " << columns;
    if (operand.written && operand.buffer.getDefiningOp<InputOp>())
      return op->emitOpError("writes '")
             << operand.name << "' to an input of the entry";
  }
  if (step.getRowScale() < 1)
    return op->emitOpError("needs a positive row factor");
  if (step.getScratch() < 0)
    return op->emitOpError("has less than no scratch");
  return success();
}

LogicalResult DispatchOp::verify() { return verifyStep(*this); }
LogicalResult MatmulOp::verify() { return verifyStep(*this); }
