// A spec that extends a base: the tables of both as one.
#pragma once

#include "compiler/spec/Tree.h"

namespace sluice::spec {

// Puts `own` over `base`, both whole files. Mappings are joined key by key,
// down to the keys of a parameter, a weight, a state, a block and an entry;
// what stands at such a key replaces the base's. The lists of `check`,
// `words`, `inert` and `ignore` are appended. In the tables `use`, `weights`,
// `state`, `blocks` and `entries`, `name: none` takes the base's away, and a
// weight with `holds` the weights of the base that it holds. Every scalar
// keeps its place, in one file or the other.
void extend(Tree &base, Tree own, Diagnostics &diagnostics);

} // namespace sluice::spec
