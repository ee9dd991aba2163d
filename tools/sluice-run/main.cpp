// Runs an artifact: options, and which mode they ask for.
#include "runtime/support/AtomicFile.h"
#include "tools/sluice-run/Options.h"
#include "tools/support/Cli.h"
#include "tools/support/Loading.h"
#include "tools/support/OutOfMemory.h"

#include <cstdio>
#include <iostream>

using namespace sluice;

static void declareIds(CLI::App &app, run::Options &options) {
  const char *group = "Ids and files";
  tools::addTexts(app, "--ids", options.ids,
                  "Token ids, as in 5,9,2; repeat for a batch of sequences")
      ->group(group);
  tools::addTexts(app, "--source-ids", options.sourceIds,
                  "Token ids for the encoder of an encoder-decoder")
      ->group(group);
  tools::addTexts(app, "--token-types", options.tokenTypes,
                  "Token types (segments), one per id")
      ->group(group);
  app.add_option("--prompt-tokens", options.promptTokens,
                 "How many of the ids are the prompt, for models whose numbers "
                 "depend on its length (default: all); for --out and "
                 "--save-state")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_option("--entry", options.entry,
                 "Entry to run (default: generate, else fill, else encode)")
      ->group(group);
  app.add_option("--chunk", options.chunk,
                 "Tokens of a sequence per step; 1 is the decode path. Entries "
                 "that need whole sequences take them whole")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_option(
         "--in", options.in,
         "Input tensors (safetensors): NAME of the entry's inputs, NAME.1 "
         "of the second sequence, a row for each token")
      ->group(group);
  app.add_option("--out", options.out,
                 "Write the entry's outputs for all rows (safetensors)")
      ->group(group);
  app.add_option("--compare", options.compare,
                 "Run the entry on the ids of a file that sluice-opt "
                 "--evaluate=reference=FILE has written, and compare each op's "
                 "results")
      ->group(group)
      ->check(CLI::ExistingFile);
  app.add_option("--tolerance", options.tolerance,
                 "--compare: what passes as equal, as a share of the largest "
                 "value")
      ->group(group)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

static void declareState(CLI::App &app, run::Options &options) {
  const char *group = "State of a sequence";
  app.add_option("--save-state", options.saveState,
                 "Write what the sequence has left behind, at the end")
      ->group(group);
  app.add_option("--load-state", options.loadState,
                 "Go on with a sequence that was saved, from where it was; a "
                 "token that was made last comes first")
      ->group(group);
}

static void declareText(CLI::App &app, run::Options &options) {
  const char *group = "Text";
  app.add_option("--prompt", options.prompt,
                 "Continue this text; with --out: run --entry on it")
      ->group(group);
  app.add_option(
         "--prompt-file", options.promptFile,
         "Take the prompt from a file, less a line end at its end and a "
         "byte order mark, its line ends as \\n; -: from standard "
         "input")
      ->group(group)
      ->excludes("--prompt");
  app.add_option("--max-tokens", options.maxTokens,
                 "Most tokens to make (default 256)")
      ->group(group)
      ->check(tools::atLeast(1));
  tools::addTexts(app, "--stop", options.stop,
                  "Text that ends the output; repeat")
      ->group(group);
  app.add_flag("--echo", options.echo, "Print the prompt first")->group(group);
  app.add_flag("--show-special", options.showSpecial,
               "Print special tokens, too")
      ->group(group);
}

static void declareChat(CLI::App &app, run::Options &options) {
  const char *group = "Conversation";
  app.add_flag("--chat", options.chat,
               "Talk with the model, a line at a time; with --prompt: one "
               "question")
      ->group(group);
  app.add_option("--system", options.system,
                 "What the conversation begins with")
      ->group(group);
  app.add_option("--template-file", options.templateFile,
                 "A chat template in the place of the model's own")
      ->group(group);
}

static void declareTokenizer(CLI::App &app, run::Options &options) {
  const char *group = "Tokenizer";
  app.add_option("--tokenize", options.tokenize,
                 "Print the ids of a file's text; -: of standard input")
      ->group(group);
  app.add_option("--detokenize", options.detokenize,
                 "Print the text of a file's ids; -: of standard input")
      ->group(group)
      ->excludes("--tokenize");
  app.add_flag("--offsets", options.offsets,
               "--tokenize: a line per token with its place in the text, in "
               "bytes, and what stands there")
      ->group(group)
      ->needs("--tokenize");
  app.add_flag("--no-special", options.noSpecial,
               "--tokenize: without the tokenizer's special tokens; "
               "--detokenize: do not print them")
      ->group(group);
}

static void declareScore(CLI::App &app, run::Options &options) {
  const char *group = "Score";
  app.add_option("--score", options.score,
                 "Print the perplexity of a file's text; -: of standard input")
      ->group(group);
  app.add_option("--score-window", options.scoreWindow,
                 "--score: tokens of a window, each window by itself "
                 "(default: 512, or the model's context)")
      ->group(group)
      ->check(tools::atLeast(1))
      ->needs("--score");
}

static void declareCalibration(CLI::App &app, run::Options &options) {
  app.add_option("--calibrate", options.calibrate,
                 "Read a file's text and write to --out (safetensors) how "
                 "large the columns are that each weight is multiplied with: "
                 "for sluice-compile --importance; -: standard input")
      ->group("Calibration")
      ->needs("--out");
}

static void declareGeneration(CLI::App &app, run::Options &options) {
  const char *group = "Generation";
  app.add_option("--generate", options.generate,
                 "Continue --ids by so many tokens")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_flag("--greedy", options.greedy, "Always the most likely token")
      ->group(group);
  app.add_flag("--print-ids", options.printIds,
               "Print ids instead of text, a line per sequence")
      ->group(group);
  app.add_option("--stop-token", options.stopTokens,
                 "Ids that end the output beside the model's own, as in 2,7")
      ->group(group)
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--ignore-stop", options.ignoreStop,
               "Go on after the model's stop tokens")
      ->group(group);
  SamplingOptions &sampling = options.sampling;
  app.add_option("--temperature", sampling.temperature, "0: greedy (default)")
      ->group(group);
  app.add_option("--top-k", sampling.topK, "Of the K most likely; 0: all")
      ->group(group);
  app.add_option("--top-p", sampling.topP, "Of the most likely that sum to P")
      ->group(group);
  app.add_option("--min-p", sampling.minP,
                 "Only tokens at least P times as likely as the first")
      ->group(group);
  app.add_option("--repetition-penalty", sampling.repetitionPenalty,
                 "Above 1: tokens of all the text so far become less likely")
      ->group(group);
  app.add_option("--seed", sampling.seed, "Seed of the sampler")->group(group);
}

