// The parts of the assembly that are written by hand.
#include "dialects/plan/PlanSyntax.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace sluice::plan {

ParseResult parseNumber(OpAsmParser &parser, IntegerAttr &value) {
  int64_t number;
  if (parser.parseInteger(number))
    return failure();
  value = parser.getBuilder().getI64IntegerAttr(number);
  return success();
}

void printNumber(OpAsmPrinter &printer, Operation *, IntegerAttr value) {
  printer << value.getInt();
}

ParseResult parseNames(OpAsmParser &parser, ArrayAttr &names) {
  SmallVector<Attribute> list;
  auto one = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name))
      return failure();
    list.push_back(parser.getBuilder().getStringAttr(name));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one))
    return failure();
  names = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printNames(OpAsmPrinter &printer, Operation *, ArrayAttr names) {
  printer << '(';
  llvm::interleaveComma(
      names.getAsRange<StringAttr>(), printer,
      [&](StringAttr name) { printer.printKeywordOrString(name.getValue()); });
  printer << ')';
}

ParseResult parseParts(OpAsmParser &parser, ArrayAttr &parts) {
  SmallVector<Attribute> list;
  auto one = [&]() -> ParseResult {
    std::string path;
    int64_t layer = -1;
    if (parser.parseString(&path))
      return failure();
    SMLoc at = parser.getCurrentLocation();
    if (succeeded(parser.parseOptionalLSquare())) {
      if (parser.parseInteger(layer) || parser.parseRSquare())
        return failure();
      if (layer < 0)
        return parser.emitError(at, "an instance is at least 0");
    }
    list.push_back(PartAttr::get(
        parser.getContext(), parser.getBuilder().getStringAttr(path), layer));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, one))
    return failure();
  parts = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printParts(OpAsmPrinter &printer, Operation *, ArrayAttr parts) {
  printer << '[';
  llvm::interleaveComma(parts.getAsRange<PartAttr>(), printer,
                        [&](PartAttr part) {
                          printer << part.getPath();
                          if (part.getLayer() >= 0)
                            printer << '[' << part.getLayer() << ']';
                        });
  printer << ']';
}

ParseResult parseFields(OpAsmParser &parser, ArrayAttr &names,
                        ArrayAttr &shapes) {
  SmallVector<Attribute> nameList, shapeList;
  auto one = [&]() -> ParseResult {
    std::string name;
    if (parser.parseKeywordOrString(&name) || parser.parseEqual())
      return failure();
    auto shape = dyn_cast_or_null<DenseI64ArrayAttr>(
        DenseI64ArrayAttr::parse(parser, Type()));
    if (!shape)
      return failure();
    nameList.push_back(parser.getBuilder().getStringAttr(name));
    shapeList.push_back(shape);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, one))
    return failure();
  names = parser.getBuilder().getArrayAttr(nameList);
  shapes = parser.getBuilder().getArrayAttr(shapeList);
  return success();
}

void printFields(OpAsmPrinter &printer, Operation *, ArrayAttr names,
                 ArrayAttr shapes) {
  printer << '{';
  llvm::interleaveComma(llvm::zip(names, shapes), printer, [&](auto field) {
    printer.printKeywordOrString(
        cast<StringAttr>(std::get<0>(field)).getValue());
    printer << " = ";
    cast<DenseI64ArrayAttr>(std::get<1>(field)).print(printer);
  });
  printer << '}';
}

ParseResult parseInputs(OpAsmParser &parser, ArrayAttr &names,
                        ArrayAttr &kinds) {
  SmallVector<Attribute> nameList, kindList;
  auto one = [&]() -> ParseResult {
    std::string name, kind;
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseString(&kind))
      return failure();
    nameList.push_back(parser.getBuilder().getStringAttr(name));
    kindList.push_back(parser.getBuilder().getStringAttr(kind));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, one))
    return failure();
  names = parser.getBuilder().getArrayAttr(nameList);
  kinds = parser.getBuilder().getArrayAttr(kindList);
  return success();
}

void printInputs(OpAsmPrinter &printer, Operation *, ArrayAttr names,
                 ArrayAttr kinds) {
  printer << '{';
  llvm::interleaveComma(llvm::zip(names, kinds), printer, [&](auto input) {
    printer.printKeywordOrString(
        cast<StringAttr>(std::get<0>(input)).getValue());
    printer << " = " << std::get<1>(input);
  });
  printer << '}';
}

