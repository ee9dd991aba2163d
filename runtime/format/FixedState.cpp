#include "runtime/format/FixedState.h"

#include "runtime/format/container.h"

#include <algorithm>

namespace sluice::format {

int64_t fixedSlotBytes(std::span<const NamedShape> fields) {
  constexpr auto most = __int128(1) << 62;
  __int128 elements = 0;
  for (const NamedShape &field : fields) {
    __int128 product = 1;
    for (int64_t size : field.shape)
      product = std::min<__int128>(product * size, most);
    elements = std::min<__int128>(elements + product, most);
  }
  __int128 lines = (elements * sizeof(float) + kDataAlignment - 1) /
                   static_cast<__int128>(kDataAlignment);
  return static_cast<int64_t>(std::min<__int128>(lines * kDataAlignment, most));
}

} // namespace sluice::format
