// Steps as text, for command lines.
#pragma once

#include "compiler/evaluate/Evaluate.h"
#include "runtime/support/Status.h"

namespace sluice::evaluate {

// Steps are separated by `|`, and the sequences of a step by `;`:
//
//   source: 4,9 ; 7 | generate: 1,2,3 ; 5 | @1 6 last
//
// A step may begin with the name of its entry and `:`, which holds for the
// steps after it, too; the first entry is the module's `generate`, `fill` or
// `encode`, or else its first. A sequence is `@slot` (or the slot is its number
// in the step), ids, further inputs as `name=1,2`, and `all`, `last` or `none`
// for the rows that are wanted.
Result<std::vector<Step>> parseSteps(llvm::StringRef text,
                                     mlir::ModuleOp module);

// The entry that steps run if none is named.
Result<std::string> defaultEntry(mlir::ModuleOp module);
// The first entry of a kind; empty if there is none.
std::string entryOfKind(mlir::ModuleOp module, llvm::StringRef kind);
// The input of type `tokens` of an entry, which ids without a name are for.
std::string tokensOf(mlir::ModuleOp module, llvm::StringRef entry);

} // namespace sluice::evaluate
