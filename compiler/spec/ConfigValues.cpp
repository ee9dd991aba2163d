// Conversion of what a config file says to typed parameter values.
#include "compiler/spec/BindConfig.h"
#include "compiler/spec/Names.h"
#include "runtime/support/Json.h"

#include <cmath>
#include <limits>

namespace sluice::spec {

using nlohmann::json;

std::string typeError(const ParamType &type, Value &value) {
  struct Check {
    const ParamType &type;
    bool run(Value &value, int lists) const {
      if (type.base == ParamType::Base::Json)
        return true;
      if (lists > 0) {
        if (!value.isList())
          return false;
        List elements = value.list();
        for (Value &element : elements)
          if (!run(element, lists - 1))
            return false;
        value = std::move(elements);
        return true;
      }
      switch (type.base) {
      case ParamType::Base::Int:
        return value.isInt();
      case ParamType::Base::Float:
        if (value.isInt())
          value = value.number();
        return value.isFloat();
      case ParamType::Base::Bool:
        return value.isBool();
      default:
        return value.isText();
      }
    }
  };
  if (Check{type}.run(value, type.lists))
    return {};
  return "must be " + printType(type) + ", found " + print(value);
}

std::optional<Value> plainValue(const json &value, int depth) {
  if (value.is_boolean())
    return Value(value.get<bool>());
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  if (value.is_number_integer())
    return Value(value.get<int64_t>());
  if (value.is_number_float())
    return std::isfinite(value.get<double>())
               ? std::optional(Value(value.get<double>()))
               : std::nullopt;
  if (value.is_string())
    return Value(value.get<std::string>());
  if (value.is_null())
    return Value();
  if (!value.is_array() || depth > 8)
    return std::nullopt;
  List list;
  for (const json &element : value) {
    std::optional<Value> converted = plainValue(element, depth + 1);
    if (!converted)
      return std::nullopt;
    list.push_back(std::move(*converted));
  }
  return Value(std::move(list));
}

static std::string shorten(std::string text) {
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  return text;
}

std::string shortText(const json &value) { return shorten(jsonText(value)); }

bool ConfigScope::mapSpelling(const Param &param, const json &value,
                              Value &out) {
  std::string spelled =
      value.is_string() ? value.get<std::string>() : jsonText(value);
  std::vector<std::string> known;
  for (const auto &[spelling, data] : param.decl->values) {
    known.push_back(spelling);
    if (spelling != spelled)
      continue;
    std::optional<Value> mapped = evaluate(data, *this, diagnostics_);
    if (mapped)
      out = std::move(*mapped);
    return mapped.has_value() && checkElement(param, out, 0);
  }
  return fail(param, param.source + " is " + quote(shorten(spelled)) +
                         ", which this spec does not support" +
                         suggest(spelled, known));
}

bool ConfigScope::convert(const Param &param, const json &value, int lists,
                          Value &out) {
  if (param.decl->type.base != ParamType::Base::Json && lists > 0) {
    if (!value.is_array()) {
      // A number may stand for the same number in every layer, in GGUF always.
      bool spreads = param.decl->spreads ||
                     checkpoint_.format() == checkpoint::Format::Gguf;
      if (!spreads || !param.decl->length || lists > 1)
        return fail(param, param.source + " must be a list, found " +
                               shortText(value));
      Value element;
      std::optional<int64_t> count =
          evaluateInt(*param.decl->length, *this, diagnostics_);
      if (!count || *count < 0 || *count > (1 << 20) ||
          !convert(param, value, 0, element))
        return false;
      out = List(size_t(*count), element);
      return true;
    }
    List list;
    for (const json &element : value) {
      list.emplace_back();
      if (!convert(param, element, lists - 1, list.back()))
        return false;
    }
    out = std::move(list);
    return true;
  }
  bool layers = value.is_array() && !value.empty() &&
                checkpoint_.format() == checkpoint::Format::Gguf &&
                param.decl->type.base != ParamType::Base::Json;
  // A GGUF list with a number per layer may stand for one number.
  if (layers) {
    const json &metadata = checkpoint_.metadata();
    auto depth = metadata.find(architecture(checkpoint_) + ".block_count");
    if (depth != metadata.end() && depth->is_number_integer() &&
        *depth != value.size())
      return fail(param, param.source + " has " + std::to_string(value.size()) +
                             " elements, expected one for each of " +
                             jsonText(*depth) + " layers");
    for (const json &element : value)
      if (element != value[0])
        return fail(param, param.source + " varies by layer (" +
                               shortText(value) +
                               "), which this spec does not support");
    return convert(param, value[0], 0, out);
  }
  if (param.decl->valuesAreMap)
    return mapSpelling(param, value, out);
  std::optional<Value> converted = plainValue(value);
  if (!converted)
    return fail(param, param.source + " is " + shortText(value) +
                           ", which cannot be read as " +
                           printType(param.decl->type));
  out = std::move(*converted);
  return checkElement(param, out, 0);
}

bool ConfigScope::checkElement(const Param &param, Value &value, int lists) {
  if (lists > 0) {
    List elements = value.isList() ? value.list() : List();
    for (Value &element : elements)
      if (!checkElement(param, element, lists - 1))
        return false;
    if (value.isList())
      value = std::move(elements);
    return true;
  }
  ParamType element{param.decl->type.base, 0};
  std::string message = typeError(element, value);
  if (!message.empty())
    return fail(param, param.source + " " + message);
  if (!checkRange(param, value))
    return false;
  if (param.decl->values.empty())
    return true;
  std::vector<std::string> known;
  for (const auto &[spelling, data] : param.decl->values) {
    std::optional<Value> legal = evaluate(data, *this, diagnostics_);
    if (!legal)
      return false;
    known.push_back(legal->isText() ? legal->text() : print(*legal));
    if (*legal == value || (legal->isNumber() && value.isNumber() &&
                            legal->number() == value.number()))
      return true;
  }
  std::string shown = value.isText() ? value.text() : print(value);
  return fail(param, param.source + " is " + quote(shorten(shown)) +
                         ", which this spec does not support" +
                         suggest(shown, known));
}

bool ConfigScope::checkRange(const Param &param, const Value &value) {
  if (!value.isNumber() || param.key.empty())
    return true;
  // Whatever an int sizes, a file has no reason to say more.
  Value least = -double(std::numeric_limits<int32_t>::max());
  Value most = double(std::numeric_limits<int32_t>::max());
  bool bounded = param.decl->least.has_value();
  if (bounded) {
    std::optional<Value> lower =
        evaluate(*param.decl->least, *this, diagnostics_);
    std::optional<Value> upper =
        evaluate(*param.decl->most, *this, diagnostics_);
    if (!lower || !upper)
      return false;
    least = *lower;
    most = *upper;
  }
  if (!least.isNumber() || !most.isNumber()) {
    diagnostics_.error(param.decl->least->location,
                       "the ends of a range must be numbers");
    return false;
  }
  if ((value.isFloat() && !bounded) ||
      (value.number() >= least.number() && value.number() <= most.number()))
    return true;
  return fail(param, param.source + " is " + print(value) +
                         ", expected a number from " + print(least) + " to " +
                         print(most));
}

bool ConfigScope::checkType(const Param &param, Value &value) {
  if (value.isNone() && param.decl->noneIsLegal)
    return true;
  std::string message = typeError(param.decl->type, value);
  if (!message.empty())
    return fail(param, param.source + " of parameter " +
                           quote(param.decl->name) + " " + message);
  if (param.decl->type.base == ParamType::Base::Json)
    return true;
  return checkElement(param, value, param.decl->type.lists);
}

bool ConfigScope::checkLength(Param &param) {
  if (!param.decl->length || !param.value.isList())
    return true;
  std::optional<int64_t> length =
      evaluateInt(*param.decl->length, *this, diagnostics_);
  if (!length)
    return false;
  int64_t found = int64_t(param.value.list().size());
  if (found == *length)
    return true;
  return fail(param, param.source + " has " + std::to_string(found) +
                         " elements, expected " + std::to_string(*length));
}

} // namespace sluice::spec
