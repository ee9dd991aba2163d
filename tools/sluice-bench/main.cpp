// Measures a model's speed next to what the machine can do at that moment.
#include "runtime/api/sluice.h"
#include "tools/sluice-bench/Machine.h"
#include "tools/support/Cli.h"
#include "tools/support/Loading.h"
#include "tools/support/OutOfMemory.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace sluice;

namespace {

struct Options {
  std::string model, format = "md";
  std::vector<int64_t> prefill = {128, 512}, batch = {1}, depth = {0};
  int64_t decode = 32, repeat = 5;
  LoadOptions load;
  bool verbose = false;
};

struct Row {
  std::string test;
  int64_t sequences = 0, tokens = 0, held = 0;
  double tokensPerSecond = 0, milliseconds = 0; // per step
  double gigabytes = 0, gigaflops = 0;          // a second
  double ofBandwidth = 0, ofPeak = 0;           // percent
};

struct Limits {
  double bandwidth = 0, f32 = 0, bf16 = 0;
};

template <typename T> T median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Bench {
public:
  Bench(const Options &options, Model &model, bench::Machine machine)
      : options_(options), model_(model), machine_(std::move(machine)) {}

  Status run();
  void print() const;

private:
  Status checkLengths() const;
  Limits measure();
  Status step(int64_t sequences, int64_t tokens);
  Status timed(const char *test, int64_t sequences, int64_t tokens,
               int64_t held);
  void printTable() const;

  const Options &options_;
  Model &model_;
  bench::Machine machine_;
  std::string entry_;
  std::vector<Row> rows_;
  std::vector<Limits> limits_;
  int32_t next_ =
      0; // ids differ from step to step, as routers may look at them
};

Limits Bench::measure() {
  Limits limits{machine_.bandwidth(size_t(64) << 20), machine_.peakF32(),
                machine_.peakBf16()};
  limits_.push_back(limits);
  return limits;
}

Status Bench::step(int64_t sequences, int64_t tokens) {
  std::vector<Sequence> batch(static_cast<size_t>(sequences));
  for (int64_t s = 0; s < sequences; ++s) {
    batch[s].slot = static_cast<int32_t>(s);
    for (int64_t i = 0; i < tokens; ++i) {
      next_ =
          static_cast<int32_t>((next_ * int64_t(31) + 7) % model_.info().vocab);
      batch[s].tokens.push_back(next_);
    }
  }
  return model_.step(entry_, batch);
}

// Limits are measured before and after every run of the model, and each run is
// compared with its own neighbours; the medians of these ratios are reported.
Status Bench::timed(const char *test, int64_t sequences, int64_t tokens,
                    int64_t held) {
  Result<StepCost> cost = model_.cost(entry_, sequences, tokens, held);
  if (!cost.ok())
    return cost.status();
  bool decode = tokens == 1;
  int64_t steps = decode ? options_.decode : 1;
  std::vector<double> times, ofBandwidth, ofPeak;
  for (int64_t r = 0; r <= options_.repeat; ++r) {
    for (int64_t s = 0; s < sequences; ++s)
      if (Status status = model_.reset(static_cast<int32_t>(s)); !status.ok())
        return status;
    int64_t chunk = std::max<int64_t>(1, options_.load.capacity / sequences);
    for (int64_t done = 0; done < held; done += chunk)
      if (Status status = step(sequences, std::min(chunk, held - done));
          !status.ok())
        return status;
    Limits before = measure();
    auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < steps; ++i)
      if (Status status = step(sequences, tokens); !status.ok())
        return status;
    double time =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count() /
        static_cast<double>(steps);
    Limits after = measure();
    if (r == 0)
      continue; // pages are touched and primitives made
    double bandwidth = (before.bandwidth + after.bandwidth) / 2;
    double f32 = (before.f32 + after.f32) / 2;
    double bf16 = std::max((before.bf16 + after.bf16) / 2, f32);
    times.push_back(time);
    ofBandwidth.push_back(cost->bytes / bandwidth / time * 100);
    ofPeak.push_back((cost->flopsF32 / f32 + cost->flopsBf16 / bf16) / time *
                     100);
  }
  Row row;
  double time = median(times);
  row.test = test;
  row.sequences = sequences;
  row.tokens = tokens;
  row.held = held;
  row.milliseconds = time * 1e3;
  row.tokensPerSecond = static_cast<double>(sequences * tokens) / time;
  row.gigabytes = cost->bytes / time / 1e9;
  row.gigaflops = (cost->flopsF32 + cost->flopsBf16) / time / 1e9;
  row.ofBandwidth = median(ofBandwidth);
  row.ofPeak = median(ofPeak);
  rows_.push_back(row);
  return {};
}

