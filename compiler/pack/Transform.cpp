// The transforms of the spec language (`apply`), each as a view of its source.
#include "compiler/checkpoint/Message.h"
#include "compiler/pack/FlatView.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace sluice::pack {

using checkpoint::message;
using checkpoint::shapeText;
using spec::Transform;

namespace {

class TransposeView : public View {
public:
  using View::read;
  TransposeView(Shape shape, ViewPtr source)
      : View(std::move(shape)), source_(std::move(source)) {}

  Status read(const Tile &tile, float *out) const override {
    for (int64_t done = 0; done < tile.rows;) {
      int64_t matrix = (tile.row + done) / rows();
      int64_t row = (tile.row + done) % rows();
      int64_t count = std::min({block, tile.rows - done, rows() - row});
      for (int64_t column = 0; column < tile.columns; column += block) {
        int64_t width = std::min(block, tile.columns - column);
        Status status = turn({matrix * source_->rows() + tile.column + column,
                              width, row, count},
                             out + done * tile.columns + column, tile.columns);
        if (!status.ok())
          return status;
      }
      done += count;
    }
    return {};
  }

private:
  static constexpr int64_t block = 512; // 1 MiB in all

  // The tile of the source, transposed, into rows of `stride` floats.
  Status turn(const Tile &tile, float *out, int64_t stride) const {
    std::vector<float> buffer(tile.rows * tile.columns);
    Status status = source_->read(tile, buffer.data());
    if (!status.ok())
      return status;
    // Sixteen source rows at a time fill whole cache lines of the result.
    for (int64_t from = 0; from < tile.rows; from += 16)
      for (int64_t column = 0; column < tile.columns; ++column)
        for (int64_t row = from; row < std::min(from + 16, tile.rows); ++row)
          out[column * stride + row] = buffer[row * tile.columns + column];
    return {};
  }

  ViewPtr source_;
};

class ReshapeView : public FlatView {
public:
  using FlatView::read;
  ReshapeView(Shape shape, ViewPtr source)
      : FlatView(std::move(shape)), source_(std::move(source)) {}

  // Only where rows stay rows.
  std::optional<format::Elem> blocks() const override {
    return source_->columns() == columns() ? source_->blocks() : std::nullopt;
  }
  Status read(const Tile &tile, checkpoint::Block *out) const override {
    return source_->read(tile, out);
  }

private:
  Status elements(int64_t first, int64_t count, float *out) const override {
    int64_t width = source_->columns();
    while (count > 0) {
      Tile tile{first / width, 1, first % width, 0};
      if (tile.column == 0 && count >= width) {
        tile.rows = count / width;
        tile.columns = width;
      } else {
        tile.columns = std::min(count, width - tile.column);
      }
      Status status = source_->read(tile, out);
      if (!status.ok())
        return status;
      int64_t taken = tile.rows * tile.columns;
      first += taken;
      count -= taken;
      out += taken;
    }
    return {};
  }

  ViewPtr source_;
};

// [out, in, ...] -> [out, in]: one of the `step` elements that belong together.
class KernelAtView : public View {
public:
  using View::read;
  KernelAtView(Shape shape, ViewPtr source, int64_t step, int64_t at)
      : View(std::move(shape)), source_(std::move(source)), step_(step),
        at_(at) {}

  Status read(const Tile &tile, float *out) const override {
    std::vector<float> buffer(tile.columns * step_);
    for (int64_t row = 0; row < tile.rows; ++row) {
      Status status = source_->read({tile.row + row, 1, tile.column * step_,
                                     static_cast<int64_t>(buffer.size())},
                                    buffer.data());
      if (!status.ok())
        return status;
      for (int64_t column = 0; column < tile.columns; ++column)
        *out++ = buffer[column * step_ + at_];
    }
    return {};
  }

private:
  ViewPtr source_;
  int64_t step_, at_;
};

// Along `axis`, index r is index map(r) of the source.
class RowMapView : public View {
public:
  using Map = std::function<int64_t(int64_t)>;
  RowMapView(Shape shape, ViewPtr source, size_t axis, Map map)
      : View(std::move(shape)), source_(std::move(source)),
        map_(std::move(map)), height_(rowsFrom(axis)),
        sourceHeight_(source_->rowsFrom(axis)), step_(rowsFrom(axis + 1)) {}

