#include "runtime/support/SerdeJson.h"

#include "runtime/support/Json.h"

#include <cstdlib>

namespace sluice {

using Json = nlohmann::json;

namespace {

// Reads a decimal number as serde_json does, which is off by a last digit now
// and then: the order of equally good tokenizations hangs on such digits.
double readNumber(const std::string &text, double exact) {
  uint64_t digits = 0;
  int exponent = 0;
  bool point = false, full = false;
  size_t i = text[0] == '-';
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    uint64_t digit = uint64_t(text[i] - '0');
    full = full || digits > (UINT64_MAX - digit) / 10;
    if (!full)
      digits = digits * 10 + digit;
    exponent += full ? !point : -int(point);
  }
  if (i < text.size())
    exponent += std::atoi(text.c_str() + i + 1);
  if (exponent < -308 || exponent > 308)
    return exact;
  double power =
      std::strtod(("1e" + std::to_string(std::abs(exponent))).c_str(), nullptr);
  double value = double(digits);
  value = exponent < 0 ? value / power : value * power;
  return text[0] == '-' ? -value : value;
}

// Builds the document from the events of the parser.
class Builder {
public:
  Json root;

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) { return add(value); }
  bool number_float(double value, const std::string &text) {
    return add(readNumber(text, value));
  }
  bool string(std::string &value) { return add(std::move(value)); }
  bool binary(Json::binary_t &) { return false; }
  bool key(std::string &name) {
    key_ = std::move(name);
    return true;
  }
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(size_t, const std::string &, const Json::exception &) {
    return false;
  }

private:
  Json *place(Json &&value) {
    if (open_.empty())
      return &(root = std::move(value));
    Json &parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[std::move(key_)] = std::move(value));
  }
  bool add(Json &&value) {
    place(std::move(value));
    return true;
  }
  // The parent grows no further while a part is open, so pointers hold.
  bool open(Json &&value) {
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::vector<Json *> open_;
  std::string key_;
};

} // namespace

Result<Json> parseSerdeJson(std::string_view text) {
  if (Status status = checkJsonDepth(text); !status.ok())
    return status;
  Builder builder;
  bool whole = Json::sax_parse(text.begin(), text.end(), &builder);
  if (!whole || !builder.root.is_object())
    return Status(Code::Corrupt, "not a JSON object");
  return std::move(builder.root);
}

} // namespace sluice