// Before anything is measured.
Status Bench::checkLengths() const {
  int64_t context = model_.info().context, longest = 0;
  for (int64_t tokens : options_.prefill)
    longest = std::max(longest, tokens);
  for (int64_t held : options_.depth)
    longest =
        std::max(longest, options_.decode > 0 ? held + options_.decode : 0);
  if (longest == 0)
    return Status(Code::InvalidArgument,
                  "nothing to measure: --prefill and --decode are 0");
  if (longest > context)
    return Status(Code::InvalidArgument,
                  "a test needs " + std::to_string(longest) +
                      " tokens, more than the model's context of " +
                      std::to_string(context) +
                      "; lower --prefill, --depth or --decode");
  return {};
}

Status Bench::run() {
  Result<EntryInfo> entry = model_.entry("");
  if (!entry.ok())
    return entry.status();
  entry_ = entry->name;
  if (Status status = checkLengths(); !status.ok())
    return status;
  for (int64_t batch : options_.batch) {
    for (int64_t tokens : options_.prefill)
      if (tokens > 0)
        if (Status status = timed("prefill", batch, tokens, 0); !status.ok())
          return status;
    if (options_.decode == 0 || entry->wholeSequences)
      continue;
    for (int64_t depth : options_.depth)
      if (Status status = timed("decode", batch, 1, depth); !status.ok())
        return status;
  }
  return {};
}

void Bench::printTable() const {
  bool csv = options_.format == "csv";
  const char *head =
      csv ? "test,sequences,tokens,held,tokens/s,ms/step,GB/s,% "
            "of bandwidth,GFLOP/s,% of peak\n"
          : "| test | sequences | tokens | held | tokens/s | "
            "ms/step | GB/s | % of bandwidth | GFLOP/s | % of "
            "peak |\n|---|---|---|---|---|---|---|---|---|---|\n";
  const char *line = csv ? "%s,%lld,%lld,%lld,%.2f,%.3f,%.2f,%.1f,%.1f,%.1f\n"
                         : "| %s | %lld | %lld | %lld | %.2f | %.3f | %.2f | "
                           "%.1f | %.1f | %.1f |\n";
  std::fputs(head, stdout);
  for (const Row &row : rows_)
    std::printf(line, row.test.c_str(), static_cast<long long>(row.sequences),
                static_cast<long long>(row.tokens),
                static_cast<long long>(row.held), row.tokensPerSecond,
                row.milliseconds, row.gigabytes, row.ofBandwidth, row.gigaflops,
                row.ofPeak);
}

// How many kernels use each unit, the most first.
std::string unitsText(const ModelInfo &info) {
  std::map<std::string, int> counts;
  for (const auto &[kernel, unit] : info.units)
    ++counts[unit];
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto &[unit, count] : counts)
    sorted.emplace_back(-count, unit);
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const auto &[count, unit] : sorted)
    text += (text.empty() ? "" : ", ") + std::to_string(-count) + " " + unit;
  return text.empty() ? "-" : text;
}

