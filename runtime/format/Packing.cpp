#include "runtime/format/Packing.h"

#include "runtime/format/kernel_abi.h"

#include <algorithm>

namespace sluice::format {

static constexpr int64_t bytesOf(const BlockInfo &info, int64_t numbers) {
  int64_t shares = info.minimum ? 2 : 1;
  int64_t groups = info.nested ? numbers / info.group : 0;
  return (info.floats ? 1 : 2 * shares) + groups * shares +
         numbers * info.bits / 8;
}

static constexpr ElemInfo block(const char *name, int64_t numbers,
                                const char *stored, BlockInfo info) {
  return {name, numbers, bytesOf(info, numbers), numbers, stored, info};
}

// In the order of Elem. The depth of bf16 is a whole block of the tile unit.
static constexpr ElemInfo kElems[] = {
    {"f32", 1, 4, 16, "F32"},
    {"bf16", 1, 2, 32, "BF16"},
    {"i32", 1, 4, 0, nullptr},
    {"f16", 1, 2, 0, nullptr},
    {"i8", 1, 1, 0, nullptr},
    {"u8", 1, 1, 0, nullptr},
    block("i8x32", 32, "Q8_0", {8, 128, 32}),
    block("i4x32", 32, "Q4_0", {4, 8, 32}),
    block("u4x32", 32, "Q4_1", {4, 0, 32, true}),
    block("i5x32", 32, "Q5_0", {5, 16, 32}),
    block("u5x32", 32, "Q5_1", {5, 0, 32, true}),
    block("q4_k", 256, "Q4_K", {4, 0, 32, true, true}),
    block("q5_k", 256, "Q5_K", {5, 0, 32, true, true}),
    block("q6_k", 256, "Q6_K", {6, 32, 16, false, true}),
    block("mxfp4", 32, "MXFP4", {4, 0, 32, false, false, true}),
    block("i8x64", 64, nullptr, {8, 128, 64}),
    block("i8x128", 128, nullptr, {8, 128, 128}),
    block("i4x64", 64, nullptr, {4, 8, 64}),
    block("i4x128", 128, nullptr, {4, 8, 128}),
    block("u4x64", 64, nullptr, {4, 0, 64, true}),
    block("u4x128", 128, nullptr, {4, 0, 128, true}),
};
static_assert(std::size(kElems) == size_t(Elem::MAX) + 1);

static constexpr const char *kLayouts[] = {"rows", "panel", "panel_glu",
                                           "vector_glu"};
static_assert(std::size(kLayouts) == size_t(Layout::MAX) + 1);

const ElemInfo &infoOf(Elem elem) {
  static constexpr ElemInfo none = {"unknown", 1, 0, 0, nullptr};
  return elem <= Elem::MAX ? kElems[size_t(elem)] : none;
}

std::optional<Elem> elemNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(kElems); ++i)
    if (name == kElems[i].name)
      return Elem(i);
  return std::nullopt;
}

std::optional<Elem> elemStored(std::string_view type) {
  for (size_t i = 0; i < std::size(kElems); ++i)
    if (kElems[i].stored && type == kElems[i].stored)
      return Elem(i);
  return std::nullopt;
}

const char *nameOf(Layout layout) {
  return layout <= Layout::MAX ? kLayouts[size_t(layout)] : "unknown";
}

std::optional<Layout> layoutNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(kLayouts); ++i)
    if (name == kLayouts[i])
      return Layout(i);
  return std::nullopt;
}

static constexpr int64_t kMost = int64_t(1) << 62;

static int64_t product(int64_t a, int64_t b) {
  return static_cast<int64_t>(std::min<__int128>(__int128(a) * b, kMost));
}

static int64_t roundedUp(int64_t value, int64_t unit) {
  return static_cast<int64_t>(
      std::min<__int128>((__int128(value) + unit - 1) / unit * unit, kMost));
}

size_t Packing::axes() const {
  if (layout == Layout::VectorGlu)
    return 1;
  return isPanel(layout) || shape.size() > 1 ? 2 : 1;
}

std::string Packing::expected() const {
  if (elem > Elem::MAX || layout > Layout::MAX)
    return "a known element and layout";
  bool fits = layout == Layout::Rows
                  ? !shape.empty()
                  : shape.size() == axes() || shape.size() == axes() + 1;
  if (!fits)
    return isPanel(layout) ? "[rows, columns] or [experts, rows, columns]"
           : layout == Layout::Rows ? "at least one axis"
                                    : "[rows] or [experts, rows]";
  if (std::any_of(shape.begin(), shape.end(), [](int64_t n) { return n < 1; }))
    return "at least one element";
  if (isPaired(layout) && shape[rowAxis()] % 2 != 0)
    return "an even number of rows, half gate and half up";
  const ElemInfo &info = infoOf(elem);
  if (isPanel(layout) && info.panelDepth == 0)
    return "an element that comes in panels";
  if (shape.back() % info.block != 0)
    return "a multiple of " + std::to_string(info.block) + " columns";
  if (bytes() == kMost)
    return "a size below 2^62 bytes";
  return {};
}

int64_t Packing::packedRows() const {
  int64_t rows = shape[rowAxis()];
  if (layout == Layout::Rows)
    return rows;
  int64_t halves = isPaired(layout) ? 2 : 1;
  return product(roundedUp(rows / halves, SLC_PANEL), halves);
}

int64_t Packing::rowNumbers() const {
  if (axes() == 1)
    return 1;
  return isPanel(layout) ? roundedUp(shape.back(), infoOf(elem).panelDepth)
                         : shape.back();
}

int64_t Packing::numbers() const {
  int64_t count = product(packedRows(), rowNumbers());
  for (size_t i = 0; i < rowAxis(); ++i)
    count = product(count, shape[i]);
  return count;
}

int64_t Packing::bytes() const {
  const ElemInfo &info = infoOf(elem);
  return product(numbers() / info.block, info.blockBytes);
}

} // namespace sluice::format
