// Masks: their terms, and whether they stay within what a state keeps.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

#include <algorithm>
#include <functional>

namespace sluice::spec {

bool GraphBuilder::mask(const Data &data, Frame &frame, Mask &out) {
  if (data.kind != Data::Kind::List)
    return error(frame, data.location, "a mask is a list of terms");
  if (data.items.empty())
    return error(frame, data.location,
                 "a mask needs at least one term; `all` allows every key");
  for (const Data &item : data.items)
    if (!maskTerm(item, frame, out))
      return false;
  if (out.empty())
    return error(frame, data.location,
                 "every term of the mask is none; `all` allows every key");
  return true;
}

// `size`, or a map of the numbers of `blocks`.
bool GraphBuilder::maskNumbers(const Data &data, Frame &frame,
                               const std::string &name,
                               std::vector<int64_t> &numbers, bool &absent) {
  if (data.isWord())
    return error(frame, data.location,
                 "mask term " + quote(name) +
                     " takes a number, not a value of the graph");
  FrameEnv env(*this, frame);
  std::optional<Value> value = evaluate(data, env, diagnostics_);
  if (!value)
    return false;
  absent = value->isNone();
  if (absent)
    return true;
  if (!value->isInt() || value->integer() < 1)
    return error(frame, data.location,
                 "mask argument " + quote(name) +
                     " must be a positive int or none, found " +
                     printShort(*value));
  numbers.push_back(value->integer());
  return true;
}

// {blocks: {size: 64, local: 16, stride: 8, hop: 1}}
bool GraphBuilder::maskBlocks(const Data &data, Frame &frame,
                              std::vector<int64_t> &numbers) {
  static const std::vector<std::string> names = {"size", "local", "stride",
                                                 "hop"};
  if (data.kind != Data::Kind::Map)
    return error(frame, data.location,
                 "mask term 'blocks' takes {size, local, stride, hop}");
  for (const Scalar &key : data.keys)
    if (std::find(names.begin(), names.end(), key.text) == names.end())
      return error(frame, key.location,
                   "unknown key " + quote(key.text) + " of mask term 'blocks'" +
                       suggest(key.text, names));
  for (const std::string &name : names) {
    auto key = std::find_if(data.keys.begin(), data.keys.end(),
                            [&](const auto &k) { return k.text == name; });
    FrameEnv env(*this, frame);
    std::optional<Value> value = Value(int64_t(0));
    if (key != data.keys.end())
      value = evaluate(data.items[size_t(key - data.keys.begin())], env,
                       diagnostics_);
    if (!value)
      return false;
    if (!value->isInt() || value->integer() < (name == "hop" ? 0 : 1))
      return error(frame, data.location,
                   "mask term 'blocks' needs " + quote(name) + ", an int of " +
                       (name == "hop" ? "0" : "1") + " or more, found " +
                       printShort(*value));
    numbers.push_back(value->integer());
  }
  return true;
}

// What a term takes.
enum class Takes { Nothing, Positions, Rows, Blocks, Terms };

static const std::vector<std::pair<std::string, Takes>> maskWords = {
    {"causal", Takes::Nothing},   {"all", Takes::Nothing},
    {"window", Takes::Positions}, {"band", Takes::Positions},
    {"chunk", Takes::Positions},  {"prefix", Takes::Rows},
    {"from", Takes::Rows},        {"segments", Takes::Rows},
    {"keys", Takes::Rows},        {"queries", Takes::Rows},
    {"blocks", Takes::Blocks},    {"any", Takes::Terms}};

bool GraphBuilder::maskTerm(const Data &data, Frame &frame, Mask &out) {
  MaskTerm term;
  const Data *argument = nullptr;
  if (data.isWord()) {
    term.kind = data.scalar.text;
  } else if (data.kind == Data::Kind::Map && data.items.size() == 1) {
    term.kind = data.keys[0].text;
    argument = &data.items[0];
  } else {
    return error(frame, data.location,
                 "a mask term is a word or {word: argument}");
  }
  auto known =
      std::find_if(maskWords.begin(), maskWords.end(),
                   [&](const auto &word) { return word.first == term.kind; });
  if (known == maskWords.end()) {
    std::vector<std::string> words;
    for (const auto &[word, takes] : maskWords)
      words.push_back(word);
    return error(frame, data.location,
                 "unknown mask term " + quote(term.kind) +
                     suggest(term.kind, words));
  }
  bool bare = known->second == Takes::Nothing;
  if (bare == (argument != nullptr))
    return error(frame, data.location,
                 "mask term " + quote(term.kind) +
                     (bare ? " takes no argument" : " needs an argument"));
  bool absent = false; // {window: none} limits nothing
  if (argument && !maskArgument(*argument, frame, known->second == Takes::Rows,
                                term, absent))
    return false;
  if (!absent)
    out.push_back(std::move(term));
  return true;
}

bool GraphBuilder::maskArgument(const Data &data, Frame &frame, bool rows,
                                MaskTerm &term, bool &absent) {
  if (term.kind == "blocks")
    return maskBlocks(data, frame, term.numbers);
  if (term.kind == "any")
    return maskAny(data, frame, term.terms, absent);
  if (!rows)
    return maskNumbers(data, frame, term.kind, term.numbers, absent);
  if (!data.isWord())
    return error(frame, data.location,
                 "mask term " + quote(term.kind) + " takes a value of ints");
  absent = frame.absent.count(data.scalar.text) > 0;
  if (absent)
    return true;
  term.value.emplace();
  term.inOneStep =
      term.kind == "prefix" && frame.prefixes.count(data.scalar.text);
  return lookup(data.scalar, frame, *term.value);
}

// A list of terms of which one must allow a key; in a list within it, all.
bool GraphBuilder::maskAny(const Data &data, Frame &frame, Mask &out,
                           bool &absent) {
  if (data.kind != Data::Kind::List || data.items.empty())
    return error(frame, data.location, "mask term 'any' takes a list of terms");
  for (const Data &item : data.items) {
    if (item.kind != Data::Kind::List) {
      if (!maskTerm(item, frame, out))
        return false;
      continue;
    }
    MaskTerm every;
    every.kind = "every";
    if (!mask(item, frame, every.terms))
      return false;
    out.push_back(std::move(every));
  }
  absent = out.empty();
  return true;
}

// Whether the mask allows only keys for which `term` holds, a property of one
// term without others in it.
static bool ensures(const Mask &mask,
                    const std::function<bool(const MaskTerm &)> &holds) {
  return std::any_of(mask.begin(), mask.end(), [&](const MaskTerm &term) {
    if (term.kind == "every")
      return ensures(term.terms, holds);
    if (term.kind == "any")
      return std::all_of(
          term.terms.begin(), term.terms.end(),
          [&](const MaskTerm &each) { return ensures({each}, holds); });
    return holds(term);
  });
}

// True if every key that the mask allows is among the last `keep` rows.
static bool withinKeep(const Mask &mask, int64_t keep) {
  return ensures(mask, [&](const MaskTerm &term) {
    return (term.kind == "window" || term.kind == "chunk") &&
           term.numbers[0] <= keep;
  });
}

// True if the mask is a window and nothing else, so that it says of rows before
// the first token, too, which of them are seen.
static bool isWindow(const Mask &mask) {
  auto named = [&](const char *kind) {
    return std::count_if(mask.begin(), mask.end(), [&](const MaskTerm &term) {
      return term.kind == kind;
    });
  };
  return named("window") > 0 &&
         named("window") + named("causal") == std::ssize(mask);
}

// True if no key lies before the last multiple of `chunk`.
static bool withinChunk(const Mask &mask, int64_t chunk) {
  return ensures(mask, [&](const MaskTerm &term) {
    return term.kind == "chunk" && chunk % term.numbers[0] == 0;
  });
}

// True if no key after the query is allowed, but for those of a prefix that
// comes in one step.
static bool isCausal(const Mask &mask) {
  return ensures(mask, [](const MaskTerm &term) {
    return term.kind == "causal" || term.kind == "window" || term.inOneStep;
  });
}

static const Mask *
maskOf(const std::vector<std::pair<std::string, Operand>> &slots) {
  for (const auto &[name, operand] : slots)
    if (const auto *own = operand.get<Mask>())
      return own;
  return nullptr;
}

// What a step of generation sees must not depend on how many tokens it takes.
bool GraphBuilder::stepsAgree(const NodeDecl &decl, const Frame &frame,
                              const Mask &mask, const State *state) {
  if (state && state->once) {
    bool all = std::all_of(mask.begin(), mask.end(), [](const MaskTerm &term) {
      return term.kind == "all";
    });
    return all || entry_->kind == "source" ||
           error(frame, decl.location,
                 "positions of state " +
                     quote(printRef(state->path, state->index)) +
                     " are not those of this entry, so its mask must be "
                     "[all]");
  }
  if (entry_->kind != "generate")
    return true;
  if (!state)
    return error(frame, decl.location,
                 "in an entry of kind generate attention needs a cache: a "
                 "step has some of the tokens only");
  return isCausal(mask) ||
         error(frame, decl.location,
               "the mask must be causal: a token of generation would see "
               "later ones when they come in the same step");
}

bool GraphBuilder::masksReach(
    const NodeDecl &decl, const Frame &frame,
    const std::vector<std::pair<std::string, Operand>> &slots,
    const Sink &sink) {
  const Mask *mask = maskOf(slots);
  if (!mask)
    return true;
  const State *read = nullptr;
  bool unknown = false; // a handle that came in as an input
  for (const auto &[name, operand] : slots) {
    const auto *id = operand.get<ValueId>();
    auto handle = id ? sink.handles.find(id->id) : sink.handles.end();
    const State *state =
        handle == sink.handles.end() ? nullptr : model_.state(handle->second);
    unknown |= name == "kv" && !state;
    if (!state)
      continue;
    read = state;
    std::string path = quote(printRef(state->path, state->index));
    if (state->keep > 0 && !withinKeep(*mask, state->keep))
      return error(frame, decl.location,
                   "the mask reaches beyond the " +
                       std::to_string(state->keep) + " rows that state " +
                       path + " keeps; it needs {window: " +
                       std::to_string(state->keep) + "} or less");
    if (state->full && !isWindow(*mask))
      return error(frame, decl.location,
                   "state " + path +
                       " is full before the first token, so its mask must be "
                       "a window");
    if (state->chunk > 0 && !withinChunk(*mask, state->chunk))
      return error(frame, decl.location,
                   "the mask reaches beyond the chunk of " +
                       std::to_string(state->chunk) +
                       " rows after which "
                       "state " +
                       path + " is emptied; it needs {chunk: " +
                       std::to_string(state->chunk) + "}");
  }
  return unknown || stepsAgree(decl, frame, *mask, read);
}

} // namespace sluice::spec
