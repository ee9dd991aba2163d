// How one weight lies in the checkpoint: alternatives, transforms, shapes.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

using SourceKind = SourceDecl::Kind;

static size_t rowAxisOf(const Shape &weightShape) {
  return weightShape.size() == 3 ? 1 : 0;
}

std::optional<WeightBinder::BiasMode>
WeightBinder::biasMode(const WeightLeaf &leaf, Env &env) {
  if (leaf.biasOptional)
    return checkpoint_.synthetic() ? BiasMode::None : BiasMode::Optional;
  if (!leaf.bias)
    return BiasMode::None;
  std::optional<bool> wanted = evaluateBool(*leaf.bias, env, diagnostics_);
  if (!wanted)
    return std::nullopt;
  return *wanted ? BiasMode::Required : BiasMode::None;
}

bool WeightBinder::expandSource(const SourceDecl &decl, Env &env,
                                const std::string &prefix, BiasMode mode,
                                std::vector<Tensor> &out) {
  if (decl.kind == SourceKind::Concat || decl.kind == SourceKind::Parts) {
    for (const SourceDecl &item : decl.items)
      if (!expandSource(item, env, prefix, mode, out))
        return false;
    return true;
  }
  if (decl.kind == SourceKind::Stack) {
    std::optional<int64_t> count =
        decl.each ? evaluateInt(decl.each->count, env, diagnostics_)
                  : std::nullopt;
    if (!count)
      return false;
    if (*count < 1 || *count > 100000) {
      diagnostics_.error(decl.each->location,
                         "cannot stack " + std::to_string(*count) + " tensors");
      return false;
    }
    bool ok = true;
    for (int64_t i = 0; ok && i < *count; ++i) {
      env.indices.emplace_back(decl.each->index, i);
      ok = expandSource(decl.items[0], env, prefix, mode, out);
      env.indices.pop_back();
    }
    return ok;
  }
  std::optional<std::string> name = expand(decl.name, env, diagnostics_);
  if (!name)
    return false;
  std::string full = name->starts_with("/") ? name->substr(1) : prefix + *name;
  Tensor tensor;
  tensor.decl = &decl;
  if (decl.kind == SourceKind::GammaBeta) {
    tensor.weight = full + ".gamma";
    if (mode != BiasMode::None)
      tensor.bias = full + ".beta";
  } else if (full.ends_with(".*")) {
    full.resize(full.size() - 1);
    tensor.weight = full + "weight";
    if (mode != BiasMode::None)
      tensor.bias = full + "bias";
  } else if (mode != BiasMode::None) {
    diagnostics_.error(decl.name.location,
                       "a weight with a bias needs a name that ends in '.*', "
                       "found " +
                           quote(decl.name.text));
    return false;
  } else {
    tensor.weight = full;
  }
  if (decl.scales) {
    std::optional<std::string> scales = expand(*decl.scales, env, diagnostics_);
    if (!scales)
      return false;
    tensor.scales =
        scales->starts_with("/") ? scales->substr(1) : prefix + *scales;
  }
  out.push_back(std::move(tensor));
  return true;
}

bool WeightBinder::complete(const std::vector<Tensor> &tensors,
                            BiasMode mode) const {
  return std::all_of(tensors.begin(), tensors.end(), [&](const Tensor &t) {
    return exists(t.weight) && (t.scales.empty() || exists(t.scales)) &&
           (mode != BiasMode::Required || exists(t.bias));
  });
}

