#include "dialects/llm/LLMOps.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace sluice::llm;

#include "dialects/llm/LLMDialect.cpp.inc"
#include "dialects/llm/LLMEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/LLMAttributes.cpp.inc"

static ParseResult parseBlocks(AsmParser &parser, sluice::format::Elem &elem) {
  SMLoc at = parser.getCurrentLocation();
  StringRef name;
  if (parser.parseKeyword(&name))
    return failure();
  std::optional<sluice::format::Elem> found = sluice::format::elemNamed(name);
  if (!found || !isBlocks(*found))
    return parser.emitError(at, "'") << name << "' is no block format";
  elem = *found;
  return success();
}

static void printBlocks(AsmPrinter &printer, sluice::format::Elem elem) {
  printer << sluice::format::infoOf(elem).name;
}

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/LLMTypes.cpp.inc"

#include "dialects/llm/LLMInterfaces.cpp.inc"

sluice::format::Elem sluice::llm::elemOf(Type type) {
  if (auto blocks = dyn_cast<BlocksType>(type))
    return blocks.getElem();
  if (type.isInteger(32))
    return format::Elem::I32;
  return type.isBF16() ? format::Elem::BF16 : format::Elem::F32;
}

Type sluice::llm::typeOf(format::Elem elem, MLIRContext *context) {
  Builder builder(context);
  if (isBlocks(elem))
    return BlocksType::get(context, elem);
  if (elem == format::Elem::I32)
    return builder.getI32Type();
  return elem == format::Elem::BF16 ? Type(builder.getBF16Type())
                                    : builder.getF32Type();
}

void LLMDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/llm/LLMTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/llm/LLMAttributes.cpp.inc"
      >();
#include "dialects/llm/LLMOpLists.inc"
}

LogicalResult BiasType::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t heads) {
  if (heads > 0)
    return success();
  return emitError() << "a bias has a positive number of heads, found "
                     << heads;
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               MaskKind kind, int64_t size) {
  bool sized = kind != MaskKind::causal && kind != MaskKind::all;
  if (sized && size <= 0)
    return emitError() << "mask '" << stringifyMaskKind(kind)
                       << "' needs a positive number of positions, found "
                       << size;
  if (!sized && size != 0)
    return emitError() << "mask '" << stringifyMaskKind(kind)
                       << "' takes no number, found " << size;
  return success();
}

// The value of a text attribute, checked against the legal words.
static LogicalResult oneOf(Operation *op, NamedAttribute attribute,
                           ArrayRef<StringRef> legal) {
  auto text = dyn_cast<StringAttr>(attribute.getValue());
  if (text && llvm::is_contained(legal, text.getValue()))
    return success();
  return op->emitError() << "'" << attribute.getName().getValue()
                         << "' must be one of \"" << llvm::join(legal, "\", \"")
                         << "\", found " << attribute.getValue();
}

static LogicalResult verifyEntry(FunctionOpInterface function,
                                 NamedAttribute kind) {
  if (!function.isPublic())
    return function->emitError() << "an entry must be public, '@"
                                 << function.getName() << "' is private";
  if (function.getNumArguments() == 0 ||
      !isa<BatchType>(function.getArgumentTypes().front()))
    return function->emitError()
           << "the first argument of an entry must be !llm.batch";
  for (unsigned i = 1; i < function.getNumArguments(); ++i)
    if (!function.getArgAttr(i, nameAttr) || !function.getArgAttr(i, inputAttr))
      return function->emitError() << "argument " << i << " of an entry needs '"
                                   << nameAttr << "' and '" << inputAttr << "'";
  for (unsigned i = 1; i < function.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
    bool rows = function.getArgAttrOfType<StringAttr>(i, inputAttr) == "rows";
    if (!type || !hasRows(type) ||
        (rows ? !type.getElementType().isF32()
              : !type.getElementType().isInteger(32) || type.getRank() != 1))
      return function->emitError()
             << "argument " << i << " of an entry must be "
             << (rows ? "rows of f32" : "one i32 for each token");
  }
  return oneOf(
      function, kind,
      {"generate", "encode", "embed", "classify", "fill", "source", "vision"});
}

LogicalResult LLMDialect::verifyOperationAttribute(Operation *op,
                                                   NamedAttribute attribute) {
  if (attribute.getName() != entryAttr)
    return success();
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitError() << "'" << entryAttr
                           << "' belongs on a function, found on '"
                           << op->getName() << "'";
  return verifyEntry(function, attribute);
}

LogicalResult LLMDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                   unsigned,
                                                   NamedAttribute attribute) {
  if (attribute.getName() == inputAttr)
    return oneOf(op, attribute, {"tokens", "positions", "token_types", "rows"});
  return success();
}

LogicalResult
LLMDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned,
                                        NamedAttribute attribute) {
  if (attribute.getName() == nameAttr && !isa<StringAttr>(attribute.getValue()))
    return op->emitError() << "'" << nameAttr << "' must be a text, found "
                           << attribute.getValue();
  return success();
}
