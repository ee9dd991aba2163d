// From a chosen source to weights: plain ones, biases, parts of fused tensors.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

using SourceKind = SourceDecl::Kind;

static size_t rowAxisOf(const Shape &weightShape) {
  return weightShape.size() == 3 ? 1 : 0;
}

// Of all tensors of a source: "F32", which holds them all, if they differ.
static std::string dtypeOf(const checkpoint::Checkpoint &checkpoint,
                           const Source &source) {
  std::string name;
  for (const TensorPart &part : source.tensors) {
    const checkpoint::TensorInfo *info = checkpoint.find(part.tensor);
    std::string one = info ? checkpoint::dtypeName(info->dtype) : std::string();
    if (&part != &source.tensors.front() && one != name)
      return "F32";
    name = one;
  }
  return name;
}

void WeightBinder::bindPlain(const WeightLeaf &leaf, const Place &place,
                             const Chosen &chosen, BiasMode mode) {
  if (chosen.decl->kind == SourceKind::Parts) {
    diagnostics_.error(chosen.decl->location,
                       "a source by parts belongs to a weight with `holds`");
    return;
  }
  std::optional<Shape> shape = declaredShape(leaf.shape, place.env);
  if (!shape)
    return;
  Weight weight;
  weight.path = place.scope.child(leaf.name);
  weight.index = place.scope.index;
  weight.shape = *shape;
  weight.experts = shape->size() == 3;
  weight.keepF32 = leaf.keepF32;
  weight.location = leaf.location;
  use(chosen.tensors, leaf, printRef(weight.path, weight.index));
  Shape found;
  if (!buildSource(chosen, place, false, rowAxisOf(*shape), weight.source,
                   found) ||
      !compare(leaf, place, *shape, found, weight.source.tensors[0].tensor))
    return;
  weight.dtype = dtypeOf(checkpoint_, weight.source);
  Weight head = weight;
  add(leaf, std::move(weight), true);
  std::vector<Transform> rows;
  for (const Transform &t : head.source.apply)
    if (isRowTransform(t.kind))
      rows.push_back(t);
  if (ownBias(leaf))
    explicitBias(leaf, place, head, rows);
  else if (mode != BiasMode::None)
    addBias(leaf, place, head, chosen, {});
}

// The bias that goes with the names of `chosen`; `full` is its shape before
// the rows of a fused weight are selected, empty for plain weights.
void WeightBinder::addBias(const WeightLeaf &leaf, const Place &place,
                           const Weight &weight, const Chosen &chosen,
                           Shape full) {
  for (const Tensor &tensor : chosen.tensors)
    if (!exists(tensor.bias))
      return; // an optional one
  Weight bias;
  bias.path = weight.path + ".bias";
  bias.index = weight.index;
  bias.shape = weight.shape;
  if (bias.shape.size() > 1)
    bias.shape.pop_back();
  bias.experts = weight.experts;
  bias.keepF32 = true;
  bias.location = weight.location;
  for (const Tensor &tensor : chosen.tensors)
    use(tensor.bias, leaf,
        full.empty() ? printRef(bias.path, bias.index)
                     : printRef(place.scope.child(leaf.name), bias.index));
  Shape found;
  if (!buildSource(chosen, place, true, bias.experts ? 1 : 0, bias.source,
                   found) ||
      !compare(leaf, place, full.empty() ? bias.shape : full, found,
               bias.source.tensors[0].tensor))
    return;
  bias.source.fused = weight.source.fused;
  bias.source.rows = weight.source.rows;
  bias.dtype = dtypeOf(checkpoint_, bias.source);
  add(leaf, std::move(bias), true);
}

// Whether the weight has the bias that has a source of its own.
bool WeightBinder::ownBiasWanted(const WeightLeaf &leaf, ConfigScope &env) {
  return !leaf.biasWhen ||
         evaluateBool(*leaf.biasWhen, env, diagnostics_).value_or(false);
}

