#include "compiler/kernels/BlockReader.h"

using namespace mlir;

namespace sluice::kernels {

BlockReader::BlockReader(KernelBuilder &k, StringRef name, format::Elem elem,
                         Expr width)
    : k(k), info(format::infoOf(elem)), width(width) {
  Value memory = k.pointer(name);
  bytes = k.view(memory, k.b().getI8Type());
  halves = k.view(memory, k.b().getF16Type());
}

Expr BlockReader::panelBytes() {
  Expr groups =
      ceilDiv(width, info.panelDepth) * (info.panelDepth / info.group);
  return groups * (info.groupBytes * SLC_PANEL);
}

Expr BlockReader::product(Expr numberAt, Expr scaleAt, bool sixteen) {
  Expr number =
      sixteen ? k.loadVector(bytes, numberAt) : k.load(bytes, numberAt);
  Expr scale =
      sixteen ? k.loadVector(halves, scaleAt) : k.load(halves, scaleAt);
  return toFloat(number, k.f32()) * toFloat(scale, k.f32());
}

Expr BlockReader::panelColumn(Expr panel, Expr row, Expr at) {
  Expr group = panel + at / info.group * (info.groupBytes * SLC_PANEL);
  Expr numbers = group + 2 * SLC_PANEL + at % info.group * SLC_PANEL;
  return product(numbers + row, group / 2 + row, true);
}

Expr BlockReader::inPanels(Expr row, Expr at) {
  Expr group = row / SLC_PANEL * panelBytes() +
               at / info.group * (info.groupBytes * SLC_PANEL);
  Expr numbers = group + 2 * SLC_PANEL + at % info.group * SLC_PANEL;
  return product(numbers + row % SLC_PANEL, group / 2 + row % SLC_PANEL, false);
}

Expr BlockReader::inRows(Expr row, Expr at) {
  Expr group = (row * width + at) / info.group * info.groupBytes;
  return product(group + 2 + at % info.group, group / 2, false);
}

} // namespace sluice::kernels