  Status read(const Tile &tile, float *out) const override {
    return readRuns(tile, tile.columns, out);
  }
  std::optional<format::Elem> blocks() const override {
    return source_->blocks();
  }
  Status read(const Tile &tile, checkpoint::Block *out) const override {
    return readRuns(tile, blocksOf(*this, tile), out);
  }

private:
  template <typename T>
  Status readRuns(const Tile &tile, int64_t width, T *out) const {
    for (int64_t done = 0; done < tile.rows;) {
      int64_t first = sourceRow(tile.row + done), count = 1;
      while (done + count < tile.rows &&
             sourceRow(tile.row + done + count) == first + count)
        ++count;
      Status status = source_->read({first, count, tile.column, tile.columns},
                                    out + done * width);
      if (!status.ok())
        return status;
      done += count;
    }
    return {};
  }

  int64_t sourceRow(int64_t row) const {
    int64_t inside = row % height_;
    return row / height_ * sourceHeight_ + map_(inside / step_) * step_ +
           inside % step_;
  }

  ViewPtr source_;
  Map map_;
  int64_t height_, sourceHeight_; // flattened rows of one group
  int64_t step_;                  // flattened rows of one index of the axis
};

class ElementView : public View {
public:
  using View::read;
  using Map = std::function<void(float *, int64_t)>;
  ElementView(ViewPtr source, Map map)
      : View(source->shape()), source_(std::move(source)),
        map_(std::move(map)) {}

  Status read(const Tile &tile, float *out) const override {
    Status status = source_->read(tile, out);
    if (status.ok())
      map_(out, tile.rows * tile.columns);
    return status;
  }

private:
  ViewPtr source_;
  Map map_;
};

class UnitRowsView : public View {
public:
  using View::read;
  explicit UnitRowsView(ViewPtr source)
      : View(source->shape()), source_(std::move(source)) {}

  Status read(const Tile &tile, float *out) const override {
    Status status = source_->read(tile, out);
    for (int64_t row = 0; row < tile.rows && status.ok(); ++row) {
      float norm;
      status = length(tile.row + row, norm);
      for (int64_t column = 0; column < tile.columns; ++column)
        out[row * tile.columns + column] /= norm;
    }
    return status;
  }

private:
  // At least 1e-12, so that rows of zeros stay zero.
  Status length(int64_t row, float &norm) const {
    constexpr int64_t chunk = 4096;
    float buffer[chunk];
    double sum = 0;
    for (int64_t column = 0; column < columns(); column += chunk) {
      int64_t width = std::min(chunk, columns() - column);
      Status status = source_->read({row, 1, column, width}, buffer);
      if (!status.ok())
        return status;
      for (int64_t i = 0; i < width; ++i)
        sum += double(buffer[i]) * buffer[i];
    }
    norm = std::max(float(std::sqrt(sum)), 1e-12f);
    return {};
  }

  ViewPtr source_;
};

// Row r's product with the sinusoids of position p: sines of its first half,
// cosines of its second.
class SinusoidsView : public View {
public:
  SinusoidsView(Shape shape, ViewPtr source, double theta)
      : View(std::move(shape)), source_(std::move(source)),
        table_(size_t(source_->columns() * columns())) {
    int64_t width = source_->columns(), half = width / 2;
    for (int64_t j = 0; j < half; ++j) {
      // In f32, as the models compute them.
      float exponent = float(2 * j) / float(width);
      float frequency = 1.0f / float(std::pow(theta, double(exponent)));
      for (int64_t p = 0; p < columns(); ++p) {
        float angle = float(p) * frequency;
        table_[size_t(j * columns() + p)] = std::sin(double(angle));
        table_[size_t((half + j) * columns() + p)] = std::cos(double(angle));
      }
    }
  }

  Status read(const Tile &tile, float *out) const override {
    std::vector<float> row(size_t(source_->columns()));
    std::vector<double> sums(size_t(tile.columns));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Status status =
          source_->read({tile.row + r, 1, 0, source_->columns()}, row.data());
      if (!status.ok())
        return status;
      std::fill(sums.begin(), sums.end(), 0.0);
      for (size_t i = 0; i < row.size(); ++i) {
        const float *wave =
            &table_[i * size_t(columns()) + size_t(tile.column)];
        for (size_t p = 0; p < sums.size(); ++p)
          sums[p] += double(row[i]) * wave[p];
      }
      out = std::copy(sums.begin(), sums.end(), out);
    }
    return {};
  }

private:
  ViewPtr source_;
  std::vector<float> table_; // [width of the source][positions]
};

Status misfit(const Shape &shape, const std::string &why) {
  return Status(Code::Corrupt,
                message("a tensor of shape ", shapeText(shape), ": ", why));
}

