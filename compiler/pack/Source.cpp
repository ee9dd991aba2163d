#include "compiler/checkpoint/Message.h"
#include "compiler/pack/View.h"

namespace sluice::pack {

using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;

std::string weightName(const spec::Weight &weight) {
  return weight.index < 0 ? weight.path
                          : message(weight.path, "[", weight.index, "]");
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
apply(ViewPtr view, const std::vector<spec::Transform> &steps, bool vector) {
  for (const spec::Transform &step : steps) {
    Result<ViewPtr> next = transformed(std::move(view), step, vector);
    if (!next.ok())
      return next;
    view = std::move(*next);
  }
  return view;
}

static Result<ViewPtr> openPart(const checkpoint::Checkpoint &file,
                                const spec::TensorPart &part, bool vector) {
  std::string where = message(file.path(), ": tensor ", quote(part.tensor));
  const checkpoint::TensorInfo *tensor = file.find(part.tensor);
  if (!tensor)
    return Status(Code::NotFound, where + " is not in the checkpoint");
  if (!part.format.empty())
    return Status(Code::Unsupported,
                  message(where, ": reading the format ", quote(part.format),
                          " is not supported"));
  Result<ViewPtr> view =
      apply(fileView(file, *tensor, vector), part.apply, vector);
  if (!view.ok())
    return view.status().in(where);
  return view;
}

static Result<ViewPtr> openTensors(const checkpoint::Checkpoint &file,
                                   const spec::Source &source, bool vector) {
  std::vector<ViewPtr> parts;
  for (const spec::TensorPart &part : source.tensors) {
    Result<ViewPtr> view = openPart(file, part, vector);
    if (!view.ok())
      return view;
    parts.push_back(std::move(*view));
  }
  Result<ViewPtr> view = source.join == spec::Source::Join::Stack
                             ? stacked(std::move(parts))
                             : concatenated(std::move(parts));
  if (view.ok())
    view = apply(std::move(*view), source.apply, vector);
  if (view.ok() && source.fused)
    view = selectRows(std::move(*view), source.rows);
  return view;
}

Result<ViewPtr> openWeight(const checkpoint::Checkpoint &file,
                           const spec::Weight &weight) {
  std::string name = "weight " + quote(weightName(weight));
  if (!weight.aliasOf.empty())
    return Status(Code::Internal, name + " is an alias of " +
                                      quote(weight.aliasOf) +
                                      " and has no tensor of its own");
  bool vector = weight.shape.size() < 2 || isBias(weight);
  Shape shape = viewShape(weight, vector);
  if (weight.source.kind == spec::Source::Kind::Random) {
    // Vectors that are no biases scale normalised values.
    float mean = vector && !isBias(weight) ? 1 : 0;
    return randomView(std::move(shape), file.seed(), weightName(weight), mean);
  }
  Result<ViewPtr> view = openTensors(file, weight.source, vector);
  if (!view.ok())
    return view.status().in(name);
  if ((*view)->shape() != shape) {
    Shape found = (*view)->shape();
    if (vector)
      found.pop_back();
    return Status(Code::Corrupt,
                  message(name, ": expected shape ", shapeText(weight.shape),
                          ", its tensors give ", shapeText(found)));
  }
  return view;
}

} // namespace sluice::pack
