#include "compiler/pack/Importance.h"

#include "compiler/checkpoint/Message.h"
#include "compiler/spec/Names.h"

#include <algorithm>
#include <cmath>

namespace sluice::pack {

using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;

namespace {

// The weight of a name, or null; a name of another weight leads to that one.
const spec::Weight *named(const spec::Model &model, const std::string &name) {
  for (const spec::Weight &weight : model.weights)
    if (weightName(weight) == name)
      return model.stored({weight.path, weight.index});
  return nullptr;
}

Status unknown(const spec::Model &model, const std::string &name) {
  std::vector<std::string> names;
  for (const spec::Weight &weight : model.weights)
    names.push_back(weightName(weight));
  return Status(Code::NotFound, message("the spec has no weight ", quote(name),
                                        spec::suggest(name, names)));
}

Result<std::vector<float>> valuesFor(const checkpoint::Checkpoint &file,
                                     const checkpoint::TensorInfo &tensor,
                                     const spec::Weight &weight) {
  Shape shape = weight.shape;
  if (axesOf(weight).vector)
    return Status(Code::InvalidArgument,
                  message(quote(tensor.name), " is a vector"));
  shape.erase(shape.end() - 2); // its rows
  if (tensor.shape != shape)
    return Status(Code::InvalidArgument,
                  message(quote(tensor.name), ": expected shape ",
                          shapeText(shape), ", found ",
                          shapeText(tensor.shape)));
  std::vector<float> values(size_t(tensor.elements()));
  Status status =
      file.readElements(tensor, 0, tensor.elements(), values.data());
  if (!status.ok())
    return status;
  for (float value : values)
    if (!(value >= 0) || !std::isfinite(value))
      return Status(Code::InvalidArgument, message(quote(tensor.name),
                                                   ": expected mean squares, "
                                                   "found ",
                                                   value));
  return values;
}

} // namespace

Result<Importance> Importance::read(const std::string &path,
                                    const spec::Model &model) {
  Result<checkpoint::Checkpoint> file = checkpoint::Checkpoint::open(path);
  if (!file.ok())
    return file.status();
  Importance importance;
  for (const auto &[name, tensor] : file->tensors()) {
    const spec::Weight *weight = named(model, name);
    if (!weight)
      return unknown(model, name).in(path);
    Result<std::vector<float>> values = valuesFor(*file, tensor, *weight);
    if (!values.ok())
      return values.status().in(path);
    importance.values_[weight] = std::move(*values);
  }
  return importance;
}

std::vector<float>
Importance::of(std::span<const spec::Weight *const> parts) const {
  std::vector<float> sum;
  float known = 0;
  for (const spec::Weight *part : parts) {
    auto found = values_.find(part);
    if (found == values_.end())
      continue;
    sum.resize(found->second.size());
    std::transform(sum.begin(), sum.end(), found->second.begin(), sum.begin(),
                   std::plus<>());
    ++known;
  }
  for (float &value : sum)
    value /= known;
  return sum;
}

} // namespace sluice::pack