ViewPtr rowMap(ViewPtr source, size_t axis, int64_t rows, RowMapView::Map map) {
  Shape shape = source->shape();
  shape[axis] = rows;
  return std::make_unique<RowMapView>(std::move(shape), std::move(source), axis,
                                      std::move(map));
}

template <typename Map> ViewPtr each(ViewPtr source, Map map) {
  return std::make_unique<ElementView>(std::move(source),
                                       [map](float *data, int64_t count) {
                                         for (int64_t i = 0; i < count; ++i)
                                           data[i] = map(data[i]);
                                       });
}

ViewPtr transpose(ViewPtr source) {
  Shape shape = source->shape();
  std::swap(shape[shape.size() - 2], shape.back());
  return std::make_unique<TransposeView>(std::move(shape), std::move(source));
}

Result<ViewPtr> reshape(ViewPtr source, Shape shape, bool vector) {
  if (vector || shape.size() == 1) // a vector is a column
    shape.push_back(1);
  int64_t before, after;
  if (shape.empty() || !checkpoint::elementCount(source->shape(), before) ||
      !checkpoint::elementCount(shape, after) || before != after)
    return misfit(source->shape(),
                  message("cannot be reshaped to ", shapeText(shape)));
  return ViewPtr(
      std::make_unique<ReshapeView>(std::move(shape), std::move(source)));
}

Result<ViewPtr> kernelAt(ViewPtr source, int64_t wanted) {
  const Shape whole = source->shape();
  if (whole.size() < 3)
    return misfit(whole, "kernel_at needs axes after [out, in]");
  int64_t step = 1, index = 0;
  for (size_t axis = 2; axis < whole.size(); ++axis) {
    int64_t at = whole[axis] == 1 ? 0 : wanted; // nothing to choose from
    if (at < 0 || at >= whole[axis])
      return misfit(whole, message("has no position ", wanted));
    step *= whole[axis];
    index = index * whole[axis] + at;
  }
  Result<ViewPtr> flat =
      reshape(std::move(source), {whole[0], whole[1] * step}, false);
  if (!flat.ok())
    return flat;
  return ViewPtr(std::make_unique<KernelAtView>(Shape{whole[0], whole[1]},
                                                std::move(*flat), step, index));
}

// Adjacent pairs (2i, 2i+1) of the rotated rows of a head <-> halves (i,
// i+r/2).
Result<ViewPtr> ropeRows(ViewPtr source, size_t axis,
                         const Transform &transform) {
  int64_t rows = source->shape()[axis], heads = transform.heads;
  int64_t skip = transform.skip;
  if (heads <= 0 || rows % heads != 0)
    return misfit(source->shape(),
                  message("its rows are not ", heads, " heads"));
  int64_t head = rows / heads;
  int64_t dims = transform.dims ? transform.dims : head - skip;
  if (skip < 0 || dims < 0 || skip > head || dims > head - skip ||
      dims % 2 != 0)
    return misfit(source->shape(),
                  message("cannot rotate ", dims, " rows after ", skip,
                          " of heads of ", head, " rows"));
  int64_t half = dims / 2;
  bool toHalf = transform.toHalf;
  return rowMap(std::move(source), axis, rows, [=](int64_t row) {
    int64_t at = row % head - skip;
    if (at < 0 || at >= dims)
      return row;
    int64_t from = toHalf ? at % half * 2 + at / half : at % 2 * half + at / 2;
    return row - at + from;
  });
}

Result<ViewPtr> swapHeads(ViewPtr source, size_t axis, int64_t outer,
                          int64_t inner) {
  int64_t rows = source->shape()[axis];
  if (outer <= 0 || inner <= 0 || rows % outer != 0 ||
      rows / outer % inner != 0)
    return misfit(source->shape(),
                  message("its rows are not ", outer, " x ", inner, " heads"));
  int64_t size = rows / outer / inner;
  return rowMap(std::move(source), axis, rows, [=](int64_t row) {
    int64_t head = row / size;
    return (head % outer * inner + head / outer) * size + row % size;
  });
}

Result<ViewPtr> sinusoids(ViewPtr source, const Transform &transform) {
  Shape shape = source->shape();
  if (shape.back() % 2 != 0 || transform.positions < 1)
    return misfit(shape, "has no even width for sinusoids");
  shape.back() = transform.positions;
  return ViewPtr(std::make_unique<SinusoidsView>(
      std::move(shape), std::move(source), transform.number));
}

