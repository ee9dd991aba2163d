// Where the time of a run went.
#pragma once

#include "runtime/executor/Program.h"

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace sluice::executor {

using Clock = std::chrono::steady_clock;

// One worker's share of one step.
struct Span {
  Clock::time_point start, end;
};

class Profile {
public:
  explicit Profile(const artifact::Artifact &artifact) : artifact_(artifact) {}

  struct Event {
    const format::Step *step;
    std::string engine; // "": the generated kernel
    int64_t rows;
    artifact::Looked looked;
    std::vector<Span> workers;
  };
  void add(Event event) { events_.push_back(std::move(event)); }
  void addRun(const std::string &entry, int64_t tokens, Span span) {
    runs_.push_back({entry, tokens, span});
  }
  void clear() {
    events_.clear();
    runs_.clear();
  }

  // Chrome's trace event format, one track per worker.
  Status writeTrace(const std::string &path) const;
  // Time by kernel and by place in the spec.
  void printTable(std::ostream &out) const;

private:
  struct Run {
    std::string entry;
    int64_t tokens;
    Span span;
  };

  const artifact::Artifact &artifact_;
  std::vector<Event> events_;
  std::vector<Run> runs_;
};

// "linear_3 (layers.0.q, models/family.yaml:31)", for messages.
std::string describeStep(const format::Model &model, const format::Step &step);

} // namespace sluice::executor