std::optional<WeightBinder::Chosen> WeightBinder::choose(const WeightLeaf &leaf,
                                                         const Place &place,
                                                         BiasMode mode,
                                                         bool &failed) {
  auto it = leaf.sources.find(format_);
  if (it == leaf.sources.end())
    return std::nullopt;
  std::optional<Chosen> chosen;
  for (const SourceDecl &decl : it->second) {
    Chosen candidate{&decl, {}};
    if (!expandSource(decl, place.env, place.prefix, mode, candidate.tensors)) {
      failed = true;
      return std::nullopt;
    }
    if (!complete(candidate.tensors, mode))
      continue;
    if (!chosen) {
      chosen = std::move(candidate);
      if (checkpoint_.synthetic())
        break;
      continue;
    }
    bool covered =
        std::all_of(candidate.tensors.begin(), candidate.tensors.end(),
                    [&](const Tensor &t) { return isIgnored(t.weight); });
    if (covered)
      continue;
    Diagnostic &d = diagnostics_.error(
        decl.location,
        "weight " +
            quote(printRef(place.scope.child(leaf.name), place.scope.index)) +
            " is in the checkpoint more than once: " +
            quote(chosen->tensors[0].weight) + " and " +
            quote(candidate.tensors[0].weight));
    d.notes.push_back("name the one to pass over in `ignore`");
    failed = true;
    return std::nullopt;
  }
  return chosen;
}

void WeightBinder::missing(const WeightLeaf &leaf, const Place &place) {
  std::string path = printRef(place.scope.child(leaf.name), place.scope.index);
  auto it = leaf.sources.find(format_);
  if (it == leaf.sources.end()) {
    diagnostics_.error(leaf.location,
                       "weight " + quote(path) +
                           " does not say where it lies in this format (" +
                           format_ + ")");
    return;
  }
  std::optional<BiasMode> mode = biasMode(leaf, place.env);
  std::vector<std::string> absent;
  for (const SourceDecl &decl : it->second) {
    std::vector<Tensor> tensors;
    if (!mode || !expandSource(decl, place.env, place.prefix, *mode, tensors))
      return;
    for (const Tensor &t : tensors)
      for (const std::string &name : {t.weight, t.bias, t.scales})
        if (!name.empty() && !exists(name) &&
            (name != t.bias || *mode == BiasMode::Required))
          absent.push_back(name);
  }
  std::vector<std::string> inFile;
  for (const auto &[name, info] : checkpoint_.tensors())
    if (!used_.count(name))
      inFile.push_back(name);
  std::string near = absent.empty() ? "" : nearest(absent[0], inFile);
  if (absent.size() > 4) {
    absent.resize(4);
    absent.push_back("...");
  }
  diagnostics_.error(
      leaf.location,
      "weight " + quote(path) + " is not in the checkpoint: no tensor " +
          join(absent) +
          (near.empty() ? "" : "; the nearest one is " + quote(near)));
}

bool WeightBinder::transforms(const std::vector<TransformDecl> &apply, Env &env,
                              bool biasOnly, std::vector<Transform> &out) {
  for (const TransformDecl &decl : apply) {
    std::optional<Transform> transform = bindTransform(decl, env, diagnostics_);
    if (!transform)
      return false;
    if (!biasOnly || isRowTransform(transform->kind))
      out.push_back(std::move(*transform));
  }
  return true;
}

std::optional<Shape> WeightBinder::declaredShape(const std::vector<Data> &shape,
                                                 Env &env) {
  Shape out;
  for (const Data &size : shape) {
    std::optional<int64_t> value = evaluateInt(size, env, diagnostics_);
    if (!value)
      return std::nullopt;
    if (*value < 1 || *value > (int64_t(1) << 40)) {
      diagnostics_.error(size.location,
                         "a size cannot be " + std::to_string(*value));
      return std::nullopt;
    }
    out.push_back(*value);
  }
  if (out.size() > 3) {
    diagnostics_.error(shape[0].location,
                       "a weight has at most three axes, found " +
                           printShape(out));
    return std::nullopt;
  }
  return out;
}

// "[$heads * $dim = 4096, 2048]"
static std::string describeShape(const std::vector<Data> &sizes,
                                 const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0)
      text += ", ";
    if (i < sizes.size() && sizes[i].isScalar() && sizes[i].scalar.expr)
      text += sizes[i].scalar.text + " = ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

bool WeightBinder::compare(const WeightLeaf &leaf, const Place &place,
                           const Shape &declared, const Shape &found,
                           const std::string &tensor) {
  if (checkpoint_.synthetic() || declared == found)
    return true;
  diagnostics_.error(
      leaf.shape.empty() ? leaf.location : leaf.shape[0].location,
      "weight " +
          quote(printRef(place.scope.child(leaf.name), place.scope.index)) +
          " is declared " + describeShape(leaf.shape, declared) +
          ", but tensor " + quote(tensor) + " gives " + printShape(found));
  return false;
}

