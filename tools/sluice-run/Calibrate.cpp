// What products multiply their weights with while a text is read.
#include "tools/sluice-run/Options.h"

#include <algorithm>
#include <cstdio>

namespace sluice::run {

namespace {

constexpr int64_t kWindow = 512;
// Rows of outputs that are there at once, where a sequence can be cut.
constexpr size_t kRows = 64;

Status readWindow(Model &model, const EntryInfo &entry,
                  std::vector<int32_t> tokens) {
  if (Status status = model.reset(0); !status.ok())
    return status;
  if (model.startToken() >= 0) { // writes what it reads
    if (Status status = model.source(0, tokens); !status.ok())
      return status;
    tokens.insert(tokens.begin(), model.startToken());
    tokens.pop_back();
  }
  bool whole = entry.wholeSequences || entry.prefixEnd >= 0;
  size_t step = whole ? tokens.size() : kRows;
  for (size_t at = 0; at < tokens.size(); at += step) {
    std::vector<Sequence> sequence(1);
    sequence[0].slot = 0;
    sequence[0].prompt = int64_t(tokens.size());
    sequence[0].tokens.assign(tokens.begin() + at,
                              tokens.begin() +
                                  std::min(tokens.size(), at + step));
    auto results = model.run(entry.name, sequence);
    if (!results.ok())
      return results.status();
  }
  return {};
}

} // namespace

Status calibrate(const Options &options, ModelPtr &model) {
  Result<EntryInfo> entry = loadEntry(options, 1, kWindow, model);
  if (!entry.ok())
    return entry.status();
  Result<TextTokens> text = tokensOf(options.calibrate, *model);
  if (!text.ok())
    return text.status().in("--calibrate");
  int64_t window = std::min(kWindow, model->info().context);
  int64_t room = window - int64_t(text->begin.size() + text->end.size());
  if (text->body.empty() || room < 1)
    return Status(Code::InvalidArgument,
                  options.calibrate + ": no token fits into the model");
  if (Status status = model->startImportance(); !status.ok())
    return status;
  const std::vector<int32_t> &body = text->body;
  for (size_t first = 0; first < body.size(); first += size_t(room)) {
    std::vector<int32_t> tokens = text->begin;
    size_t last = std::min(body.size(), first + size_t(room));
    tokens.insert(tokens.end(), body.begin() + first, body.begin() + last);
    tokens.insert(tokens.end(), text->end.begin(), text->end.end());
    if (Status status = readWindow(*model, *entry, std::move(tokens));
        !status.ok())
      return status;
  }
  if (Status status = model->writeImportance(options.out); !status.ok())
    return status;
  std::printf("%zu tokens\n", body.size());
  return {};
}

} // namespace sluice::run
