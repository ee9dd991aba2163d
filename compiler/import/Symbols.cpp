#include "compiler/import/Symbols.h"

#include "compiler/import/Locations.h"

using namespace mlir;

namespace sluice::import {

namespace {
// What the instances of one leaf have in common: a symbol is declared for each
// distinct declaration and covers the layers that have it.
template <typename Key> struct Bank {
  Key key;
  SmallVector<int64_t> layers;
  spec::Location location;
};

// Groups the instances of every path by `keyOf`, in the order of the model.
template <typename Key, typename Item, typename KeyOf>
std::vector<std::pair<std::string, std::vector<Bank<Key>>>>
banksOf(const std::vector<Item> &items, KeyOf keyOf) {
  std::vector<std::pair<std::string, std::vector<Bank<Key>>>> paths;
  std::map<std::string, size_t> order;
  for (const Item &item : items) {
    std::optional<Key> key = keyOf(item);
    if (!key)
      continue;
    auto [it, isNew] = order.try_emplace(item.path, paths.size());
    if (isNew)
      paths.push_back({item.path, {}});
    std::vector<Bank<Key>> &banks = paths[it->second].second;
    auto bank = llvm::find_if(banks, [&](auto &b) { return b.key == *key; });
    if (bank == banks.end())
      bank = banks.insert(bank, {*key, {}, item.location});
    bank->layers.push_back(item.index);
  }
  return paths;
}

// What follows a `$` is not part of the path (Symbols.h).
std::string symbolName(const spec::Model &model, const std::string &path,
                       size_t bank, size_t banks) {
  bool taken = llvm::any_of(model.entries, [&](const spec::Entry &entry) {
    return entry.name == path;
  });
  return banks > 1 ? path + "$" + std::to_string(bank)
                   : path + (taken ? "$" : "");
}

DenseI64ArrayAttr layersAttr(MLIRContext *context, ArrayRef<int64_t> layers) {
  return layers.front() < 0 ? DenseI64ArrayAttr()
                            : DenseI64ArrayAttr::get(context, layers);
}
} // namespace

Symbols::Symbols(const spec::Model &model, ModuleOp module,
                 const ImportOptions &options)
    : model(model), options(options) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  declareWeights(builder);
  declareStates(builder);
}

void Symbols::declareWeights(OpBuilder &builder) {
  MLIRContext *context = builder.getContext();
  auto typeOf = [&](const spec::Weight &weight) -> std::optional<Type> {
    if (!weight.aliasOf.empty())
      return std::nullopt;
    format::Elem elem = options.weights.elemOf(weight);
    return RankedTensorType::get(weight.shape, llm::typeOf(elem, context));
  };
  for (auto &[path, banks] : banksOf<Type>(model.weights, typeOf))
    for (auto [i, bank] : llvm::enumerate(banks)) {
      std::string name = symbolName(model, path, i, banks.size());
      DenseI64ArrayAttr layers = layersAttr(context, bank.layers);
      llm::WeightOp::create(builder, locate(context, bank.location),
                            builder.getStringAttr(name),
                            TypeAttr::get(bank.key), layers);
      for (int64_t layer : bank.layers)
        weights[{path, layer}] = {FlatSymbolRefAttr::get(context, name),
                                  cast<RankedTensorType>(bank.key),
                                  layers != nullptr, layer};
    }
}

void Symbols::declareStates(OpBuilder &builder) {
  MLIRContext *context = builder.getContext();
  // The attributes of the op are the key: equal ones share a symbol.
  auto declaration = [&](const spec::State &state) {
    NamedAttrList attrs;
    SmallVector<Attribute> fields;
    for (const auto &[name, shape] : state.fields)
      fields.push_back(llm::FieldAttr::get(context, name, shape));
    attrs.set("fields", builder.getArrayAttr(fields));
    attrs.set("kind", llm::StateKindAttr::get(
                          context, state.fixed ? llm::StateKind::fixed
                                               : llm::StateKind::cache));
    if (state.fixed && state.init != 0)
      attrs.set("init", builder.getF32FloatAttr(float(state.init)));
    if (state.start)
      attrs.set("init", weight(*state.start)->symbol);
    if (state.keep)
      attrs.set("keep", builder.getI64IntegerAttr(state.keep));
    if (state.chunk)
      attrs.set("chunk", builder.getI64IntegerAttr(state.chunk));
    if (state.full)
      attrs.set("full", builder.getUnitAttr());
    if (state.once)
      attrs.set("once", builder.getUnitAttr());
    return std::optional<Attribute>(attrs.getDictionary(context));
  };
  std::map<std::string, const spec::State *> byPath;
  for (const spec::State &state : model.states)
    byPath[state.path] = &state;
  for (auto &[path, banks] : banksOf<Attribute>(model.states, declaration))
    for (auto [i, bank] : llvm::enumerate(banks)) {
      std::string name = symbolName(model, path, i, banks.size());
      DenseI64ArrayAttr layers = layersAttr(context, bank.layers);
      OperationState op(locate(context, bank.location),
                        llm::StateOp::getOperationName());
      op.attributes = NamedAttrList(cast<DictionaryAttr>(bank.key));
      op.addAttribute("sym_name", builder.getStringAttr(name));
      if (layers)
        op.addAttribute("layers", layers);
      builder.create(op);
      StateSymbol symbol{
          FlatSymbolRefAttr::get(context, name), {}, layers != nullptr, -1};
      for (const auto &[field, shape] : byPath[path]->fields)
        symbol.fields.push_back(field);
      for (int64_t layer : bank.layers) {
        symbol.layer = layer;
        states[{path, layer}] = symbol;
      }
    }
}

const WeightSymbol *Symbols::weight(const spec::WeightRef &ref) const {
  const spec::Weight *weight = model.stored(ref);
  if (!weight)
    return nullptr;
  auto it = weights.find({weight->path, weight->index});
  return it == weights.end() ? nullptr : &it->second;
}

const WeightSymbol *Symbols::bias(const spec::WeightRef &ref) const {
  const spec::Weight *bias = model.bias(ref);
  return bias ? weight({bias->path, bias->index}) : nullptr;
}

const StateSymbol *Symbols::state(const spec::StateRef &ref) const {
  auto it = states.find({ref.path, ref.index});
  return it == states.end() ? nullptr : &it->second;
}

} // namespace sluice::import