void WeightBinder::explicitBias(const WeightLeaf &leaf, const Place &place,
                                const Weight &weight,
                                const std::vector<Transform> &rows) {
  if (!ownBiasWanted(leaf, place.env))
    return;
  WeightLeaf named = leaf;
  named.sources = leaf.biasSources;
  named.name = leaf.name + ".bias";
  bool failed = false;
  std::optional<Chosen> chosen = choose(named, place, BiasMode::None, failed);
  if (failed)
    return;
  if (!chosen) {
    missing(leaf, place, &named);
    return;
  }
  Weight bias;
  bias.path = weight.path + ".bias";
  bias.index = weight.index;
  bias.shape = weight.shape;
  if (bias.shape.size() > 1)
    bias.shape.pop_back();
  bias.experts = weight.experts;
  bias.keepF32 = true;
  bias.location = leaf.location;
  std::string path = weight.source.fused
                         ? printRef(place.scope.child(named.name), bias.index)
                         : printRef(bias.path, bias.index);
  for (const Tensor &tensor : chosen->tensors)
    use(tensor.weight, leaf, path);
  // Transforms of its own replace those that it would share with the weight.
  bool own = !chosen->decl->apply.empty();
  Shape found;
  size_t axis = bias.experts ? 1 : 0;
  if (!buildSource(*chosen, place, false, axis, bias.source, found))
    return;
  for (const Transform &t : own ? std::vector<Transform>() : rows) {
    std::string wrong =
        checkpoint_.synthetic() ? "" : applyToShape(t, axis, found);
    if (!wrong.empty()) {
      diagnostics_.error(chosen->decl->location,
                         "tensor " + quote(chosen->tensors[0].weight) + ": " +
                             wrong);
      return;
    }
    bias.source.apply.push_back(t);
  }
  Shape expected = bias.shape;
  if (weight.source.fused)
    expected.back() = weight.source.rows.period *
                      std::max<int64_t>(1, weight.source.rows.count);
  bias.source.fused = weight.source.fused;
  bias.source.rows = weight.source.rows;
  if (!compare(leaf, place, expected, found, chosen->tensors[0].weight))
    return;
  bias.dtype = dtypeOf(checkpoint_, bias.source);
  add(leaf, std::move(bias), true);
}

// The rows of each part, in the order in which `holds` names them, and the
// shape of the whole tensor.
bool WeightBinder::rowSelect(const WeightLeaf &leaf, const Place &place,
                             const SourceDecl &source,
                             std::vector<RowSelect> &out, Shape &full) {
  const Data *per = source.per ? &*source.per : leaf.per ? &*leaf.per : nullptr;
  std::optional<int64_t> repeats =
      per ? evaluateInt(*per, place.env, diagnostics_)
          : std::optional<int64_t>(1);
  std::vector<Data> sizes;
  for (const WeightLeaf::Part &part : leaf.holds)
    sizes.push_back(part.rows);
  std::vector<Data> columns = {*leaf.cols};
  std::optional<Shape> cols = declaredShape(columns, place.env);
  Shape rows;
  for (const Data &size : sizes) {
    std::optional<Shape> one = declaredShape({size}, place.env);
    if (!one)
      return false;
    rows.push_back((*one)[0]);
  }
  if (!repeats || !cols)
    return false;
  if (*repeats < 1 || *repeats > (1 << 20)) {
    diagnostics_.error(per->location,
                       "per cannot be " + std::to_string(*repeats));
    return false;
  }
  std::vector<size_t> order;
  for (const std::string &name : source.order)
    for (size_t i = 0; i < leaf.holds.size(); ++i)
      if (leaf.holds[i].name == name)
        order.push_back(i);
  if (!source.order.empty() && (order.size() != leaf.holds.size() ||
                                source.order.size() != leaf.holds.size())) {
    diagnostics_.error(source.location, "order must name every part once");
    return false;
  }
  if (order.empty())
    for (size_t i = 0; i < leaf.holds.size(); ++i)
      order.push_back(i);
  int64_t scale = source.blocks ? *repeats : 1;
  int64_t total = 0;
  out.resize(leaf.holds.size());
  for (size_t i : order) {
    out[i].offset = total;
    out[i].size = rows[i] * scale;
    out[i].count = source.blocks ? 1 : *repeats;
    total += out[i].size;
    if (total > (int64_t(1) << 50)) {
      diagnostics_.error(leaf.location, "the parts have too many rows");
      return false;
    }
  }
  full = {source.blocks ? total : total * *repeats, (*cols)[0]};
  if (leaf.experts) {
    std::optional<Shape> experts = declaredShape({*leaf.experts}, place.env);
    if (!experts)
      return false;
    full.insert(full.begin(), (*experts)[0]);
  }
  for (RowSelect &select : out) {
    select.period = total;
    select.columns = full.back();
    select.experts = leaf.experts ? full[0] : 0;
  }
  return true;
}

