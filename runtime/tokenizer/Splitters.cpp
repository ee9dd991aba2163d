// Pre-tokenizers that cut pieces and change nothing.
#include "runtime/tokenizer/Component.h"

#include <algorithm>

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<PreTokenizer>;

// Takes the parts of one piece.
class Parts {
public:
  Parts(const Piece &piece, std::vector<Piece> &out)
      : base_(piece.begin), out_(out) {}
  void add(size_t begin, size_t end) {
    if (begin < end)
      out_.push_back({base_ + uint32_t(begin), base_ + uint32_t(end), -1});
  }

private:
  uint32_t base_;
  std::vector<Piece> &out_;
};

// A pre-tokenizer that looks at one piece at a time.
class Splitter : public PreTokenizer {
public:
  Status split(Pieces &pieces) const override {
    std::vector<Piece> result;
    result.reserve(pieces.list.size());
    for (const Piece &piece : pieces.list) {
      if (piece.id >= 0) {
        result.push_back(piece);
        continue;
      }
      Parts parts(piece, result);
      if (Status status = cut(pieces.view(piece), parts); !status.ok())
        return status;
    }
    pieces.list = std::move(result);
    return {};
  }

protected:
  virtual Status cut(std::string_view text, Parts &parts) const = 0;
};

enum class Behavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous
};

// Joins the runs of a text into parts; a run is a delimiter or the text between
// two of them. Delimiters may be empty.
class RunJoiner {
public:
  RunJoiner(Behavior behavior, bool invert, Parts &parts)
      : behavior_(behavior), invert_(invert), parts_(parts) {}

  // A delimiter at [begin, end); the text before it is a run of its own.
  void delimiter(size_t begin, size_t end) {
    if (begin > done_)
      add(done_, begin, false);
    add(begin, end, true);
    done_ = end;
  }
  void finish(size_t size) {
    if (done_ < size)
      add(done_, size, false);
    if (behavior_ == Behavior::MergedWithNext)
      joinBackwards();
    else if (open_)
      parts_.add(begin_, end_);
  }

private:
  void add(size_t begin, size_t end, bool delimiter) {
    delimiter ^= invert_;
    switch (behavior_) {
    case Behavior::Removed:
      if (!delimiter)
        parts_.add(begin, end);
      return;
    case Behavior::Isolated:
      parts_.add(begin, end);
      return;
    case Behavior::MergedWithNext:
      runs_.push_back({begin, end, delimiter});
      return;
    case Behavior::Contiguous:
      extend(begin, end, delimiter == previous_);
      break;
    case Behavior::MergedWithPrevious:
      extend(begin, end, delimiter && !previous_);
      break;
    }
    previous_ = delimiter;
  }

  void extend(size_t begin, size_t end, bool join) {
    if (open_ && !join)
      parts_.add(begin_, end_);
    if (!open_ || !join)
      begin_ = begin;
    end_ = end;
    open_ = true;
  }

  // From the last run to the first; a delimiter joins what follows it.
  void joinBackwards() {
    std::vector<Run> joined;
    bool previous = false;
    for (size_t i = runs_.size(); i-- > 0;) {
      if (runs_[i].delimiter && !previous && !joined.empty())
        joined.back().begin = runs_[i].begin;
      else
        joined.push_back(runs_[i]);
      previous = runs_[i].delimiter;
    }
    for (size_t i = joined.size(); i-- > 0;)
      parts_.add(joined[i].begin, joined[i].end);
  }

  struct Run {
    size_t begin, end;
    bool delimiter;
  };

  Behavior behavior_;
  bool invert_;
  Parts &parts_;
  size_t done_ = 0;
  std::vector<Run> runs_;
  bool open_ = false, previous_ = false;
  size_t begin_ = 0, end_ = 0; // of the part that may still grow
};

class Split : public Splitter {
public:
  Split(Pattern pattern, Behavior behavior, bool invert)
      : pattern(std::move(pattern)), behavior(behavior), invert(invert) {}

protected:
  Status cut(std::string_view text, Parts &parts) const override {
    RunJoiner joiner(behavior, invert, parts);
    Status status = pattern.forEach(
        text, [&](size_t begin, size_t end) { joiner.delimiter(begin, end); });
    joiner.finish(text.size());
    return status;
  }

private:
  Pattern pattern;
  Behavior behavior;
  bool invert;
};

