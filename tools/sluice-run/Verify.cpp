// Checks an artifact on this machine: digests, and that every way of running it
// gives the same bits.
#include "tools/sluice-run/Options.h"

#include <cstring>
#include <iostream>

namespace sluice::run {

namespace {

using Results = std::vector<std::vector<Output>>;

bool sameBits(const Results &a, const Results &b) {
  for (size_t s = 0; s < a.size(); ++s)
    for (size_t o = 0; o < a[s].size(); ++o)
      if (a[s][o].data.size() != b[s][o].data.size() ||
          std::memcmp(a[s][o].data.data(), b[s][o].data.data(),
                      a[s][o].data.size() * sizeof(float)) != 0)
        return false;
  return true;
}

// Arbitrary numbers, the same in each run.
class Numbers {
public:
  // Below `limit`, or 0.
  int32_t below(int64_t limit) {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<int32_t>(
        (state_ >> 8) % static_cast<uint32_t>(std::max<int64_t>(limit, 1)));
  }

private:
  uint32_t state_ = 1;
};

// Arbitrary rows of an input.
Values sampleRows(const InputInfo &input, int64_t length, Numbers &numbers) {
  std::vector<int64_t> shape = {length};
  shape.insert(shape.end(), input.shape.begin(), input.shape.end());
  size_t count = 1;
  for (int64_t size : shape)
    count *= static_cast<size_t>(size);
  if (input.elem == "f32") {
    std::vector<float> values(count);
    for (float &value : values)
      value = static_cast<float>(numbers.below(2001) - 1000) / 1000;
    return {shape, std::move(values)};
  }
  if (input.elem == "bool") {
    std::vector<uint8_t> values(count);
    for (uint8_t &value : values)
      value = static_cast<uint8_t>(numbers.below(2));
    return {shape, std::move(values)};
  }
  return {shape, std::vector<int32_t>(count)};
}

// Two sequences of arbitrary ids and rows, one of them short.
std::vector<Sequence> samples(const ModelInfo &info, const EntryInfo &entry) {
  std::vector<Sequence> sequences(2);
  Numbers numbers;
  for (size_t s = 0; s < 2; ++s) {
    int64_t length = std::min<int64_t>(s == 0 ? 40 : 5, info.context);
    sequences[s].slot = static_cast<int32_t>(s);
    for (const InputInfo &input : entry.inputs) {
      if (input.type == "rows")
        sequences[s].inputs[input.name] = sampleRows(input, length, numbers);
      for (int64_t i = 0; input.type == "tokens" && i < length; ++i)
        sequences[s].tokens.push_back(numbers.below(info.vocab));
    }
  }
  return sequences;
}

class Verification {
public:
  explicit Verification(const Options &options) : options_(options) {}

  Status run();

private:
  Result<Results> results(const LoadOptions &load, int64_t chunk);
  Status compare(const char *what, const LoadOptions &load, int64_t chunk);

  const Options &options_;
  Results expected_;
  bool chunks_ = false; // the entry can be run in chunks
};

Result<Results> Verification::results(const LoadOptions &load, int64_t chunk) {
  Result<ModelPtr> model = Model::load(options_.model, load);
  if (!model.ok())
    return model.status();
  Result<EntryInfo> entry = (*model)->entry(options_.entry);
  if (!entry.ok())
    return entry.status();
  chunks_ = !entry->wholeSequences;
  std::vector<Sequence> sequences = samples((*model)->info(), *entry);
  for (const EntryInfo &other : (*model)->info().entries)
    if (other.kind == "source" && entry->kind == "generate")
      for (const Sequence &sequence : sequences)
        if (Status status = (*model)->source(sequence.slot, sequence.tokens);
            !status.ok())
          return status;
  if (load.sequences > 1)
    return (*model)->run(entry->name, sequences, chunk);
  // One sequence after the other.
  Results all;
  for (const Sequence &sequence : sequences) {
    auto one = (*model)->run(entry->name, {&sequence, 1}, chunk);
    if (!one.ok())
      return one.status();
    all.push_back(std::move((*one)[0]));
  }
  return all;
}

Status Verification::compare(const char *what, const LoadOptions &load,
                             int64_t chunk) {
  Result<Results> found = results(load, chunk);
  if (!found.ok())
    return found.status().in(what);
  if (!sameBits(expected_, *found))
    return Status(Code::Internal, std::string(what) +
                                      ": the results differ from those of a "
                                      "batch on all threads");
  std::cout << "ok: " << what << '\n';
  return {};
}

Status Verification::run() {
  LoadOptions load = options_.load;
  load.sequences = load.slots = 2;
  load.verify = true;
  load.shareAll = true; // or one thread would be compared with itself
  Result<Results> expected = results(load, 0);
  if (!expected.ok())
    return expected.status();
  expected_ = std::move(*expected);
  std::cout << "ok: digests of all sections\n";
  load.verify = false;
  Status status;
  if (chunks_)
    status = compare("one token at a time", load, 1);
  if (chunks_ && status.ok())
    status = compare("chunks of 3 tokens", load, 3);
  LoadOptions one = load;
  one.threads = 1;
  if (status.ok())
    status = compare("one thread", one, 0);
  LoadOptions alone = load;
  alone.sequences = 1;
  if (status.ok())
    status = compare("each sequence alone", alone, 0);
  LoadOptions generated = load;
  generated.reproducible = true;
  if (status.ok())
    status = compare("generated kernels only", generated, 0);
  return status;
}

} // namespace

Status verify(const Options &options) { return Verification(options).run(); }

} // namespace sluice::run
