#include "runtime/tokenizer/Component.h"
#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Unicode.h"

#include <functional>

namespace sluice::tokenizer {

namespace {

using Pieces = std::vector<std::string>;
using Pointer = std::unique_ptr<PreTokenizer>;

class PreTokenizerSequence : public PreTokenizer {
public:
  std::vector<Pointer> steps;
  Status split(Pieces &pieces, bool first) const override {
    for (const auto &step : steps)
      if (Status status = step->split(pieces, first); !status.ok())
        return status;
    return {};
  }
};

// A pre-tokenizer that looks at one piece at a time.
class PieceSplitter : public PreTokenizer {
public:
  Status split(Pieces &pieces, bool first) const override {
    Pieces result;
    for (size_t i = 0; i < pieces.size(); ++i)
      if (Status status = cut(pieces[i], first && i == 0, result); !status.ok())
        return status;
    pieces = std::move(result);
    return {};
  }

protected:
  virtual Status cut(const std::string &piece, bool first,
                     Pieces &out) const = 0;
};

void addPiece(Pieces &out, std::string piece) {
  if (!piece.empty())
    out.push_back(std::move(piece));
}

enum class Behavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous
};

// Joins the runs of a text into pieces; a run is a delimiter or the text
// between two of them.
class RunJoiner {
public:
  RunJoiner(Behavior behavior, Pieces &out) : behavior(behavior), out(out) {}

  void add(std::string_view run, bool delimiter) {
    if (run.empty())
      return;
    switch (behavior) {
    case Behavior::Removed:
      if (!delimiter)
        out.emplace_back(run);
      break;
    case Behavior::Isolated:
      out.emplace_back(run);
      break;
    case Behavior::Contiguous:
      extend(run, delimiter && previousDelimiter);
      break;
    case Behavior::MergedWithPrevious:
      extend(run, delimiter && open && !previousDelimiter);
      break;
    case Behavior::MergedWithNext:
      extend(run, !delimiter && previousDelimiter);
      break;
    }
    open = true;
    previousDelimiter = delimiter;
  }

private:
  void extend(std::string_view run, bool join) {
    if (join)
      out.back() += run;
    else
      out.emplace_back(run);
  }

  Behavior behavior;
  Pieces &out;
  bool open = false, previousDelimiter = false;
};

class Split : public PieceSplitter {
public:
  Split(Regex pattern, Behavior behavior, bool invert)
      : pattern(std::move(pattern)), behavior(behavior), invert(invert) {}

protected:
  Status cut(const std::string &piece, bool, Pieces &out) const override {
    RunJoiner joiner(behavior, out);
    std::string_view text = piece;
    size_t done = 0;
    Status status = pattern.forEach(text, [&](size_t begin, size_t end) {
      joiner.add(text.substr(done, begin - done), invert);
      joiner.add(text.substr(begin, end - begin), !invert);
      done = end;
    });
    joiner.add(text.substr(done), invert);
    return status;
  }

private:
  Regex pattern;
  Behavior behavior;
  bool invert;
};

// Characters that `isDelimiter` names, handled by a behavior.
class CharacterSplit : public PieceSplitter {
public:
  CharacterSplit(std::function<bool(int32_t)> isDelimiter, Behavior behavior)
      : isDelimiter(std::move(isDelimiter)), behavior(behavior) {}

protected:
  Status cut(const std::string &piece, bool, Pieces &out) const override {
    RunJoiner joiner(behavior, out);
    size_t begin = 0;
    for (size_t at = 0; at < piece.size();) {
      size_t start = at;
      if (!isDelimiter(unicode::next(piece, at)))
        continue;
      joiner.add(std::string_view(piece).substr(begin, start - begin), false);
      joiner.add(std::string_view(piece).substr(start, at - start), true);
      begin = at;
    }
    joiner.add(std::string_view(piece).substr(begin), false);
    return {};
  }

private:
  std::function<bool(int32_t)> isDelimiter;
  Behavior behavior;
};

// Cuts by a regular expression, then writes bytes in the byte alphabet.
class ByteLevel : public PreTokenizer {
public:
  ByteLevel(bool prefixSpace, std::unique_ptr<Split> words)
      : prefixSpace(prefixSpace), words(std::move(words)) {}

