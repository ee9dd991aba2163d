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
  if (type.isUnsignedInteger(8))
    return format::Elem::U8;
  return type.isBF16() ? format::Elem::BF16 : format::Elem::F32;
}

Type sluice::llm::typeOf(format::Elem elem, MLIRContext *context) {
  Builder builder(context);
  if (isBlocks(elem))
    return BlocksType::get(context, elem);
  if (elem == format::Elem::I32)
    return builder.getI32Type();
  if (elem == format::Elem::U8)
    return builder.getIntegerType(8, /*isSigned=*/false);
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
                               MaskKind kind, ArrayRef<int64_t> numbers,
                               ArrayAttr terms) {
  auto error = [&]() -> InFlightDiagnostic {
    return emitError() << "mask '" << stringifyMaskKind(kind) << "' ";
  };
  bool joins = kind == MaskKind::any || kind == MaskKind::every;
  if (joins != (terms && !terms.empty()))
    return error() << (joins ? "needs terms" : "takes no terms");
  if (joins && !llvm::all_of(terms, llvm::IsaPred<MaskAttr>))
    return error() << "joins masks, found " << terms;
  bool bare = joins || kind == MaskKind::causal || kind == MaskKind::all;
  size_t count = bare ? 0 : kind == MaskKind::blocks ? 4 : 1;
  if (numbers.size() != count)
    return error() << "takes " << count << (count == 1 ? " number" : " numbers")
                   << ", found " << numbers.size();
  bool index = kind == MaskKind::prefix || kind == MaskKind::from ||
               kind == MaskKind::segments || kind == MaskKind::keys ||
               kind == MaskKind::queries;
  for (auto [i, number] : llvm::enumerate(numbers))
    if (number < (index || i == 3 ? 0 : 1))
      return error() << "needs a positive number, found " << number;
  return success();
}

void MaskAttr::walk(function_ref<void(MaskAttr)> visit) const {
  visit(*this);
  if (getTerms())
    for (auto term : getTerms().getAsRange<MaskAttr>())
      term.walk(visit);
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
        !(type.getElementType().isInteger(32) ||
          (rows && type.getElementType().isF32())) ||
        (!rows && type.getRank() != 1))
      return function->emitError()
             << "argument " << i << " of an entry must be "
             << (rows ? "rows of f32 or i32" : "one i32 for each token");
    if (function.getArgAttr(i, flagsAttr) &&
        !(rows && type.getElementType().isInteger(32)))
      return function->emitError()
             << "argument " << i << " of an entry has '" << flagsAttr
             << "', which is for rows of i32";
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
    return oneOf(op, attribute,
                 {"tokens", "positions", "block_positions", "prefix", "prompt",
                  "announced", "token_types", "rows"});
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