// Characters that `isDelimiter` names, handled by a behavior.
class CharacterSplit : public Splitter {
public:
  using Predicate = bool (*)(int32_t);
  CharacterSplit(Predicate isDelimiter, Behavior behavior)
      : isDelimiter(isDelimiter), behavior(behavior) {}

protected:
  Status cut(std::string_view text, Parts &parts) const override {
    RunJoiner joiner(behavior, false, parts);
    for (size_t at = 0; at < text.size();) {
      size_t begin = at;
      if (isDelimiter(unicode::next(text, at)))
        joiner.delimiter(begin, at);
    }
    joiner.finish(text.size());
    return {};
  }

private:
  Predicate isDelimiter;
  Behavior behavior;
};

class BertSplit : public Splitter {
protected:
  Status cut(std::string_view text, Parts &parts) const override {
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      size_t start = at;
      int32_t c = unicode::next(text, at);
      bool space = unicode::isWhitespace(c);
      if (!space && !unicode::isPunctuation(c))
        continue;
      parts.add(begin, start);
      if (!space)
        parts.add(start, at);
      begin = at;
    }
    parts.add(begin, text.size());
    return {};
  }
};

// Runs of word characters and runs of others; white space falls away.
class WordSplit : public Splitter {
protected:
  Status cut(std::string_view text, Parts &parts) const override {
    enum Kind { Space, Word, Other } last = Space;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      size_t start = at;
      int32_t c = unicode::next(text, at);
      Kind kind = unicode::isWord(c)         ? Word
                  : unicode::isWhitespace(c) ? Space
                                             : Other;
      if (kind != last) {
        if (last != Space)
          parts.add(begin, start);
        begin = start;
      }
      last = kind;
    }
    if (last != Space)
      parts.add(begin, text.size());
    return {};
  }
};

// Cuts where the script changes. What stands before the first character of a
// script falls away, as in the reference.
class ScriptSplit : public Splitter {
protected:
  Status cut(std::string_view text, Parts &parts) const override {
    int last = 0;
    size_t begin = text.size();
    for (size_t at = 0; at < text.size();) {
      size_t start = at;
      int script = unicode::script(unicode::next(text, at));
      if (script == 0)
        continue;
      if (script != last) {
        parts.add(begin, start);
        begin = start;
      }
      last = script;
    }
    parts.add(begin, text.size());
    return {};
  }
};

class FixedLength : public Splitter {
public:
  explicit FixedLength(size_t length) : length(length) {}

protected:
  Status cut(std::string_view text, Parts &parts) const override {
    size_t begin = 0, count = 0;
    for (size_t at = 0; at < text.size();) {
      unicode::next(text, at);
      if (++count < length)
        continue;
      parts.add(begin, at);
      begin = at;
      count = 0;
    }
    parts.add(begin, text.size());
    return {};
  }

private:
  size_t length;
};

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
  Result<Pattern> pattern = Pattern::parse(member(json, "pattern"));
  if (!pattern.ok())
    return pattern.status();
  return Pointer(
      new Split(std::move(*pattern), *behavior, flag(json, "invert", false)));
}

Result<Pointer> parsePunctuation(const Json &json) {
  Result<Behavior> behavior = parseBehavior(json);
  if (!behavior.ok())
    return behavior.status();
  return Pointer(new CharacterSplit(unicode::isPunctuation, *behavior));
}

Result<Pointer> parseDelimiter(const Json &json) {
  Result<std::string> delimiter = character(json, "delimiter", "");
  if (!delimiter.ok())
    return delimiter.status();
  return Pointer(
      new Split(Pattern(std::move(*delimiter)), Behavior::Removed, false));
}

Result<Pointer> parseFixedLength(const Json &json) {
  size_t length = number(json, "length", 5);
  if (length == 0)
    return corrupt("FixedLength of length 0");
  return Pointer(new FixedLength(length));
}

} // namespace

Result<Pointer> parseSplitter(const Json &json) {
  std::string type = typeOf(json);
  if (type == "Split")
    return parseSplit(json);
  if (type == "Digits")
    return Pointer(new CharacterSplit(unicode::isNumber,
                                      flag(json, "individual_digits", false)
                                          ? Behavior::Isolated
                                          : Behavior::Contiguous));
  if (type == "Punctuation")
    return parsePunctuation(json);
  if (type == "WhitespaceSplit")
    return Pointer(
        new CharacterSplit(unicode::isWhitespace, Behavior::Removed));
  if (type == "Whitespace")
    return Pointer(new WordSplit);
  if (type == "BertPreTokenizer")
    return Pointer(new BertSplit);
  if (type == "UnicodeScripts")
    return Pointer(new ScriptSplit);
  if (type == "CharDelimiterSplit")
    return parseDelimiter(json);
  if (type == "FixedLength")
    return parseFixedLength(json);
  return unknown("pre-tokenizer", type);
}

} // namespace sluice::tokenizer
