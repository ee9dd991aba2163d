// What the runtime counts for a sequence: the length of its prompt, and, for
// models that fill in a part of what they have read (positions of kind
// "spans"), where the tokens stand that belong to that part.
#include "runtime/api/Impl.h"

#include <algorithm>

namespace sluice {

using artifact::list;
using artifact::text;

static Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

static bool goesOn(const executor::ReadyEntry &entry) {
  return entry.advances && entry.role == state::Role::Main;
}

int64_t Model::Impl::lengthOf(int32_t slot) const {
  return checkSlot(slot).ok() ? executor->slots().length(slot) : 0;
}

// The tokens of a sequence, or null if it gives rows instead.
static const int32_t *tokensIn(const executor::ReadyEntry &entry,
                               const executor::StepSequence &sequence) {
  for (size_t i = 0; i < entry.inputs.size(); ++i)
    if (entry.inputs[i].isTokens)
      return static_cast<const int32_t *>(sequence.values[i]);
  return nullptr;
}

namespace {
// Tokens [0, begin) are the prefix; those from there on fill the place of the
// token at `anchor`.
struct Spans {
  int64_t begin = 0, anchor = 0;
};
} // namespace

static Result<Spans> findSpans(const format::Entry &entry,
                               std::span<const int32_t> tokens) {
  auto begin = std::find(tokens.begin(), tokens.end(), entry.begin());
  if (begin == tokens.end())
    return invalid("there is no token " + std::to_string(entry.begin()) +
                   ", up to which the tokens of a sequence see each other and "
                   "come in one step");
  std::string names;
  for (const format::Anchors *anchors : list(entry.anchors())) {
    const auto &equal = *anchors->tokens();
    auto found =
        std::find_first_of(tokens.begin(), begin, equal.begin(), equal.end());
    if (found != begin)
      return Spans{begin - tokens.begin(), found - tokens.begin()};
    for (int32_t token : equal)
      names += (names.empty() ? "" : ", ") + std::to_string(token);
  }
  return invalid("there is none of the tokens " + names + " before token " +
                 std::to_string(entry.begin()) + ", which fills its place");
}

Result<int64_t>
Model::Impl::firstStep(const executor::ReadyEntry &entry,
                       const executor::StepSequence &sequence) const {
  const int32_t *tokens = tokensIn(entry, sequence);
  if (text(entry.info->positions()) != "spans" || !tokens ||
      (goesOn(entry) && lengthOf(sequence.slot) > 0))
    return 0;
  Result<Spans> spans =
      findSpans(*entry.info, {tokens, static_cast<size_t>(sequence.count)});
  if (!spans.ok())
    return spans.status();
  int64_t capacity = executor->limits().capacity;
  if (spans->begin >= capacity)
    return invalid("its first " + std::to_string(spans->begin + 1) +
                   " tokens see each other and come in one step, the capacity "
                   "is " +
                   std::to_string(capacity));
  return spans->begin + 1;
}

// What a sequence's rows of this step are counted from.
static std::vector<int32_t> rowsOf(std::string_view type, const Spans &spans,
                                   int64_t prompt, int64_t announced,
                                   int64_t first, int64_t count) {
  std::vector<int32_t> rows;
  for (int64_t i = first; i < first + count; ++i) {
    bool filled = i >= spans.begin;
    int64_t value = filled ? spans.anchor : i; // positions
    if (type == "prompt")
      value = prompt;
    else if (type == "announced")
      value = announced;
    else if (type == "prefix")
      value = spans.begin;
    else if (type == "block_positions")
      value = filled ? i - spans.begin + 1 : 0;
    rows.push_back(static_cast<int32_t>(value));
  }
  return rows;
}

// The prompt's length as it was announced with the first tokens.
static Result<int64_t> promptOf(const executor::StepSequence &sequence,
                                int64_t held, int64_t known, int64_t context) {
  if (sequence.prompt < 0)
    return invalid("a prompt of " + std::to_string(sequence.prompt) +
                   " tokens");
  if (sequence.prompt > context)
    return invalid("a prompt of " + std::to_string(sequence.prompt) +
                   " tokens, longer than the context of " +
                   std::to_string(context));
  if (held == 0)
    return sequence.prompt > 0 ? sequence.prompt : sequence.count;
  if (known == 0)
    known = held;
  if (sequence.prompt > 0 && sequence.prompt != known)
    return invalid("a prompt of " + std::to_string(sequence.prompt) +
                   " tokens, but with its first tokens the sequence had one "
                   "of " +
                   std::to_string(known));
  return known;
}

Status Model::Impl::count(const executor::ReadyEntry &entry,
                          std::span<executor::StepSequence> sequences) {
  bool spanned = text(entry.info->positions()) == "spans";
  counted.clear();
  for (size_t s = 0; s < sequences.size(); ++s) {
    executor::StepSequence &sequence = sequences[s];
    // The executor says what is wrong with others.
    if (!checkSlot(sequence.slot).ok() || sequence.count < 1 ||
        sequence.values.size() != entry.inputs.size())
      continue;
    auto slot = static_cast<size_t>(sequence.slot);
    int64_t past = goesOn(entry) ? lengthOf(sequence.slot) : 0;
    int64_t context = executor->limits().context;
    Result<int64_t> prompt = promptOf(sequence, past, prompts[slot], context);
    if (!prompt.ok())
      return prompt.status().in("sequence " + std::to_string(s));
    int64_t said =
        past > 0 ? announced[slot] : std::min(sequence.announced, context);
    if (goesOn(entry)) {
      prompts[slot] = *prompt;
      announced[slot] = said;
    }
    Spans spans;
    if (const int32_t *tokens = tokensIn(entry, sequence); spanned && tokens) {
      std::span<const int32_t> all(tokens, static_cast<size_t>(sequence.count));
      if (past > 0)
        all = {held[slot].data(), static_cast<size_t>(past)};
      Result<Spans> found = findSpans(*entry.info, all);
      if (!found.ok())
        return found.status().in("sequence " + std::to_string(s));
      spans = *found;
    }
    for (size_t i = 0; i < entry.inputs.size(); ++i) {
      std::string_view type = text(entry.inputs[i].info->type());
      if (sequence.values[i] ||
          !(isCounted(type) || (spanned && type == "positions")))
        continue;
      counted.push_back(
          rowsOf(type, spans, *prompt, said, past, sequence.count));
      sequence.values[i] = counted.back().data();
    }
  }
  return {};
}

} // namespace sluice
