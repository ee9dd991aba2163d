#include "compiler/import/WeightFormats.h"

#include "compiler/spec/Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"

#include <algorithm>
#include <set>

using llvm::StringRef;

namespace sluice::import {

using format::Elem;

// Names beside those of the elements.
static constexpr std::pair<const char *, Elem> kNames[] = {
    {"int8", Elem::I8x32}, {"int4", Elem::I4x32}};

// Formats that any numbers can be brought to.
static bool isTarget(Elem elem) {
  return elem == Elem::F32 || elem == Elem::BF16 ||
         (isBlocks(elem) && !format::infoOf(elem).blocks.nested);
}

static std::optional<Elem> targetNamed(StringRef name) {
  for (auto [word, elem] : kNames)
    if (name == word)
      return elem;
  std::optional<Elem> elem = format::elemNamed(std::string_view(name));
  return elem && isTarget(*elem) ? elem : std::nullopt;
}

std::string WeightFormats::names() {
  std::string names = "keep, f32, bf16";
  for (auto [word, elem] : kNames)
    names += std::string(", ") + word;
  for (Elem elem : format::EnumValuesElem())
    if (isBlocks(elem) && isTarget(elem))
      names += std::string(", ") + format::infoOf(elem).name;
  return names;
}

Result<WeightFormats> WeightFormats::parse(std::string_view text) {
  WeightFormats formats;
  formats.rules.clear();
  llvm::SmallVector<StringRef> items;
  StringRef(text).split(items, ',');
  for (StringRef item : items) {
    auto [name, word] = item.split('=');
    if (!item.contains('='))
      std::swap(name, word);
    Rule rule{name.str(), targetNamed(word)};
    if (!rule.elem && word != "keep")
      return Status(Code::InvalidArgument, "--weights: there is no format '" +
                                               word.str() + "'; expected " +
                                               names());
    if (name.empty() != formats.rules.empty() ||
        (name.empty() && item.contains('=')))
      return Status(Code::InvalidArgument,
                    "--weights: expected a format, then NAME=FORMAT for some "
                    "weights, found '" +
                        std::string(text) + "'");
    if (llvm::Expected<llvm::GlobPattern> pattern =
            llvm::GlobPattern::create(name);
        !pattern)
      return Status(Code::InvalidArgument,
                    "--weights: '" + name.str() +
                        "': " + llvm::toString(pattern.takeError()));
    formats.rules.push_back(std::move(rule));
  }
  return formats;
}

// Whether a part of the path, or a run of them, has the name.
static bool has(const std::string &path, const std::string &name) {
  if (name.empty())
    return true;
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(name);
  llvm::SmallVector<StringRef> parts;
  StringRef(path).split(parts, '.');
  for (size_t from = 0; from < parts.size(); ++from)
    for (size_t count = 1; from + count <= parts.size(); ++count)
      if (pattern->match(
              llvm::join(llvm::ArrayRef(parts).slice(from, count), ".")))
        return true;
  return false;
}

// Only rows move between the file and the graph, so blocks of a row stay whole.
static bool movesRows(const spec::Source &source) {
  auto moves = [](const std::vector<spec::Transform> &apply) {
    return llvm::all_of(apply, [](const spec::Transform &transform) {
      using Kind = spec::Transform::Kind;
      return llvm::is_contained({Kind::RopeRows, Kind::Rows, Kind::SwapHeads},
                                transform.kind);
    });
  };
  // Parts may be seen as matrices of as wide rows.
  for (const spec::Transform &transform : source.then)
    if (transform.kind != spec::Transform::Kind::Reshape ||
        transform.shape.back() != source.rows.columns)
      return false;
  return moves(source.apply) &&
         llvm::all_of(source.tensors, [&](const spec::TensorPart &part) {
           return part.format == source.tensors[0].format && moves(part.apply);
         });
}

static bool isWhole(Elem elem, const spec::Weight &weight) {
  return weight.shape.back() % format::infoOf(elem).block == 0;
}

// The format that keeps exactly the numbers of the checkpoint.
static Elem keptAs(const spec::Weight &weight) {
  std::optional<Elem> elem = format::elemStored(weight.dtype);
  if (!weight.source.tensors.empty() &&
      !weight.source.tensors[0].format.empty())
    elem = format::elemNamed(weight.source.tensors[0].format);
  if (!elem || (isBlocks(*elem) &&
                (!isWhole(*elem, weight) || !movesRows(weight.source))))
    return Elem::F32;
  return *elem;
}

// Whether a rule may change it.
static bool isFree(const spec::Weight &weight) {
  bool matrix = weight.shape.size() > (weight.experts ? 2 : 1);
  return matrix && !weight.keepF32 && weight.aliasOf.empty();
}

const WeightFormats::Rule &
WeightFormats::ruleFor(const spec::Weight &weight) const {
  // The first rule is for all.
  return *llvm::find_if(llvm::reverse(rules), [&](const Rule &rule) {
    return has(weight.path, rule.name);
  });
}

Elem WeightFormats::elemOf(const spec::Weight &weight) const {
  if (!isFree(weight))
    return Elem::F32;
  std::optional<Elem> elem = ruleFor(weight).elem;
  return elem && isWhole(*elem, weight) ? *elem : keptAs(weight);
}

Status WeightFormats::check(const spec::Model &model) const {
  for (const Rule &rule : rules) {
    std::vector<std::string> names;
    bool used = rule.name.empty();
    for (const spec::Weight &weight : model.weights) {
      if (!isFree(weight))
        continue;
      used |= has(weight.path, rule.name);
      names.push_back(weight.path.substr(weight.path.rfind('.') + 1));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (!used)
      return Status(Code::NotFound,
                    "--weights: no matrix that may be stored otherwise has "
                    "the name '" +
                        rule.name + "'" + spec::suggest(rule.name, names));
  }
  return {};
}

std::vector<std::string> WeightFormats::notes(const spec::Model &model) const {
  std::vector<std::string> found;
  std::set<std::string> said;
  for (const spec::Weight &weight : model.weights) {
    std::optional<Elem> elem = ruleFor(weight).elem;
    if (!isFree(weight) || !elem || isWhole(*elem, weight) ||
        !said.insert(weight.path).second)
      continue;
    found.push_back("weight '" + weight.path + "' stays " +
                    format::infoOf(keptAs(weight)).name + ": its rows of " +
                    std::to_string(weight.shape.back()) +
                    " numbers are no whole blocks of " +
                    std::to_string(format::infoOf(*elem).block));
  }
  return found;
}

} // namespace sluice::import
