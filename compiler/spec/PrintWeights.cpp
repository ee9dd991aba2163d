// The lines of a resolved spec's weights and states, each of which says what
// all instances of a group have.
#include "compiler/spec/Printer.h"

#include <algorithm>
#include <set>

namespace sluice::spec {

std::string Printer::perInstance(const std::map<int64_t, std::string> &values,
                                 int64_t count) const {
  bool same = std::all_of(values.begin(), values.end(), [&](const auto &v) {
    return v.second == values.begin()->second;
  });
  if (same || count < 0)
    return values.begin()->second;
  std::string list = "[";
  for (int64_t i = 0; i < count; ++i) {
    auto it = values.find(i);
    list += (i ? ", " : "") +
            (it == values.end() ? values.begin()->second : it->second);
  }
  return "\"" + list + "][$i]\"";
}

std::string
Printer::shapeOf(const std::map<int64_t, std::vector<int64_t>> &shapes,
                 int64_t count) const {
  std::string text = "[";
  for (size_t axis = 0; axis < shapes.begin()->second.size(); ++axis) {
    std::map<int64_t, std::string> sizes;
    for (const auto &[index, shape] : shapes)
      sizes[index] = std::to_string(axis < shape.size() ? shape[axis] : 1);
    text += (axis ? ", " : "") + perInstance(sizes, count);
  }
  return text + "]";
}

std::string Printer::whenOf(const std::vector<int64_t> &present,
                            int64_t count) const {
  if (count < 0 || int64_t(present.size()) == count)
    return {};
  std::string list;
  for (int64_t index : present)
    list += (list.empty() ? "" : ", ") + std::to_string(index);
  return "when: \"$i in [" + list + "]\"";
}

// The weight that these stand for, as one of the group of `path` names it.
std::string Printer::aliasName(const std::string &path, const WeightRows &rows,
                               int64_t count) const {
  const Weight &first = *rows.begin()->second;
  std::string group = path.substr(0, path.rfind('.') + 1);
  bool own = true, same = true;
  std::map<int64_t, int64_t> targets;
  for (const auto &[index, weight] : rows) {
    targets[index] = weight->aliasIndex;
    own &= weight->aliasIndex == index;
    same &= weight->aliasIndex == first.aliasIndex;
  }
  if (own && first.aliasOf.starts_with(group))
    return yamlText(named(first.aliasOf.substr(group.size())));
  if (first.aliasIndex < 0)
    return yamlText(named(first.aliasOf));
  std::string number = std::to_string(first.aliasIndex);
  if (!same) {
    number = "${[";
    for (int64_t i = 0; i < count; ++i)
      number += (i ? ", " : "") +
                std::to_string(targets.count(i) ? targets.at(i) : 0);
    number += "][$i]}";
  }
  std::string use = named(first.aliasOf);
  return yamlText(use.insert(use.rfind('.'), "[" + number + "]"));
}

void Printer::weight(const std::string &name, const std::string &path,
                     const WeightRows &rows, int depth) {
  int64_t count = rows.begin()->first < 0 ? -1 : countOf(path);
  std::map<int64_t, std::vector<int64_t>> shapes;
  std::vector<int64_t> present;
  WeightRows biases;
  for (const auto &[index, weight] : rows) {
    shapes[index] = weight->shape;
    present.push_back(index);
    if (const Weight *bias = model_.bias({path, index}))
      biases[index] = bias;
  }
  const Weight &first = *rows.begin()->second;
  std::string text = name + ": {shape: " + shapeOf(shapes, count);
  std::string when = whenOf(present, count);
  if (!when.empty())
    text += ", " + when;
  if (first.keepF32)
    text += ", keep: f32";
  if (!biases.empty())
    text += ", bias: {" + model_.format + ": " + sources(biases, count) + "}";
  WeightRows stored, others;
  std::vector<int64_t> aliases;
  for (const auto &[index, weight] : rows) {
    (weight->aliasOf.empty() ? stored : others)[index] = weight;
    if (!weight->aliasOf.empty())
      aliases.push_back(index);
  }
  if (!others.empty()) {
    std::string use = aliasName(path, others, count);
    text += ", same_as: " + (stored.empty() ? use
                                            : "{use: " + use + ", " +
                                                  whenOf(aliases, count) + "}");
  }
  if (!stored.empty())
    text += ", " + model_.format + ": " + sources(stored, count);
  line(depth, text + "}", place(first.location));
}

// Parts of fused tensors, put together again.
void Printer::fused(const Group &group, const std::string &path, int depth,
                    std::set<std::string> &done) {
  std::map<std::pair<std::string, int64_t>, std::vector<std::string>> byTensor;
  for (const auto &[name, rows] : group.weights) {
    const Weight &weight = *rows.begin()->second;
    if (weight.source.fused)
      byTensor[{weight.source.tensors[0].tensor, weight.index}].push_back(name);
  }
  for (const std::string &name : group.order) {
    auto own = group.weights.find(name);
    if (own == group.weights.end() || done.count(name) ||
        !own->second.begin()->second->source.fused)
      continue;
    const Weight &first = *own->second.begin()->second;
    std::vector<std::string> parts =
        byTensor[{first.source.tensors[0].tensor, first.index}];
    std::sort(parts.begin(), parts.end(),
              [&](const std::string &a, const std::string &b) {
                return group.weights.at(a).begin()->second->source.rows.offset <
                       group.weights.at(b).begin()->second->source.rows.offset;
              });
    int64_t count = first.index < 0 ? -1 : countOf(path);
    std::string holder = "fused", text = "holds: [";
    std::map<int64_t, std::string> per, cols, experts;
    std::vector<int64_t> present;
    WeightRows biases;
    for (size_t i = 0; i < parts.size(); ++i) {
      const WeightRows &rows = group.weights.at(parts[i]);
      std::map<int64_t, std::string> sizes;
      for (const auto &[index, weight] : rows) {
        sizes[index] = std::to_string(weight->source.rows.size);
        per[index] = std::to_string(weight->source.rows.count);
        cols[index] = std::to_string(weight->source.rows.columns);
        experts[index] = std::to_string(weight->source.rows.experts);
        if (i == 0)
          present.push_back(index);
        if (const Weight *bias = model_.bias({weight->path, index}))
          biases[index] = bias;
      }
      std::string size = perInstance(sizes, count);
      std::string apply = applyText(rows.begin()->second->source.then);
      text += (i ? ", " : "") + parts[i] + ": " +
              (apply.empty() ? size : "{rows: " + size + apply + "}");
      holder += "_" + parts[i];
      done.insert(parts[i]);
    }
    text += "], per: " + perInstance(per, count) +
            ", cols: " + perInstance(cols, count);
    if (first.source.rows.experts)
      text += ", experts: " + perInstance(experts, count);
    std::string when = whenOf(present, count);
    if (!when.empty())
      text += ", " + when;
    if (first.keepF32)
      text += ", keep: f32";
    if (!biases.empty())
      text += ", bias: {" + model_.format + ": " + sources(biases, count) + "}";
    line(depth,
         holder + ": {" + text + ", " + model_.format + ": " +
             sources(own->second, count) + "}",
         place(first.location));
  }
}

void Printer::state(const std::string &name, const std::string &path,
                    const StateRows &rows, int depth) {
  int64_t count = rows.begin()->first < 0 ? -1 : countOf(path);
  std::vector<int64_t> present;
  std::map<int64_t, std::string> keep, chunk, full;
  const State &first = *rows.begin()->second;
  std::string group = path.substr(0, path.rfind('.') + 1);
  const WeightRef *start = nullptr;
  for (const auto &[index, state] : rows) {
    present.push_back(index);
    keep[index] = state->keep ? std::to_string(state->keep) : "none";
    chunk[index] = state->chunk ? std::to_string(state->chunk) : "none";
    full[index] = state->full ? "0" : "none";
    if (state->start) // which some instances may lack
      start = &*state->start;
  }
  std::string text = name + ": {cache: {";
  if (first.fixed)
    text = name + ": {fixed: ";
  for (size_t f = 0; f < first.fields.size(); ++f) {
    std::map<int64_t, std::vector<int64_t>> fields;
    for (const auto &[index, state] : rows)
      fields[index] = state->fields[f].second;
    text += (f ? ", " : "") +
            (first.fixed ? "" : first.fields[f].first + ": ") +
            shapeOf(fields, count);
  }
  if (!first.fixed)
    text += "}";
  else if (start)
    text +=
        ", init: w." +
        start->path.substr(start->path.starts_with(group) ? group.size() : 0);
  else if (first.init != 0)
    text += ", init: " + print(Value(first.init));
  auto given = [](const auto &v) { return v.second != "none"; };
  if (std::any_of(keep.begin(), keep.end(), given))
    text += ", keep: " + perInstance(keep, count);
  if (std::any_of(chunk.begin(), chunk.end(), given))
    text += ", chunk: " + perInstance(chunk, count);
  if (std::any_of(full.begin(), full.end(), given))
    text += ", full_of: " + perInstance(full, count);
  if (first.once)
    text += ", once: true";
  std::string when = whenOf(present, count);
  if (!when.empty())
    text += ", " + when;
  line(depth, text + "}", place(first.location));
}

} // namespace sluice::spec
