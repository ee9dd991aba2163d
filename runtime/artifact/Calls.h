// The calls in an artifact's plan, with the signatures of their kernels.
#pragma once

#include "runtime/format/CallCheck.h"
#include "runtime/support/Status.h"

#include <vector>

namespace sluice::artifact {

// What computes a step: its dispatch, or the one that stands in for an engine.
const format::Dispatch &generated(const format::Step &step);

// Names a dim, a role or a type that does not exist, or is larger than any
// kernel's.
Status checkSignature(const format::Signature &signature);

// The signatures of a model's kernels, which must be good.
class Signatures {
public:
  Signatures() = default;
  explicit Signatures(const format::Model &model);

  const format::SignatureT &of(const format::Dispatch &dispatch) const {
    return all_[dispatch.kernel()];
  }

private:
  std::vector<format::SignatureT> all_;
};

// Whether a dispatch stays inside its operands. It must have as many dims and
// operands as its kernel, and no operand that does not exist.
Status checkDispatch(const format::Model &model, const format::Entry &entry,
                     const format::SignatureT &signature,
                     const format::Dispatch &dispatch);

// What a step moves and computes with so many rows.
struct Work {
  double weightBytes = 0; // of the weights that are read
  double bytes = 0;       // with activations
  double flops = 0;       // of products
  bool bf16 = false;      // the product is of bf16 numbers
  // For each position of a sequence that attention looks at.
  double bytesPerPosition = 0;
};
// What the rows of a step look at in a cache.
struct Looked {
  double positions = 0; // of all sequences
  double pairs = 0;     // of a row and a position
};
Work workOf(const format::Model &model, const Signatures &signatures,
            const format::Step &step, int64_t rows, const Looked &looked = {});

} // namespace sluice::artifact
