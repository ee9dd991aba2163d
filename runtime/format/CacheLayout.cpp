#include "runtime/format/CacheLayout.h"

#include <algorithm>

namespace sluice::format {

int64_t cacheBlockBytes(std::span<const NamedShape> fields) {
  __int128 bytes = 0;
  for (const NamedShape &field : fields) {
    CacheLayout<int64_t> layout{0, 0};
    (field.name == "v" ? layout.valueWidth : layout.keyWidth) = field.shape[1];
    int64_t elements = fields.size() == 1 && field.name == "k"
                           ? KeyRows<int64_t>{field.shape[1]}.headElements()
                           : layout.headElements();
    bytes += __int128(field.shape[0]) * elements *
             static_cast<int64_t>(sizeof(float));
  }
  return static_cast<int64_t>(
      std::min<__int128>(bytes, __int128(int64_t(1) << 62)));
}

} // namespace sluice::format
