// Runs compiled models. A complete program that continues a prompt:
//
//   #include "runtime/api/sluice.h"
//   #include <iostream>
//
//   int main(int argc, char **argv) {
//     auto model = sluice::Model::load(argv[1], {});
//     if (!model.ok()) {
//       std::cerr << "error: " << model.status().message() << '\n';
//       return 1;
//     }
//     sluice::TextOptions options;
//     options.maxTokens = 100;
//     sluice::Status status = (*model)->generateText(
//         0, "Once upon a time", options, [](std::string_view piece) {
//           std::cout << piece << std::flush;
//           return true; // go on
//         });
//     if (!status.ok())
//       std::cerr << "error: " << status.message() << '\n';
//     return status.ok() ? 0 : 1;
//   }
//
// Nothing here throws, aborts or prints: every failure is a Status, also what a
// callback throws, if it is a std::exception. So is running out of memory,
// except inside of a library that knows no such error: oneDNN while it makes
// the code of a product (not with `reproducible`), and the JSON library. A
// Model is used by one thread at a time, best always by the same one: the
// threads that compute belong to the thread that calls. A server hands its
// requests to one such thread through a queue and batches them there (step). An
// artifact is a program: load only what you would run. It stays mapped, so it
// must not be written to or cut short.
#pragma once

#include "runtime/artifact/Placement.h"
#include "runtime/chat/ChatFormat.h"
#include "runtime/sampler/BeamSearch.h"
#include "runtime/sampler/Sampler.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice {

// What load() sets once for the life of a model; numbers out of range are
// InvalidArgument.
struct LoadOptions {
  int threads = 0;        // 0: all CPUs that the process may use
  int64_t capacity = 512; // most tokens in one step; more are cut into chunks
  int64_t sequences = 1;  // most sequences in one step
  int64_t slots = 0;      // sequences that keep state; 0: as `sequences`
  int64_t context = 0;    // most tokens of a sequence; 0: as the model was made
  // Only generated kernels, so that results do not depend on which machines
  // oneDNN has a fast path for.
  bool reproducible = false;
  // Share even the shortest steps among the threads, which one thread does
  // sooner alone. For tests: the results are the same.
  bool shareAll = false;
  // Where the weights lie: Map reads them from the mapped file, Huge copies
  // them into huge pages first, which takes time and as much memory. Auto is
  // what is best for this machine. Resource or Unsupported: it cannot be had.
  Load load = Load::Auto;
  bool prefault = false; // read all weights into memory before the first step
  bool lock = false;     // and keep them there; Resource: more than the limit
  bool verify = false; // check the digest of the weights, too (reads them all)
};

// Rows whose outputs are wanted. Models compute the head for these only.
enum class Rows { None, Last, All };

// What a sequence gives for one input: a row for each of its tokens.
struct Values {
  std::vector<int64_t> shape; // tokens, then the axes of the input's rows
  // i32, f32, or bool as 0 and 1; dense.
  std::variant<std::vector<int32_t>, std::vector<float>, std::vector<uint8_t>>
      data;

  Values() = default;
  // One number for each token.
  Values(std::vector<int32_t> numbers)
      : shape{static_cast<int64_t>(numbers.size())}, data(std::move(numbers)) {}
  Values(std::vector<int64_t> shape, decltype(data) data)
      : shape(std::move(shape)), data(std::move(data)) {}
};

// New tokens of one sequence.
struct Sequence {
  int32_t slot = 0;            // 0 to slots-1: whose state it reads and goes on
  std::vector<int32_t> tokens; // for the input of type tokens
  // By the names of the entry's inputs (EntryInfo). Positions that are left out
  // are counted on; token types and what is optional are 0.
  std::map<std::string, Values> inputs;
  Rows rows = Rows::Last; // for step(); run() gives all
  // For models whose numbers depend on how long the prompt is (an input of type
  // "prompt"): its tokens, said with the first of them; 0: those that are given
  // here. It holds for the rest of the sequence, so that what follows does not
  // depend on how many tokens come in one step. Where one of two sets of
  // numbers is chosen by it (an input of type "announced"), step() with 0
  // announces nothing; run() announces what it is given.
  int64_t prompt = 0;
};

// One output of a step, in the model's own memory: valid until the next step.
struct OutputRows {
  std::string_view name; // "logits", "rows", "vector" or "scores"
  const float *data = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t stride = 0; // elements from row to row
  // 0 <= index < rows.
  std::span<const float> row(int64_t index) const {
    return {data + index * stride, static_cast<size_t>(columns)};
  }
};

