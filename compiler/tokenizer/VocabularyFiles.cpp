#include "compiler/tokenizer/VocabularyFiles.h"

#include "compiler/tokenizer/Lines.h"
#include "runtime/support/Base64.h"
#include "runtime/support/Json.h"
#include "runtime/unicode/ByteAlphabet.h"
#include "runtime/unicode/Unicode.h"

#include <optional>
#include <unordered_map>

namespace sluice::tokenizer {

using nlohmann::json;

namespace {

Status broken(const std::string &what) { return Status(Code::Corrupt, what); }

int64_t find(const TokenList &list, std::string_view token) {
  for (size_t id = 0; id < list.tokens.size(); ++id)
    if (list.tokens[id] == token)
      return int64_t(id);
  return -1;
}

struct Ranked {
  std::string token;
  int64_t rank;
};

std::optional<Ranked> readRank(std::string_view line) {
  size_t cut = line.find(' ');
  if (cut == std::string_view::npos)
    return std::nullopt;
  std::optional<std::string> token = fromBase64(line.substr(0, cut));
  int64_t rank = number(line.substr(cut + 1));
  if (!token || token->empty() || rank < 0)
    return std::nullopt;
  return Ranked{std::move(*token), rank};
}

using Ranks = std::unordered_map<std::string, int64_t>;

// The two parts that make a token in the end when all merges of lower rank are
// done; none for a single byte.
std::optional<std::pair<std::string, std::string>>
partsOf(const Ranks &ranks, const std::string &token, int64_t below) {
  std::vector<std::string> parts;
  for (char byte : token)
    parts.emplace_back(1, byte);
  while (parts.size() > 2) {
    int64_t best = below;
    size_t at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      if (auto it = ranks.find(parts[i] + parts[i + 1]);
          it != ranks.end() && it->second < best) {
        best = it->second;
        at = i;
      }
    if (best == below)
      return std::nullopt;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  if (parts.size() < 2)
    return std::nullopt;
  return std::pair(parts[0], parts[1]);
}

// The entry of the table for so many ranks.
Result<json> kindOf(const json &kinds, size_t ranks) {
  std::string known;
  for (const json &kind : kinds) {
    int64_t count = kind.is_object() ? kind.value("ranks", int64_t(-1)) : -1;
    if (count == int64_t(ranks))
      return kind;
    known += (known.empty() ? "" : ", ") + std::to_string(count);
  }
  return Status(Code::Unsupported, "a vocabulary of " + std::to_string(ranks) +
                                       " ranks is not known (known: " + known +
                                       ")");
}

// "<|reserved_{}|>", 5, 250 stands for the tokens with these numbers.
Status addSpecials(const json &specials, TokenList &list) {
  auto add = [&](const std::string &token) {
    list.tokens.push_back(token);
    list.types.push_back(TokenType::Control);
  };
  for (const json &item : specials) {
    if (item.is_string()) {
      add(item);
      continue;
    }
    bool run = item.is_array() && item.size() == 3 && item[0].is_string() &&
               item[1].is_number_integer() && item[2].is_number_integer();
    std::string pattern = run ? item[0].get<std::string>() : "";
    size_t hole = pattern.find("{}");
    if (hole == std::string::npos)
      return broken("table of ranks: a special token is neither a text nor "
                    "[pattern with {}, first, last]");
    for (int64_t i = item[1]; i <= item[2].get<int64_t>(); ++i)
      add(std::string(pattern).replace(hole, 2, std::to_string(i)));
  }
  return {};
}

} // namespace

Result<json> fromTokenLines(std::string_view text, bool lowercase) {
  TokenList list;
  forLines(text, [&](std::string_view line) {
    list.tokens.emplace_back(line);
    bool control = line.size() > 2 && line.front() == '[' &&
                   line.back() == ']' && line.find("unused") == line.npos;
    list.types.push_back(control ? TokenType::Control : TokenType::Normal);
    return true;
  });
  list.bos = find(list, "[CLS]");
  list.separator = find(list, "[SEP]");
  list.unknown = find(list, "[UNK]");
  if (list.unknown < 0)
    return broken("has no token [UNK]");
  return wordPieces(list, lowercase);
}

json tokensByLine(std::string_view text) {
  json ids = json::object();
  int64_t next = 0;
  forLines(text, [&](std::string_view line) {
    while (!line.empty()) {
      size_t start = unicode::before(line, line.size()), at = start;
      if (!unicode::isWhitespace(unicode::next(line, at)))
        break;
      line = line.substr(0, start);
    }
    ids[std::string(line)] = next++;
    return true;
  });
  return ids;
}

Result<json> fromVocabularyAndMerges(std::string_view vocabulary,
                                     std::string_view merges) {
  Result<json> ids = parseJson(vocabulary);
  if (!ids.ok())
    return ids.status().in("vocab.json");
  if (!ids->is_object())
    return broken("vocab.json: expected an object of tokens and ids");
  json pairs = json::array();
  int line = 0;
  std::string problem;
  forLines(merges, [&](std::string_view text) {
    ++line;
    if (text.empty() || (line == 1 && text.starts_with("#version")))
      return true;
    size_t cut = text.find(' ', 1);
    if (cut == std::string_view::npos) {
      problem = "merges.txt: line " + std::to_string(line) +
                " is not a pair of tokens";
      return false;
    }
    pairs.push_back(json::array({text.substr(0, cut), text.substr(cut + 1)}));
    return true;
  });
  if (!problem.empty())
    return broken(problem);
  json made = bytePairs({}, std::move(pairs), byteLevel(true), false);
  made["model"]["vocab"] = std::move(*ids);
  return made;
}

bool isRankFile(std::string_view text) {
  return readRank(firstLine(text)).has_value();
}

Result<json> fromRanks(std::string_view text, const json &kinds) {
  Ranks ranks;
  TokenList list;
  std::string problem;
  forLines(text, [&](std::string_view line) {
    if (line.empty())
      return true;
    std::optional<Ranked> entry = readRank(line);
    if (!entry || entry->rank != int64_t(list.tokens.size()))
      problem = "line " + std::to_string(list.tokens.size() + 1) +
                " is not a token in base64 and the next rank";
    else
      ranks.emplace(entry->token, entry->rank);
    if (problem.empty())
      list.tokens.push_back(std::move(entry->token));
    return problem.empty();
  });
  if (!problem.empty())
    return broken(problem);
  // What makes a token is found in steps with the square of its length.
  if (Status status = checkLengths(list.tokens, 4 << 10); !status.ok())
    return status;
  Result<json> kind = kindOf(kinds, list.tokens.size());
  if (!kind.ok())
    return kind.status();

  json merges = json::array();
  for (size_t rank = 0; rank < list.tokens.size(); ++rank)
    if (auto parts = partsOf(ranks, list.tokens[rank], int64_t(rank)))
      merges.push_back(json::array({unicode::toByteAlphabet(parts->first),
                                    unicode::toByteAlphabet(parts->second)}));
  list.types.assign(list.tokens.size(), TokenType::Normal);
  for (std::string &token : list.tokens)
    token = unicode::toByteAlphabet(token);
  if (Status status = addSpecials(kind->value("special", json::array()), list);
      !status.ok())
    return status;
  list.bos = find(list, kind->value("bos", ""));
  list.addBos = list.bos >= 0;
  json made =
      bytePairs(list, std::move(merges),
                cutBy(kind->value("cut", std::vector<std::string>())), true);
  if (kind->contains("normalizer"))
    made["normalizer"] = {{"type", (*kind)["normalizer"]}};
  return made;
}

} // namespace sluice::tokenizer