static void declareMachine(CLI::App &app, run::Options &options) {
  const char *group = "Machine";
  app.add_option("--threads", options.load.threads,
                 "Threads (default: all CPUs)")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_option("--context", options.load.context,
                 "Most tokens of a sequence (default: the model's)")
      ->group(group)
      ->check(tools::atLeast(1));
  app.add_option("--capacity", options.load.capacity,
                 "Most tokens in one step (default 512)")
      ->group(group)
      ->check(tools::atLeast(1));
  tools::declareLoading(app, options.load, options.verbose, group);
  app.add_flag("--reproducible", options.load.reproducible,
               "Generated kernels only, never oneDNN")
      ->group(group);
  app.add_flag("--share-all", options.load.shareAll,
               "Share even the shortest steps among the threads")
      ->group(group);
  app.add_flag("--verify", options.verify,
               "Check all digests, and that chunks, threads, batches and "
               "engines give the same bits")
      ->group(group);
  app.add_option("--profile", options.profile,
                 "Write a trace (Chrome's format) and print a table of times")
      ->group(group);
}

static void declare(CLI::App &app, run::Options &options) {
  app.add_option("model", options.model, "The compiled model (.slc)")
      ->required();
  declareIds(app, options);
  declareState(app, options);
  declareText(app, options);
  declareChat(app, options);
  declareTokenizer(app, options);
  declareScore(app, options);
  declareCalibration(app, options);
  declareGeneration(app, options);
  run::declareBeams(app, options);
  declareMachine(app, options);
}