  Status split(Pieces &pieces, bool first) const override {
    if (prefixSpace)
      for (std::string &piece : pieces)
        if (piece[0] != ' ')
          piece.insert(0, " ");
    if (words)
      if (Status status = words->split(pieces, first); !status.ok())
        return status;
    for (std::string &piece : pieces)
      piece = toByteAlphabet(piece);
    return {};
  }

private:
  bool prefixSpace;
  std::unique_ptr<Split> words;
};

class Metaspace : public PieceSplitter {
public:
  std::string replacement;
  enum class Prepend { Always, First, Never } prepend = Prepend::Always;
  bool splits = true;

protected:
  Status cut(const std::string &piece, bool first, Pieces &out) const override {
    std::string text;
    for (char c : piece)
      text += c == ' ' ? replacement : std::string(1, c);
    bool wanted =
        prepend == Prepend::Always || (prepend == Prepend::First && first);
    if (wanted && text.rfind(replacement, 0) != 0)
      text = replacement + text;
    if (!splits) {
      addPiece(out, text);
      return {};
    }
    size_t begin = 0;
    for (size_t at = text.find(replacement, 1); at != std::string::npos;
         at = text.find(replacement, at + 1)) {
      addPiece(out, text.substr(begin, at - begin));
      begin = at;
    }
    addPiece(out, text.substr(begin));
    return {};
  }
};

// How byte-level vocabularies cut text into words.
const char *wordPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
    "\\s+(?!\\S)|\\s+";

Result<Pointer> parseByteLevel(const Json &json) {
  std::unique_ptr<Split> words;
  if (flag(json, "use_regex", true)) {
    Result<Regex> regex = Regex::compile(wordPattern);
    if (!regex.ok())
      return regex.status();
    words =
        std::make_unique<Split>(std::move(*regex), Behavior::Isolated, false);
  }
  return Pointer(
      new ByteLevel(flag(json, "add_prefix_space", true), std::move(words)));
}

Result<Behavior> parseBehavior(const Json &json) {
  std::string name = text(json, "behavior", "Isolated");
  const std::pair<const char *, Behavior> names[] = {
      {"Removed", Behavior::Removed},
      {"Isolated", Behavior::Isolated},
      {"MergedWithPrevious", Behavior::MergedWithPrevious},
      {"MergedWithNext", Behavior::MergedWithNext},
      {"Contiguous", Behavior::Contiguous}};
  for (const auto &[word, behavior] : names)
    if (name == word)
      return behavior;
  return unknown("split behavior", name);
}

Result<Pointer> parseSplit(const Json &json) {
  Result<Behavior> behavior = parseBehavior(json);
  if (!behavior.ok())
    return behavior.status();
  Result<Regex> regex = parsePattern(member(json, "pattern"));
  if (!regex.ok())
    return regex.status();
  return Pointer(
      new Split(std::move(*regex), *behavior, flag(json, "invert", false)));
}

Result<Pointer> parseSequence(const Json &json) {
  auto steps = parseList(json, "pretokenizers", parsePreTokenizer);
  if (!steps.ok())
    return steps.status();
  auto sequence = std::make_unique<PreTokenizerSequence>();
  sequence->steps = std::move(*steps);
  return Pointer(std::move(sequence));
}

Result<Pointer> parseMetaspace(const Json &json) {
  using Prepend = Metaspace::Prepend;
  auto metaspace = std::make_unique<Metaspace>();
  Result<std::string> replacement =
      character(json, "replacement", "\xe2\x96\x81");
  if (!replacement.ok())
    return replacement.status();
  metaspace->replacement = *replacement;
  std::string scheme = text(json, "prepend_scheme", "always");
  if (scheme != "always" && scheme != "first" && scheme != "never")
    return unknown("prepend_scheme", scheme);
  // Older files have add_prefix_space instead.
  if (scheme == "never" || !flag(json, "add_prefix_space", true))
    metaspace->prepend = Prepend::Never;
  else if (scheme == "first")
    metaspace->prepend = Prepend::First;
  metaspace->splits = flag(json, "split", true);
  return Pointer(std::move(metaspace));
}

Pointer bertPreTokenizer() {
  auto sequence = std::make_unique<PreTokenizerSequence>();
  sequence->steps.push_back(std::make_unique<CharacterSplit>(
      unicode::isWhitespace, Behavior::Removed));
  sequence->steps.push_back(std::make_unique<CharacterSplit>(
      unicode::isPunctuation, Behavior::Isolated));
  return sequence;
}

} // namespace

Result<Pointer> parsePreTokenizer(const Json &json) {
  if (json.is_null())
    return Pointer();
  std::string type = typeOf(json);
  if (type == "Sequence")
    return parseSequence(json);
  if (type == "ByteLevel")
    return parseByteLevel(json);
  if (type == "Split")
    return parseSplit(json);
  if (type == "Digits")
    return Pointer(new CharacterSplit(unicode::isNumber,
                                      flag(json, "individual_digits", false)
                                          ? Behavior::Isolated
                                          : Behavior::Contiguous));
  if (type == "Punctuation") {
    Result<Behavior> behavior = parseBehavior(json);
    if (!behavior.ok())
      return behavior.status();
    return Pointer(new CharacterSplit(unicode::isPunctuation, *behavior));
  }
  if (type == "WhitespaceSplit")
    return Pointer(
        new CharacterSplit(unicode::isWhitespace, Behavior::Removed));
  if (type == "Whitespace") {
    Result<Regex> regex = Regex::compile("\\w+|[^\\w\\s]+");
    if (!regex.ok())
      return regex.status();
    return Pointer(new Split(std::move(*regex), Behavior::Removed, true));
  }
  if (type == "BertPreTokenizer")
    return bertPreTokenizer();
  if (type == "Metaspace")
    return parseMetaspace(json);
  return unknown("pre-tokenizer", type);
}

} // namespace sluice::tokenizer
