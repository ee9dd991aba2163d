#include "compiler/kernels/CacheLayout.h"

using namespace mlir;

namespace sluice::kernels {

int64_t cacheBlockBytes(ArrayRef<NamedShape> fields) {
  int64_t elements = 0;
  for (const NamedShape &field : fields) {
    CacheLayout layout{0, 0};
    assert(field.shape.size() == 2 && "cache fields are [heads, width]");
    (field.name == "k" ? layout.keyWidth : layout.valueWidth) = field.shape[1];
    elements += field.shape[0] * layout.headElements();
  }
  return elements * static_cast<int64_t>(sizeof(float));
}

} // namespace sluice::kernels
