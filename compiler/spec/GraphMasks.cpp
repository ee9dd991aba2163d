// Masks: their terms, and whether they stay within what a state keeps.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

#include <algorithm>

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

// {window: none} limits nothing, and `size` is 0.
bool GraphBuilder::maskSize(const Data &data, Frame &frame,
                            const std::string &name, int64_t &size) {
  if (data.isWord())
    return error(frame, data.location,
                 "mask argument " + quote(name) +
                     " cannot be a value of the graph yet");
  FrameEnv env(*this, frame);
  std::optional<Value> value = evaluate(data, env, diagnostics_);
  if (!value)
    return false;
  if (value->isNone())
    return true;
  if (!value->isInt() || value->integer() < 1)
    return error(frame, data.location,
                 "mask argument " + quote(name) +
                     " must be a positive int or none, found " +
                     printShort(*value));
  size = value->integer();
  return true;
}

bool GraphBuilder::maskTerm(const Data &data, Frame &frame, Mask &out) {
  static const std::vector<std::string> words = {"causal", "all", "window",
                                                 "band", "chunk"};
  static const std::vector<std::string> later = {"segments", "keys", "blocks",
                                                 "any", "prefix"};
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
  if (std::find(later.begin(), later.end(), term.kind) != later.end())
    return error(frame, data.location,
                 "the mask term " + quote(term.kind) + " is not supported yet");
  if (std::find(words.begin(), words.end(), term.kind) == words.end())
    return error(frame, data.location,
                 "unknown mask term " + quote(term.kind) +
                     suggest(term.kind, words));
  bool bare = term.kind == "causal" || term.kind == "all";
  if (bare == (argument != nullptr))
    return error(frame, data.location,
                 "mask term " + quote(term.kind) +
                     (bare ? " takes no argument" : " needs an argument"));
  if (argument && !maskSize(*argument, frame, term.kind, term.size))
    return false;
  if (bare || term.size > 0)
    out.push_back(std::move(term));
  return true;
}

// True if every key that the mask allows is among the last `keep` rows.
static bool withinKeep(const Mask &mask, int64_t keep) {
  return std::any_of(mask.begin(), mask.end(), [&](const MaskTerm &term) {
    return (term.kind == "window" || term.kind == "chunk") && term.size <= keep;
  });
}

// True if no key lies before the last multiple of `chunk`.
static bool withinChunk(const Mask &mask, int64_t chunk) {
  return std::any_of(mask.begin(), mask.end(), [&](const MaskTerm &term) {
    return term.kind == "chunk" && chunk % term.size == 0;
  });
}

// True if no key after the query is allowed.
static bool isCausal(const Mask &mask) {
  return std::any_of(mask.begin(), mask.end(), [](const MaskTerm &term) {
    return term.kind == "causal" || term.kind == "window";
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
