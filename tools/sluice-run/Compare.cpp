// Compares what an entry computes, op by op, with what the evaluator gave for
// the same module (`sluice-opt --tap-results --evaluate`).
#include "tools/sluice-run/Options.h"

#include "runtime/tensors/TensorFile.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

namespace sluice::run {

namespace {

// A line of the table: an op of the YAML in all calls of its block.
struct Line {
  std::string op, path, place;
  std::string time;      // of its block's calls, the one that is farthest off
  double difference = 0; // the largest
  double relative = 0;   // to the largest magnitude of a tensor
  int64_t number = INT64_MAX; // in the order of evaluation; outputs come last
};

Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

// "3 llm.linear layer/q models/a.yaml:53:40#1", or the name of an output.
Line describe(const std::string &name) {
  Line line;
  char op[64], path[512], place[1024];
  long long number;
  if (std::sscanf(name.c_str(), "%lld %63s %511s %1023s", &number, op, path,
                  place) != 4) {
    line.op = "output";
    line.path = name;
    return line;
  }
  line.number = number;
  line.op = op;
  line.path = path;
  line.place = place;
  if (size_t at = line.place.rfind('#'); at != std::string::npos) {
    line.time = line.place.substr(at + 1);
    line.place.resize(at);
  }
  return line;
}

void compareValues(const std::vector<float> &expected,
                   const std::vector<float> &found, Line &line) {
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double e = expected[i], f = found[i];
    double difference =
        e == f || (std::isnan(e) && std::isnan(f)) ? 0 : std::abs(f - e);
    if (std::isnan(difference))
      difference = std::numeric_limits<double>::infinity();
    line.difference = std::max(line.difference, difference);
    if (std::isfinite(e))
      largest = std::max(largest, std::abs(e));
  }
  if (line.difference > 0)
    line.relative = line.difference / largest;
}

class Table {
public:
  // `reference` holds NAME.S for each output and sequence.
  Table(std::map<std::string, std::vector<float>> reference, double tolerance)
      : reference(std::move(reference)), tolerance(tolerance) {}

  // `place` of the output: they come in the order of evaluation.
  Status add(const Output &output, size_t place, size_t sequence) {
    std::string name = output.name + "." + std::to_string(sequence);
    auto expected = reference.find(name);
    if (expected == reference.end())
      return invalid("the reference has no '" + name +
                     "', which the model gives: it is of another module");
    if (expected->second.size() != output.data.size())
      return invalid("'" + name + "' has " +
                     std::to_string(expected->second.size()) +
                     " values in the reference, the model gives " +
                     std::to_string(output.data.size()));
    Line line = describe(output.name);
    compareValues(expected->second, output.data, line);
    reference.erase(expected);
    if (line.relative > tolerance && place < firstPlace) {
      firstPlace = place;
      first = line;
    }
    auto [found, isNew] =
        lines.try_emplace({line.number, line.path}, std::move(line));
    Line &kept = found->second;
    if (isNew)
      return {};
    kept.difference = std::max(kept.difference, line.difference);
    if (line.relative > kept.relative) {
      kept.relative = line.relative;
      kept.time = line.time;
    }
    return {};
  }

  // The model must give all that the reference holds.
  Status finish() const {
    if (reference.empty())
      return {};
    return invalid("the model does not give '" + reference.begin()->first +
                   "' of the reference: it was compiled without --tap-results");
  }

  // An error if something is beyond the tolerance.
  Status print() const {
    std::printf("%-44s %-20s %-6s %10s %10s\n", "place and node", "op", "call",
                "difference", "relative");
    for (const auto &[key, line] : lines) {
      std::string node =
          line.place + (line.place.empty() ? "" : " ") + line.path;
      std::printf("%-44s %-20s %-6s %10.3g %10.3g%s\n", node.c_str(),
                  line.op.c_str(), line.time.c_str(), line.difference,
                  line.relative, line.relative > tolerance ? " *" : "");
    }
    if (firstPlace == SIZE_MAX)
      return {};
    char limit[32];
    std::snprintf(limit, sizeof limit, "%g", tolerance);
    return Status(Code::Internal,
                  "the first result that differs by more than " +
                      std::string(limit) + " of its largest value is that of " +
                      first.op + " at " + first.place + " (" + first.path +
                      "), call " + first.time);
  }

private:
  std::map<std::string, std::vector<float>> reference;
  double tolerance;
  std::map<std::pair<int64_t, std::string>, Line> lines;
  size_t firstPlace = SIZE_MAX; // of an output beyond the tolerance
  Line first;
};

} // namespace

// "source_ids.2": the source of sequence 2.
static Status feedSource(Model &model, const NamedTensor &tensor) {
  std::string_view number(tensor.name);
  number.remove_prefix(number.rfind('.') + 1);
  int32_t slot = 0;
  auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), slot);
  auto *ids = std::get_if<std::vector<int32_t>>(&tensor.data);
  if (error != std::errc() || end != number.data() + number.size() || !ids)
    return Status(Code::InvalidArgument,
                  "expected I32 ids of a sequence, as in source_ids.0");
  return model.source(slot, *ids);
}

Status compare(const Options &options, ModelPtr &model) {
  Result<std::vector<NamedTensor>> tensors = readTensors(options.compare);
  if (!tensors.ok())
    return tensors.status();
  size_t count = 0, longest = 0;
  measure(*tensors, count, longest);
  Result<EntryInfo> entry = loadEntry(options, count, longest, model);
  if (!entry.ok())
    return entry.status();
  std::vector<NamedTensor> inputs;
  std::map<std::string, std::vector<float>> reference;
  for (NamedTensor &tensor : *tensors)
    if (auto *values = std::get_if<std::vector<float>>(&tensor.data))
      reference[tensor.name] = std::move(*values);
    else if (!tensor.name.starts_with("source_ids."))
      inputs.push_back(std::move(tensor));
    else if (Status status = feedSource(*model, tensor); !status.ok())
      return status.in(tensor.name);
  Result<std::vector<Sequence>> sequences =
      sequencesFrom(inputs, *entry, options.compare);
  if (!sequences.ok())
    return sequences.status();
  for (size_t s = 0; s < sequences->size(); ++s)
    (*sequences)[s].slot = static_cast<int32_t>(s);
  auto results = model->run(entry->name, *sequences, options.chunk);
  if (!results.ok())
    return results.status();
  Table table(std::move(reference), options.tolerance);
  for (size_t s = 0; s < results->size(); ++s)
    for (size_t o = 0; o < (*results)[s].size(); ++o)
      if (Status status = table.add((*results)[s][o], o, s); !status.ok())
        return status;
  if (Status status = table.finish(); !status.ok())
    return status;
  return table.print();
}

} // namespace sluice::run
