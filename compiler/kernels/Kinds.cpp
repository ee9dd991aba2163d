#include "compiler/kernels/Kinds.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sluice::kernels {

#define SLUICE_ADD(add) void add(KindTable &table);
#include "compiler/kernels/Kinds.inc"
#undef SLUICE_ADD

static KindTable makeKinds() {
  KindTable table;
#define SLUICE_ADD(add) add(table);
#include "compiler/kernels/Kinds.inc"
#undef SLUICE_ADD
  return table;
}

const KindTable &kinds() {
  static const KindTable table = makeKinds();
  return table;
}

SmallVector<StringRef> weightWords() {
  SmallVector<StringRef> words;
  for (Elem elem : format::EnumValuesElem())
    if (const format::ElemInfo &info = format::infoOf(elem); info.panelDepth)
      words.push_back(info.name);
  return words;
}

bool Attrs::has(StringRef name) const { return attrs && attrs.contains(name); }

bool Attrs::flag(StringRef name) const {
  if (!has(name))
    return false;
  if (auto value = attrs.getAs<BoolAttr>(name))
    return value.getValue();
  return isa<UnitAttr>(attrs.get(name));
}

StringRef Attrs::word(StringRef name, StringRef otherwise) const {
  if (auto value = has(name) ? attrs.getAs<StringAttr>(name) : nullptr)
    return value.getValue();
  return otherwise;
}

Elem Attrs::elem(StringRef name, Elem otherwise) const {
  return format::elemNamed(word(name)).value_or(otherwise);
}

int64_t Attrs::integer(StringRef name, int64_t otherwise) const {
  if (auto value = has(name) ? attrs.getAs<IntegerAttr>(name) : nullptr)
    return value.getInt();
  return otherwise;
}

double Attrs::real(StringRef name, double otherwise) const {
  if (auto value = has(name) ? attrs.getAs<FloatAttr>(name) : nullptr)
    return value.getValueAsDouble();
  return otherwise;
}

ArrayAttr Attrs::list(StringRef name) const {
  auto value = has(name) ? attrs.getAs<ArrayAttr>(name) : nullptr;
  return value ? value : ArrayAttr::get(attrs.getContext(), {});
}

static LogicalResult checkOne(const Attribute &known, mlir::Attribute value,
                              ErrorFn error) {
  switch (known.type) {
  case Attribute::Flag:
    if (!isa<BoolAttr, UnitAttr>(value))
      return error() << "kernel attribute '" << known.name
                     << "' is a flag, found " << value;
    return success();
  case Attribute::Integer:
    if (!isa<IntegerAttr>(value) || isa<BoolAttr>(value))
      return error() << "kernel attribute '" << known.name
                     << "' is an integer, found " << value;
    return success();
  case Attribute::Real:
    if (!isa<FloatAttr>(value))
      return error() << "kernel attribute '" << known.name
                     << "' is a float, found " << value;
    return success();
  case Attribute::List:
    if (!isa<ArrayAttr>(value))
      return error() << "kernel attribute '" << known.name
                     << "' is a list, found " << value;
    return success();
  case Attribute::Word:
    auto word = dyn_cast<StringAttr>(value);
    if (word && (known.words.empty() ||
                 llvm::is_contained(known.words, word.getValue())))
      return success();
    InFlightDiagnostic diagnostic = error();
    diagnostic << "kernel attribute '" << known.name << "' is ";
    if (known.words.empty())
      diagnostic << "a text";
    else
      diagnostic << "one of " << llvm::join(known.words, ", ");
    diagnostic << "; found " << value;
    return diagnostic;
  }
  return failure();
}

static FailureOr<const Kind *> find(StringRef name, DictionaryAttr attrs,
                                    ErrorFn error) {
  auto found = kinds().find(name);
  if (found == kinds().end())
    return error() << "no kernel kind '" << name << "'";
  const Kind &kind = found->second;
  for (const Attribute &known : kind.attributes)
    if (known.required && !(attrs && attrs.contains(known.name)))
      return error() << "kernel kind '" << name << "' needs the attribute '"
                     << known.name << "'";
  if (attrs) {
    for (NamedAttribute given : attrs) {
      StringRef attrName = given.getName().getValue();
      const Attribute *known =
          llvm::find_if(kind.attributes, [&](const Attribute &candidate) {
            return candidate.name == attrName;
          });
      if (known == kind.attributes.end())
        return error() << "kernel kind '" << name << "' has no attribute '"
                       << attrName << "'";
      if (failed(checkOne(*known, given.getValue(), error)))
        return failure();
    }
  }
  if (kind.check && failed(kind.check(Attrs(attrs), error)))
    return failure();
  return &kind;
}

static Signature signatureOf(const Kind &kind, DictionaryAttr attrs) {
  SignatureWriter builder;
  kind.signature(Attrs(attrs), builder);
  return builder.take();
}

template <typename T>
static std::optional<size_t> placeOf(const std::vector<std::unique_ptr<T>> &all,
                                     StringRef name) {
  for (auto [i, one] : llvm::enumerate(all))
    if (one->name == name)
      return i;
  return std::nullopt;
}

std::optional<size_t> operandNamed(const Signature &signature, StringRef name) {
  return placeOf(signature.operands, name);
}
std::optional<size_t> dimNamed(const Signature &signature, StringRef name) {
  return placeOf(signature.dims, name);
}

FailureOr<Signature> signature(StringRef kind, DictionaryAttr attrs,
                               ErrorFn error) {
  FailureOr<const Kind *> found = find(kind, attrs, error);
  if (failed(found))
    return failure();
  return signatureOf(**found, attrs);
}

int64_t scratchBytes(StringRef name, DictionaryAttr attrs,
                     ArrayRef<int64_t> dims) {
  const Kind &kind = kinds().find(name)->second;
  if (!kind.scratch)
    return 0;
  Signature signature = signatureOf(kind, attrs);
  assert(dims.size() == signature.dims.size() && "one bound for each dim");
  return kind.scratch(Attrs(attrs), [&](StringRef dim) {
    std::optional<size_t> at = dimNamed(signature, dim);
    assert(at && "dim is in the signature");
    return dims[*at];
  });
}

LogicalResult build(StringRef name, DictionaryAttr attrs, Region *body,
                    const codegen::Target &target, OpBuilder &builder,
                    StringRef symbol) {
  Location loc = builder.getUnknownLoc();
  FailureOr<const Kind *> kind =
      find(name, attrs, [&] { return emitError(loc); });
  if (failed(kind))
    return failure();
  Signature signature = signatureOf(**kind, attrs);
  OpBuilder::InsertionGuard guard(builder);
  KernelBuilder kernel(builder, loc, symbol, signature, target);
  if (failed((*kind)->build(kernel, Attrs(attrs), body)))
    return failure();
  kernel.finish();
  return success();
}

} // namespace sluice::kernels
