#include "compiler/spec/Resolve.h"

namespace sluice::spec {
void resolveNames(const SpecFile &, Diagnostics &) {}
} // namespace sluice::spec