// What a part says is done with its rows; `shape` is theirs and becomes the
// weight's.
bool WeightBinder::partTransforms(const WeightLeaf::Part &part,
                                  const Place &place, Shape &shape,
                                  std::vector<Transform> &out) {
  if (!transforms(part.apply, place.env, false, out))
    return false;
  size_t axis = rowAxisOf(shape);
  for (const Transform &t : out)
    if (std::string wrong = applyToShape(t, axis, shape); !wrong.empty()) {
      diagnostics_.error(part.location,
                         "part " + quote(part.name) + ": " + wrong);
      return false;
    }
  return true;
}

// A part that has tensors of its own.
bool WeightBinder::separatePart(const WeightLeaf &leaf, const Place &place,
                                const Chosen &chosen, BiasMode mode,
                                Weight &weight, Chosen &own) {
  const SourceDecl &decl = *chosen.decl;
  std::string name = weight.path.substr(weight.path.rfind('.') + 1);
  auto at = std::find(decl.partNames.begin(), decl.partNames.end(), name);
  if (at == decl.partNames.end() ||
      decl.partNames.size() != leaf.holds.size()) {
    diagnostics_.error(decl.location,
                       "a source by parts names every part of `holds`, found " +
                           join(decl.partNames));
    return false;
  }
  own.decl = &decl.items[size_t(at - decl.partNames.begin())];
  if (!expandSource(*own.decl, place.env, place.prefix, mode, own.tensors))
    return false;
  use(own.tensors, leaf, printRef(weight.path, weight.index));
  WeightLeaf named = leaf;
  named.name = name;
  Shape found;
  return buildSource(own, place, false, rowAxisOf(weight.shape), weight.source,
                     found) &&
         compare(named, place, weight.shape, found,
                 weight.source.tensors[0].tensor);
}

void WeightBinder::bindParts(const WeightLeaf &leaf, const Place &place,
                             const Chosen &chosen, BiasMode mode) {
  std::vector<RowSelect> selects;
  Shape full, found;
  if (!rowSelect(leaf, place, *chosen.decl, selects, full))
    return;
  bool separate = chosen.decl->kind == SourceKind::Parts;
  Source source;
  std::string holder =
      printRef(place.scope.child(leaf.name), place.scope.index);
  if (!separate)
    use(chosen.tensors, leaf, holder);
  if (!separate &&
      (!buildSource(chosen, place, false, rowAxisOf(full), source, found) ||
       !compare(leaf, place, full, found, source.tensors[0].tensor)))
    return;
  std::vector<Transform> rows;
  for (const Transform &t : source.apply)
    if (isRowTransform(t.kind))
      rows.push_back(t);
  for (size_t i = 0; i < leaf.holds.size(); ++i) {
    Weight weight;
    weight.path = place.scope.child(leaf.holds[i].name);
    weight.index = place.scope.index;
    weight.shape = full;
    weight.shape[full.size() - 2] = selects[i].size * selects[i].count;
    std::vector<Transform> then;
    if (!partTransforms(leaf.holds[i], place, weight.shape, then))
      return;
    weight.experts = weight.shape.size() == 3;
    weight.keepF32 = leaf.keepF32;
    weight.location = leaf.holds[i].location;
    Chosen own;
    if (separate) {
      if (!separatePart(leaf, place, chosen, mode, weight, own))
        return;
    } else {
      weight.source = source;
      weight.source.fused = true;
      weight.source.rows = selects[i];
      weight.source.then = then;
    }
    weight.dtype = dtypeOf(checkpoint_, weight.source);
    add(leaf, weight, true);
    bool ownSource = ownBias(leaf);
    bool biased = ownSource || mode != BiasMode::None;
    if (biased && !then.empty()) {
      diagnostics_.error(leaf.holds[i].location,
                         "a part with `apply` has no bias");
      return;
    }
    if (ownSource)
      explicitBias(leaf, place, weight, rows);
    else if (mode != BiasMode::None)
      addBias(leaf, place, weight, separate ? own : chosen,
              separate ? Shape() : Shape(full.begin(), full.end() - 1));
  }
}

} // namespace sluice::spec
