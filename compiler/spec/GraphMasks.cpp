// Masks: their terms, and whether they stay within what a state keeps.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

static const std::vector<std::string> maskWords = {
    "causal",   "all",  "window", "band", "chunk",
    "segments", "keys", "blocks", "any",  "prefix"};

bool GraphBuilder::mask(const Data &data, Frame &frame, Mask &out,
                        bool nested) {
  if (data.kind != Data::Kind::List) {
    if (nested)
      return maskTerm(data, frame, out);
    return error(frame, data.location, "a mask is a list of terms");
  }
  if (data.items.empty())
    return error(frame, data.location,
                 "a mask needs at least one term; `all` allows every key");
  for (const Data &item : data.items)
    if (!maskTerm(item, frame, out))
      return false;
  return true;
}

bool GraphBuilder::maskArg(const Data &data, Frame &frame,
                           const std::string &name, MaskTerm &term,
                           bool &dropped) {
  if (data.isWord()) {
    ValueId id;
    if (!lookup(data.scalar, frame, id))
      return false;
    term.args.push_back({name, id});
    return true;
  }
  FrameEnv env(*this, frame);
  std::optional<Value> value = evaluate(data, env, diagnostics_);
  if (!value)
    return false;
  if (value->isNone()) {
    dropped = true; // {window: none} limits nothing
    return true;
  }
  if (!value->isInt())
    return error(frame, data.location,
                 "mask argument " + quote(name) +
                     " must be an int or a value "
                     "of the graph, found " +
                     print(*value));
  term.args.push_back({name, *value});
  return true;
}

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
  if (std::find(maskWords.begin(), maskWords.end(), term.kind) ==
      maskWords.end())
    return error(frame, data.location,
                 "unknown mask term " + quote(term.kind) +
                     suggest(term.kind, maskWords));
  bool bare = term.kind == "causal" || term.kind == "all";
  if (bare == (argument != nullptr))
    return error(frame, data.location,
                 "mask term " + quote(term.kind) +
                     (bare ? " takes no argument" : " needs an argument"));
  bool dropped = false;
  if (term.kind == "any") {
    if (argument->kind != Data::Kind::List || argument->items.empty())
      return error(frame, data.location, "`any` needs a list of terms");
    for (const Data &alternative : argument->items) {
      term.any.emplace_back();
      if (!mask(alternative, frame, term.any.back(), true))
        return false;
      // An alternative whose terms are all dropped allows everything.
      dropped |= term.any.back().empty();
    }
  } else if (argument && argument->kind == Data::Kind::Map) {
    for (size_t i = 0; i < argument->items.size(); ++i)
      if (!maskArg(argument->items[i], frame, argument->keys[i].text, term,
                   dropped))
        return false;
  } else if (argument) {
    if (!maskArg(*argument, frame, term.kind, term, dropped))
      return false;
  }
  if (!dropped)
    out.push_back(std::move(term));
  return true;
}

// True if every key that the mask allows is among the last `keep` rows.
static bool withinKeep(const Mask &mask, int64_t keep) {
  return std::any_of(mask.begin(), mask.end(), [&](const MaskTerm &term) {
    if (term.kind == "any")
      return std::all_of(term.any.begin(), term.any.end(),
                         [&](const Mask &alternative) {
                           return withinKeep(alternative, keep);
                         });
    if ((term.kind != "window" && term.kind != "chunk") || term.args.empty())
      return false;
    const auto *reach = std::get_if<Value>(&term.args[0].data);
    return reach && reach->isInt() && reach->integer() <= keep;
  });
}

// True if no key lies before the last multiple of `chunk`.
static bool withinChunk(const Mask &mask, int64_t chunk) {
  return std::any_of(mask.begin(), mask.end(), [&](const MaskTerm &term) {
    if (term.kind == "any")
      return std::all_of(term.any.begin(), term.any.end(),
                         [&](const Mask &alternative) {
                           return withinChunk(alternative, chunk);
                         });
    if (term.kind != "chunk" || term.args.empty())
      return false;
    const auto *size = std::get_if<Value>(&term.args[0].data);
    return size && size->isInt() && size->integer() > 0 &&
           chunk % size->integer() == 0;
  });
}

bool GraphBuilder::masksReach(
    const NodeDecl &decl, const Frame &frame,
    const std::vector<std::pair<std::string, Operand>> &slots,
    const Sink &sink) {
  const Mask *mask = nullptr;
  for (const auto &[name, operand] : slots)
    if (const auto *own = operand.get<Mask>())
      mask = own;
  if (!mask)
    return true;
  for (const auto &[name, operand] : slots) {
    const auto *id = operand.get<ValueId>();
    auto handle = id ? sink.handles.find(id->id) : sink.handles.end();
    const State *state =
        handle == sink.handles.end() ? nullptr : model_.state(handle->second);
    if (!state)
      continue;
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
  return true;
}

} // namespace sluice::spec
