#include "compiler/pack/Pack.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/pack/Blocks.h"
#include "runtime/format/kernel_abi.h"

#include <algorithm>

namespace sluice::pack {

using checkpoint::floatToBf16;
using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;
using format::Elem;
using format::Layout;

namespace {

constexpr int64_t panelRows = SLC_PANEL;

// Packs tile by tile; the buffers live as long as one weight.
class Packer {
public:
  Packer(Elem elem, const Sink &sink) : elem_(elem), sink_(sink) {}

  Status rows(const View &view);
  Status panels(const View &view);
  Status panelPairs(const View &gate, const View &up);
  Status vectorPairs(const View &gate, const View &up);

private:
  // A panel is packed this many columns at a time: half a MiB of floats.
  static constexpr int64_t chunk = 2048;
  static constexpr int64_t tileElements = chunk * panelRows;

  Status panel(const View &view, int64_t matrix, int64_t row);
  Status run(const View &view, int64_t matrix, int64_t row);
  void interleave(int64_t rows, int64_t columns, int64_t padded);
  Status emit(const float *values, int64_t count);
  Status emitBlocks(const View &view, const Tile &tile, int64_t together);

  Elem elem_;
  const Sink &sink_;
  std::vector<float> tile_ = std::vector<float>(tileElements);
  std::vector<float> packed_ = std::vector<float>(tileElements);
  std::vector<uint16_t> narrow_;
  std::vector<checkpoint::Block> blocks_;
  std::vector<uint8_t> laid_;
};

} // namespace

Status Packer::emit(const float *values, int64_t count) {
  if (elem_ == Elem::F32)
    return sink_(values, count * sizeof(float));
  narrow_.resize(tileElements);
  std::transform(values, values + count, narrow_.begin(), floatToBf16);
  return sink_(narrow_.data(), count * sizeof(uint16_t));
}

// The tile in blocks, `together` rows side by side; rows that are missing are
// zero.
Status Packer::emitBlocks(const View &view, const Tile &tile,
                          int64_t together) {
  const format::ElemInfo &info = format::infoOf(elem_);
  int64_t across = tile.columns / info.block;
  Status status = readBlocks(elem_, view, tile, blocks_);
  if (!status.ok())
    return status;
  int64_t bands = (tile.rows + together - 1) / together;
  laid_.resize(bands * across * together * info.blockBytes);
  uint8_t *out = laid_.data();
  for (int64_t row = 0; row < tile.rows; row += together)
    for (int64_t i = 0; i < across; ++i) {
      layBlocks(elem_, blocks_.data() + row * across + i,
                std::min(together, tile.rows - row), across, together, out);
      out += together * info.blockBytes;
    }
  return sink_(laid_.data(), laid_.size());
}

Status Packer::rows(const View &view) {
  int64_t rows = view.matrices() * view.rows();
  int64_t width = std::min(view.columns(), tileElements);
  int64_t height =
      std::max<int64_t>(tileElements / std::max<int64_t>(width, 1), 1);
  // A tile is whole rows, or a part of one row that is longer than the buffer.
  for (int64_t row = 0; row < rows; row += height)
    for (int64_t column = 0; column < view.columns(); column += width) {
      Tile tile{row, std::min(height, rows - row), column,
                std::min(width, view.columns() - column)};
      Status status;
      if (isBlocks(elem_)) {
        status = emitBlocks(view, tile, 1);
      } else {
        status = view.read(tile, tile_.data());
        if (status.ok())
          status = emit(tile_.data(), tile.rows * tile.columns);
      }
      if (!status.ok())
        return status;
    }
  return {};
}

// tile_[rows][columns] -> packed_[padded][64], or for bf16
// packed_[padded/2][64][2]; what the tile doesn't cover is zero.
void Packer::interleave(int64_t rows, int64_t columns, int64_t padded) {
  if (rows < panelRows || columns < padded)
    std::fill_n(packed_.begin(), padded * panelRows, 0.0f);
  bool pairs = elem_ == Elem::BF16;
  // One cache line of each row is used up at once.
  constexpr int64_t line = 16;
  for (int64_t from = 0; from < columns; from += line) {
    int64_t to = std::min(from + line, columns);
    for (int64_t row = 0; row < rows; ++row) {
      const float *source = tile_.data() + row * columns;
      for (int64_t k = from; k < to; ++k) {
        int64_t at = pairs ? k / 2 * (2 * panelRows) + row * 2 + k % 2
                           : k * panelRows + row;
        packed_[at] = source[k];
      }
    }
  }
}

Status Packer::panel(const View &view, int64_t matrix, int64_t row) {
  int64_t rows = std::min(panelRows, view.rows() - row);
  int64_t columns = view.columns();
  for (int64_t from = 0; from < columns; from += chunk) {
    int64_t width = std::min(chunk, columns - from);
    int64_t depth = format::infoOf(elem_).panelDepth;
    int64_t padded = (width + depth - 1) / depth * depth;
    Tile tile{matrix * view.rows() + row, rows, from, width};
    Status status;
    if (isBlocks(elem_)) {
      status = emitBlocks(view, tile, panelRows);
    } else {
      status = view.read(tile, tile_.data());
      interleave(rows, width, padded);
      if (status.ok())
        status = emit(packed_.data(), padded * panelRows);
    }
    if (!status.ok())
      return status;
  }
  return {};
}

Status Packer::panels(const View &view) {
  for (int64_t matrix = 0; matrix < view.matrices(); ++matrix)
    for (int64_t row = 0; row < view.rows(); row += panelRows)
      if (Status status = panel(view, matrix, row); !status.ok())
        return status;
  return {};
}

Status Packer::panelPairs(const View &gate, const View &up) {
  for (int64_t matrix = 0; matrix < gate.matrices(); ++matrix)
    for (int64_t row = 0; row < gate.rows(); row += panelRows)
      for (const View *view : {&gate, &up})
        if (Status status = panel(*view, matrix, row); !status.ok())
          return status;
  return {};
}

// 64 elements of a vector, the last run filled up with zeros.
Status Packer::run(const View &view, int64_t matrix, int64_t row) {
  int64_t rows = std::min(panelRows, view.rows() - row);
  std::fill_n(tile_.begin(), panelRows, 0.0f);
  Status status =
      view.read({matrix * view.rows() + row, rows, 0, 1}, tile_.data());
  return status.ok() ? emit(tile_.data(), panelRows) : status;
}

Status Packer::vectorPairs(const View &gate, const View &up) {
  for (int64_t matrix = 0; matrix < gate.matrices(); ++matrix)
    for (int64_t row = 0; row < gate.rows(); row += panelRows)
      for (const View *view : {&gate, &up})
        if (Status status = run(*view, matrix, row); !status.ok())
          return status;
  return {};
}

Result<Shape> joinedShape(std::span<const spec::Weight *const> parts) {
  if (parts.empty() || parts[0]->shape.empty())
    return Status(Code::InvalidArgument,
                  "a packed weight needs parts with axes");
  Shape shape = parts[0]->shape;
  size_t axis = axesOf(*parts[0]).row;
  for (const spec::Weight *part : parts.subspan(1)) {
    Shape aligned = part->shape;
    if (aligned.size() == shape.size())
      aligned[axis] = shape[axis];
    if (aligned != shape || axesOf(*part).row != axis)
      return Status(Code::InvalidArgument,
                    message("weights ", quote(weightName(*parts[0])), " ",
                            shapeText(shape), " and ", quote(weightName(*part)),
                            " ", shapeText(part->shape),
                            " cannot be joined along their rows"));
    shape[axis] += part->shape[axis];
  }
  return shape;
}

// What the packing asks of the parts beyond what joinedShape() checks.
static Status checkPacking(std::span<const spec::Weight *const> parts,
                           const format::Packing &packing) {
  Result<Shape> shape = joinedShape(parts);
  if (!shape.ok())
    return shape.status();
  const spec::Weight &first = *parts[0];
  bool matrices = !axesOf(first).vector;
  const char *layout = format::nameOf(packing.layout);
  if (packing.layout != Layout::Rows && isPanel(packing.layout) != matrices)
    return Status(Code::InvalidArgument,
                  message("weight ", quote(weightName(first)), " ",
                          shapeText(first.shape), " cannot have layout ",
                          layout));
  if (isPaired(packing.layout) &&
      (parts.size() != 2 || parts[0]->shape != parts[1]->shape))
    return Status(Code::InvalidArgument,
                  message("layout ", layout,
                          " takes two parts of one shape, a gate and an up; "
                          "found ",
                          parts.size(), " parts, the first ",
                          quote(weightName(first))));
  if (packing.shape != *shape)
    return Status(Code::InvalidArgument,
                  message("the parts of ", quote(weightName(first)), " are ",
                          shapeText(*shape), ", expected ",
                          shapeText(packing.shape)));
  std::string expected = packing.expected();
  return expected.empty()
             ? Status()
             : Status(Code::InvalidArgument,
                      message(layout, " of ", shapeText(packing.shape), " ",
                              format::infoOf(packing.elem).name, ": expected ",
                              expected));
}

Status packWeight(const checkpoint::Checkpoint &file,
                  std::span<const spec::Weight *const> parts,
                  const format::Packing &packing, const Sink &sink) {
  if (Status status = checkPacking(parts, packing); !status.ok())
    return status;
  Layout layout = packing.layout;
  std::vector<ViewPtr> views;
  for (const spec::Weight *part : parts) {
    Result<ViewPtr> view = openWeight(file, *part);
    if (!view.ok())
      return view.status();
    views.push_back(std::move(*view));
  }
  Packer packer(packing.elem, sink);
  Status status;
  if (layout == Layout::PanelGlu) {
    status = packer.panelPairs(*views[0], *views[1]);
  } else if (layout == Layout::VectorGlu) {
    status = packer.vectorPairs(*views[0], *views[1]);
  } else {
    Result<ViewPtr> joined =
        concatenated(std::move(views), axesOf(*parts[0]).row);
    if (!joined.ok())
      return joined.status();
    status = layout == Layout::Rows ? packer.rows(**joined)
                                    : packer.panels(**joined);
  }
  for (const spec::Weight *part : parts)
    for (const spec::TensorPart &tensor : part->source.tensors)
      if (const auto *info = file.find(tensor.tensor))
        file.release(*info);
  return status.in("weight " + quote(weightName(*parts[0])));
}

Status packComputed(const checkpoint::Checkpoint &file,
                    std::span<const spec::Weight *const> parts,
                    const Computed &computed, const Sink &sink) {
  Result<ViewPtr> view = computedView(file, parts, computed);
  return view.ok() ? Packer(Elem::F32, sink).rows(**view) : view.status();
}

} // namespace sluice::pack
