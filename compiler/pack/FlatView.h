// Views whose elements can be read from any index on.
#pragma once

#include "compiler/pack/View.h"

namespace sluice::pack {

class FlatView : public View {
public:
  using View::read;
  using View::View;
  Status read(const Tile &tile, float *out) const final;

protected:
  // Elements first .. first+count-1 in row-major order.
  virtual Status elements(int64_t first, int64_t count, float *out) const = 0;
};

} // namespace sluice::pack