bool WeightBinder::buildSource(const Chosen &chosen, const Place &place,
                               bool bias, size_t rowAxis, Source &source,
                               Shape &shape) {
  const SourceDecl &decl = *chosen.decl;
  bool joined =
      decl.kind == SourceKind::Concat || decl.kind == SourceKind::Stack;
  bool stack = decl.kind == SourceKind::Stack;
  source.kind =
      checkpoint_.synthetic() ? Source::Kind::Random : Source::Kind::Tensors;
  source.join = stack ? Source::Join::Stack : Source::Join::Concat;
  size_t partAxis = stack && rowAxis > 0 ? rowAxis - 1 : rowAxis;
  for (const Tensor &tensor : chosen.tensors) {
    TensorPart part;
    part.tensor = bias ? tensor.bias : tensor.weight;
    if (!bias) {
      part.scales = tensor.scales;
      part.format = tensor.decl->format;
    }
    if (joined && !transforms(tensor.decl->apply, place.env, bias, part.apply))
      return false;
    if (!checkpoint_.synthetic()) {
      const checkpoint::TensorInfo *info = checkpoint_.find(part.tensor);
      Shape own = info->shape;
      std::string wrong = decodedShape(part.format, own);
      if (wrong.empty() && part.format.empty() && !isReadable(info->dtype))
        wrong = "values of type " + checkpoint::dtypeName(info->dtype) +
                " cannot be read";
      for (const Transform &t : part.apply)
        if (wrong.empty())
          wrong = applyToShape(t, partAxis, own);
      if (wrong.empty() && !source.tensors.empty()) {
        Shape a = own, b = shape;
        if (!stack && partAxis < a.size() && a.size() == b.size())
          a[partAxis] = b[partAxis] = 0;
        else if (stack)
          b.erase(b.begin());
        if (a != b)
          wrong =
              "cannot be joined with a tensor of shape " + printShape(shape);
      }
      if (!wrong.empty()) {
        diagnostics_.error(tensor.decl->location,
                           "tensor " + quote(part.tensor) + " " +
                               printShape(info->shape) + ": " + wrong);
        return false;
      }
      if (source.tensors.empty()) {
        shape = own;
        if (stack)
          shape.insert(shape.begin(), 1);
      } else if (stack) {
        ++shape[0];
      } else if (partAxis < shape.size()) {
        shape[partAxis] += own[partAxis];
      }
    }
    source.tensors.push_back(std::move(part));
  }
  if (!transforms(decl.apply, place.env, bias, source.apply))
    return false;
  if (checkpoint_.synthetic())
    return true;
  for (const Transform &t : source.apply) {
    std::string wrong = applyToShape(t, rowAxis, shape);
    if (wrong.empty())
      continue;
    diagnostics_.error(decl.location, "tensor " +
                                          quote(source.tensors[0].tensor) +
                                          ": " + wrong);
    return false;
  }
  return true;
}

static std::string dtypeOf(const checkpoint::Checkpoint &checkpoint,
                           const std::string &tensor) {
  const checkpoint::TensorInfo *info = checkpoint.find(tensor);
  return info ? checkpoint::dtypeName(info->dtype) : std::string();
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
  for (const Tensor &tensor : chosen.tensors) {
    use(tensor.weight, leaf, printRef(weight.path, weight.index));
    if (!tensor.scales.empty())
      use(tensor.scales, leaf, printRef(weight.path, weight.index));
  }
  Shape found;
  if (!buildSource(chosen, place, false, rowAxisOf(*shape), weight.source,
                   found) ||
      !compare(leaf, place, *shape, found, weight.source.tensors[0].tensor))
    return;
  weight.dtype = dtypeOf(checkpoint_, weight.source.tensors[0].tensor);
  Weight head = weight;
  add(leaf, std::move(weight), true);
  std::vector<Transform> rows;
  for (const Transform &t : head.source.apply)
    if (isRowTransform(t.kind))
      rows.push_back(t);
  if (!leaf.biasSources.empty())
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
  bias.dtype = dtypeOf(checkpoint_, bias.source.tensors[0].tensor);
  add(leaf, std::move(bias), true);
}

