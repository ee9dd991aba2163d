#include "runtime/format/CallCheck.h"

#include "runtime/format/kernel_abi.h"

#include <algorithm>

namespace sluice::format {
namespace {

using Wide = __int128;

// Products of two stay in range.
constexpr int64_t kMost = int64_t(1) << 62;

Wide clamp(Wide value) { return std::clamp<Wide>(value, -kMost, kMost); }

int64_t roundedUp(int64_t value, int64_t unit) {
  return static_cast<int64_t>(clamp((Wide(value) + unit - 1) / unit * unit));
}

std::string quoted(std::string_view name) {
  return "'" + std::string(name.substr(0, 100)) + "'";
}

std::string listOf(const std::vector<int64_t> &shape) {
  std::string out;
  for (int64_t axis : shape)
    out += (out.empty() ? "" : ", ") + std::to_string(axis);
  return "[" + out + "]";
}

class Checker {
public:
  Checker(const SignatureT &signature, const Call &call)
      : signature(signature), call(call) {}

  std::string check() const;

private:
  int64_t value(const std::unique_ptr<CountT> &count,
                int64_t otherwise = 0) const {
    return valueOf(count.get(), call.dims, otherwise);
  }
  std::string textOf(const std::unique_ptr<CountT> &count) const {
    return format::textOf(*count, signature);
  }
  std::string checkDims() const;
  std::string checkRule(const RuleT &rule) const;
  std::string checkOperand(const OperandT &operand, const Given &given) const;
  std::string checkRows(const OperandT &operand, const Given &given) const;
  std::string checkRowCount(const OperandT &operand, const Given &given) const;
  std::string checkVector(const OperandT &operand, const Given &given) const;
  std::string checkMatrix(const OperandT &operand, const Given &given) const;
  std::string checkCache(const OperandT &operand, const Given &given) const;
  std::string checkFixed(const OperandT &operand, const Given &given) const;

