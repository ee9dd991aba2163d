// Dumps that were edited carelessly: --from takes them or refuses them with a
// message, and never crashes.
#include "compiler/pipeline/Pipeline.h"

#include "llvm/ADT/StringExtras.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

using namespace sluice;
using pipeline::Stage;

namespace {

using Lines = std::vector<std::string>;

Lines split(const std::string &text) {
  Lines lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string join(const Lines &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

// Runs of characters of a kind, as [first, last).
std::vector<std::pair<size_t, size_t>> runs(const std::string &line,
                                            bool (*isPart)(char)) {
  std::vector<std::pair<size_t, size_t>> found;
  for (size_t at = 0; at < line.size();) {
    size_t end = at;
    while (end < line.size() && isPart(line[end]))
      ++end;
    if (end > at)
      found.emplace_back(at, end);
    at = end + 1;
  }
  return found;
}

class Editor {
public:
  Editor(const std::string &text, unsigned seed)
      : lines_(split(text)), random_(seed) {}

  std::string edit() {
    for (size_t i = 0, count = 1 + below(3); i < count; ++i)
      editOnce();
    return join(lines_);
  }

private:
  void editOnce() {
    size_t at = below(lines_.size());
    switch (below(6)) {
    case 0:
      lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 1:
      lines_.insert(lines_.begin() + static_cast<ptrdiff_t>(at),
                    lines_[below(lines_.size())]);
      break;
    case 2:
      std::swap(lines_[at], lines_[below(lines_.size())]);
      break;
    case 3:
      replace(at, runs(lines_[at], [](char c) {
                return llvm::isAlnum(c) || c == '_' || c == '.';
              }));
      break;
    default:
      renumber(at);
    }
    if (lines_.empty())
      lines_.emplace_back();
  }

  // A word by a word of another line.
  void replace(size_t at, const std::vector<std::pair<size_t, size_t>> &words) {
    const std::string &other = lines_[below(lines_.size())];
    auto others = runs(
        other, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
    if (words.empty() || others.empty())
      return;
    auto [from, to] = words[below(words.size())];
    auto [first, last] = others[below(others.size())];
    lines_[at].replace(from, to - from, other.substr(first, last - first));
  }

  void renumber(size_t at) {
    auto numbers = runs(lines_[at], [](char c) { return llvm::isDigit(c); });
    if (numbers.empty())
      return;
    auto [from, to] = numbers[below(numbers.size())];
    static const char *const values[] = {
        "0",     "1",          "2",          "17", "4096",
        "65537", "2147483648", "4294967296", "-1", "9223372036854775807"};
    lines_[at].replace(from, to - from, values[below(std::size(values))]);
  }

  size_t below(size_t limit) { return limit ? random_() % limit : 0; }

  Lines lines_;
  std::mt19937 random_;
};

struct Outcome {
  Status status;
  std::string text, errors;
};

Outcome compile(pipeline::Options options, Stage stage) {
  std::string source = SLUICE_SOURCE_DIR;
  options.models = source + "/models";
  options.targets = {"x86-64-v3"};
  options.emit = stage;
  Outcome outcome;
  llvm::raw_string_ostream out(outcome.text), errors(outcome.errors);
  outcome.status = pipeline::compile(options, out, errors);
  return outcome;
}

class Dumps : public testing::TestWithParam<std::tuple<const char *, Stage>> {};

TEST_P(Dumps, AreTakenOrRefusedHoweverTheyAreEdited) {
  auto [name, stage] = GetParam();
  pipeline::Options options;
  options.checkpoint =
      std::string(SLUICE_SOURCE_DIR) + "/tests/reference/" + name;
  Outcome whole = compile(options, stage);
  ASSERT_TRUE(whole.status.ok()) << whole.status.message() << whole.errors;
  std::string path = testing::TempDir() + "/edited-" +
                     std::to_string(static_cast<int>(stage)) + ".mlir";
  options.from = path;
  int taken = 0, refused = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::ofstream(path) << Editor(whole.text, seed).edit();
    Outcome outcome = compile(options, Stage::Kernels);
    taken += outcome.status.ok();
    refused += !outcome.status.ok();
    if (!outcome.status.ok()) {
      EXPECT_FALSE(outcome.status.message().empty()) << "edit " << seed;
    }
  }
  std::filesystem::remove(path);
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Stages, Dumps,
    testing::Combine(testing::Values("llama/gqa", "mixtral/window",
                                     "t5/gated-untied"),
                     testing::Values(Stage::Model, Stage::Fused, Stage::Plan)));

} // namespace
