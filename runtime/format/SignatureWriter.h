// Writes the signature of a kernel:
//
//   SignatureWriter s;
//   Size k = s.dim("K"), n = s.dim("N");
//   s.rows("x", k);
//   s.matrix("w", n, k, {Layout::Panel}, Elem::F32);
//   s.writes();
//   s.rows("y", n);
//   s.flops(2 * k * n);
//
// Dims stand in the order in which they are asked for; rows() adds a dim
// NAME.stride.
#pragma once

#include "runtime/format/artifact_generated.h"

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::format {

// A Count that can be calculated with.
class Size {
public:
  // A number that no dim changes.
  Size(int64_t constant = 0) { // NOLINT: numbers are sizes
    if (constant != 0)
      terms.push_back({constant, {}});
  }
  // The dim with this number, by itself.
  static Size ofDim(uint32_t dim) {
    Size size;
    size.terms.push_back({1, {{dim, 1}}});
    return size;
  }

  friend Size operator+(Size a, const Size &b) {
    a.terms.insert(a.terms.end(), b.terms.begin(), b.terms.end());
    return a;
  }
  friend Size operator*(const Size &a, const Size &b) {
    Size product;
    for (const Part &x : a.terms)
      for (const Part &y : b.terms) {
        Part part{x.times * y.times, x.factors};
        part.factors.insert(part.factors.end(), y.factors.begin(),
                            y.factors.end());
        product.terms.push_back(std::move(part));
      }
    return product;
  }
  friend Size operator-(const Size &a, const Size &b) {
    return a + Size(-1) * b;
  }
  // The number of the one dim that it is, nothing else.
  uint32_t onlyDim() const {
    assert(terms.size() == 1 && terms[0].factors.size() == 1);
    return terms[0].factors[0].first;
  }
  // Every dim in it, rounded up to a multiple.
  Size roundedUp(uint32_t unit) const {
    Size rounded(*this);
    for (Part &part : rounded.terms)
      for (auto &factor : part.factors)
        factor.second = unit;
    return rounded;
  }

  // As the file has it.
  std::unique_ptr<CountT> count() const {
    auto count = std::make_unique<CountT>();
    for (const Part &part : terms) {
      auto term = std::make_unique<TermT>();
      term->times = part.times;
      for (auto [dim, unit] : part.factors)
        term->factors.emplace_back(dim, unit);
      count->terms.push_back(std::move(term));
    }
    return count;
  }

private:
  struct Part {
    int64_t times;
    std::vector<std::pair<uint32_t, uint32_t>> factors; // dim, unit
  };
  std::vector<Part> terms;
};

class SignatureWriter {
public:
  // A dim of at least `least`, below 2^31.
  Size dim(std::string_view name, int64_t least = 1) {
    return Size::ofDim(addDim(name, least));
  }

  // What else there is to say of an operand.
  class Operand {
  public:
    explicit Operand(OperandT &operand) : operand(operand) {}
    Operand &elem(Elem elem) {
      operand.elem = elem;
      return *this;
    }
    // Rows: those of the step unless said otherwise.
    Operand &follows(Follows what) {
      operand.follows = what;
      return *this;
    }
    // For each `over` rows of the step so many of the operand's.
    Operand &times(const Size &size) {
      operand.times = size.count();
      return *this;
    }
    Operand &over(const Size &size) {
      operand.over = size.count();
      return *this;
    }
    // The buffer has no other columns than these.
    Operand &whole() {
      operand.whole = true;
      return *this;
    }
    // Matrices: one unless said otherwise.
    Operand &count(const Size &size) {
      operand.count = size.count();
      return *this;
    }
    // The result may lie where this operand does.
    Operand &inPlace(bool may = true) {
      operand.in_place = may;
      return *this;
    }
    // How far the runs of a row are apart, in elements; `size` is one dim.
    Operand &apart(const Size &size) {
      operand.apart = static_cast<int32_t>(size.onlyDim());
      return *this;
    }
    // Matrices: rows of that operand, as they are.
    Operand &multiplies(uint32_t other) {
      operand.multiplies = static_cast<int32_t>(other);
      return *this;
    }
    // One row of the matrix is read for each row of the step.
    Operand &lookedUp() {
      operand.looked_up = true;
      return *this;
    }

  private:
    OperandT &operand;
  };

  // Rows of `width` elements, NAME.stride apart.
  Operand rows(std::string_view name, const Size &width) {
    auto stride = addDim(std::string(name) + ".stride", 0);
    OperandT &operand = add(name, Role::Rows, width);
    operand.stride = static_cast<int32_t>(stride);
    return Operand(operand);
  }
  // Rows without anything between them.
  Operand dense(std::string_view name, const Size &width) {
    return Operand(add(name, Role::Rows, width));
  }
  // `width` elements, the same for every row.
  Operand vector(std::string_view name, const Size &width,
                 Elem elem = Elem::F32) {
    return Operand(add(name, Role::Vector, width)).elem(elem);
  }
  // A weight [rows, columns] in one of the layouts.
  Operand matrix(std::string_view name, const Size &rows, const Size &columns,
                 std::vector<Layout> layouts, Elem elem) {
    OperandT &operand = add(name, Role::Matrix, columns);
    operand.rows = rows.count();
    operand.layouts = std::move(layouts);
    operand.elem = elem;
    return Operand(operand);
  }
  // A field of a cache: elements of a position are heads * width.
  struct Part {
    std::string_view name;
    Size heads, width;
  };
  // Of no parts: whatever the cache has.
  void cache(std::string_view name, const std::vector<Part> &parts) {
    OperandT &operand = add(name, Role::Cache, 0);
    for (const Part &part : parts) {
      auto field = std::make_unique<FieldT>();
      field->name = part.name;
      field->heads = part.heads.count();
      field->width = part.width.count();
      operand.fields.push_back(std::move(field));
    }
  }
  // `width` elements of a slot.
  void fixedState(std::string_view name, const Size &width) {
    add(name, Role::FixedState, width);
  }

  // An operand that was added.
  uint32_t indexOf(std::string_view name) const {
    uint32_t index = 0;
    while (signature.operands[index]->name != name)
      ++index;
    return index;
  }

  // All operands from here on are written.
  void writes() {
    signature.writes = static_cast<uint32_t>(signature.operands.size());
  }

  // What the dims of a call must satisfy.
  void atMost(const Size &left, const Size &right) {
    rule(left, right, /*divides=*/false);
  }
  void multipleOf(const Size &left, const Size &right) {
    rule(left, right, /*divides=*/true);
  }

  // Additions and multiplications for each row of the step, and for each
  // position that it looks at.
  void flops(const Size &size) { signature.flops = size.count(); }
  void flopsPerPosition(const Size &size) {
    signature.flops_per_position = size.count();
  }

  // What has been written; the writer is of no use afterwards.
  SignatureT take() { return std::move(signature); }

private:
  uint32_t addDim(std::string_view name, int64_t least) {
    auto dim = std::make_unique<DimT>();
    dim->name = name;
    dim->least = least;
    signature.dims.push_back(std::move(dim));
    return static_cast<uint32_t>(signature.dims.size() - 1);
  }
  OperandT &add(std::string_view name, Role role, const Size &width) {
    auto operand = std::make_unique<OperandT>();
    operand->name = name;
    operand->role = role;
    operand->width = width.count();
    signature.operands.push_back(std::move(operand));
    return *signature.operands.back();
  }
  void rule(const Size &left, const Size &right, bool divides) {
    auto rule = std::make_unique<RuleT>();
    rule->left = left.count();
    rule->right = right.count();
    rule->divides = divides;
    signature.rules.push_back(std::move(rule));
  }

  SignatureT signature;
};

} // namespace sluice::format
