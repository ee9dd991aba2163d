// Several views as one: behind each other along an axis, or stacked along a new
// one.
#include "compiler/checkpoint/Message.h"
#include "compiler/pack/View.h"

#include <algorithm>

namespace sluice::pack {

using checkpoint::Block;
using checkpoint::message;
using checkpoint::shapeText;

namespace {

// The block format of all parts.
std::optional<format::Elem> commonBlocks(const std::vector<ViewPtr> &parts) {
  std::optional<format::Elem> first = parts[0]->blocks();
  bool same = std::all_of(parts.begin(), parts.end(), [&](const ViewPtr &part) {
    return part->blocks() == first;
  });
  return same ? first : std::nullopt;
}

// Each run of rows lies in one of the parts.
class JoinedView : public View {
public:
  JoinedView(Shape shape, std::vector<ViewPtr> parts)
      : View(std::move(shape)), parts_(std::move(parts)) {}

  Status read(const Tile &tile, float *out) const override {
    return readParts(tile, tile.columns, out);
  }
  std::optional<format::Elem> blocks() const override {
    return commonBlocks(parts_);
  }
  Status read(const Tile &tile, Block *out) const override {
    return readParts(tile, blocksOf(*this, tile), out);
  }

protected:
  // A row of a part, and how many follow each other there with it.
  struct Run {
    size_t part;
    int64_t row, count;
  };
  virtual Run runAt(int64_t row) const = 0;

  std::vector<ViewPtr> parts_;

private:
  template <typename T>
  Status readParts(const Tile &tile, int64_t width, T *out) const {
    for (int64_t done = 0; done < tile.rows;) {
      Run run = runAt(tile.row + done);
      int64_t count = std::min(tile.rows - done, run.count);
      Status status = parts_[run.part]->read(
          {run.row, count, tile.column, tile.columns}, out + done * width);
      if (!status.ok())
        return status;
      done += count;
    }
    return {};
  }
};

class ConcatView : public JoinedView {
public:
  ConcatView(Shape shape, std::vector<ViewPtr> parts, size_t axis)
      : JoinedView(std::move(shape), std::move(parts)) {
    for (const ViewPtr &part : parts_) {
      heights_.push_back(part->rowsFrom(axis));
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + heights_.back());
    }
  }

private:
  Run runAt(int64_t row) const override {
    int64_t group = row / ends_.back(), at = row % ends_.back();
    size_t part =
        std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin();
    int64_t inner = at - (ends_[part] - heights_[part]);
    return {part, group * heights_[part] + inner, ends_[part] - at};
  }

  std::vector<int64_t> heights_, ends_; // flattened rows; ends are sums
};

class StackView : public JoinedView {
public:
  using JoinedView::JoinedView;

private:
  Run runAt(int64_t row) const override {
    int64_t height = parts_[0]->matrices() * parts_[0]->rows();
    return {size_t(row / height), row % height, height - row % height};
  }
};

} // namespace

Result<ViewPtr> concatenated(std::vector<ViewPtr> parts, size_t axis) {
  if (parts.empty())
    return Status(Code::InvalidArgument, "nothing to join");
  if (parts.size() == 1)
    return std::move(parts[0]);
  Shape shape = parts[0]->shape();
  for (size_t i = 1; i < parts.size(); ++i) {
    Shape other = parts[i]->shape();
    Shape aligned = other;
    if (axis + 1 < shape.size() && other.size() == shape.size())
      aligned[axis] = shape[axis];
    if (axis + 1 >= shape.size() || aligned != shape)
      return Status(Code::Corrupt,
                    message("cannot join ", shapeText(shape), " and ",
                            shapeText(other), " along the rows"));
    shape[axis] += other[axis];
  }
  return ViewPtr(
      std::make_unique<ConcatView>(std::move(shape), std::move(parts), axis));
}

Result<ViewPtr> stacked(std::vector<ViewPtr> parts) {
  if (parts.empty())
    return Status(Code::InvalidArgument, "nothing to stack");
  Shape shape = parts[0]->shape();
  for (const ViewPtr &part : parts)
    if (part->shape() != shape)
      return Status(Code::Corrupt, message("cannot stack ", shapeText(shape),
                                           " and ", shapeText(part->shape())));
  shape.insert(shape.begin(), int64_t(parts.size()));
  return ViewPtr(
      std::make_unique<StackView>(std::move(shape), std::move(parts)));
}

} // namespace sluice::pack
