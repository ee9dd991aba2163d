// Stage 2: every name in a spec means something.
#pragma once

#include "compiler/spec/SpecFile.h"

namespace sluice::spec {

// `$name`s, blocks, ops, slots and arguments of the file and its libraries.
void resolveNames(const SpecFile &file, Diagnostics &diagnostics);

// The parameters a file's expressions may name: its own ("rope.theta" for
// those of a library used as `rope`), or the library's own.
std::vector<std::string> parameterNames(const SpecFile &file);

} // namespace sluice::spec