// One output of a whole sequence, dense: [rows][columns].
struct Output {
  std::string name; // as in OutputRows
  int64_t rows = 0, columns = 0;
  bool perSequence = false; // one row for the sequence, not one per token
  std::vector<float> data;
};

// What an entry takes for each token.
struct InputInfo {
  // "tokens", "positions", "token_types" or "rows"; what the runtime alone
  // counts is "announced", "block_positions", "prefix" or "prompt".
  std::string name, type;
  std::string elem;           // "i32", "f32" or "bool"
  std::vector<int64_t> shape; // of the row of a token; empty: one number
  bool optional = false;      // may be left out
};

// Something that a model can run.
struct EntryInfo {
  // The kind is "generate", "encode", "embed", "classify", "fill" or "source".
  std::string name, kind;
  std::vector<InputInfo> inputs;
  std::vector<std::string> outputs; // names, in the order of outputs()
  bool wholeSequences = false;      // cannot be run in chunks
  // The first step of a sequence takes all its tokens up to the first of this
  // id, which see each other; -1: any number will do.
  int32_t prefixEnd = -1;
};

// What a loaded model is, and what it takes on this machine.
struct ModelInfo {
  // The spec's family, the checkpoint's name, and the processor that the code
  // in use was made for ("x86-64-v4+bf16").
  std::string family, source, target;
  int64_t context = 0;             // most tokens of a sequence, as loaded
  int64_t vocab = 0;               // ids of the model; 0: the spec does not say
  uint64_t parameters = 0;         // numbers in all weights, shared ones once
  std::vector<int32_t> stopTokens; // ids that end a text
  std::vector<EntryInfo> entries;
  int workers = 1;     // threads that compute
  std::string weights; // how they were loaded, and why so
  // Bytes of address space; memory is used where it is touched.
  uint64_t activationBytes = 0, stateBytes = 0;
  // oneDNN's implementations of the products that it computes, and how many
  // steps each has.
  std::map<std::string, int64_t> engine;
  // The unit that each kernel computes with, by the kernel's name: "amx-bf16",
  // "avx512bf16", "avx512" or "avx2".
  std::map<std::string, std::string> units;
};

// The least that a step has to read and to compute.
struct StepCost {
  double bytes = 0;                   // weights and cached rows
  double flopsF32 = 0, flopsBf16 = 0; // products with weights
};

// How a sequence is continued.
struct GenerateOptions {
  SamplingOptions sampling;
  int64_t maxTokens = 256;         // most that are made, beside the prompt
  std::vector<int32_t> stopTokens; // beside the model's own
  bool ignoreModelStops = false;   // go on behind the model's own
  // Nothing follows in this sequence, so that it is announced with its length.
  bool ends = false;
};

// The same for text.
struct TextOptions : GenerateOptions {
  std::vector<std::string> stopStrings; // end the text and are not part of it
  bool showSpecial = false;             // special tokens are part of the text
  // Called with every token that is made, before its text.
  std::function<void(int32_t)> token;
};

class Tokenizer;

class Model {
public:
  // Opens an artifact, checks it and loads the code for this CPU. Corrupt: it
  // is damaged; Unsupported: of another version, or for no such CPU; Resource:
  // its arena, caches or threads do not fit.
  static Result<std::unique_ptr<Model>> load(const std::string &path,
                                             const LoadOptions &options);
  ~Model();

  const ModelInfo &info() const; // valid as long as the model
  // `name`, or when empty the entry that the model is for: generate, else fill,
  // else encode. NotFound lists the entries.
  Result<EntryInfo> entry(std::string_view name) const;

  // Runs an entry over all tokens of the sequences, side by side, and returns
  // the outputs of every sequence for all its tokens. `chunk`: so many tokens
  // of a sequence at a time; 0: as many as fit into a step. The results do not
  // depend on it. InvalidArgument: a sequence without tokens, inputs that the
  // entry does not take, or one for an entry of whole sequences that is longer
  // than the capacity.
  Result<std::vector<std::vector<Output>>>
  run(std::string_view entry, std::span<const Sequence> sequences,
      int64_t chunk = 0);

  // One step; its tokens must fit into the capacity (InvalidArgument, as for a
  // slot given twice or a full context). Sequences go on where their slots are;
  // a slot in whose step something failed must be reset before the next.
  Status step(std::string_view entry, std::span<const Sequence> sequences);
  // Outputs of the last step. Rows of all sequences follow one another.
  std::span<const OutputRows> outputs() const;

