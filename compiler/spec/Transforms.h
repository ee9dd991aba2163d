// Transforms of weights: their arguments, and what they do to shapes.
#pragma once

#include "compiler/spec/SpecFile.h"

namespace sluice::spec {

using Shape = std::vector<int64_t>;

// Nothing after reporting what is wrong with the arguments.
std::optional<Transform> bindTransform(const TransformDecl &decl, Env &env,
                                       Diagnostics &diagnostics);

// The word in specs.
std::string transformName(Transform::Kind kind);
// As a spec writes it: "transpose", "{rows: [0, 4]}".
std::string printTransform(const Transform &transform);

// Applies the transform to a shape whose rows lie on axis `rowAxis`; returns
// what is wrong, empty if nothing is.
std::string applyToShape(const Transform &transform, size_t rowAxis,
                         Shape &shape);

// Whether the bias of a weight goes through the transform too.
bool isRowTransform(Transform::Kind kind);

// The shape of the values that a tensor with separate scales holds; empty
// result if it fits, else what is wrong.
std::string decodedShape(const std::string &format, Shape &shape);

} // namespace sluice::spec
