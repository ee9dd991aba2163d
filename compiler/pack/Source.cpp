// From what a spec says of a weight to the view that reads it.
#include "compiler/checkpoint/Message.h"
#include "compiler/pack/View.h"

#include <algorithm>

namespace sluice::pack {

using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;

std::string weightName(const spec::Weight &weight) {
  return weight.index < 0 ? weight.path
                          : message(weight.path, "[", weight.index, "]");
}

Axes axesOf(const spec::Weight &weight) {
  bool vector = weight.shape.size() < 2 || weight.path.ends_with(".bias");
  size_t inner = std::min<size_t>(vector ? 1 : 2, weight.shape.size());
  return {weight.shape.size() - inner, vector};
}

static bool isBias(const spec::Weight &weight) {
  return weight.path.ends_with(".bias");
}

// The weight's shape as a View has it.
static Shape viewShape(const spec::Weight &weight, bool vector) {
  Shape shape = weight.shape;
  if (vector)
    shape.push_back(1);
  while (shape.size() < 2)
    shape.insert(shape.begin(), 1);
  return shape;
}

static Result<ViewPtr>
apply(ViewPtr view, const std::vector<spec::Transform> &steps, Axes axes) {
  for (const spec::Transform &step : steps) {
    Result<ViewPtr> next = transformed(std::move(view), step, axes);
    if (!next.ok())
      return next;
    view = std::move(*next);
  }
  return view;
}

static Result<ViewPtr> openTensor(const checkpoint::Checkpoint &file,
                                  const spec::TensorPart &part, Axes axes) {
  const checkpoint::TensorInfo *tensor = file.find(part.tensor);
  if (!tensor)
    return Status(Code::NotFound, "is not in the checkpoint");
  if (part.format.empty())
    return fileView(file, *tensor, axes.vector);
  const checkpoint::TensorInfo *scales = file.find(part.scales);
  if (!scales)
    return Status(Code::NotFound, message("its scales ", quote(part.scales),
                                          " are not in the checkpoint"));
  if (axes.vector)
    return Status(Code::Unsupported,
                  message("a vector in the format ", quote(part.format)));
  return scaledView(file, *tensor, *scales, part.format);
}

static Result<ViewPtr> openPart(const checkpoint::Checkpoint &file,
                                const spec::TensorPart &part, Axes axes) {
  Result<ViewPtr> view = openTensor(file, part, axes);
  if (view.ok())
    view = apply(std::move(*view), part.apply, axes);
  if (!view.ok())
    return view.status().in(
        message(file.path(), ": tensor ", quote(part.tensor)));
  return view;
}

static Result<ViewPtr> openTensors(const checkpoint::Checkpoint &file,
                                   const spec::Source &source, Axes axes) {
  bool stack = source.join == spec::Source::Join::Stack;
  Axes own = axes; // stacked parts don't have the new leading axis yet
  if (stack && own.row > 0)
    --own.row;
  bool rows = stack && axes.row == 0; // each part is a row, or one element
  own.vector |= rows;
  std::vector<ViewPtr> parts;
  for (const spec::TensorPart &part : source.tensors) {
    Result<ViewPtr> view = openPart(file, part, own);
    if (view.ok() && rows && !axes.vector)
      view = transformed(std::move(*view), {}, axes); // transposed
    if (!view.ok())
      return view;
    parts.push_back(std::move(*view));
  }
  Result<ViewPtr> view = stack && !rows
                             ? stacked(std::move(parts))
                             : concatenated(std::move(parts), axes.row);
  if (view.ok())
    view = apply(std::move(*view), source.apply, axes);
  if (view.ok() && source.fused)
    view = selectRows(std::move(*view), source.rows);
  if (view.ok())
    view = apply(std::move(*view), source.then, axes);
  return view;
}

ViewPtr randomWeight(const spec::Weight &weight, uint64_t seed) {
  Axes axes = axesOf(weight);
  // Vectors that are no biases scale normalised values.
  float mean = axes.vector && !isBias(weight) ? 1 : 0;
  return randomView(viewShape(weight, axes.vector), seed, weightName(weight),
                    mean);
}

Result<ViewPtr> openWeight(const checkpoint::Checkpoint &file,
                           const spec::Weight &weight) {
  std::string name = "weight " + quote(weightName(weight));
  if (!weight.aliasOf.empty())
    return Status(Code::Internal, name + " is an alias of " +
                                      quote(weight.aliasOf) +
                                      " and has no tensor of its own");
  Axes axes = axesOf(weight);
  Shape shape = viewShape(weight, axes.vector);
  if (!weight.source.then.empty()) // the file's tensor has other axes
    axes = {weight.source.rows.experts ? size_t(1) : 0, false};
  if (weight.source.kind == spec::Source::Kind::Random)
    return randomWeight(weight, file.seed());
  Result<ViewPtr> view = openTensors(file, weight.source, axes);
  if (!view.ok())
    return view.status().in(name);
  if ((*view)->shape() != shape) {
    Shape found = (*view)->shape();
    if (axes.vector)
      found.pop_back();
    return Status(Code::Corrupt,
                  message(name, ": expected shape ", shapeText(weight.shape),
                          ", its tensors give ", shapeText(found)));
  }
  return view;
}

} // namespace sluice::pack
