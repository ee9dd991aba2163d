// Checks of weights and states where they are declared and read; constants.
#include "dialects/llm/LLMOps.h"
#include "dialects/llm/Symbols.h"

using namespace mlir;
using namespace sluice::llm;

// {k = [8, 128], v = [8, 128]}
static ParseResult parseFields(OpAsmParser &parser, ArrayAttr &fields) {
  SmallVector<Attribute> list;
  auto one = [&]() -> ParseResult {
    std::string name;
    SmallVector<int64_t> shape;
    auto size = [&]() { return parser.parseInteger(shape.emplace_back()); };
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, size))
      return failure();
    list.push_back(FieldAttr::get(parser.getContext(), name, shape));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, one))
    return failure();
  fields = parser.getBuilder().getArrayAttr(list);
  return success();
}

static void printFields(OpAsmPrinter &printer, Operation *, ArrayAttr fields) {
  printer << "{";
  llvm::interleaveComma(fields.getAsRange<FieldAttr>(), printer,
                        [&](FieldAttr field) {
                          printer.printKeywordOrString(field.getName());
                          printer << " = [" << field.getShape() << "]";
                        });
  printer << "}";
}

// 0.5 or @start
static ParseResult parseInit(OpAsmParser &parser, Attribute &init) {
  FlatSymbolRefAttr weight;
  OptionalParseResult symbol = parser.parseOptionalAttribute(weight);
  if (symbol.has_value()) {
    init = weight;
    return *symbol;
  }
  double number;
  if (parser.parseFloat(number))
    return failure();
  init = parser.getBuilder().getF32FloatAttr(float(number));
  return success();
}

static void printInit(OpAsmPrinter &printer, Operation *, Attribute init) {
  printer.printAttributeWithoutType(init);
}

#define GET_OP_CLASSES
#include "dialects/llm/LLMWeightOps.cpp.inc"

// What attention reads, and kernels lay out.
static bool hasKeysAndValues(ArrayRef<FieldAttr> fields) {
  if (fields.empty() || fields.size() > 2 || fields[0].getName() != "k" ||
      fields[0].getShape().size() != 2)
    return false;
  return fields.size() == 1 ||
         (fields[1].getName() == "v" && fields[1].getShape().size() == 2 &&
          fields[0].getShape()[0] == fields[1].getShape()[0]);
}

LogicalResult StateOp::verify() {
  if (getFields().empty())
    return emitOpError("needs at least one field");
  if (getKind() == StateKind::fixed && getFields().size() != 1)
    return emitOpError("expected one field in a fixed state, found ")
           << getFields().size();
  if (getKind() == StateKind::cache && getInit())
    return emitOpError("'init' is for fixed states, a cache starts empty");
  if (getKind() == StateKind::cache && !hasKeysAndValues(getFieldList()))
    return emitOpError("a cache has the field k = [heads, width], and behind "
                       "it v = [heads, width] unless its values are channels "
                       "of its keys");
  for (FieldAttr field : getFieldList())
    if (llvm::any_of(field.getShape(), [](int64_t size) { return size <= 0; }))
      return emitOpError("field '")
             << field.getName() << "' must have positive sizes, found ["
             << field.getShape() << "]";
  for (auto [name, value] :
       {std::pair{"keep", getKeep()}, std::pair{"chunk", getChunk()}})
    if (value && *value <= 0)
      return emitOpError("'") << name << "' must be positive, found " << *value;
  if (getFull() && (getKind() != StateKind::cache || !getKeep() || getOnce()))
    return emitOpError("'full' is for caches that say how many rows they "
                       "'keep', and not with 'once'");
  return success();
}

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FlatSymbolRefAttr name = getInitWeight();
  if (!name)
    return success();
  FailureOr<WeightOp> weight = lookup<WeightOp>(*this, name, symbols);
  if (failed(weight))
    return failure();
  ArrayRef<int64_t> shape = getFieldList().front().getShape();
  ArrayRef<int64_t> found = weight->getTensorType().getShape();
  auto missing = [&](int64_t layer) {
    return !llvm::is_contained(*weight->getLayers(), layer);
  };
  bool lacks = weight->getLayers() &&
               (!getLayers() || llvm::any_of(*getLayers(), missing));
  if (found == shape && !lacks)
    return success();
  InFlightDiagnostic diagnostic = emitOpError("expected '@")
                                  << name.getValue()
                                  << "', which it begins with, to ";
  if (lacks)
    diagnostic << "have its layers or none";
  else
    diagnostic << "be of shape [" << shape << "], found [" << found << "]";
  diagnostic.attachNote(weight->getLoc()) << "the weight is declared here";
  return diagnostic;
}

LogicalResult VectorOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> where,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  constexpr size_t most = 1 << 16;
  size_t count = op.getValues().size();
  if (count == 0 || count > most)
    return emitOptionalError(where, "expected 1 to ", most, " numbers, found ",
                             count);
  types.push_back(RankedTensorType::get({static_cast<int64_t>(count)},
                                        Float32Type::get(context)));
  return success();
}

LogicalResult UseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = lookup<WeightOp>(*this, getWeightAttr(), symbols);
  if (failed(weight) ||
      failed(checkLayer(*this, *weight, weight->getLayers().has_value(),
                        static_cast<bool>(getLayer()))))
    return failure();
  if (weight->getType() == getType())
    return success();
  InFlightDiagnostic diagnostic = emitOpError("expected ")
                                  << weight->getType() << ", the type of '@"
                                  << getWeight() << "', found " << getType();
  diagnostic.attachNote(weight->getLoc()) << "the weight is declared here";
  return diagnostic;
}

LogicalResult ConstantOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location>, Adaptor,
                                           SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get({}, Float32Type::get(context)));
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }
