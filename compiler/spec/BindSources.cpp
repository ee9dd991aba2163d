// How one weight lies in the checkpoint: alternatives, transforms, shapes.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

using SourceKind = SourceDecl::Kind;

// Whether the bias lies under a name of its own in this format; in the others
// it goes with the weight's.
bool WeightBinder::ownBias(const WeightLeaf &leaf) const {
  return leaf.biasSources.count(format_) > 0;
}

std::optional<WeightBinder::BiasMode>
WeightBinder::biasMode(const WeightLeaf &leaf, Env &env) {
  BiasMode asTheFileHas =
      checkpoint_.synthetic() ? BiasMode::None : BiasMode::Optional;
  if (leaf.biasOptional)
    return asTheFileHas;
  if (!leaf.bias)
    return leaf.biasSources.empty() || ownBias(leaf) ? BiasMode::None
                                                     : BiasMode::Required;
  std::optional<Value> value = evaluate(*leaf.bias, env, diagnostics_);
  if (value && value->isNone())
    return asTheFileHas;
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
  std::optional<bool> scaled = decl.scales.has_value();
  if (decl.scaled)
    scaled = evaluateBool(*decl.scaled, env, diagnostics_);
  if (!scaled)
    return false;
  if (*scaled) {
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

// One tensor under two names, as in files whose writer knew of no tying.
bool WeightBinder::sameBytes(const Chosen &one, const Chosen &other) const {
  if (one.tensors.size() != other.tensors.size() ||
      one.decl->kind != other.decl->kind || !one.decl->apply.empty() ||
      !other.decl->apply.empty())
    return false;
  auto same = [&](const std::string &x, const std::string &y) {
    const checkpoint::TensorInfo *a = checkpoint_.find(x),
                                 *b = checkpoint_.find(y);
    if (!a || !b)
      return !a && !b;
    std::span<const uint8_t> left = checkpoint_.raw(*a),
                             right = checkpoint_.raw(*b);
    return a->dtype == b->dtype && a->shape == b->shape &&
           std::equal(left.begin(), left.end(), right.begin(), right.end());
  };
  for (size_t i = 0; i < one.tensors.size(); ++i)
    if (!same(one.tensors[i].weight, other.tensors[i].weight) ||
        !same(one.tensors[i].bias, other.tensors[i].bias) ||
        !same(one.tensors[i].scales, other.tensors[i].scales))
      return false;
  return true;
}

void WeightBinder::passOver(const Chosen &chosen, const WeightLeaf &leaf) {
  for (const Tensor &tensor : chosen.tensors)
    for (const std::string &name : {tensor.weight, tensor.bias, tensor.scales})
      if (checkpoint_.find(name) && used_.emplace(name, Use{&leaf, ""}).second)
        model_->ignored.push_back(name);
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
    if (sameBytes(*chosen, candidate)) {
      passOver(candidate, leaf);
      continue;
    }
    Diagnostic &d = diagnostics_.error(
        decl.location,
        "weight " +
            quote(printRef(place.scope.child(leaf.name), place.scope.index)) +
            " is in the checkpoint more than once: " +
            quote(chosen->tensors[0].weight) + " and " +
            quote(candidate.tensors[0].weight));
    d.notes.push_back("they differ; name the one to pass over in `ignore`");
    failed = true;
    return std::nullopt;
  }
  return chosen;
}

void WeightBinder::missing(const WeightLeaf &owner, const Place &place,
                           const WeightLeaf *bias) {
  const WeightLeaf &leaf = bias ? *bias : owner;
  Missing &all = missing_[&owner];
  // What the first instance lacks says enough about thousands.
  if (++all.count > 1)
    return;
  missingOrder_.push_back(&owner);
  std::string path = printRef(place.scope.child(leaf.name), place.scope.index);
  auto it = leaf.sources.find(format_);
  if (it == leaf.sources.end()) {
    all.message = "weight " + quote(path) +
                  " does not say where it lies in this format (" + format_ +
                  ")";
    return;
  }
  std::optional<BiasMode> mode =
      bias ? BiasMode::None : biasMode(leaf, place.env);
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
  all.message = "weight " + quote(path) +
                " is not in the checkpoint: no tensor " + join(absent) +
                (near.empty() ? "" : "; the nearest one is " + quote(near));
}

void WeightBinder::reportMissing() {
  for (const WeightLeaf *leaf : missingOrder_)
    if (const Missing &all = missing_[leaf]; !all.message.empty())
      diagnostics_.error(leaf->location, all.message, all.count);
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

// Adds a tensor of shape `own` to what has been joined so far; returns what is
// wrong, empty if nothing is.
static std::string joinShape(const Shape &own, bool first, bool stack,
                             size_t axis, Shape &shape) {
  if (first) {
    shape = own;
    if (stack)
      shape.insert(shape.begin(), 1);
    return {};
  }
  Shape a = own, b = shape;
  if (stack)
    b.erase(b.begin());
  else if (axis < a.size() && a.size() == b.size())
    a[axis] = b[axis] = 0;
  if (a != b)
    return "cannot be joined with a tensor of shape " + printShape(shape);
  if (stack)
    ++shape[0];
  else if (axis < shape.size())
    shape[axis] += own[axis];
  return {};
}

bool WeightBinder::addTensor(const Tensor &tensor, TensorPart part, bool stack,
                             size_t axis, Source &source, Shape &shape) {
  bool first = source.tensors.empty();
  source.tensors.push_back(part);
  if (checkpoint_.synthetic())
    return true;
  const checkpoint::TensorInfo *info = checkpoint_.find(part.tensor);
  Shape own = info->shape;
  std::string wrong = decodedShape(part.format, own);
  if (wrong.empty() && part.format.empty() && !isReadable(info->dtype))
    wrong = "values of type " + checkpoint::dtypeName(info->dtype) +
            " cannot be read";
  if (wrong.empty() && part.format.empty() && isInteger(info->dtype))
    wrong = "it holds whole numbers (" + checkpoint::dtypeName(info->dtype) +
            "), expected a floating-point type";
  for (const Transform &t : part.apply)
    if (wrong.empty())
      wrong = applyToShape(t, axis, own);
  if (wrong.empty())
    wrong = joinShape(own, first, stack, axis, shape);
  if (wrong.empty())
    return true;
  diagnostics_.error(tensor.decl->location, "tensor " + quote(part.tensor) +
                                                " " + printShape(info->shape) +
                                                ": " + wrong);
  return false;
}

bool WeightBinder::buildSource(const Chosen &chosen, const Place &place,
                               bool bias, size_t rowAxis, Source &source,
                               Shape &shape) {
  const SourceDecl &decl = *chosen.decl;
  bool stack = decl.kind == SourceKind::Stack;
  bool joined = stack || decl.kind == SourceKind::Concat;
  source.kind =
      checkpoint_.synthetic() ? Source::Kind::Random : Source::Kind::Tensors;
  source.join = stack ? Source::Join::Stack : Source::Join::Concat;
  size_t partAxis = stack && rowAxis > 0 ? rowAxis - 1 : rowAxis;
  for (const Tensor &tensor : chosen.tensors) {
    TensorPart part;
    part.tensor = bias ? tensor.bias : tensor.weight;
    if (!bias) {
      part.scales = tensor.scales;
      if (!part.scales.empty())
        part.format = tensor.decl->format;
    }
    if ((joined &&
         !transforms(tensor.decl->apply, place.env, bias, part.apply)) ||
        !addTensor(tensor, std::move(part), stack, partAxis, source, shape))
      return false;
  }
  if (!transforms(decl.apply, place.env, bias, source.apply))
    return false;
  for (const Transform &t : source.apply) {
    std::string wrong =
        checkpoint_.synthetic() ? "" : applyToShape(t, rowAxis, shape);
    if (wrong.empty())
      continue;
    diagnostics_.error(decl.location, "tensor " +
                                          quote(source.tensors[0].tensor) +
                                          ": " + wrong);
    return false;
  }
  return true;
}

} // namespace sluice::spec