Result<ViewPtr> roundTo(ViewPtr source, const std::string &type) {
  if (type == "f16")
    return each(std::move(source), [](float x) {
      return checkpoint::f16ToFloat(checkpoint::floatToF16(x));
    });
  if (type == "bf16")
    return each(std::move(source), [](float x) {
      return checkpoint::bf16ToFloat(checkpoint::floatToBf16(x));
    });
  return Status(Code::Unsupported,
                message("cannot round to ", checkpoint::quote(type),
                        "; expected f16 or bf16"));
}

// Drops the last axis, which is 1 in the views of vectors.
Result<ViewPtr> withoutLast(ViewPtr source) {
  Shape shape = source->shape();
  shape.pop_back();
  if (shape.size() < 2)
    return misfit(shape, "one axis is not enough here");
  return reshape(std::move(source), std::move(shape), false);
}

// Transforms that concern columns see a vector's own axes.
Result<ViewPtr> columnTransform(ViewPtr source, const Transform &transform,
                                bool vector) {
  if (vector) {
    Result<ViewPtr> inner = withoutLast(std::move(source));
    if (inner.ok())
      inner = columnTransform(std::move(*inner), transform, false);
    if (!inner.ok())
      return inner;
    Shape shape = (*inner)->shape();
    return reshape(std::move(*inner), std::move(shape), true);
  }
  if (transform.kind == Transform::Kind::Transpose)
    return transpose(std::move(source));
  return kernelAt(std::move(source), transform.first);
}

Result<ViewPtr> rowTransform(ViewPtr source, const Transform &transform,
                             size_t axis) {
  if (axis + 1 >= source->shape().size())
    return misfit(source->shape(), "has no rows to choose from");
  if (transform.kind == Transform::Kind::RopeRows)
    return ropeRows(std::move(source), axis, transform);
  if (transform.kind == Transform::Kind::SwapHeads)
    return swapHeads(std::move(source), axis, transform.outer, transform.inner);
  int64_t first = transform.first, last = transform.last;
  if (first < 0 || last < first || last > source->shape()[axis])
    return misfit(source->shape(),
                  message("has no rows ", first, " to ", last - 1));
  return rowMap(std::move(source), axis, last - first,
                [=](int64_t row) { return first + row; });
}

} // namespace

Result<ViewPtr> transformed(ViewPtr source, const Transform &transform,
                            Axes axes) {
  float number = float(transform.number);
  switch (transform.kind) {
  case Transform::Kind::Transpose:
  case Transform::Kind::KernelAt:
    return columnTransform(std::move(source), transform, axes.vector);
  case Transform::Kind::Reshape:
    return reshape(std::move(source), transform.shape, axes.vector);
  case Transform::Kind::RopeRows:
  case Transform::Kind::Rows:
  case Transform::Kind::SwapHeads:
    return rowTransform(std::move(source), transform, axes.row);
  case Transform::Kind::Add:
    return each(std::move(source), [=](float x) { return x + number; });
  case Transform::Kind::Mul:
    return each(std::move(source), [=](float x) { return x * number; });
  case Transform::Kind::Neg:
    return each(std::move(source), [](float x) { return -x; });
  case Transform::Kind::Exp:
    return each(std::move(source),
                [](float x) { return float(std::exp(double(x))); });
  case Transform::Kind::UnitRows:
    return ViewPtr(std::make_unique<UnitRowsView>(std::move(source)));
  case Transform::Kind::Sinusoids:
    return sinusoids(std::move(source), transform);
  case Transform::Kind::Round:
    return roundTo(std::move(source), transform.type);
  }
  return Status(Code::Internal, "unknown transform");
}

Result<ViewPtr> selectRows(ViewPtr source, const spec::RowSelect &rows) {
  // The last row must exist; the sizes come from expressions of the spec.
  size_t axis = source->shape().size() - 2;
  int64_t total, last;
  if (rows.offset < 0 || rows.size <= 0 || rows.count <= 0 ||
      (rows.count > 1 && rows.period < rows.size) ||
      __builtin_mul_overflow(rows.count, rows.size, &total) ||
      __builtin_mul_overflow(rows.count - 1, rows.period, &last) ||
      __builtin_add_overflow(last, rows.offset, &last) ||
      __builtin_add_overflow(last, rows.size, &last) || last > source->rows())
    return misfit(source->shape(),
                  message("has no ", rows.count, " runs of ", rows.size,
                          " rows, one every ", rows.period, " from row ",
                          rows.offset));
  return rowMap(std::move(source), axis, total, [=](int64_t row) {
    return rows.offset + row / rows.size * rows.period + row % rows.size;
  });
}

} // namespace sluice::pack