ParseResult parseRows(OpAsmParser &parser, RowKindAttr &kind,
                      IntegerAttr &scale) {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  std::optional<RowKind> rows = symbolizeRowKind(word);
  if (!rows)
    return parser.emitError(loc)
           << "expected one, tokens, wanted or sequences, found '" << word
           << "'";
  kind = RowKindAttr::get(parser.getContext(), *rows);
  int64_t factor = 1;
  if (succeeded(parser.parseOptionalStar()) && parser.parseInteger(factor))
    return failure();
  scale = parser.getBuilder().getI64IntegerAttr(factor);
  return success();
}

void printRows(OpAsmPrinter &printer, Operation *, RowKindAttr kind,
               IntegerAttr scale) {
  printer << stringifyRowKind(kind.getValue());
  if (scale.getInt() != 1)
    printer << " * " << scale.getInt();
}

ParseResult parseDims(OpAsmParser &parser, DictionaryAttr &dims) {
  NamedAttrList list;
  auto one = [&]() -> ParseResult {
    std::string name;
    int64_t value;
    if (parser.parseKeywordOrString(&name) || parser.parseEqual() ||
        parser.parseInteger(value))
      return failure();
    list.append(name, parser.getBuilder().getI64IntegerAttr(value));
    return success();
  };
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces, one))
    return failure();
  if (list.findDuplicate())
    return parser.emitError(loc) << "a dimension is given twice";
  dims = list.getDictionary(parser.getContext());
  return success();
}

void printDims(OpAsmPrinter &printer, Operation *, DictionaryAttr dims) {
  printer << '{';
  llvm::interleaveComma(dims, printer, [&](NamedAttribute dim) {
    printer.printKeywordOrString(dim.getName());
    printer << " = " << cast<IntegerAttr>(dim.getValue()).getInt();
  });
  printer << '}';
}

// `x = %h[64]` or `w = @q[3]`.
static ParseResult
parseOperand(OpAsmParser &parser,
             SmallVectorImpl<OpAsmParser::UnresolvedOperand> &buffers,
             SmallVectorImpl<Attribute> &names,
             SmallVectorImpl<Attribute> &refs) {
  std::string name;
  if (parser.parseKeywordOrString(&name) || parser.parseEqual())
    return failure();
  names.push_back(parser.getBuilder().getStringAttr(name));
  StringAttr symbol;
  if (!parser.parseOptionalSymbolName(symbol).succeeded() &&
      parser.parseOperand(buffers.emplace_back()))
    return failure();
  int64_t index = 0;
  if (succeeded(parser.parseOptionalLSquare()) &&
      (parser.parseInteger(index) || parser.parseRSquare()))
    return failure();
  refs.push_back(RefAttr::get(
      parser.getContext(),
      symbol ? FlatSymbolRefAttr::get(symbol) : FlatSymbolRefAttr(), index));
  return success();
}

ParseResult
parseOperands(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &buffers,
              ArrayAttr &names, ArrayAttr &refs, IntegerAttr &writes) {
  SmallVector<Attribute> nameList, refList;
  auto one = [&] { return parseOperand(parser, buffers, nameList, refList); };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one))
    return failure();
  writes = parser.getBuilder().getI64IntegerAttr(nameList.size());
  if (parser.parseArrow() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one))
    return failure();
  names = parser.getBuilder().getArrayAttr(nameList);
  refs = parser.getBuilder().getArrayAttr(refList);
  return success();
}

void printOperands(OpAsmPrinter &printer, Operation *op, OperandRange,
                   ArrayAttr, ArrayAttr, IntegerAttr writes) {
  SmallVector<Operand> operands = operandsOf(cast<StepOpInterface>(op));
  auto print = [&](const Operand &operand) {
    printer.printKeywordOrString(operand.name);
    printer << " = ";
    if (operand.buffer)
      printer << operand.buffer;
    else
      printer << operand.symbol;
    if (operand.index || operand.symbol)
      printer << '[' << operand.index << ']';
  };
  ArrayRef<Operand> list = operands;
  printer << '(';
  llvm::interleaveComma(list.take_front(writes.getInt()), printer, print);
  printer << ") -> (";
  llvm::interleaveComma(list.drop_front(writes.getInt()), printer, print);
  printer << ')';
}

ParseResult parseBody(OpAsmParser &parser, Region &body) {
  SmallVector<OpAsmParser::Argument> arguments;
  if (failed(parser.parseOptionalKeyword("body")))
    return success();
  return failure(
      parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren, true) ||
      parser.parseRegion(body, arguments));
}

void printBody(OpAsmPrinter &printer, Operation *, Region &body) {
  if (body.empty())
    return;
  printer << " body(";
  llvm::interleaveComma(
      body.getArguments(), printer,
      [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ") ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

} // namespace sluice::plan