void WeightBinder::explicitBias(const WeightLeaf &leaf, const Place &place,
                                const Weight &weight,
                                const std::vector<Transform> &rows) {
  WeightLeaf named = leaf;
  named.sources = leaf.biasSources;
  named.name = leaf.name + ".bias";
  bool failed = false;
  std::optional<Chosen> chosen = choose(named, place, BiasMode::None, failed);
  if (failed)
    return;
  if (!chosen) {
    named.bias.reset();
    named.biasOptional = false;
    missing(named, place);
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
  bias.dtype = dtypeOf(checkpoint_, bias.source.tensors[0].tensor);
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
  if (*repeats < 1 || *repeats > (int64_t(1) << 32)) {
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
  }
  for (RowSelect &select : out)
    select.period = total;
  full = {source.blocks ? total : total * *repeats, (*cols)[0]};
  if (leaf.experts) {
    std::optional<Shape> experts = declaredShape({*leaf.experts}, place.env);
    if (!experts)
      return false;
    full.insert(full.begin(), (*experts)[0]);
  }
  return true;
}

void WeightBinder::bindParts(const WeightLeaf &leaf, const Place &place,
                             const Chosen &chosen, BiasMode mode) {
  std::vector<RowSelect> selects;
  Shape full;
  if (!rowSelect(leaf, place, *chosen.decl, selects, full))
    return;
  bool separate = chosen.decl->kind == SourceKind::Parts;
  Source source;
  Shape found;
  if (!separate) {
    for (const Tensor &tensor : chosen.tensors) {
      use(tensor.weight, leaf,
          printRef(place.scope.child(leaf.name), place.scope.index));
      if (!tensor.scales.empty())
        use(tensor.scales, leaf,
            printRef(place.scope.child(leaf.name), place.scope.index));
    }
    if (!buildSource(chosen, place, false, rowAxisOf(full), source, found) ||
        !compare(leaf, place, full, found, source.tensors[0].tensor))
      return;
  }
  Shape fullBias(full.begin(), full.end() - 1);
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
    weight.experts = full.size() == 3;
    weight.keepF32 = leaf.keepF32;
    weight.location = leaf.holds[i].location;
    const Chosen *bias = &chosen;
    Chosen own;
    if (separate) {
      auto at = std::find(chosen.decl->partNames.begin(),
                          chosen.decl->partNames.end(), leaf.holds[i].name);
      if (at == chosen.decl->partNames.end() ||
          chosen.decl->partNames.size() != leaf.holds.size()) {
        diagnostics_.error(chosen.decl->location,
                           "a source by parts names every part of `holds`, "
                           "found " +
                               join(chosen.decl->partNames));
        return;
      }
      own.decl =
          &chosen.decl->items[size_t(at - chosen.decl->partNames.begin())];
      if (!expandSource(*own.decl, place.env, place.prefix, mode, own.tensors))
        return;
      bias = &own;
      for (const Tensor &tensor : own.tensors)
        use(tensor.weight, leaf, printRef(weight.path, weight.index));
      Shape partShape;
      WeightLeaf named = leaf;
      named.name = leaf.holds[i].name;
      if (!buildSource(own, place, false, rowAxisOf(full), weight.source,
                       partShape) ||
          !compare(named, place, weight.shape, partShape,
                   weight.source.tensors[0].tensor))
        return;
    } else {
      weight.source = source;
      weight.source.fused = true;
      weight.source.rows = selects[i];
    }
    weight.dtype = dtypeOf(checkpoint_, weight.source.tensors[0].tensor);
    Weight head = weight;
    add(leaf, std::move(weight), true);
    if (!leaf.biasSources.empty())
      explicitBias(leaf, place, head, rows);
    else if (mode != BiasMode::None)
      addBias(leaf, place, head, *bias, separate ? Shape() : fullBias);
  }
}

} // namespace sluice::spec
