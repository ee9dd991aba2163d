// Quantised tensors with their scales in a second tensor, read as f32.
#include "compiler/checkpoint/Message.h"
#include "compiler/pack/FlatView.h"

#include <algorithm>
#include <cmath>

namespace sluice::pack {

using checkpoint::dtypeName;
using checkpoint::message;
using checkpoint::shapeText;
using checkpoint::TensorInfo;

namespace {

// 32 four-bit floats share one exponent. Even elements are in the low halves of
// the bytes.
class Mxfp4View : public FlatView {
public:
  using FlatView::read;
  Mxfp4View(Shape shape, std::span<const uint8_t> values,
            std::span<const uint8_t> exponents)
      : FlatView(std::move(shape)), values_(values), exponents_(exponents) {}

  std::optional<format::Elem> blocks() const override {
    return format::Elem::MXFP4;
  }
  Status read(const Tile &tile, checkpoint::Block *out) const override {
    for (int64_t row = tile.row; row < tile.row + tile.rows; ++row)
      for (int64_t column = tile.column; column < tile.column + tile.columns;
           column += 32) {
        int64_t first = row * columns() + column;
        out->scale = exponents_[first / 32];
        for (int64_t i = 0; i < 32; ++i)
          out->numbers[i] = code(first + i);
        ++out;
      }
    return {};
  }

private:
  uint8_t code(int64_t i) const { return values_[i / 2] >> (i % 2 * 4) & 15; }

  Status elements(int64_t first, int64_t count, float *out) const override {
    for (int64_t i = first; i < first + count; ++i)
      *out++ = std::ldexp(format::kE2M1[code(i)], exponents_[i / 32] - 127);
    return {};
  }

  std::span<const uint8_t> values_, exponents_;
};

class BlockScaledView : public FlatView {
public:
  static constexpr int64_t block = 128;

  BlockScaledView(Shape shape, const checkpoint::Checkpoint &file,
                  const TensorInfo &tensor, std::vector<float> scales)
      : FlatView(std::move(shape)), file_(file), tensor_(tensor),
        scales_(std::move(scales)), across_((columns() + block - 1) / block),
        down_((rows() + block - 1) / block) {}

private:
  Status elements(int64_t first, int64_t count, float *out) const override {
    Status status = file_.readElements(tensor_, first, count, out);
    for (int64_t i = first; i < first + count && status.ok();) {
      int64_t row = i / columns(), column = i % columns();
      int64_t band = row / rows() * down_ + row % rows() / block;
      float scale = scales_[band * across_ + column / block];
      // To the end of the block or of the row.
      int64_t stop = std::min(
          {first + count, i + block - column % block, i + columns() - column});
      for (; i < stop; ++i)
        *out++ *= scale;
    }
    return status;
  }

  const checkpoint::Checkpoint &file_;
  const TensorInfo &tensor_;
  std::vector<float> scales_;
  int64_t across_, down_; // blocks in a row, and in a column of a matrix
};

Result<ViewPtr> mxfp4(const checkpoint::Checkpoint &file,
                      const TensorInfo &tensor, const TensorInfo &scales) {
  Shape shape = tensor.shape, outer = tensor.shape;
  if (!outer.empty())
    outer.pop_back();
  if (tensor.dtype != checkpoint::DType::U8 ||
      scales.dtype != checkpoint::DType::U8 || shape.size() < 3 ||
      shape.back() != 16 || scales.shape != outer)
    return Status(Code::Corrupt,
                  message("mxfp4 needs U8 values [..., n, 16] and U8 exponents "
                          "[..., n]; found ",
                          dtypeName(tensor.dtype), " ", shapeText(shape),
                          " and ", dtypeName(scales.dtype), " ",
                          shapeText(scales.shape)));
  outer.back() *= 32; // no overflow: the file holds half a byte for each
  return ViewPtr(
      std::make_unique<Mxfp4View>(outer, file.raw(tensor), file.raw(scales)));
}

Result<ViewPtr> fp8Blocks(const checkpoint::Checkpoint &file,
                          const TensorInfo &tensor, const TensorInfo &scales) {
  constexpr int64_t block = BlockScaledView::block;
  Shape expected = tensor.shape;
  if (expected.size() < 2)
    return Status(Code::Corrupt, message("fp8_block128 needs a matrix, found ",
                                         shapeText(expected)));
  for (size_t axis : {expected.size() - 2, expected.size() - 1})
    expected[axis] = expected[axis] / block + (expected[axis] % block != 0);
  if (scales.shape != expected)
    return Status(Code::Corrupt,
                  message("expected scales of shape ", shapeText(expected),
                          ", found ", shapeText(scales.shape)));
  std::vector<float> values(scales.elements());
  Status status =
      file.readElements(scales, 0, scales.elements(), values.data());
  if (!status.ok())
    return status;
  return ViewPtr(std::make_unique<BlockScaledView>(tensor.shape, file, tensor,
                                                   std::move(values)));
}

} // namespace

Result<ViewPtr> scaledView(const checkpoint::Checkpoint &file,
                           const TensorInfo &tensor, const TensorInfo &scales,
                           const std::string &format) {
  if (format == "mxfp4")
    return mxfp4(file, tensor, scales);
  if (format == "fp8_block128")
    return fp8Blocks(file, tensor, scales);
  return Status(Code::Unsupported,
                message("format ", checkpoint::quote(format),
                        " is not known; expected mxfp4 or fp8_block128"));
}

} // namespace sluice::pack
