// Weights that are arithmetic on others.
#include "compiler/checkpoint/Message.h"
#include "compiler/pack/FlatView.h"
#include "compiler/pack/Pack.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace sluice::pack {

using checkpoint::message;
using checkpoint::quote;
using checkpoint::shapeText;

namespace {

// One input of the formula: a weight's view or a table.
struct Input {
  ViewPtr view;
  std::vector<float> values;
  Shape steps; // elements from one index of the result's axis to the next
};

int64_t sizeOf(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

// The steps of an input in the result; none if its shape does not broadcast.
std::optional<Shape> stepsIn(const Shape &result, const Shape &shape) {
  if (shape.size() > result.size())
    return std::nullopt;
  size_t missing = result.size() - shape.size();
  Shape steps(result.size(), 0);
  int64_t step = 1;
  for (size_t axis = result.size(); axis-- > missing;) {
    int64_t size = shape[axis - missing];
    if (size != 1 && size != result[axis])
      return std::nullopt;
    if (size != 1)
      steps[axis] = step;
    step *= size;
  }
  return steps;
}

class ComputedView : public FlatView {
public:
  ComputedView(Shape shape, const formula::Formula &formula,
               std::vector<Input> inputs)
      : FlatView({sizeOf(shape), 1}), axes_(std::move(shape)),
        formula_(formula), inputs_(std::move(inputs)) {}

private:
  static constexpr int64_t block = 4096;

  // In runs along the last axis, where every input steps by 1 or 0.
  Status elements(int64_t first, int64_t count, float *out) const override {
    std::vector<float> values(inputs_.size() * block);
    std::vector<const float *> rows;
    for (size_t i = 0; i < inputs_.size(); ++i)
      rows.push_back(values.data() + int64_t(i) * block);
    while (count > 0) {
      int64_t last = axes_.back();
      int64_t run = std::min({count, block, last - first % last});
      for (size_t i = 0; i < inputs_.size(); ++i)
        if (Status status = readInput(inputs_[i], first, run,
                                      values.data() + int64_t(i) * block);
            !status.ok())
          return status;
      formula::evaluate(formula_, rows, run, out);
      first += run;
      count -= run;
      out += run;
    }
    return {};
  }

  Status readInput(const Input &input, int64_t first, int64_t run,
                   float *out) const {
    int64_t at = 0, rest = first;
    for (size_t axis = axes_.size(); axis-- > 0; rest /= axes_[axis])
      at += rest % axes_[axis] * input.steps[axis];
    bool repeats = input.steps.back() == 0;
    int64_t count = repeats ? 1 : run;
    if (!input.view) {
      std::copy_n(input.values.data() + at, count, out);
    } else {
      int64_t columns = input.view->columns();
      Tile tile = columns == 1 ? Tile{at, count, 0, 1}
                               : Tile{at / columns, 1, at % columns, count};
      if (Status status = input.view->read(tile, out); !status.ok())
        return status;
    }
    if (repeats)
      std::fill_n(out, run, float(*out));
    return {};
  }

  Shape axes_;
  const formula::Formula &formula_;
  std::vector<Input> inputs_;
};

} // namespace

Result<ViewPtr> computedView(const checkpoint::Checkpoint &file,
                             std::span<const spec::Weight *const> parts,
                             const Computed &computed) {
  std::vector<Input> inputs;
  auto add = [&](ViewPtr view, std::vector<float> values, const Shape &shape,
                 const std::string &name) -> Status {
    std::optional<Shape> steps = stepsIn(computed.shape, shape);
    if (!steps)
      return Status(Code::InvalidArgument, message(name, " ", shapeText(shape),
                                                   " does not broadcast to ",
                                                   shapeText(computed.shape)));
    inputs.push_back({std::move(view), std::move(values), std::move(*steps)});
    return {};
  };
  for (const spec::Weight *part : parts) {
    Result<ViewPtr> view = openWeight(file, *part);
    if (!view.ok())
      return view.status();
    if (Status status = add(std::move(*view), {}, part->shape,
                            "weight " + quote(weightName(*part)));
        !status.ok())
      return status;
  }
  for (const Computed::Table &table : computed.tables)
    if (Status status = add(nullptr, table.values, table.shape, "a table");
        !status.ok())
      return status;
  if (computed.formula.inputs != int(inputs.size()) || computed.shape.empty())
    return Status(Code::InvalidArgument,
                  message("a computed weight of ", inputs.size(),
                          " inputs, its formula takes ",
                          computed.formula.inputs));
  return ViewPtr(std::make_unique<ComputedView>(
      computed.shape, computed.formula, std::move(inputs)));
}

} // namespace sluice::pack
