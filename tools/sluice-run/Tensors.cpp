// Input tensors of an entry.
#include "tools/sluice-run/Options.h"

#include "runtime/tensors/TensorFile.h"

#include <algorithm>

namespace sluice::run {

static Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

// The values of an integer tensor.
static Result<std::vector<int32_t>> integers(const NamedTensor &tensor) {
  std::vector<int32_t> out;
  if (auto *values = std::get_if<std::vector<int32_t>>(&tensor.data))
    out = *values;
  else if (auto *values = std::get_if<std::vector<int64_t>>(&tensor.data)) {
    for (int64_t value : *values) {
      if (value < INT32_MIN || value > INT32_MAX)
        return invalid("tensor '" + tensor.name + "' holds " +
                       std::to_string(value));
      out.push_back(static_cast<int32_t>(value));
    }
  } else
    return invalid("tensor '" + tensor.name + "' must hold i32 or i64");
  return out;
}

// The numbers of a tensor as the input takes them; a bool is 0 or 1.
static Result<Values> valuesFor(const InputInfo &input,
                                const NamedTensor &tensor) {
  if (input.elem == "f32") {
    auto *values = std::get_if<std::vector<float>>(&tensor.data);
    if (!values)
      return invalid("tensor '" + tensor.name + "' must hold f32");
    return Values(tensor.shape, *values);
  }
  if (auto *flags = std::get_if<std::vector<uint8_t>>(&tensor.data);
      flags && input.elem == "bool")
    return Values(tensor.shape, *flags);
  Result<std::vector<int32_t>> numbers = integers(tensor);
  if (!numbers.ok())
    return numbers.status();
  if (input.elem != "bool")
    return Values(tensor.shape, std::move(*numbers));
  std::vector<uint8_t> bits;
  for (int32_t number : *numbers) {
    if (number != 0 && number != 1)
      return invalid("tensor '" + tensor.name + "' holds " +
                     std::to_string(number) + ", expected 0 or 1");
    bits.push_back(static_cast<uint8_t>(number));
  }
  return Values(tensor.shape, std::move(bits));
}

// "ids" is sequence 0, "ids.3" sequence 3.
static void splitName(const std::string &name, std::string &base,
                      size_t &index) {
  base = name;
  index = 0;
  size_t dot = name.rfind('.');
  if (dot == std::string::npos)
    return;
  std::string number = name.substr(dot + 1);
  if (number.empty() || number.size() > 4 ||
      number.find_first_not_of("0123456789") != std::string::npos)
    return;
  base = name.substr(0, dot);
  index = std::stoul(number);
}

void measure(const std::vector<NamedTensor> &tensors, size_t &sequences,
             size_t &longest) {
  for (const NamedTensor &tensor : tensors) {
    std::string base;
    size_t index;
    splitName(tensor.name, base, index);
    sequences = std::max(sequences, index + 1);
    if (!tensor.shape.empty())
      longest = std::max(longest, static_cast<size_t>(tensor.shape[0]));
  }
}

Status measureFile(const std::string &path, size_t &sequences,
                   size_t &longest) {
  Result<std::vector<NamedTensor>> tensors = readTensors(path);
  if (tensors.ok())
    measure(*tensors, sequences, longest);
  return tensors.status();
}

Result<std::vector<Sequence>> sequencesFromFile(const std::string &path,
                                                const EntryInfo &entry) {
  Result<std::vector<NamedTensor>> tensors = readTensors(path);
  if (!tensors.ok())
    return tensors.status();
  return sequencesFrom(*tensors, entry, path);
}

Result<std::vector<Sequence>>
sequencesFrom(const std::vector<NamedTensor> &tensors, const EntryInfo &entry,
              const std::string &path) {
  std::vector<Sequence> sequences;
  std::string known;
  for (const InputInfo &input : entry.inputs)
    known += (known.empty() ? "" : ", ") + input.name;
  for (const NamedTensor &tensor : tensors) {
    std::string base;
    size_t index;
    splitName(tensor.name, base, index);
    auto input = std::find_if(
        entry.inputs.begin(), entry.inputs.end(),
        [&](const InputInfo &input) { return input.name == base; });
    if (input == entry.inputs.end())
      return invalid(path + ": tensor '" + tensor.name +
                     "' is no input of entry '" + entry.name +
                     "', which takes: " + known);
    Result<Values> values = valuesFor(*input, tensor);
    if (!values.ok())
      return values.status().in(path);
    if (sequences.size() <= index)
      sequences.resize(index + 1);
    sequences[index].inputs[base] = std::move(*values);
  }
  if (sequences.empty())
    return invalid(path + " holds no tensors; entry '" + entry.name +
                   "' takes: " + known);
  return sequences;
}

} // namespace sluice::run
