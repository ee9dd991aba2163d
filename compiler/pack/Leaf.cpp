// Views that have no source: tensors of a file, and seeded random numbers.
#include "compiler/pack/FlatView.h"

#include <numeric>

namespace sluice::pack {

static int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  return std::accumulate(begin, end, int64_t(1), std::multiplies<>());
}

int64_t View::matrices() const {
  return product(shape_.begin(), shape_.end() - 2);
}

int64_t View::rowsFrom(size_t axis) const {
  return product(shape_.begin() + axis, shape_.end() - 1);
}

Status View::read(const Tile &, checkpoint::Block *) const {
  return Status(Code::Internal, "is not stored in blocks");
}

Status FlatView::read(const Tile &tile, float *out) const {
  if (tile.columns == columns())
    return elements(tile.row * columns(), tile.rows * columns(), out);
  for (int64_t row = 0; row < tile.rows; ++row) {
    Status status = elements((tile.row + row) * columns() + tile.column,
                             tile.columns, out + row * tile.columns);
    if (!status.ok())
      return status;
  }
  return {};
}

namespace {

class FileView : public FlatView {
public:
  using FlatView::read;
  FileView(Shape shape, const checkpoint::Checkpoint &file,
           const checkpoint::TensorInfo &tensor)
      : FlatView(std::move(shape)), file_(file), tensor_(tensor) {}

  std::optional<format::Elem> blocks() const override {
    auto elem = format::elemStored(checkpoint::dtypeName(tensor_.dtype));
    return elem && isBlocks(*elem) ? elem : std::nullopt;
  }

  Status read(const Tile &tile, checkpoint::Block *out) const override {
    const checkpoint::BlockFormat &format =
        checkpoint::blockFormat(tensor_.dtype);
    checkpoint::BlockUnpacker unpack = checkpoint::blockUnpacker(tensor_.dtype);
    for (int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
      const uint8_t *block =
          file_.raw(tensor_).data() +
          (row * columns() + tile.column) / format.values * format.bytes;
      for (int64_t i = 0; i < tile.columns; i += format.values) {
        unpack(block, *out++);
        block += format.bytes;
      }
    }
    return {};
  }

private:
  Status elements(int64_t first, int64_t count, float *out) const override {
    return file_.readElements(tensor_, first, count, out);
  }

  const checkpoint::Checkpoint &file_;
  const checkpoint::TensorInfo &tensor_;
};

uint64_t hash(std::string_view text, uint64_t state) {
  for (unsigned char c : text)
    state = (state ^ c) * 0x100000001b3;
  return state;
}

// A bijection in which every bit of the result depends on every bit of `x`.
uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// Element i is made from half of the hash of i / 2: the sum of four random
// bytes is close enough to a normal variable, and cheap.
class RandomView : public FlatView {
public:
  RandomView(Shape shape, uint64_t key, float mean)
      : FlatView(std::move(shape)), key_(key), mean_(mean) {}

private:
  Status elements(int64_t first, int64_t count, float *out) const override {
    int64_t at = 0;
    if (first % 2 != 0 && count > 0)
      out[at++] = value(sums(first / 2) >> 32);
    for (; at + 1 < count; at += 2) {
      uint64_t pair = sums((first + at) / 2);
      out[at] = value(pair);
      out[at + 1] = value(pair >> 32);
    }
    if (at < count)
      out[at] = value(sums((first + at) / 2));
    return {};
  }

  // Two sums of four bytes, in the low and in the high half.
  uint64_t sums(int64_t pair) const {
    constexpr uint64_t bytes = 0x00ff00ff00ff00ff;
    uint64_t bits = mix(key_ + uint64_t(pair) * 0x9e3779b97f4a7c15);
    uint64_t halves = (bits & bytes) + (bits >> 8 & bytes);
    return (halves + (halves >> 16)) & 0x0000ffff0000ffff;
  }

  float value(uint64_t sum) const {
    // Four bytes have mean 510 and variance 4 * (256^2 - 1) / 12.
    constexpr float step = 0.02f / 147.8f;
    return mean_ + step * float(int32_t(sum & 0xffff) - 510);
  }

  uint64_t key_;
  float mean_;
};

} // namespace

ViewPtr fileView(const checkpoint::Checkpoint &file,
                 const checkpoint::TensorInfo &tensor, bool vector) {
  Shape shape = tensor.shape;
  if (vector)
    shape.push_back(1);
  while (shape.size() < 2)
    shape.insert(shape.begin(), 1);
  return std::make_unique<FileView>(std::move(shape), file, tensor);
}

ViewPtr randomView(Shape shape, uint64_t seed, const std::string &name,
                   float mean) {
  uint64_t key = mix(hash(name, mix(seed + 0xcbf29ce484222325)));
  return std::make_unique<RandomView>(std::move(shape), key, mean);
}

} // namespace sluice::pack