// What is wrong with the combination of options, or "": one mode of several, as
// each takes the place of the others.
static std::string conflict(const run::Options &options) {
  bool converts = !options.tokenize.empty() || !options.detokenize.empty();
  bool ids = !options.ids.empty() || !options.sourceIds.empty();
  bool tensors = !options.in.empty() || !options.out.empty();
  bool generates = options.generate > 0;
  bool loads = !options.loadState.empty(), saves = !options.saveState.empty();
  if ((loads || saves) && (converts || options.verify))
    return "--load-state and --save-state are for what runs a sequence";
  if ((loads || saves) &&
      (options.ids.size() > 1 || options.sourceIds.size() > 1))
    return "--load-state and --save-state are for one sequence";
  if (loads && !options.sourceIds.empty())
    return "--source-ids begins a sequence anew: leave out --load-state";
  if (loads && !options.system.empty())
    return "--system begins a conversation: leave out --load-state";
  if (options.noSpecial && !converts)
    return "--no-special is for --tokenize and --detokenize";
  if (converts)
    return ids || tensors || generates || options.prompt || options.chat ||
                   options.verify
               ? "--tokenize and --detokenize run nothing: leave out --prompt, "
                 "--chat, --ids, --in, --out, --generate and --verify"
               : "";
  if (options.verify)
    return "";
  if (!options.score.empty())
    return ids || tensors || generates || options.prompt || options.chat ||
                   loads || saves
               ? "--score takes its text from the file: leave out --prompt, "
                 "--chat, --ids, --in, --out, --generate, --load-state and "
                 "--save-state"
               : "";
  if (!options.calibrate.empty())
    return ids || generates || options.prompt || options.chat ||
                   !options.in.empty() || loads || saves
               ? "--calibrate takes its text from the file: leave out "
                 "--prompt, --chat, --ids, --in, --generate, --load-state and "
                 "--save-state"
               : "";
  if (!options.compare.empty())
    return ids || tensors || generates || options.prompt || options.chat
               ? "--compare takes its ids from the file: leave out --prompt, "
                 "--chat, --ids, --in, --out and --generate"
               : "";
  if (options.promptTokens > 0 && (options.chat || options.prompt || generates))
    return "--prompt-tokens is for --out and --save-state: what is continued "
           "is the prompt";
  if (options.greedy && options.sampling.temperature != 0)
    return "--greedy and --temperature exclude each other";
  if (options.chat)
    return ids || tensors || generates || options.printIds || options.echo
               ? "--chat prints text: leave out --ids, --in, --out, "
                 "--generate, --print-ids and --echo"
               : "";
  if (!options.system.empty() || !options.templateFile.empty())
    return "--system and --template-file are for --chat";
  if (options.prompt) {
    if (ids || !options.in.empty())
      return "--prompt takes the place of --ids, --source-ids and --in";
    if (generates)
      return "--prompt is continued by --max-tokens, not --generate";
    return options.printIds && (options.echo || !options.stop.empty())
               ? "--print-ids prints no text: leave out --echo and --stop"
               : "";
  }
  if (ids && !options.in.empty())
    return "--in takes the place of --ids and --source-ids";
  if (!ids && options.in.empty() && !loads)
    return "nothing to run: give --prompt, --prompt-file, --chat, --ids or "
           "--in";
  if (options.echo || !options.stop.empty())
    return "--echo and --stop are for --prompt";
  if (generates && !options.in.empty())
    return "--generate continues --ids, not --in";
  if (generates && !options.out.empty())
    return "--generate prints ids, it does not write --out";
  if (!generates && options.out.empty() && !saves)
    return "nothing to do with the results: give --out, --save-state or "
           "--generate";
  return "";
}

// Work should not end with an output that cannot be written.
static Status checkOutputs(const run::Options &options) {
  // A state may be saved where it was loaded.
  std::vector<std::string> outputs = {options.out, options.profile};
  Status apart = tools::keepApart(outputs, {options.loadState});
  outputs.push_back(options.saveState);
  if (apart.ok())
    apart = tools::keepApart(outputs,
                             {options.model, options.in, options.calibrate});
  if (!apart.ok())
    return apart;
  for (const std::string &path : outputs)
    if (!path.empty())
      if (Status status = AtomicFile::create(path).status(); !status.ok())
        return status;
  return {};
}

static Status execute(const run::Options &options) {
  if (options.verify)
    return run::verify(options);
  if (!options.tokenize.empty() || !options.detokenize.empty())
    return run::convertText(options);
  if (Status status = checkOutputs(options); !status.ok())
    return status;
  run::ModelPtr model;
  bool text = options.prompt && options.out.empty();
  bool compares = !options.compare.empty();
  bool calibrates = !options.calibrate.empty();
  Status status = options.chat             ? run::chat(options, model)
                  : !options.score.empty() ? run::score(options, model)
                  : calibrates             ? run::calibrate(options, model)
                  : compares               ? run::compare(options, model)
                  : options.beams > 0      ? run::searchBeams(options, model)
                  : text                   ? run::generateText(options, model)
                  : options.generate > 0   ? run::generateIds(options, model)
                                           : run::runEntry(options, model);
  if (status.ok() && !options.profile.empty())
    status = model->printProfile(std::cerr);
  if (status.ok() && !options.profile.empty())
    status = model->writeProfile(options.profile);
  return status;
}

// Whether --load-state is all that is asked for: the text goes on.
static bool goesOn(const run::Options &options) {
  return !options.loadState.empty() && !options.prompt && !options.chat &&
         !options.verify && options.score.empty() &&
         options.calibrate.empty() && !options.generate &&
         options.ids.empty() && options.sourceIds.empty() &&
         options.in.empty() && options.out.empty() &&
         options.tokenize.empty() && options.detokenize.empty();
}

int main(int argc, char **argv) {
  CLI::App app("Runs a compiled model.", "sluice-run");
  run::Options options;
  declare(app, options);
  if (int code = tools::parse(app, argc, argv); code >= 0)
    return code;
  if (!options.promptFile.empty()) {
    Result<std::string> prompt = run::readAll(options.promptFile);
    if (!prompt.ok())
      return tools::fail(prompt.status().in("the prompt"));
    options.prompt = run::asPrompt(*prompt);
  }
  if (goesOn(options))
    options.prompt = "";
  std::string message = conflict(options);
  if (message.empty())
    message = run::beamConflict(options);
  if (!message.empty())
    return tools::usage(message);
  Status status =
      tools::guarded("running the model", [&] { return execute(options); });
  if (status.ok() && (!std::cout.flush() || std::fflush(stdout) != 0))
    status = Status(Code::Io, "standard output: cannot write");
  return status.ok() ? 0 : tools::fail(status);
}
