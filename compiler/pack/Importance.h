// How much the columns of weights matter: a safetensors file as `sluice-run
// --calibrate` writes it.
#pragma once

#include "compiler/pack/View.h"

#include <map>

namespace sluice::pack {

class Importance {
public:
  // Each tensor is named after a matrix of the model, with its layer as in
  // "layers.q[3]", and has a number for each column, or of stacked matrices for
  // each column of each. What is not so is an error.
  static Result<Importance> read(const std::string &path,
                                 const spec::Model &model);

  // Of a weight with these parts, which are multiplied with the same rows: the
  // mean of what is known. Empty: nothing is.
  std::vector<float> of(std::span<const spec::Weight *const> parts) const;

private:
  std::map<const spec::Weight *, std::vector<float>> values_;
};

} // namespace sluice::pack
