// Streams weights into the artifact in the layouts that kernels read.
#pragma once

#include "compiler/formula/Formula.h"
#include "compiler/pack/View.h"
#include "runtime/format/Packing.h"

#include <cstddef>
#include <functional>
#include <span>

namespace sluice::pack {

// Takes the packed bytes in order.
using Sink = std::function<Status(const void *data, size_t size)>;

// How a weight is packed.
struct PackOptions {
  // What the columns of a matrix count for, [K] or [matrices, K], where blocks
  // are searched for; empty: all the same.
  std::span<const float> importance;
  // 0: as many as there are processors. They change no byte.
  int64_t threads = 0;
};

// Writes one instance: exactly the bytes() of the packing, whose shape is that
// of the parts joined along their rows; alignment between instances is the
// caller's. The paired layouts take two parts of one shape (gate, up). Parts
// with experts are joined expert by expert. Memory stays below 32 MiB and 5 MiB
// for each thread, whatever the shapes, for any transform.
Status packWeight(const checkpoint::Checkpoint &file,
                  std::span<const spec::Weight *const> parts,
                  const format::Packing &packing, const Sink &sink,
                  const PackOptions &options = {});

// Whether the parts have the blocks of `elem` in the file, which are copied.
Result<bool> isKept(const checkpoint::Checkpoint &file,
                    std::span<const spec::Weight *const> parts,
                    format::Elem elem);

// A weight that is arithmetic on others. The inputs of the formula are the
// parts and after them the tables; their shapes are aligned with the result's
// at the right, and axes of size 1 are repeated.
struct Computed {
  // Numbers of the graph, row-major.
  struct Table {
    Shape shape;
    std::vector<float> values;
  };
  formula::Formula formula;
  std::vector<Table> tables;
  Shape shape; // of the result
};

// Writes the elements of a computed weight as f32 rows.
Status packComputed(const checkpoint::Checkpoint &file,
                    std::span<const spec::Weight *const> parts,
                    const Computed &computed, const Sink &sink);

// The shape of the parts joined along their rows.
Result<Shape> joinedShape(std::span<const spec::Weight *const> parts);

} // namespace sluice::pack
