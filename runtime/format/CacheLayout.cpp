#include "runtime/format/CacheLayout.h"

#include <algorithm>

namespace sluice::format {

int64_t cacheBlockBytes(std::span<const NamedShape> fields) {
  __int128 bytes = 0;
  for (const NamedShape &field : fields) {
    CacheLayout<int64_t> layout{0, 0};
    (field.name == "v" ? layout.valueWidth : layout.keyWidth) = field.shape[1];
    bytes += __int128(field.shape[0]) * layout.headElements() *
             static_cast<int64_t>(sizeof(float));
  }
  return static_cast<int64_t>(
      std::min<__int128>(bytes, __int128(int64_t(1) << 62)));
}

} // namespace sluice::format
