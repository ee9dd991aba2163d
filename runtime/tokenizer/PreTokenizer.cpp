// Pre-tokenizers that change what they cut; the others are in Splitters.cpp.
#include "runtime/tokenizer/Component.h"
#include "runtime/unicode/ByteAlphabet.h"

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<PreTokenizer>;

class PreTokenizerSequence : public PreTokenizer {
public:
  std::vector<Pointer> steps;
  Status split(Pieces &pieces) const override {
    for (const Pointer &step : steps) {
      if (Status status = step->split(pieces); !status.ok())
        return status;
      if (Status status = checkGrown(pieces.text.size()); !status.ok())
        return status;
    }
    return {};
  }
  bool needsOrigin() const override {
    for (const Pointer &step : steps)
      if (step->needsOrigin())
        return true;
    return false;
  }
  bool leaveBytes() override {
    return !steps.empty() && steps.back()->leaveBytes();
  }
};

// Writes every piece anew, by write(piece, text) at the end of a new text.
template <typename Write> void rewritePieces(Pieces &pieces, Write write) {
  Pieces result;
  result.text.tracked = pieces.text.tracked;
  result.text.bytes.reserve(pieces.text.size() + pieces.text.size() / 8);
  result.list.reserve(pieces.list.size());
  for (const Piece &piece : pieces.list) {
    uint32_t begin = uint32_t(result.text.size());
    if (piece.id >= 0)
      result.text.append(pieces.text, piece.begin, piece.end);
    else
      write(piece, result.text);
    result.list.push_back({begin, uint32_t(result.text.size()), piece.id});
  }
  pieces = std::move(result);
}

// Cuts by a regular expression, then writes bytes in the byte alphabet.
class ByteLevel : public PreTokenizer {
public:
  ByteLevel(bool prefixSpace, Pointer words)
      : prefixSpace(prefixSpace), words(std::move(words)) {}

  Status split(Pieces &pieces) const override {
    if (prefixSpace)
      addSpaces(pieces);
    if (words)
      if (Status status = words->split(pieces); !status.ok())
        return status;
    if (spells)
      spell(pieces);
    return {};
  }

  bool leaveBytes() override {
    spells = false;
    return true;
  }

private:
  static void addSpaces(Pieces &pieces) {
    const Text &text = pieces.text;
    rewritePieces(pieces, [&](const Piece &piece, Text &out) {
      if (text.bytes[piece.begin] != ' ')
        out.add(" ", text.originOf(piece.begin, piece.begin + 1));
      out.append(text, piece.begin, piece.end);
    });
  }

  static void spell(Pieces &pieces) {
    const Text &text = pieces.text;
    std::string character;
    rewritePieces(pieces, [&](const Piece &piece, Text &out) {
      for (size_t at = piece.begin; at < piece.end; ++at) {
        character.clear();
        unicode::append(character,
                        unicode::byteCharacter(uint8_t(text.bytes[at])));
        out.add(character, text.originOf(at, at + 1));
      }
    });
  }

  bool prefixSpace;
  Pointer words;
  bool spells = true;
};

class Metaspace : public PreTokenizer {
public:
  enum class Prepend { Always, First, Never } scheme = Prepend::Always;
  std::string replacement;
  Pointer words; // cuts in front of the replacement; may be null

  bool needsOrigin() const override { return scheme == Prepend::First; }

  Status split(Pieces &pieces) const override {
    const Text &text = pieces.text;
    rewritePieces(pieces, [&](const Piece &piece, Text &out) {
      replace(text, piece, out);
    });
    return words ? words->split(pieces) : Status();
  }

private:
  void replace(const Text &text, const Piece &piece, Text &out) const {
    std::string_view view = text.view(piece.begin, piece.end);
    TextSpan first = text.originOf(piece.begin, piece.begin + 1);
    bool wanted = scheme == Prepend::Always ||
                  (scheme == Prepend::First && first.begin == 0);
    bool there = view[0] == ' ' || view.starts_with(replacement);
    if (wanted && !there)
      out.add(replacement, first);
    size_t done = piece.begin;
    for (size_t at = view.find(' '); at != std::string_view::npos;
         at = view.find(' ', at + 1)) {
      size_t place = piece.begin + at;
      out.append(text, done, place);
      out.add(replacement, text.originOf(place, place + 1));
      done = place + 1;
    }
    out.append(text, done, piece.end);
  }
};

// How byte-level vocabularies cut text into words.
const char *wordPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
    "\\s+(?!\\S)|\\s+";

Result<Pointer> parseByteLevel(const Json &json) {
  Pointer words;
  if (flag(json, "use_regex", true)) {
    Result<Pointer> split = parseSplitter(
        {{"type", "Split"}, {"pattern", {{"Regex", wordPattern}}}});
    if (!split.ok())
      return split;
    words = std::move(*split);
  }
  return Pointer(
      new ByteLevel(flag(json, "add_prefix_space", true), std::move(words)));
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
    metaspace->scheme = Prepend::Never;
  else if (scheme == "first")
    metaspace->scheme = Prepend::First;
  if (flag(json, "split", true)) {
    Result<Pointer> words =
        parseSplitter({{"type", "Split"},
                       {"pattern", {{"String", *replacement}}},
                       {"behavior", "MergedWithNext"}});
    if (!words.ok())
      return words;
    metaspace->words = std::move(*words);
  }
  return Pointer(std::move(metaspace));
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
  if (type == "Metaspace")
    return parseMetaspace(json);
  return parseSplitter(json);
}

} // namespace sluice::tokenizer
