// Objects to one shared object, with lld inside the process.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace sluice::codegen {

// A further name for a symbol of some object.
struct Alias {
  std::string name, symbol;
};

// Links `objects` with -z defs: a kernel that needs a symbol from outside is an
// error here, not on the user's machine. The result exports the objects' global
// symbols and the aliases and depends on no library.
llvm::Expected<std::vector<char>>
linkShared(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
           llvm::ArrayRef<Alias> aliases);

} // namespace sluice::codegen
