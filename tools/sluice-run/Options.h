// The command line of sluice-run and what its modes need of it.
#pragma once

#include "runtime/api/sluice.h"
#include "runtime/tensors/TensorFile.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::run {

struct Options {
  std::string model;
  LoadOptions load;

  // Sequences as ids.
  std::vector<std::string> ids, sourceIds, tokenTypes;
  std::string entry, in, out;
  std::string compare; // a reference
  double tolerance = 1e-3;
  std::string loadState, saveState;
  int64_t chunk = 0;
  int64_t promptTokens = 0; // of the ids

  // Text.
  std::optional<std::string> prompt;
  std::string promptFile;
  std::vector<std::string> stop;
  int64_t maxTokens = 256;
  bool echo = false;

  // Conversations.
  bool chat = false;
  std::string system, templateFile;
  // Files, or "-", that are only turned into ids or text.
  std::string tokenize, detokenize;
  bool offsets = false, noSpecial = false, showSpecial = false;
  // A file, or "-", whose text is scored, so many tokens at a time.
  std::string score;
  int64_t scoreWindow = 0; // 0: 512, or the model's context
  // A file, or "-", with whose text the importance of columns is found.
  std::string calibrate;

  // Generation.
  int64_t generate = 0;
  bool greedy = false, printIds = false, ignoreStop = false;
  std::vector<int32_t> stopTokens;
  SamplingOptions sampling;

  // Beams; 0: none are asked for.
  int64_t beams = 0, beamResults = 1;
  double lengthPenalty = 1;
  std::string earlyStopping = "no";
  bool printScores = false;

  bool verify = false, verbose = false;
  std::string profile;
};

using ModelPtr = std::unique_ptr<Model>;

// Loads the model for `sequences` sequences of up to `longest` tokens.
Result<ModelPtr> loadModel(const Options &options, size_t sequences,
                           size_t longest);
// Into `model`, whose --entry it finds.
Result<EntryInfo> loadEntry(const Options &options, size_t sequences,
                            size_t longest, ModelPtr &model);

// The sequences that --ids, --source-ids and --token-types give.
struct Inputs {
  std::vector<std::vector<int32_t>> ids, sources, tokenTypes;
  size_t longest() const;
};
Result<Inputs> parseInputs(const Options &options);

// The sequences that a file of --in gives for an entry.
Result<std::vector<Sequence>> sequencesFromFile(const std::string &path,
                                                const EntryInfo &entry);
// The same of tensors that were read from `path`.
Result<std::vector<Sequence>>
sequencesFrom(const std::vector<NamedTensor> &tensors, const EntryInfo &entry,
              const std::string &path);
// Raises both to what such a file needs of a model; its names are not checked.
Status measureFile(const std::string &path, size_t &sequences, size_t &longest);
void measure(const std::vector<NamedTensor> &tensors, size_t &sequences,
             size_t &longest);

// What a file of --save-state keeps beside the slot.
struct Kept {
  // The last token that was made: the slot has not taken it in.
  std::optional<int32_t> next;
  std::vector<ChatMessage> messages; // --chat
};
// Brings slot 0 to where --load-state says, if it is given.
Result<Kept> loadState(const Options &options, Model &model);
// Writes slot 0 where --save-state says, if it is given.
Status saveState(const Options &options, const Model &model, const Kept &kept);
// The last of the `made` tokens unless slot 0, which had `length` tokens with
// the prompt, has taken it in.
std::optional<int32_t> pending(const Model &model, int64_t length,
                               std::span<const int32_t> made);

// What --token-types gives for the entry's input of that type.
Status addTokenTypes(const Inputs &inputs, const EntryInfo &entry,
                     std::vector<Sequence> &sequences);

// --ids or --in with --out or --save-state.
Status runEntry(const Options &options, ModelPtr &model);
// --compare.
Status compare(const Options &options, ModelPtr &model);
// Whether --entry, if given, can continue ids.
Status checkGenerates(const Model &model, const std::string &name);
// A text, and what the tokenizer puts before and behind one.
struct TextTokens {
  std::vector<int32_t> begin, body, end;
};
Result<TextTokens> tokensOf(const std::string &path, Model &model);
// --calibrate.
Status calibrate(const Options &options, ModelPtr &model);
// --score: the perplexity of a text.
Status score(const Options &options, ModelPtr &model);
// --generate.
Status generateIds(const Options &options, ModelPtr &model);
// What --prompt and --chat ask of a generation.
TextOptions textOptions(const Options &options);
// Says so when a sequence ends because nothing more can be kept.
void noteFullContext(const Model &model);
// --prompt.
Status generateText(const Options &options, ModelPtr &model);
// --beams and what belongs to it, what is wrong with their combination (or ""),
// and the search, for --prompt or --generate.
void declareBeams(CLI::App &app, Options &options);
std::string beamConflict(const Options &options);
Status searchBeams(const Options &options, ModelPtr &model);
// --chat.
Status chat(const Options &options, ModelPtr &model);
// --tokenize and --detokenize.
Status convertText(const Options &options);
// A file to its end; -: standard input.
Result<std::string> readAll(const std::string &path);
// The text of a file that people write: without a byte order mark, line ends as
// "\n" and none at the end.
std::string asPrompt(std::string_view text);
// --verify.
Status verify(const Options &options);

} // namespace sluice::run
