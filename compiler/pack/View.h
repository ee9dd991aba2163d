// Tensors as the packer reads them: lazily, tile by tile, through any number of
// transforms. Nothing here holds more than a few megabytes.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/checkpoint/Dequant.h"
#include "compiler/spec/Model.h"

#include <memory>
#include <span>
#include <string>

namespace sluice::pack {

using Shape = std::vector<int64_t>; // outermost axis first

// Rows row .. row+rows-1 of the tensor with its leading axes flattened, and of
// each of them the columns column .. column+columns-1.
struct Tile {
  int64_t row, rows, column, columns;
};

// A tensor of f32, of which any tile can be read.
class View {
public:
  explicit View(Shape shape) : shape_(std::move(shape)) {}
  virtual ~View() = default;

  // At least two axes: vectors are seen as [N, 1], the vectors of experts as
  // [E, N, 1], so that a row transform means the same for all.
  const Shape &shape() const { return shape_; }
  int64_t columns() const { return shape_.back(); }
  // Rows of one matrix (the last axis but one), and how many there are.
  int64_t rows() const { return shape_[shape_.size() - 2]; }
  int64_t matrices() const;

  // The axes from `axis` to the last but one, flattened.
  int64_t rowsFrom(size_t axis) const;

  // Fills out[rows * columns], row-major. The tile must lie inside.
  virtual Status read(const Tile &tile, float *out) const = 0;

  // The block format that the rows are stored in, if they can be read as such.
  virtual std::optional<format::Elem> blocks() const { return std::nullopt; }
  // Fills out[rows * (columns / numbers of a block)], row-major. The tile must
  // lie inside and hold whole blocks; blocks() says of what.
  virtual Status read(const Tile &tile, checkpoint::Block *out) const;

private:
  Shape shape_;
};

using ViewPtr = std::unique_ptr<View>;

// Of a row of the tile.
inline int64_t blocksOf(const View &view, const Tile &tile) {
  return tile.columns / format::infoOf(*view.blocks()).block;
}

// How the tensors of one weight are read.
struct Axes {
  size_t row = 0;      // the axis that row transforms and joins work on
  bool vector = false; // the shapes have got a last axis of 1
};

// What a weight of this path and shape asks of its tensors.
Axes axesOf(const spec::Weight &weight);

// A tensor of the file; as `vector`, its shape gets a last axis of 1.
ViewPtr fileView(const checkpoint::Checkpoint &file,
                 const checkpoint::TensorInfo &tensor, bool vector);

// A tensor whose scales lie in a second one. `mxfp4`: bytes [..., n, 16] and
// exponents [..., n] make [..., 32 n]; `fp8_block128`: a factor for each
// 128 x 128 elements of a matrix.
Result<ViewPtr> scaledView(const checkpoint::Checkpoint &file,
                           const checkpoint::TensorInfo &tensor,
                           const checkpoint::TensorInfo &scales,
                           const std::string &format);

// Values that depend on the seed, the name and the element's index only:
// roughly normal with deviation 0.02 around `mean`.
ViewPtr randomView(Shape shape, uint64_t seed, const std::string &name,
                   float mean);
// A weight of a checkpoint without tensors, by its path, index and shape.
ViewPtr randomWeight(const spec::Weight &weight, uint64_t seed);

// Corrupt where the shape of the source does not fit the transform.
Result<ViewPtr> transformed(ViewPtr source, const spec::Transform &transform,
                            Axes axes);

// The runs of rows that a fused tensor has for one weight.
Result<ViewPtr> selectRows(ViewPtr source, const spec::RowSelect &rows);

// Joined along an axis before the last, or as a new leading axis.
Result<ViewPtr> concatenated(std::vector<ViewPtr> parts, size_t axis);
Result<ViewPtr> stacked(std::vector<ViewPtr> parts);

// A tile as an artifact that stores it as `elem` gives it back.
Status readAs(format::Elem elem, const View &view, const Tile &tile,
              float *out);

struct Computed;
// The elements of a computed weight, as [N, 1].
Result<ViewPtr> computedView(const checkpoint::Checkpoint &file,
                             std::span<const spec::Weight *const> parts,
                             const Computed &computed);

// The weight as the graph sees it; its shape is weight.shape (and 1 for
// vectors). Aliases must have been followed.
Result<ViewPtr> openWeight(const checkpoint::Checkpoint &file,
                           const spec::Weight &weight);

// "layers.q[3]"
std::string weightName(const spec::Weight &weight);

} // namespace sluice::pack
