#include "compiler/evaluate/Weights.h"

#include "compiler/pack/View.h"

using namespace mlir;

namespace sluice::evaluate {

// What follows a `$` tells symbols of one path apart.
static std::string pathOf(llm::WeightOp weight) {
  return weight.getSymName().split('$').first.str();
}

// The whole of a view, in the precision of the weight's type.
static FailureOr<Tensor> read(llm::WeightOp weight, const pack::View &view) {
  RankedTensorType type = weight.getTensorType();
  Tensor tensor{Shape(type.getShape())};
  int64_t rows = view.rowsFrom(0);
  if (rows * view.columns() != int64_t(tensor.data.size()))
    return weight.emitError("has ")
           << tensor.data.size() << " elements, its tensors give "
           << rows * view.columns();
  Status status =
      pack::readAs(llm::elemOf(type.getElementType()), view,
                   {0, rows, 0, view.columns()}, tensor.data.data());
  if (!status.ok())
    return weight.emitError(status.message());
  return tensor;
}

Weights seededWeights(uint64_t seed) {
  return [seed](llm::WeightOp op, int64_t layer) -> FailureOr<Tensor> {
    spec::Weight weight;
    weight.path = pathOf(op);
    weight.index = layer;
    weight.shape.assign(op.getTensorType().getShape().begin(),
                        op.getTensorType().getShape().end());
    return read(op, *pack::randomWeight(weight, seed));
  };
}

Weights checkpointWeights(const checkpoint::Checkpoint &file,
                          const spec::Model &model) {
  return [&](llm::WeightOp op, int64_t layer) -> FailureOr<Tensor> {
    const spec::Weight *weight = model.stored({pathOf(op), layer});
    if (!weight)
      return op.emitError("the spec has no weight '")
             << pathOf(op) << "' of layer " << layer;
    Result<pack::ViewPtr> view = pack::openWeight(file, *weight);
    if (!view.ok())
      return op.emitError(view.status().message());
    return read(op, **view);
  };
}

} // namespace sluice::evaluate