void Bench::print() const {
  auto typical = [&](double Limits::*member) {
    std::vector<double> values;
    for (const Limits &limits : limits_)
      values.push_back(limits.*member);
    return values.empty() ? 0 : median(values) / 1e9;
  };
  const ModelInfo &info = model_.info();
  std::string engine;
  for (const auto &[name, steps] : info.engine)
    engine += (engine.empty() ? "" : ", ") + name + " (" +
              std::to_string(steps) + " steps)";
  if (options_.format == "json") {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Row &row : rows_)
      rows.push_back({{"test", row.test},
                      {"sequences", row.sequences},
                      {"tokens", row.tokens},
                      {"held", row.held},
                      {"tokens_per_second", row.tokensPerSecond},
                      {"ms_per_step", row.milliseconds},
                      {"gigabytes_per_second", row.gigabytes},
                      {"percent_of_bandwidth", row.ofBandwidth},
                      {"gigaflops", row.gigaflops},
                      {"percent_of_peak", row.ofPeak}});
    nlohmann::ordered_json all = {
        {"model", options_.model},
        {"target", info.target},
        {"threads", info.workers},
        {"engine", engine},
        {"units", info.units},
        {"bandwidth_gigabytes", typical(&Limits::bandwidth)},
        {"peak_f32_gigaflops", typical(&Limits::f32)},
        {"peak_bf16_gigaflops", typical(&Limits::bf16)},
        {"tests", rows}};
    std::cout << all.dump(2, ' ', false,
                          nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
    return;
  }
  if (options_.format == "md")
    std::printf("%s, %s, %d threads; read bandwidth %.1f GB/s, peak %.0f "
                "GFLOP/s f32, %.0f bf16; oneDNN: %s; kernels: %s\n\n",
                options_.model.c_str(), info.target.c_str(), info.workers,
                typical(&Limits::bandwidth), typical(&Limits::f32),
                typical(&Limits::bf16), engine.empty() ? "-" : engine.c_str(),
                unitsText(info).c_str());
  printTable();
}

void declare(CLI::App &app, Options &options) {
  app.add_option("model", options.model, "The compiled model (.slc)")
      ->required();
  app.add_option("--prefill", options.prefill,
                 "Prompt lengths, as in 128,512; 0: none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str()
      ->check(tools::atLeast(0));
  app.add_option("--decode", options.decode,
                 "Tokens made one by one in each decode test; 0: no such test")
      ->capture_default_str()
      ->check(tools::atLeast(0));
  app.add_option("--depth", options.depth,
                 "Tokens held before decoding, as in 0,4096")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str()
      ->check(tools::atLeast(0));
  app.add_option("--batch", options.batch,
                 "Sequences side by side, as in 1,4,8")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str()
      ->check(tools::atLeast(1));
  app.add_option("--repeat", options.repeat, "Runs of each test (default 5)")
      ->check(tools::atLeast(1));
  app.add_option("--threads", options.load.threads,
                 "Threads (default: all CPUs)")
      ->check(tools::atLeast(1));
  app.add_option("--format", options.format, "md, csv or json")
      ->check(CLI::IsMember({"md", "csv", "json"}));
  tools::declareLoading(app, options.load, options.verbose, "Options");
  app.add_flag("--reproducible", options.load.reproducible,
               "Generated kernels only, never oneDNN");
}

Status execute(Options &options) {
  int64_t batch = *std::max_element(options.batch.begin(), options.batch.end());
  int64_t tokens =
      *std::max_element(options.prefill.begin(), options.prefill.end());
  options.load.sequences = batch;
  options.load.capacity = std::max<int64_t>(512, tokens * batch);
  Result<std::unique_ptr<Model>> model =
      Model::load(options.model, options.load);
  if (!model.ok())
    return model.status();
  if (options.verbose)
    std::cerr << "weights: " << (*model)->info().weights << '\n';
  Result<bench::Machine> machine =
      bench::Machine::create((*model)->info().workers);
  if (!machine.ok())
    return machine.status();
  Bench bench(options, **model, std::move(*machine));
  if (Status status = bench.run(); !status.ok())
    return status;
  bench.print();
  return {};
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Measures a compiled model against the limits of this machine.",
               "sluice-bench");
  Options options;
  declare(app, options);
  if (int code = tools::parse(app, argc, argv); code >= 0)
    return code;
  Status status = tools::guarded("measuring", [&] { return execute(options); });
  if (status.ok() && (!std::cout.flush() || std::fflush(stdout) != 0))
    status = Status(Code::Io, "standard output: cannot write");
  return status.ok() ? 0 : tools::fail(status);
}
