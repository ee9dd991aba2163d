#include "compiler/evaluate/Trace.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace mlir;

namespace sluice::evaluate {

static void collect(Location location, std::vector<std::string> &places,
                    std::string &path) {
  if (auto file = dyn_cast<FileLineColLoc>(location)) {
    std::string place = file.getFilename().str() + ":" +
                        std::to_string(file.getLine()) + ":" +
                        std::to_string(file.getColumn());
    if (!llvm::is_contained(places, place))
      places.push_back(std::move(place));
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    path = name.getName().str();
    collect(name.getChildLoc(), places, path);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    collect(call.getCallee(), places, path);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collect(part, places, path);
  }
}

std::vector<std::string> placesOf(Location location) {
  std::vector<std::string> places;
  std::string path;
  collect(location, places, path);
  return places;
}

std::string pathOf(Location location) {
  std::vector<std::string> places;
  std::string path;
  collect(location, places, path);
  return path;
}

Record recordOf(const Event &event) {
  Record record{event.op->getName().getStringRef().str(),
                event.op->getLoc(),
                event.result,
                event.op->getNumResults(),
                event.layer,
                {}};
  if (event.tensor) {
    record.value = *event.tensor;
  } else {
    record.value.shape = event.ints->shape;
    record.value.data.assign(event.ints->data.begin(), event.ints->data.end());
  }
  return record;
}

FailureOr<std::vector<StepResults>> runSteps(ModuleOp module,
                                             const Weights &weights,
                                             ArrayRef<Step> steps, bool trace) {
  std::vector<StepResults> results;
  Evaluator evaluator(module, weights);
  if (trace)
    evaluator.observe([&](const Event &event) {
      // Weights are what they were.
      if (!isa<llm::UseOp, llm::TapOp>(event.op))
        results.back().records.push_back(recordOf(event));
    });
  States states;
  for (const Step &step : steps) {
    results.push_back({step.entry, {}, {}});
    FailureOr<std::vector<Output>> outputs = evaluator.run(step, states);
    if (failed(outputs))
      return failure();
    results.back().outputs = std::move(*outputs);
  }
  return results;
}

static void writeTensor(const Tensor &tensor, raw_ostream &out) {
  out << "\"shape\": [";
  llvm::interleaveComma(tensor.shape, out);
  out << "], \"data\": [";
  llvm::interleaveComma(tensor.data, out, [&](float x) {
    if (std::isfinite(x))
      out << llvm::format("%.9g", double(x));
    else
      out << (std::isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity");
  });
  out << "]}";
}

static void writeRecord(const Record &record, raw_ostream &out) {
  out << "{\"op\": \"" << record.op << "\", \"result\": " << record.result
      << ", \"layer\": " << record.layer
      << ", \"path\": " << llvm::json::Value(pathOf(record.location))
      << ", \"at\": "
      << llvm::json::Value(llvm::json::Array(placesOf(record.location)))
      << ", ";
  writeTensor(record.value, out);
}

void writeJson(ArrayRef<StepResults> steps, raw_ostream &out) {
  auto list = [&](const auto &items, auto write) {
    llvm::interleave(items, write, [&] { out << ",\n"; });
  };
  out << "{\"steps\": [\n";
  list(steps, [&](const StepResults &step) {
    out << "{\"entry\": " << llvm::json::Value(step.entry);
    if (!step.records.empty()) {
      out << ", \"trace\": [\n";
      list(step.records,
           [&](const Record &record) { writeRecord(record, out); });
      out << "]";
    }
    out << ", \"outputs\": [\n";
    list(step.outputs, [&](const Output &output) {
      out << "{\"name\": " << llvm::json::Value(output.name) << ", ";
      writeTensor(output.value, out);
    });
    out << "]}";
  });
  out << "]}\n";
}

} // namespace sluice::evaluate
