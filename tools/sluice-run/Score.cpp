// How likely a text is to a model.
#include "tools/sluice-run/Options.h"

#include "runtime/tokenizer/Tokenizer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sluice::run {

namespace {

constexpr int64_t kWindow = 512;
// Rows of logits that are there at once.
constexpr size_t kRows = 64;

class Scorer {
public:
  Scorer(Model &model, std::string entry)
      : model_(model), entry_(std::move(entry)) {}

  // Adds the tokens from `first` on, each by those before it.
  Status add(std::span<const int32_t> tokens, size_t first) {
    if (Status status = model_.reset(0); !status.ok())
      return status;
    for (size_t at = 0; at + 1 < tokens.size(); at += kRows) {
      size_t rows = std::min(kRows, tokens.size() - 1 - at);
      std::vector<Sequence> sequence(1);
      sequence[0].slot = 0;
      sequence[0].prompt = int64_t(tokens.size());
      sequence[0].tokens.assign(tokens.begin() + at,
                                tokens.begin() + at + rows);
      auto results = model_.run(entry_, sequence, int64_t(kRows));
      if (!results.ok())
        return results.status();
      const Output *logits = nullptr;
      for (const Output &output : (*results)[0])
        if (output.name == "logits")
          logits = &output;
      if (!logits || logits->rows != int64_t(rows))
        return Status(Code::Unsupported,
                      "entry '" + entry_ + "' gives no logits of each token");
      for (size_t row = 0; row < rows; ++row) {
        int32_t token = tokens[at + row + 1];
        if (token < 0 || token >= logits->columns)
          return Status(Code::InvalidArgument,
                        "the tokenizer gives token " + std::to_string(token) +
                            ", the model knows " +
                            std::to_string(logits->columns));
        if (at + row + 1 >= first)
          addToken(logits->data.data() + row * logits->columns, logits->columns,
                   token);
      }
    }
    return {};
  }

  int64_t count() const { return count_; }
  double mean() const { return -sum_ / double(count_); }

private:
  void addToken(const float *logits, int64_t columns, int32_t token) {
    double most = *std::max_element(logits, logits + columns), sum = 0;
    for (int64_t i = 0; i < columns; ++i)
      sum += std::exp(logits[i] - most);
    sum_ += logits[token] - most - std::log(sum);
    ++count_;
  }

  Model &model_;
  std::string entry_;
  double sum_ = 0;
  int64_t count_ = 0;
};

} // namespace

Result<TextTokens> tokensOf(const std::string &path, Model &model) {
  Result<std::string> text = readAll(path);
  if (!text.ok())
    return text.status();
  Result<const Tokenizer *> tokenizer = model.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> whole = (*tokenizer)->encode(*text, true);
  Result<std::vector<int32_t>> body = (*tokenizer)->encode(*text, false);
  if (!whole.ok() || !body.ok())
    return (whole.ok() ? body : whole).status();
  auto from =
      std::search(whole->begin(), whole->end(), body->begin(), body->end());
  TextTokens tokens;
  if (from != whole->end()) {
    tokens.begin.assign(whole->begin(), from);
    tokens.end.assign(from + std::ptrdiff_t(body->size()), whole->end());
  }
  tokens.body = std::move(*body);
  return tokens;
}

Status score(const Options &options, ModelPtr &model) {
  Result<EntryInfo> entry = loadEntry(options, 1, kRows, model);
  if (!entry.ok())
    return entry.status();
  if (entry->kind != "generate" || model->startToken() >= 0)
    return Status(Code::Unsupported,
                  "--score is for models that continue a text; entry '" +
                      entry->name + "' is of kind " + entry->kind);
  Result<TextTokens> text = tokensOf(options.score, *model);
  if (!text.ok())
    return text.status().in("--score");
  const std::vector<int32_t> &begin = text->begin, &ids = text->body;
  int64_t window = options.scoreWindow > 0
                       ? options.scoreWindow
                       : std::min(kWindow, model->info().context);
  int64_t step = window - int64_t(begin.size());
  if (window > model->info().context || step < 2)
    return Status(Code::InvalidArgument,
                  "--score-window is " + std::to_string(window) +
                      ", expected " + std::to_string(begin.size() + 2) +
                      " to " + std::to_string(model->info().context));
  Scorer scorer(*model, entry->name);
  for (size_t first = 0; first < ids.size(); first += size_t(step)) {
    std::vector<int32_t> tokens = begin;
    size_t last = std::min(ids.size(), first + size_t(step));
    tokens.insert(tokens.end(), ids.begin() + first, ids.begin() + last);
    if (Status status = scorer.add(tokens, std::max<size_t>(begin.size(), 1));
        !status.ok())
      return status;
  }
  if (scorer.count() == 0)
    return Status(Code::InvalidArgument,
                  options.score + ": no token stands behind another");
  std::printf("%lld tokens, %.6f bits each, perplexity %.5f\n",
              static_cast<long long>(scorer.count()),
              scorer.mean() / std::log(2.0), std::exp(scorer.mean()));
  return {};
}

} // namespace sluice::run
