#include "compiler/pack/Pack.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/pack/Blocks.h"
#include "compiler/pack/Pieces.h"
#include "runtime/format/kernel_abi.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

namespace sluice::pack {

using checkpoint::floatToBf16;
using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;
using format::Elem;
using format::Layout;

namespace {

constexpr int64_t panelRows = SLC_PANEL;

// What is packed at a time: a tile of a view, `together` rows side by side, of
// which those that are missing are zero; numbers by themselves that lie so are
// zero up to a multiple of `depth` columns.
struct Piece {
  const View *view;
  Tile tile;
  int64_t together, depth;
};

// Half a MiB of floats, of a panel this many columns.
constexpr int64_t panelColumns = 2048;
constexpr int64_t pieceElements = panelColumns * panelRows;

std::vector<Piece> rowPieces(const View &view) {
  int64_t rows = view.matrices() * view.rows();
  int64_t width = std::min(view.columns(), pieceElements);
  int64_t height =
      std::max<int64_t>(pieceElements / std::max<int64_t>(width, 1), 1);
  // A tile is whole rows, or a part of one row that is longer than that.
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < rows; row += height)
    for (int64_t column = 0; column < view.columns(); column += width)
      pieces.push_back({&view,
                        {row, std::min(height, rows - row), column,
                         std::min(width, view.columns() - column)},
                        1,
                        1});
  return pieces;
}

// Panels of the views by turns; of vectors runs of 64.
std::vector<Piece> panelPieces(const std::vector<const View *> &views,
                               int64_t depth) {
  std::vector<Piece> pieces;
  int64_t rows = views[0]->rows(), columns = views[0]->columns();
  for (int64_t matrix = 0; matrix < views[0]->matrices(); ++matrix)
    for (int64_t row = 0; row < rows; row += panelRows)
      for (const View *view : views)
        for (int64_t from = 0; from < columns; from += panelColumns)
          pieces.push_back(
              {view,
               {matrix * rows + row, std::min(panelRows, rows - row), from,
                std::min(panelColumns, columns - from)},
               panelRows,
               depth});
  return pieces;
}

// Packs pieces; the buffers live as long as one weight.
class Packer {
public:
  Packer(Elem elem, std::span<const float> importance)
      : elem_(elem), importance_(importance) {}

  // The bytes of a piece as they lie in the artifact.
  Status pack(const Piece &piece, std::vector<uint8_t> &out);

private:
  Status packBlocks(const Piece &piece, std::vector<uint8_t> &out);
  void interleave(const Piece &piece, int64_t padded);

  Elem elem_;
  std::span<const float> importance_;
  std::vector<float> tile_, packed_;
  std::vector<checkpoint::Block> blocks_;
};

} // namespace

Status Packer::pack(const Piece &piece, std::vector<uint8_t> &out) {
  if (isBlocks(elem_))
    return packBlocks(piece, out);
  int64_t columns = piece.tile.columns, count = piece.tile.rows * columns;
  tile_.resize(count);
  Status status = piece.view->read(piece.tile, tile_.data());
  if (!status.ok())
    return status;
  const std::vector<float> *values = &tile_;
  if (piece.together > 1) {
    int64_t padded = (columns + piece.depth - 1) / piece.depth * piece.depth;
    interleave(piece, padded);
    values = &packed_;
  }
  out.resize(values->size() * format::elemBytes(elem_));
  if (elem_ == Elem::F32)
    std::memcpy(out.data(), values->data(), out.size());
  else
    std::transform(values->begin(), values->end(),
                   reinterpret_cast<uint16_t *>(out.data()), floatToBf16);
  return {};
}

Status Packer::packBlocks(const Piece &piece, std::vector<uint8_t> &out) {
  const format::ElemInfo &info = format::infoOf(elem_);
  int64_t across = piece.tile.columns / info.block;
  int64_t rows = piece.tile.rows, together = piece.together;
  Status status =
      readBlocks(elem_, *piece.view, piece.tile, blocks_, importance_);
  if (!status.ok())
    return status;
  int64_t bands = (rows + together - 1) / together;
  out.resize(bands * across * together * info.blockBytes);
  uint8_t *to = out.data();
  for (int64_t row = 0; row < rows; row += together)
    for (int64_t i = 0; i < across; ++i) {
      layBlocks(elem_, blocks_.data() + row * across + i,
                std::min(together, rows - row), across, together, to);
      to += together * info.blockBytes;
    }
  return {};
}

// tile_[rows][columns] -> packed_[padded][64], or for bf16
// packed_[padded/2][64][2]; what the tile doesn't cover is zero.
void Packer::interleave(const Piece &piece, int64_t padded) {
  auto [row0, rows, column0, columns] = piece.tile;
  packed_.resize(padded * panelRows);
  if (rows < panelRows || columns < padded)
    std::fill(packed_.begin(), packed_.end(), 0.0f);
  bool pairs = elem_ == Elem::BF16 && piece.depth > 1;
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

// Threads are worth their start from so many pieces on.
static Status packPieces(Elem elem, const std::vector<Piece> &pieces,
                         const PackOptions &options, const Sink &sink) {
  int64_t threads = options.threads;
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  int64_t elements = 0;
  for (const Piece &piece : pieces)
    elements += piece.tile.rows * piece.tile.columns;
  threads = std::min(threads, elements / pieceElements);
  return makeInOrder(
      int64_t(pieces.size()), threads,
      [&]() -> PieceMaker {
        auto packer = std::make_shared<Packer>(elem, options.importance);
        return [&pieces, packer](int64_t i, std::vector<uint8_t> &out) {
          return packer->pack(pieces[size_t(i)], out);
        };
      },
      sink);
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
                  const format::Packing &packing, const Sink &sink,
                  const PackOptions &options) {
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
  std::vector<Piece> pieces;
  ViewPtr joined;
  if (isPaired(layout)) {
    bool panels = isPanel(layout);
    pieces = panelPieces({views[0].get(), views[1].get()},
                         panels ? format::infoOf(packing.elem).panelDepth : 1);
  } else {
    Result<ViewPtr> all = concatenated(std::move(views), axesOf(*parts[0]).row);
    if (!all.ok())
      return all.status();
    joined = std::move(*all);
    pieces = layout == Layout::Rows
                 ? rowPieces(*joined)
                 : panelPieces({joined.get()},
                               format::infoOf(packing.elem).panelDepth);
  }
  Status status = packPieces(packing.elem, pieces, options, sink);
  for (const spec::Weight *part : parts)
    for (const spec::TensorPart &tensor : part->source.tensors)
      if (const auto *info = file.find(tensor.tensor))
        file.release(*info);
  return status.in("weight " + quote(weightName(*parts[0])));
}

Result<bool> isKept(const checkpoint::Checkpoint &file,
                    std::span<const spec::Weight *const> parts, Elem elem) {
  for (const spec::Weight *part : parts) {
    Result<ViewPtr> view = openWeight(file, *part);
    if (!view.ok())
      return view.status();
    if ((*view)->blocks() != elem)
      return false;
  }
  return true;
}

Status packComputed(const checkpoint::Checkpoint &file,
                    std::span<const spec::Weight *const> parts,
                    const Computed &computed, const Sink &sink) {
  Result<ViewPtr> view = computedView(file, parts, computed);
  return view.ok() ? packPieces(Elem::F32, rowPieces(**view), {}, sink)
                   : view.status();
}

} // namespace sluice::pack
