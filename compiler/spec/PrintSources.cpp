// Where weights lie in the checkpoint, as a spec writes it.
#include "compiler/spec/Printer.h"
#include "compiler/spec/Transforms.h"

#include <algorithm>

namespace sluice::spec {

static std::vector<std::string> splitDots(const std::string &name) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos;
       dot = name.find('.', begin)) {
    parts.push_back(name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  parts.push_back(name.substr(begin));
  return parts;
}

// A `$` of the file's own name is written as an expression.
std::string escapeName(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '$' ? std::string("${'$'}") : std::string(1, c);
  return out;
}

std::string Printer::nameTemplate(const std::map<int64_t, std::string> &names,
                                  int64_t count) const {
  if (count < 0)
    return yamlText(escapeName(names.begin()->second));
  std::vector<std::string> first = splitDots(names.begin()->second);
  bool parallel = true;
  for (const auto &[index, name] : names)
    parallel &= splitDots(name).size() == first.size();
  std::string text;
  // A name without an index would stand for the other instances, too.
  bool tells = int64_t(names.size()) == count;
  for (size_t part = 0; parallel && part < first.size(); ++part) {
    bool same = true, isIndex = true;
    for (const auto &[index, name] : names) {
      std::string own = splitDots(name)[part];
      same &= own == first[part];
      isIndex &= own == std::to_string(index);
    }
    parallel &= same || isIndex;
    tells |= isIndex;
    // With one instance both hold; the index is the better guess.
    text += (part ? "." : "") +
            (isIndex ? std::string("$i") : escapeName(first[part]));
  }
  if (parallel && tells)
    return yamlText(text);
  std::string list = "${[";
  for (int64_t i = 0; i < count; ++i) {
    auto it = names.find(i);
    list += (i ? ", '" : "'") + (it == names.end() ? "" : it->second) + "'";
  }
  return yamlText(list + "][$i]}");
}

// What must agree for two instances to share one source.
std::string Printer::sourceKey(const Weight &weight) const {
  const Source &source = weight.source;
  std::string key = std::to_string(int(source.join)) + ":" +
                    std::to_string(source.tensors.size());
  for (const TensorPart &part : source.tensors) {
    key += "|" + part.format + (part.scales.empty() ? "" : "+scales");
    for (const Transform &t : part.apply)
      key += printTransform(t);
  }
  key += "||";
  for (const Transform &t : source.apply)
    key += printTransform(t);
  return key;
}

std::string applyText(const std::vector<Transform> &apply) {
  if (apply.empty())
    return {};
  std::string text = ", apply: [";
  for (size_t i = 0; i < apply.size(); ++i)
    text += (i ? ", " : "") + printTransform(apply[i]);
  return text + "]";
}

std::string Printer::partSource(const WeightRows &rows, int64_t count, size_t p,
                                bool whole) const {
  const Source &shown = rows.begin()->second->source;
  const TensorPart &part = shown.tensors[p];
  std::map<int64_t, std::string> names, scales;
  for (const auto &[index, weight] : rows) {
    names[index] = weight->source.tensors[p].tensor;
    scales[index] = weight->source.tensors[p].scales;
  }
  std::string name = nameTemplate(names, count);
  std::string extra =
      (part.scales.empty() ? "" : ", scales: " + nameTemplate(scales, count)) +
      (part.format.empty() ? "" : ", format: " + part.format) +
      applyText(part.apply) + (whole ? applyText(shown.apply) : "");
  return extra.empty() ? name : "{name: " + name + extra + "}";
}

// One name for all stacked tensors (or their scales): they differ in one more
// index.
std::string Printer::stackName(const WeightRows &rows, int64_t count,
                               std::string TensorPart::*field) const {
  size_t parts = rows.begin()->second->source.tensors.size();
  std::vector<std::vector<std::string>> names;
  bool regular = parts > 1;
  for (size_t p = 0; p < parts; ++p) {
    std::map<int64_t, std::string> own;
    for (const auto &[index, weight] : rows)
      own[index] = weight->source.tensors[p].*field;
    names.push_back(splitDots(nameTemplate(own, count)));
    regular &= names[p].size() == names[0].size() && names[p][0][0] != '"';
  }
  std::string text;
  for (size_t at = 0; regular && at < names[0].size(); ++at) {
    bool same = true, isIndex = true;
    for (size_t p = 0; p < parts; ++p) {
      same &= names[p][at] == names[0][at];
      isIndex &= names[p][at] == std::to_string(p);
    }
    regular &= same || isIndex;
    text += (at ? "." : "") + (same ? names[0][at] : std::string("$e"));
  }
  if (regular)
    return text;
  // Names without a pattern: for every tensor, one name per instance.
  text = "${[";
  for (size_t p = 0; p < parts; ++p) {
    text += p ? ", [" : "[";
    for (int64_t i = 0; i < std::max<int64_t>(count, 1); ++i) {
      auto it = rows.find(count < 0 ? rows.begin()->first : i);
      text += (i ? ", '" : "'") +
              (it == rows.end() ? "" : it->second->source.tensors[p].*field) +
              "'";
    }
    text += "]";
  }
  return yamlText(text + (count < 0 ? "][$e][0]}" : "][$e][$i]}"));
}

std::string Printer::oneSource(const WeightRows &rows, int64_t count) const {
  const Source &shown = rows.begin()->second->source;
  if (shown.join == Source::Join::Stack) {
    const TensorPart &part = shown.tensors[0];
    std::string name = stackName(rows, count, &TensorPart::tensor);
    std::string extra = applyText(part.apply);
    if (!part.scales.empty())
      extra = ", scales: " + stackName(rows, count, &TensorPart::scales) +
              ", format: " + part.format + extra;
    if (!extra.empty())
      name = "{name: " + name + extra + "}";
    return "{stack: " + name +
           ", each: {e: " + std::to_string(shown.tensors.size()) + "}" +
           applyText(shown.apply) + "}";
  }
  if (shown.tensors.size() == 1)
    return partSource(rows, count, 0, true);
  std::string text = "{concat: [";
  for (size_t p = 0; p < shown.tensors.size(); ++p)
    text += (p ? ", " : "") + partSource(rows, count, p, false);
  return text + "]" + applyText(shown.apply) + "}";
}

// Instances that lie differently in the file are alternatives of each other.
std::string Printer::sources(const WeightRows &rows, int64_t count) const {
  std::vector<std::string> keys;
  std::map<std::string, WeightRows> classes;
  for (const auto &[index, weight] : rows) {
    std::string key = sourceKey(*weight);
    if (classes[key].empty())
      keys.push_back(key);
    classes[key][index] = weight;
  }
  if (keys.size() == 1)
    return oneSource(rows, count);
  std::string text = "[";
  for (size_t i = 0; i < keys.size(); ++i)
    text += (i ? ", " : "") + oneSource(classes[keys[i]], count);
  return text + "]";
}

} // namespace sluice::spec
