#include "compiler/pack/Layout.h"

#include "compiler/checkpoint/Message.h"

#include <optional>
#include <string>

namespace sluice::pack {

using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;

static constexpr const char *names[] = {"rows", "panel", "panel_glu",
                                        "vector_glu"};

const char *layoutName(Layout layout) { return names[size_t(layout)]; }

Result<Layout> layoutByName(std::string_view name) {
  if (name == "vector")
    return Layout::Rows;
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i])
      return Layout(i);
  return Status(Code::InvalidArgument,
                message("layout ", quote(name),
                        " is not known; expected rows, panel, panel_glu or "
                        "vector_glu"));
}

// `value` rounded up to a multiple of `unit`; none on overflow.
static std::optional<int64_t> roundUp(int64_t value, int64_t unit) {
  int64_t sum;
  if (__builtin_add_overflow(value, unit - 1, &sum))
    return std::nullopt;
  return sum / unit * unit;
}

Result<int64_t> packedBytes(Layout layout, Elem elem, const Shape &shape) {
  std::string what = message(layoutName(layout), " of ", shapeText(shape));
  auto wrong = [&](const char *expected) {
    return Status(Code::InvalidArgument,
                  message(what, ": expected ", expected));
  };
  bool panel = layout == Layout::Panel || layout == Layout::PanelGlu;
  bool glu = layout == Layout::PanelGlu || layout == Layout::VectorGlu;
  size_t axes = panel ? 2 : 1;
  if (layout != Layout::Rows && shape.size() != axes &&
      shape.size() != axes + 1)
    return wrong(panel ? "[rows, columns] or [experts, rows, columns]"
                       : "[rows] or [experts, rows]");
  Shape padded = shape;
  if (layout != Layout::Rows) {
    int64_t &rows = padded[padded.size() - axes];
    if (glu && rows % 2 != 0)
      return wrong("an even number of rows, half gate and half up");
    auto half = roundUp(glu ? rows / 2 : rows, panelRows);
    if (!half || __builtin_mul_overflow(*half, glu ? 2 : 1, &rows))
      return wrong("fewer rows");
  }
  if (panel) {
    auto columns = roundUp(padded.back(), panelDepth(elem));
    if (!columns)
      return wrong("fewer columns");
    padded.back() = *columns;
  }
  int64_t count, bytes;
  if (!checkpoint::elementCount(padded, count) ||
      __builtin_mul_overflow(count, elemBytes(elem), &bytes))
    return wrong("a size below 2^63 bytes");
  return bytes;
}

} // namespace sluice::pack