  // Continues the sequence of a slot: takes in `prompt`, then passes token
  // after token to `token` until it returns false, a stop token comes (which is
  // not passed), maxTokens are made or the context is full. InvalidArgument: no
  // prompt, or one that does not fit; NotFound: the model cannot generate.
  Status generate(int32_t slot, std::span<const int32_t> prompt,
                  const GenerateOptions &options,
                  const std::function<bool(int32_t)> &token);
  // The same for text, piece by piece; never half a character. An
  // encoder-decoder takes `prompt` as its source and starts anew.
  Status generateText(int32_t slot, std::string_view prompt,
                      const TextOptions &options,
                      const std::function<bool(std::string_view)> &piece);
  // The same for a prompt that is ids already.
  Status generateText(int32_t slot, std::span<const int32_t> prompt,
                      const TextOptions &options,
                      const std::function<bool(std::string_view)> &piece);
  // Continues the sequence of `slot` by the likeliest tokens, of which as many
  // sequences as there are beams are followed side by side, in the slots from
  // `slot` on: they share what they have in common, and all of them are as new
  // afterwards. Best first. InvalidArgument: no prompt, one that does not fit,
  // or fewer slots or sequences of a step (LoadOptions) than beams.
  Result<std::vector<BeamResult>> searchBeams(int32_t slot,
                                              std::span<const int32_t> prompt,
                                              const BeamOptions &options);
  // How the model writes conversations, or how `source`, another template,
  // writes them. The text is encoded without the tokenizer's special tokens:
  // the template prints its own. NotFound when the artifact has no template.
  Result<ChatFormat> chatFormat(std::string_view source = {}) const;
  // The model's tokenizer (runtime/tokenizer/Tokenizer.h), parsed at the first
  // call. NotFound when the artifact has none.
  Result<const Tokenizer *> tokenizer();
  // Feeds an encoder-decoder's source to the slot, which starts anew. Its
  // generation then begins with startToken(). NotFound: there is no encoder.
  Status source(int32_t slot, std::span<const int32_t> tokens);
  // The decoder's first token, or -1.
  int32_t startToken() const;

  // Cost of a step of `sequences` sequences with `tokens` new tokens each, the
  // last one wanted, after `held` tokens each. At least one of both, and at
  // most 2^30 new tokens in all, and held ones.
  Result<StepCost> cost(std::string_view entry, int64_t sequences,
                        int64_t tokens, int64_t held) const;

  // Slots, 0 to slots-1; others are InvalidArgument.
  Result<int64_t> length(int32_t slot) const; // tokens that it has taken in
  Status reset(int32_t slot);                 // to no tokens
  Status copy(int32_t from, int32_t to);      // shares what can be shared
  // Cuts a sequence to its first `length` tokens, as far back as all that the
  // next token looks at is still held; Unsupported says how far that is. Fixed
  // states hold nothing of the past.
  Status rewind(int32_t slot, int64_t length);
  // The tokens that a slot has taken in.
  Result<std::vector<int32_t>> tokens(int32_t slot) const;

  // What a slot holds, as bytes or in a file that appears when it is complete.
  // `note` is kept with it, whatever it says.
  Result<std::vector<uint8_t>> saveSlot(int32_t slot,
                                        std::string_view note = {}) const;
  Status saveSlotFile(int32_t slot, const std::string &path,
                      std::string_view note = {}) const;
  // Brings a slot to where the saved one was, also in another process and with
  // other threads, slots and capacity; gives the note. The model must be the
  // same artifact. Anybody's bytes may be given: what is damaged (Corrupt), of
  // another model or too long (InvalidArgument) is refused, and the slot stays
  // as it was.
  Result<std::string> loadSlot(int32_t slot, std::span<const uint8_t> bytes);
  Result<std::string> loadSlotFile(int32_t slot, const std::string &path);

  // Records the time of every step from now on, anew at each call. Without it
  // the other two are InvalidArgument.
  Status startProfile();
  Status printProfile(std::ostream &out) const;       // a table of kernels
  Status writeProfile(const std::string &path) const; // Chrome trace

  // Adds up what every product multiplies its weight with from now on, anew at
  // each call, by generated kernels only. Unsupported: a kernel normalises its
  // rows itself. The file (safetensors) holds of each weight, by its path and
  // layer, the mean square of every column; without a start InvalidArgument.
  Status startImportance();
  Status writeImportance(const std::string &path) const;

private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice
