// Kernels with what they take, from their signatures.
#include "tools/sluice-inspect/Views.h"

#include <ostream>

namespace sluice::inspect {

using artifact::list;
using artifact::text;
using namespace format;

static std::string lower(const char *name) {
  std::string out;
  for (; *name; ++name) {
    if (*name >= 'A' && *name <= 'Z' && !out.empty())
      out += ' ';
    out += static_cast<char>(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a'
                                                          : *name);
  }
  return out;
}

// How many rows go with one of the step.
static std::string rowsText(const OperandT &operand,
                            const SignatureT &signature) {
  if (operand.follows == Follows::One)
    return "one";
  std::string out = operand.follows == Follows::Tokens ? "tokens" : "rows";
  auto one = [&](const std::unique_ptr<CountT> &count) {
    return !count || textOf(*count, signature) == "1";
  };
  if (!one(operand.times))
    out += " * " + textOf(*operand.times, signature);
  if (!one(operand.over))
    out += " / " + textOf(*operand.over, signature);
  return out;
}

static Json operandJson(const OperandT &operand, const SignatureT &signature) {
  Json out = {{"name", operand.name},
              {"role", lower(EnumNameRole(operand.role))}};
  auto size = [&](const std::unique_ptr<CountT> &count) {
    return count ? textOf(*count, signature) : "1";
  };
  switch (operand.role) {
  case Role::Rows:
    out["elem"] = infoOf(operand.elem).name;
    out["shape"] = {rowsText(operand, signature), size(operand.width)};
    if (operand.stride >= 0)
      out["apart"] = signature.dims[static_cast<size_t>(operand.stride)]->name;
    break;
  case Role::Vector:
    out["elem"] = infoOf(operand.elem).name;
    [[fallthrough]];
  case Role::FixedState:
    out["shape"] = {size(operand.width)};
    break;
  case Role::Matrix:
    out["elem"] = infoOf(operand.elem).name;
    out["shape"] = {size(operand.rows), size(operand.width)};
    if (operand.count && textOf(*operand.count, signature) != "1")
      out["shape"].insert(out["shape"].begin(), size(operand.count));
    out["layouts"] = Json::array();
    for (Layout layout : operand.layouts)
      out["layouts"].push_back(nameOf(layout));
    break;
  case Role::Cache:
    out["fields"] = Json::object();
    for (const auto &field : operand.fields)
      out["fields"][field->name] = {size(field->heads), size(field->width)};
    break;
  }
  return out;
}

Json kernels(const artifact::Artifact &artifact) {
  Json out = Json::array();
  for (const Kernel *kernel : list(artifact.model().kernels())) {
    SignatureT signature;
    kernel->signature()->UnPackTo(&signature);
    Json reads = Json::array(), writes = Json::array(), dims = Json::array(),
         rules = Json::array();
    for (size_t i = 0; i < signature.operands.size(); ++i)
      (i < signature.writes ? reads : writes)
          .push_back(operandJson(*signature.operands[i], signature));
    for (const auto &dim : signature.dims)
      dims.push_back(dim->name);
    for (const auto &rule : signature.rules)
      rules.push_back(textOf(*rule->left, signature) +
                      (rule->divides ? " is a multiple of " : " <= ") +
                      textOf(*rule->right, signature));
    Json one = {{"name", text(kernel->name())},
                {"kind", text(kernel->kind())},
                {"symbol", text(kernel->symbol())},
                {"reads", reads},
                {"writes", writes},
                {"dims", dims},
                {"rules", rules}};
    if (signature.flops)
      one["flops_per_row"] = textOf(*signature.flops, signature);
    if (signature.flops_per_position)
      one["flops_per_position"] =
          textOf(*signature.flops_per_position, signature);
    out.push_back(std::move(one));
  }
  return out;
}

static std::string joined(const Json &words, const char *between) {
  std::string out;
  for (const Json &word : words)
    out += (out.empty() ? "" : between) + word.get<std::string>();
  return out;
}

static void printOperand(const Json &operand, const char *what,
                         std::ostream &out) {
  out << "  " << what << " " << operand["name"].get<std::string>() << ": "
      << operand["role"].get<std::string>();
  if (operand.contains("elem"))
    out << " " << operand["elem"].get<std::string>();
  if (operand.contains("shape"))
    out << " [" << joined(operand["shape"], ", ") << "]";
  if (operand.contains("apart"))
    out << ", " << operand["apart"].get<std::string>() << " apart";
  if (operand.contains("layouts"))
    out << ", " << joined(operand["layouts"], " or ");
  if (operand.contains("fields"))
    for (const auto &[name, shape] : operand["fields"].items())
      out << " " << name << " [" << joined(shape, ", ") << "]";
  out << '\n';
}

void printKernels(const Json &json, std::ostream &out) {
  for (const Json &kernel : json) {
    out << kernel["name"].get<std::string>() << " ("
        << kernel["kind"].get<std::string>() << ")\n";
    for (const Json &operand : kernel["reads"])
      printOperand(operand, "reads ", out);
    for (const Json &operand : kernel["writes"])
      printOperand(operand, "writes", out);
    out << "  dims   " << joined(kernel["dims"], ", ") << '\n';
    for (const Json &rule : kernel["rules"])
      out << "  where  " << rule.get<std::string>() << '\n';
    for (auto [key, unit] :
         {std::pair("flops_per_row", "a row"),
          std::pair("flops_per_position", "a row and position")})
      if (kernel.contains(key))
        out << "  flops  " << kernel[key].get<std::string>() << " for " << unit
            << '\n';
  }
}

} // namespace sluice::inspect
