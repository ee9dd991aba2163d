// The views of an artifact as text.
#include "tools/sluice-inspect/Views.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace sluice::inspect {

static std::string size(const Json &value) {
  double bytes = value.get<double>();
  const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit ? "%.1f %s" : "%.0f %s", bytes,
                units[unit]);
  return text;
}

static std::string join(const Json &items, const char *between = ", ") {
  std::string out;
  for (const Json &item : items)
    out += (out.empty() ? "" : between) +
           (item.is_string() ? item.get<std::string>() : item.dump());
  return out;
}

static std::string word(const Json &value) { return value.get<std::string>(); }

static std::string range(const Json &program) {
  std::string out = "tokens " + program["min"].dump() + "..";
  return program["max"] == 0 ? out : out + program["max"].dump();
}

void printSummary(const Json &json, std::ostream &out) {
  out << word(json["file"]) << ": " << size(json["bytes"]) << '\n'
      << "  family       " << word(json["family"]) << '\n'
      << "  source       " << word(json["source"]) << '\n'
      << "  made by      " << word(json["producer"]) << '\n'
      << "  parameters   " << json["parameters"] << '\n'
      << "  context      " << json["context"] << '\n'
      << "  vocabulary   " << json["vocab"] << '\n'
      << "  stop tokens  " << join(json["stop_tokens"]) << "\n\nsections\n";
  for (const Json &section : json["sections"]) {
    out << "  " << word(section["kind"]);
    if (!word(section["name"]).empty())
      out << " " << word(section["name"]);
    out << ": " << size(section["bytes"]);
    if (section.contains("missing"))
      out << (section["missing"].empty()
                  ? ", runs here"
                  : ", this CPU lacks " + join(section["missing"]));
    out << '\n';
  }
  out << "\nentries\n";
  for (const Json &entry : json["entries"]) {
    out << "  " << word(entry["name"]) << " (" << word(entry["kind"]) << "):";
    for (const Json &input : entry["inputs"]) {
      out << " " << word(input["name"]);
      if (input["type"] == "rows")
        out << input["shape"].dump();
    }
    out << " ->";
    for (const Json &output : entry["outputs"])
      out << " " << word(output["name"]) << "[" << word(output["rows"]) << ", "
          << output["columns"] << "]";
    out << '\n';
    for (const Json &program : entry["programs"])
      out << "    " << range(program) << ": " << program["steps"] << " steps, "
          << program["matmuls"] << " for oneDNN\n";
  }
  if (!json["states"].empty())
    out << "\nstates\n";
  for (const Json &state : json["states"])
    out << "  " << word(state["name"]) << ": " << word(state["kind"]) << ", "
        << state["layers"] << " layers\n";
  out << "\nkernels\n";
  for (const Json &kernel : json["kernels"])
    out << "  " << word(kernel["name"]) << " (" << word(kernel["kind"])
        << "): " << join(kernel["operands"])
        << (kernel["unit"] == "" ? "" : "; ") << word(kernel["unit"]) << '\n';
}

void printPlan(const Json &json, std::ostream &out) {
  for (const Json &program : json) {
    out << word(program["entry"]) << ", " << range(program) << '\n';
    size_t index = 0;
    for (const Json &step : program["steps"]) {
      char number[16];
      std::snprintf(number, sizeof(number), "%5zu  ", index++);
      out << number << word(step["kernel"]) << "(" << join(step["reads"])
          << ") -> (" << join(step["writes"]) << ")";
      if (!step["dims"].empty()) {
        out << " {";
        bool first = true;
        for (const auto &[name, value] : step["dims"].items()) {
          out << (first ? "" : ", ") << name << " = " << value;
          first = false;
        }
        out << "}";
      }
      out << " " << word(step["rows"]);
      if (step["row_scale"] != 1)
        out << "*" << step["row_scale"];
      if (step.contains("matmul"))
        out << " [" << word(step["matmul"]["engine"]) << "]";
      if (step["nowait"] == true)
        out << " nowait";
      if (step.contains("place"))
        out << "  # " << word(step["place"]["path"]) << " "
            << word(step["place"]["file"]) << ":" << step["place"]["line"];
      out << '\n';
    }
  }
}

void printWeights(const Json &json, std::ostream &out) {
  double total = 0;
  for (const Json &weight : json) {
    total += weight["bytes"].get<double>();
    out << word(weight["name"]) << ": " << join(weight["shape"], " x ") << " "
        << word(weight["elem"]) << ", " << word(weight["layout"]);
    if (weight["layers"] != 1)
      out << ", " << weight["layers"] << " layers";
    out << ", " << size(weight["bytes"]);
    if (!weight["parts"].empty())
      out << "  <- " << join(weight["parts"]);
    out << '\n';
  }
  out << json.size() << " weights, " << size(total) << '\n';
}

void printMemory(const Json &json, std::ostream &out) {
  out << "for " << json["capacity"] << " tokens and " << json["sequences"]
      << " sequences in a step, " << json["slots"] << " slots of "
      << json["context"] << " positions:\n"
      << "  weights      " << size(json["weight_bytes"]) << ", mapped\n"
      << "  activations  " << size(json["activation_bytes"]) << '\n'
      << "  caches       " << size(json["cache_bytes_per_token"])
      << " per token\n"
      << "  fixed state  " << size(json["fixed_state_bytes_per_slot"])
      << " per slot\n"
      << "  reserved     " << size(json["state_bytes_reserved"])
      << " of address space for state\n\nbuffers\n";
  for (const Json &buffer : json["buffers"])
    out << "  " << buffer["offset"] << "  " << word(buffer["name"]) << ": "
        << word(buffer["rows"])
        << (buffer["row_scale"] == 1 ? "" : "*" + buffer["row_scale"].dump())
        << " x " << buffer["columns"] << " " << word(buffer["elem"]) << '\n';
}

} // namespace sluice::inspect
