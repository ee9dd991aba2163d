// What products multiply their weights with: of each weight the mean square of
// every column of the rows, so that a format can be near where it matters.
#pragma once

#include "runtime/artifact/Calls.h"
#include "runtime/executor/Program.h"
#include "runtime/tensors/TensorFile.h"

#include <map>

namespace sluice::executor {

class Importance {
public:
  // Unsupported: a kernel makes the rows of a product itself, so that they
  // cannot be seen. The artifact must outlive it.
  static Result<Importance> create(const artifact::Artifact &artifact);

  // Looks at the rows that the step, which has so many, is to multiply.
  void add(const ReadyStep &step, int64_t rows);

  // By the path of a weight in the spec, with its layer as in "layers.q[3]":
  // f32 [K], or for each matrix of several [E, K]; zeros for an expert that had
  // no rows. Weights of steps that have not run are missing.
  std::vector<NamedTensor> tensors() const;

private:
  // One instance of a weight.
  struct Sums {
    int64_t matrices = 0, width = 0;
    std::vector<double> squares; // [matrices][width]
    std::vector<int64_t> rows;   // [matrices]
    bool used = false;

    void add(const void *row, bool bf16, int64_t matrix);
  };
  explicit Importance(const artifact::Artifact &artifact)
      : artifact_(&artifact), signatures_(artifact.model()) {}
  Status prepare(const format::Step &step);
  std::string name(const format::Part &part, const format::Weight &weight,
                   uint32_t instance) const;

  const artifact::Artifact *artifact_;
  artifact::Signatures signatures_;
  std::map<std::pair<uint32_t, uint32_t>, Sums> sums_; // by weight, instance
};

} // namespace sluice::executor
