// Parsers and printers named by `custom<...>` in PlanOps.td.
#pragma once

#include "dialects/plan/PlanDialect.h"

namespace sluice::plan {

using mlir::ArrayAttr, mlir::DictionaryAttr, mlir::IntegerAttr;
using mlir::OpAsmParser, mlir::OpAsmPrinter, mlir::ParseResult;
using Unresolved = llvm::SmallVectorImpl<OpAsmParser::UnresolvedOperand>;

ParseResult parseNumber(OpAsmParser &, IntegerAttr &value);
void printNumber(OpAsmPrinter &, mlir::Operation *, IntegerAttr value);

ParseResult parseNames(OpAsmParser &, ArrayAttr &names);
void printNames(OpAsmPrinter &, mlir::Operation *, ArrayAttr names);

// ["layers.q", "layers.s"[3]]
ParseResult parseParts(OpAsmParser &, ArrayAttr &parts);
void printParts(OpAsmPrinter &, mlir::Operation *, ArrayAttr parts);

ParseResult parseFields(OpAsmParser &, ArrayAttr &names, ArrayAttr &shapes);
void printFields(OpAsmPrinter &, mlir::Operation *, ArrayAttr names,
                 ArrayAttr shapes);

ParseResult parseInputs(OpAsmParser &, ArrayAttr &names, ArrayAttr &kinds);
void printInputs(OpAsmPrinter &, mlir::Operation *, ArrayAttr names,
                 ArrayAttr kinds);

ParseResult parseRows(OpAsmParser &, RowKindAttr &kind, IntegerAttr &scale);
void printRows(OpAsmPrinter &, mlir::Operation *, RowKindAttr kind,
               IntegerAttr scale);

ParseResult parseDims(OpAsmParser &, DictionaryAttr &dims);
void printDims(OpAsmPrinter &, mlir::Operation *, DictionaryAttr dims);

ParseResult parseOperands(OpAsmParser &, Unresolved &buffers, ArrayAttr &names,
                          ArrayAttr &refs, IntegerAttr &writes);
void printOperands(OpAsmPrinter &, mlir::Operation *op, mlir::OperandRange,
                   ArrayAttr, ArrayAttr, IntegerAttr writes);

ParseResult parseBody(OpAsmParser &, mlir::Region &body);
void printBody(OpAsmPrinter &, mlir::Operation *, mlir::Region &body);

} // namespace sluice::plan
