// What sequences give for the inputs of an entry, by name, checked and handed
// to the executor.
#include "runtime/api/Impl.h"

#include <algorithm>

namespace sluice {

using artifact::text;

static const char *elemName(format::Elem elem) {
  return elem == format::Elem::F32  ? "f32"
         : elem == format::Elem::U8 ? "bool"
                                    : "i32";
}

InputInfo describeInput(const format::Input &input) {
  InputInfo info;
  info.name = text(input.name());
  info.type = text(input.type());
  info.elem = elemName(input.elem());
  info.shape = artifact::numbers(input.shape());
  info.optional =
      input.optional() || (info.type != "rows" && info.type != "tokens");
  return info;
}

executor::StepSequence Model::Impl::tokensOf(const executor::ReadyEntry &entry,
                                             int32_t slot,
                                             std::span<const int32_t> tokens) {
  executor::StepSequence step;
  step.slot = slot;
  step.count = static_cast<int64_t>(tokens.size());
  for (const executor::ReadyInput &input : entry.inputs)
    step.values.push_back(input.isTokens ? tokens.data() : nullptr);
  return step;
}

// A part of what a sequence gives.
executor::StepSequence partOf(const executor::ReadyEntry &entry,
                              const executor::StepSequence &all, int64_t first,
                              int64_t count) {
  executor::StepSequence part = all;
  part.count = count;
  for (size_t i = 0; i < part.values.size(); ++i)
    if (part.values[i])
      part.values[i] = static_cast<const char *>(part.values[i]) +
                       static_cast<uint64_t>(first) * entry.inputs[i].rowBytes;
  return part;
}

// "[3, 16] f32"
static std::string describeValues(std::span<const int64_t> shape,
                                  const char *elem) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "] " + elem;
}

static Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

// The numbers of an input, if they are what it takes.
static Result<const void *> dataOf(const format::Input &input,
                                   const Values &values) {
  constexpr const char *elems[] = {"i32", "f32", "bool"};
  const char *elem = elems[values.data.index()];
  std::vector<int64_t> row = artifact::numbers(input.shape());
  auto &shape = values.shape;
  if (std::string_view(elem) != elemName(input.elem()) || shape.empty() ||
      !std::equal(shape.begin() + 1, shape.end(), row.begin(), row.end())) {
    row.insert(row.begin(), shape.empty() ? 0 : shape[0]);
    return invalid("found " + describeValues(shape, elem) + ", expected " +
                   describeValues(row, elemName(input.elem())));
  }
  auto [size, data] = std::visit(
      [](const auto &data) {
        return std::pair<size_t, const void *>(data.size(), data.data());
      },
      values.data);
  if (shape[0] < 0 || static_cast<unsigned __int128>(shape[0]) *
                              static_cast<uint64_t>(input.columns()) !=
                          size)
    return invalid(std::to_string(size) + " numbers in the shape " +
                   describeValues(shape, elem));
  return data;
}

bool isCounted(std::string_view type) {
  return type == "announced" || type == "block_positions" || type == "prefix" ||
         type == "prompt";
}

// All that a sequence gives, by the numbers of the entry's inputs.
static Result<executor::StepSequence> gather(const executor::ReadyEntry &entry,
                                             const Sequence &sequence) {
  auto step = executor::StepSequence();
  step.slot = sequence.slot;
  step.wanted = static_cast<executor::Wanted>(sequence.rows);
  step.count = static_cast<int64_t>(sequence.tokens.size());
  step.prompt = step.announced = sequence.prompt;
  if (!sequence.tokens.empty() &&
      std::none_of(entry.inputs.begin(), entry.inputs.end(),
                   [](const auto &input) { return input.isTokens; }))
    return invalid("the entry takes no tokens");
  std::string known;
  for (const executor::ReadyInput &input : entry.inputs) {
    std::string name(text(input.info->name()));
    known += (known.empty() ? "" : ", ") + name;
    const void *data = nullptr;
    if (input.isTokens && !sequence.tokens.empty())
      data = sequence.tokens.data();
    auto given = sequence.inputs.find(name);
    if (given != sequence.inputs.end()) {
      if (isCounted(text(input.info->type())))
        return invalid("the runtime counts the input '" + name + "' itself");
      Result<const void *> values = dataOf(*input.info, given->second);
      if (!values.ok())
        return values.status().in("input '" + name + "'");
      data = *values;
      if (step.count == 0)
        step.count = given->second.shape[0];
      if (given->second.shape[0] != step.count)
        return invalid("input '" + name + "' has rows for " +
                       std::to_string(given->second.shape[0]) + " tokens of " +
                       std::to_string(step.count));
    }
    step.values.push_back(data);
  }
  for (const auto &[name, values] : sequence.inputs)
    if (std::none_of(entry.inputs.begin(), entry.inputs.end(),
                     [&, &name = name](const executor::ReadyInput &input) {
                       return text(input.info->name()) == name;
                     }))
      return invalid("the entry has no input '" + name +
                     "'; it takes: " + known);
  return step;
}

Result<std::vector<executor::StepSequence>>
gatherInputs(const executor::ReadyEntry &entry,
             std::span<const Sequence> sequences) {
  std::vector<executor::StepSequence> steps;
  for (size_t s = 0; s < sequences.size(); ++s) {
    Result<executor::StepSequence> step = gather(entry, sequences[s]);
    if (!step.ok())
      return step.status().in("sequence " + std::to_string(s));
    steps.push_back(std::move(*step));
  }
  return steps;
}

} // namespace sluice