  const SignatureT &signature;
  const Call &call;
};

std::string Checker::checkDims() const {
  for (size_t i = 0; i < signature.dims.size(); ++i) {
    const DimT &dim = *signature.dims[i];
    if (call.dims[i] < dim.least || call.dims[i] > kMaxDim)
      return quoted(dim.name) + " is " + std::to_string(call.dims[i]) +
             ", it must be at least " + std::to_string(dim.least);
  }
  for (const auto &rule : signature.rules)
    if (std::string wrong = checkRule(*rule); !wrong.empty())
      return wrong;
  return {};
}

std::string Checker::checkRule(const RuleT &rule) const {
  int64_t left = value(rule.left), right = value(rule.right);
  bool good = rule.divides ? right != 0 && left % right == 0 : left <= right;
  if (good)
    return {};
  return textOf(rule.left) + " = " + std::to_string(left) + " is " +
         (rule.divides ? "no multiple of " : "more than ") +
         textOf(rule.right) + " = " + std::to_string(right);
}

std::string Checker::checkOperand(const OperandT &operand,
                                  const Given &given) const {
  if (given.kind != RefKind::State && given.elem != operand.elem)
    return "is of " + std::string(infoOf(given.elem).name) +
           ", the kernel takes " + infoOf(operand.elem).name;
  switch (operand.role) {
  case Role::Rows:
    return checkRows(operand, given);
  case Role::Vector:
    return checkVector(operand, given);
  case Role::Matrix:
    return checkMatrix(operand, given);
  case Role::Cache:
    return checkCache(operand, given);
  case Role::FixedState:
    return checkFixed(operand, given);
  }
  return "has an unknown role";
}

std::string Checker::checkRows(const OperandT &operand,
                               const Given &given) const {
  if (given.kind == RefKind::State)
    return "is the state " + quoted(given.name) + ", the kernel takes rows";
  int64_t width = value(operand.width);
  if (given.kind == RefKind::Weight) {
    if (operand.stride < 0 || call.dims[operand.stride] != 0)
      return "is the weight " + quoted(given.name) +
             ", which has no rows of its own";
    return checkVector(operand, given);
  }
  int64_t room = given.stride - given.column;
  if (width > room)
    return "has rows of " + std::to_string(room) +
           " elements, the step's dims ask for " + std::to_string(width);
  if (operand.whole && (width != given.columns || given.column != 0))
    return "has " + std::to_string(given.columns) +
           " columns, the step is for " + std::to_string(width);
  bool repeated = false;
  if (operand.stride < 0) {
    if (given.stride != width && operand.follows != Follows::One)
      return "has rows of " + std::to_string(width) + " elements " +
             std::to_string(given.stride) +
             " apart, the kernel takes them without gaps";
  } else {
    int64_t stride = call.dims[operand.stride];
    repeated = stride == 0 && given.rows == RowKind::One;
    if (stride != given.stride && !repeated)
      return "has rows " + std::to_string(given.stride) +
             " elements apart, its stride is " + std::to_string(stride);
  }
  return repeated ? std::string() : checkRowCount(operand, given);
}

std::string Checker::checkRowCount(const OperandT &operand,
                                   const Given &given) const {
  switch (operand.follows) {
  case Follows::One:
    return {};
  case Follows::Tokens:
    return given.rows == RowKind::Tokens ? std::string()
                                         : "does not have a row for each token";
  case Follows::Step:
    break;
  }
  Wide has = Wide(given.rowScale) * value(operand.over, 1);
  Wide asked = Wide(call.rowScale) * value(operand.times, 1);
  if (given.rows == call.rows && (operand.whole ? has == asked : has >= asked))
    return {};
  return "has other rows than the step: " +
         std::string(EnumNameRowKind(given.rows)) + " * " +
         std::to_string(given.rowScale);
}

std::string Checker::checkVector(const OperandT &operand,
                                 const Given &given) const {
  int64_t width = value(operand.width), room = 0;
  if (given.kind == RefKind::Weight)
    room = given.packing.numbers();
  else if (given.kind == RefKind::Buffer && given.rows == RowKind::One)
    room = given.stride - given.column;
  else
    return "is " + quoted(given.name) + ", which is not one vector";
  if (width <= room)
    return {};
  return "is " + quoted(given.name) + ", which has " + std::to_string(room) +
         " elements, the step's dims ask for " + std::to_string(width);
}

std::string Checker::checkMatrix(const OperandT &operand,
                                 const Given &given) const {
  std::string what = "is " + quoted(given.name);
  if (given.kind != RefKind::Weight)
    return what + ", which is not a weight";
  const Packing &packing = given.packing;
  if (std::find(operand.layouts.begin(), operand.layouts.end(),
                packing.layout) == operand.layouts.end())
    return what + " in the layout " + quoted(nameOf(packing.layout)) +
           ", the kernel reads " + quoted(nameOf(operand.layouts.front()));
  if (packing.shape.size() < 2)
    return what + ", which is not a matrix";
  int64_t matrices = 1;
  for (size_t i = 0; i + 2 < packing.shape.size(); ++i)
    matrices = static_cast<int64_t>(clamp(Wide(matrices) * packing.shape[i]));
  int64_t rows = value(operand.rows), columns = value(operand.width);
  if (packing.shape.back() == columns && packing.packedRows() >= rows &&
      matrices >= value(operand.count, 1))
    return {};
  std::vector<int64_t> asked = {rows, columns};
  if (operand.count)
    asked.insert(asked.begin(), value(operand.count));
  return what + ", which is " + listOf(packing.shape) +
         ", the step's dims ask for " + listOf(asked);
}

std::string Checker::checkCache(const OperandT &operand,
                                const Given &given) const {
  std::string what = "is " + quoted(given.name);
  if (given.kind != RefKind::State || given.state == StateKind::Fixed)
    return what + ", which is not a cache";
  if (!operand.fields.empty() && given.fields.size() != operand.fields.size())
    return what + ", which keeps " + std::to_string(given.fields.size()) +
           " fields for each position, the kernel uses " +
           std::to_string(operand.fields.size());
  for (const auto &field : operand.fields) {
    std::vector<int64_t> asked = {value(field->heads), value(field->width)};
    auto found = std::find_if(
        given.fields.begin(), given.fields.end(),
        [&](const NamedShape &one) { return one.name == field->name; });
    if (found == given.fields.end())
      return what + ", which has no field " + quoted(field->name);
    if (found->shape != asked)
      return what + ", whose " + quoted(field->name) + " are " +
             listOf(found->shape) + ", the step's " + listOf(asked);
  }
  return {};
}

std::string Checker::checkFixed(const OperandT &operand,
                                const Given &given) const {
  std::string what = "is " + quoted(given.name);
  if (given.kind != RefKind::State || given.state != StateKind::Fixed)
    return what + ", which is not a fixed state";
  // Kernels count slots of whole lines of 64 bytes.
  int64_t width = value(operand.width);
  if (roundedUp(width, 64 / sizeof(float)) == given.elements)
    return {};
  return what + ", which has " + std::to_string(given.elements) +
         " elements a slot, the step's dims ask for " + std::to_string(width);
}

std::string Checker::check() const {
  std::string wrong = checkDims();
  for (size_t i = 0; wrong.empty() && i < signature.operands.size(); ++i) {
    const OperandT &operand = *signature.operands[i];
    wrong = checkOperand(operand, call.operands[i]);
    if (!wrong.empty())
      wrong = quoted(operand.name) + " " + wrong;
  }
  return wrong;
}

} // namespace

int64_t valueOf(const CountT *count, std::span<const int64_t> dims,
                int64_t otherwise) {
  if (!count)
    return otherwise;
  Wide sum = 0;
  for (const auto &term : count->terms) {
    Wide product = clamp(term->times);
    for (const Factor &factor : term->factors)
      product =
          clamp(product * roundedUp(dims[factor.dim()],
                                    std::max<uint32_t>(factor.unit(), 1)));
    sum = clamp(sum + product);
  }
  return static_cast<int64_t>(sum);
}

std::string textOf(const CountT &count, const SignatureT &signature) {
  std::string out;
  for (const auto &term : count.terms) {
    bool negative = term->times < 0;
    if (!out.empty())
      out += negative ? " - " : " + ";
    else if (negative)
      out += "-";
    int64_t times = negative ? -term->times : term->times;
    std::string product;
    if (times != 1 || term->factors.empty())
      product = std::to_string(times);
    for (const Factor &factor : term->factors) {
      product += product.empty() ? "" : " * ";
      const std::string &name = signature.dims[factor.dim()]->name;
      product += factor.unit() <= 1 ? name
                                    : "ceil(" + name + ", " +
                                          std::to_string(factor.unit()) + ")";
    }
    out += product;
  }
  return out.empty() ? "0" : out;
}

static bool multipliesRows(const OperandT &operand,
                           const SignatureT &signature) {
  return operand.multiplies == -1 ||
         (operand.role == Role::Matrix && operand.multiplies >= 0 &&
          size_t(operand.multiplies) < signature.operands.size() &&
          signature.operands[size_t(operand.multiplies)]->role == Role::Rows);
}

std::string checkSignature(const SignatureT &signature) {
  size_t dims = signature.dims.size();
  auto known = [&](const std::unique_ptr<CountT> &count) {
    if (count)
      for (const auto &term : count->terms)
        for (const Factor &factor : term->factors)
          if (factor.dim() >= dims)
            return false;
    return true;
  };
  bool good = known(signature.flops) && known(signature.flops_per_position);
  for (const auto &rule : signature.rules)
    good = good && rule->left && rule->right && known(rule->left) &&
           known(rule->right);
  for (const auto &operand : signature.operands) {
    good = good && operand->role <= Role::MAX && operand->elem <= Elem::MAX &&
           operand->follows <= Follows::MAX && operand->stride >= -1 &&
           operand->stride < static_cast<int64_t>(dims) &&
           operand->apart >= -1 &&
           operand->apart < static_cast<int64_t>(dims) &&
           (operand->role != Role::Matrix || !operand->layouts.empty()) &&
           multipliesRows(*operand, signature);
    for (const auto *count : {&operand->width, &operand->times, &operand->over,
                              &operand->rows, &operand->count})
      good = good && known(*count);
    for (const auto &field : operand->fields)
      good = good && known(field->heads) && known(field->width);
  }
  if (!good)
    return "its signature names a dim, a role or a type that does not exist";
  if (signature.writes > signature.operands.size())
    return "it writes from operand " + std::to_string(signature.writes);
  return {};
}

std::string checkCall(const SignatureT &signature, const Call &call) {
  return Checker(signature, call).check();
}

} // namespace sluice::format
