#include "runtime/executor/Profile.h"

#include "runtime/support/AtomicFile.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

namespace sluice::executor {

using artifact::list;
using artifact::text;
using namespace format;

static const Kernel &kernelOf(const Model &model, const Step &step) {
  return *list(model.kernels())[artifact::generated(step).kernel()];
}

static std::string placeText(const Place &place) {
  std::string out(text(place.path()));
  if (!text(place.file()).empty()) {
    if (!out.empty())
      out += ", ";
    out += std::string(text(place.file())) + ":" + std::to_string(place.line());
  }
  return out;
}

std::string describeStep(const Model &model, const Step &step) {
  std::string out(text(kernelOf(model, step).name()));
  if (const Place *place = step.place())
    out += " (" + placeText(*place) + ")";
  return out;
}

static double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

static Span whole(const std::vector<Span> &workers) {
  Span span = workers.front();
  for (const Span &worker : workers) {
    span.start = std::min(span.start, worker.start);
    span.end = std::max(span.end, worker.end);
  }
  return span;
}

Status Profile::writeTrace(const std::string &path) const {
  using nlohmann::json;
  json events = json::array();
  if (runs_.empty())
    return Status(Code::InvalidArgument, "nothing has been profiled");
  Clock::time_point zero = runs_.front().span.start;
  auto emit = [&](const std::string &name, const char *category, size_t track,
                  const Span &span, json arguments) {
    events.push_back({{"name", name},
                      {"cat", category},
                      {"ph", "X"},
                      {"pid", 0},
                      {"tid", track},
                      {"ts", seconds(span.start - zero) * 1e6},
                      {"dur", seconds(span.end - span.start) * 1e6},
                      {"args", std::move(arguments)}});
  };
  for (const Run &run : runs_)
    emit(run.entry, "step", 0, run.span, {{"tokens", run.tokens}});
  for (const Event &event : events_) {
    artifact::Work work =
        artifact::workOf(artifact_.model(), artifact_.signatures(), *event.step,
                         event.rows, event.looked);
    std::string name(text(kernelOf(artifact_.model(), *event.step).name()));
    json arguments = {
        {"rows", event.rows},
        {"bytes", work.bytes},
        {"flops", work.flops},
        {"engine", event.engine.empty() ? "generated" : event.engine}};
    if (const Place *place = event.step->place())
      arguments["place"] = placeText(*place);
    for (size_t w = 0; w < event.workers.size(); ++w)
      emit(name, event.engine.empty() ? "kernel" : "engine", w + 1,
           event.workers[w], arguments);
  }
  std::string body =
      json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(
          -1, ' ', false, json::error_handler_t::replace);
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (Status status = file->write(body.data(), body.size()); !status.ok())
    return status;
  return file->commit();
}

namespace {
struct Sum {
  double time = 0, bytes = 0, flops = 0;
  int64_t count = 0;
};
} // namespace

static void printSums(std::ostream &out, const char *title,
                      const std::map<std::string, Sum> &sums) {
  std::vector<std::pair<std::string, Sum>> rows(sums.begin(), sums.end());
  std::sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) {
    return a.second.time > b.second.time;
  });
  double total = 0;
  for (const auto &[name, sum] : rows)
    total += sum.time;
  char line[256];
  std::snprintf(line, sizeof(line), "%-44s %8s %10s %6s %9s %9s\n", title,
                "calls", "ms", "%", "GB/s", "GFLOP/s");
  out << line;
  for (const auto &[name, sum] : rows) {
    std::snprintf(line, sizeof(line),
                  "%-44.44s %8lld %10.3f %6.1f %9.2f %9.1f\n", name.c_str(),
                  static_cast<long long>(sum.count), sum.time * 1e3,
                  total > 0 ? sum.time / total * 100 : 0.0,
                  sum.time > 0 ? sum.bytes / sum.time / 1e9 : 0.0,
                  sum.time > 0 ? sum.flops / sum.time / 1e9 : 0.0);
    out << line;
  }
}

void Profile::printTable(std::ostream &out) const {
  std::map<std::string, Sum> byKernel, byPlace;
  for (const Event &event : events_) {
    Span span = whole(event.workers);
    artifact::Work work =
        artifact::workOf(artifact_.model(), artifact_.signatures(), *event.step,
                         event.rows, event.looked);
    std::string kernel(text(kernelOf(artifact_.model(), *event.step).name()));
    if (!event.engine.empty())
      kernel += " [" + event.engine + "]";
    const Place *place = event.step->place();
    std::string where = "(no place)";
    if (place)
      where = std::string(text(place->file())) + ":" +
              std::to_string(place->line());
    for (Sum *sum : {&byKernel[kernel], &byPlace[where]}) {
      sum->time += seconds(span.end - span.start);
      sum->bytes += work.bytes;
      sum->flops += work.flops;
      ++sum->count;
    }
  }
  double total = 0;
  int64_t tokens = 0;
  for (const Run &run : runs_) {
    total += seconds(run.span.end - run.span.start);
    tokens += run.tokens;
  }
  char line[128];
  std::snprintf(line, sizeof(line), "%zu runs, %lld tokens, %.3f ms\n\n",
                runs_.size(), static_cast<long long>(tokens), total * 1e3);
  out << line;
  printSums(out, "kernel", byKernel);
  out << '\n';
  printSums(out, "place", byPlace);
}

} // namespace sluice::executor
