// Streams weights into the artifact in the layouts that kernels read.
#pragma once

#include "compiler/pack/View.h"

#include <cstddef>
#include <functional>
#include <span>

namespace sluice::pack {

// Takes the packed bytes in order.
using Sink = std::function<Status(const void *data, size_t size)>;

// Writes one instance: exactly packedBytes() of the parts joined along their
// rows; alignment between instances is the caller's. The glu layouts take two
// parts of one shape (gate, up). Parts with experts are joined expert by
// expert. Memory stays below 32 MiB whatever the shapes, for any transform.
Status packWeight(const checkpoint::Checkpoint &file,
                  std::span<const spec::Weight *const> parts, Elem elem,
                  Layout layout, const Sink &sink);

// The shape of the parts joined along their rows, as packedBytes() takes it.
Result<Shape> joinedShape(std::span<const spec::Weight *const> parts);

} // namespace sluice::pack
