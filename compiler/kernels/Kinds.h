// The table of kernel kinds. A file that implements kinds defines a function
// `void add...Kinds(KindTable &)`; the build lists them.
#pragma once

#include "compiler/kernels/KernelBuilder.h"
#include "compiler/kernels/Kernels.h"
#include "runtime/format/SignatureWriter.h"
#include "llvm/ADT/StringMap.h"

namespace sluice::kernels {

using format::Elem, format::Follows, format::Layout, format::SignatureWriter,
    format::Size;

// Typed access to the attributes of a kernel. Reading an attribute of the wrong
// type gives the default: check() has refused such attributes before.
class Attrs {
public:
  explicit Attrs(mlir::DictionaryAttr attrs) : attrs(attrs) {}

  bool has(llvm::StringRef name) const;
  bool flag(llvm::StringRef name) const;
  llvm::StringRef word(llvm::StringRef name,
                       llvm::StringRef otherwise = "none") const;
  Elem elem(llvm::StringRef name, Elem otherwise = Elem::F32) const;
  int64_t integer(llvm::StringRef name, int64_t otherwise = 0) const;
  double real(llvm::StringRef name, double otherwise = 0) const;
  mlir::ArrayAttr list(llvm::StringRef name) const; // empty if absent
  mlir::DictionaryAttr dictionary() const { return attrs; }

private:
  mlir::DictionaryAttr attrs;
};

// One attribute that a kind knows. A word lists its legal values; without
// a list it is any text. What is in a List, the kind checks.
struct Attribute {
  enum Type { Flag, Word, Integer, Real, List } type;
  llvm::StringRef name;
  llvm::SmallVector<llvm::StringRef> words = {};
  bool required = false;
};

// Elements of weights that come in panels.
llvm::SmallVector<llvm::StringRef> weightWords();

using DimFn = llvm::function_ref<int64_t(llvm::StringRef)>;

struct Kind {
  llvm::SmallVector<Attribute> attributes;
  // What its kernels take and cost.
  void (*signature)(const Attrs &, SignatureWriter &);
  // Null: no scratch.
  int64_t (*scratch)(const Attrs &, DimFn dim);
  // Emits the body; the builder stands in the open function and closes it.
  mlir::LogicalResult (*build)(KernelBuilder &, const Attrs &, mlir::Region *);
  // Rules between attributes beyond those of Attribute; may be null.
  mlir::LogicalResult (*check)(const Attrs &, ErrorFn error) = nullptr;
};

using KindTable = llvm::StringMap<Kind>;

const KindTable &kinds();

} // namespace sluice::kernels
