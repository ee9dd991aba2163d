// Every key of a checkpoint's config is read by the spec, declared inert or
// reported: a key that nobody reads may well change what the model computes.
#include "compiler/spec/BindConfig.h"
#include "compiler/spec/Names.h"

#include <algorithm>

namespace sluice::spec {

using checkpoint::Checkpoint;
using checkpoint::Format;
using nlohmann::json;

// "file:path", or a path in config.json.
static std::pair<std::string, std::string> splitKey(const std::string &key) {
  size_t colon = key.rfind(':');
  if (colon == std::string::npos)
    return {"config.json", key};
  return {key.substr(0, colon), key.substr(colon + 1)};
}

Location locateKey(const Checkpoint &checkpoint, const std::string &key,
                   Diagnostics &diagnostics) {
  if (checkpoint.format() == Format::Gguf)
    return {checkpoint.path()};
  auto [file, path] = splitKey(key);
  checkpoint::KeyPlace place = checkpoint.place(file, path);
  if (place.line > 0)
    diagnostics.addSource(place.file, std::move(place.text));
  return {place.file, place.line, place.column};
}

// The words of a name, in small letters: "maxSeqLen2" is max, seq, len.
static std::vector<std::string> wordsOf(const std::string &name) {
  std::vector<std::string> words(1);
  bool small = false;
  for (unsigned char c : name) {
    bool capital = c >= 'A' && c <= 'Z';
    bool letter = capital || (c >= 'a' && c <= 'z') || c >= 0x80;
    if ((!letter || (capital && small)) && !words.back().empty())
      words.emplace_back();
    small = letter && !capital;
    if (letter)
      words.back() += char(capital ? c - 'A' + 'a' : c);
  }
  return words;
}

static bool equals(const json &found, const Value &value) {
  std::optional<Value> plain = plainValue(found);
  if (!plain)
    return false;
  if (plain->isNumber() && value.isNumber())
    return plain->number() == value.number();
  return *plain == value;
}

namespace {

class KeyAccount {
public:
  KeyAccount(const Checkpoint &checkpoint, ConfigScope &config,
             const BindOptions &options, Diagnostics &diagnostics, Model &model)
      : checkpoint_(checkpoint), config_(config), options_(options),
        diagnostics_(diagnostics), model_(model) {}

  void run() {
    if (!collect())
      return;
    if (checkpoint_.format() == Format::Gguf)
      metadata();
    else
      for (const std::string &file : files())
        if (const json *root = checkpoint_.config(file);
            root && root->is_object())
          for (const auto &[key, value] : root->items())
            visit((file == "config.json" ? "" : file + ":") + key, value);
    for (const std::string &key : options_.allowUnknownConfig)
      if (!used_.count(key))
        diagnostics_.warning({checkpoint_.path()},
                             "no unread key of the config is called " +
                                 quote(key) + ", which was to be passed over");
  }

private:
  bool collect() {
    read_ = {"architectures", "model_type"}; // `match`
    config_.collectRead(read_);
    config_.collectWords(words_);
    config_.collectPrefixes(prefixes_);
    bool ok = config_.collectInert(inert_);
    if (options_.common) {
      auto noWeights = [](const std::string &, bool &, std::string &error) {
        error = "the keys of every family know no weights";
        return false;
      };
      ConfigScope common(*options_.common->file, checkpoint_, diagnostics_,
                         noWeights);
      common.collectWords(words_);
      ok = common.collectInert(inert_) && ok;
    }
    return ok;
  }

  // config.json, what tells how to generate, and whatever the spec reads.
  std::set<std::string> files() const {
    std::set<std::string> files = {"config.json", "generation_config.json"};
    for (const std::string &key : read_)
      files.insert(splitKey(key).first);
    for (const InertKeys &inert : inert_)
      files.insert(splitKey(inert.pattern).first);
    return files;
  }

  void metadata() {
    for (const auto &[key, value] : checkpoint_.metadata().items()) {
      bool elsewhere = false; // the container's own, and the tokenizer's
      for (const char *space :
           {"general.", "tokenizer.", "split.", "quantize."})
        elsewhere |= key.starts_with(space);
      if (!elsewhere)
        visit(key, value);
    }
  }

  void visit(const std::string &key, const json &value) {
    bool says = !value.is_null() && !(value.is_structured() && value.empty());
    if (!says || covered(key, value)) {
      model_.keys.push_back(key);
    } else if (value.is_object() && readBelow(key)) {
      for (const auto &[name, inner] : value.items())
        visit(key + "." + name, inner);
    } else {
      model_.keys.push_back(key);
      model_.unreadKeys.push_back(key);
      if (!allowed(key))
        report(key, value);
    }
  }

  // The spec knows something below the key, so it is a namespace of its own.
  bool readBelow(const std::string &key) const {
    auto next = read_.lower_bound(key + ".");
    return prefixes_.count(key + ".") ||
           (next != read_.end() && next->starts_with(key + ".")) ||
           std::any_of(inert_.begin(), inert_.end(), [&](const InertKeys &k) {
             return k.pattern.starts_with(key + ".");
           });
  }

  bool covered(const std::string &key, const json &value) const {
    return read_.count(key) || (value.is_array() && readBelow(key)) ||
           isInert(key, value);
  }

  bool isInert(const std::string &key, const json &value) const {
    return std::any_of(inert_.begin(), inert_.end(), [&](const InertKeys &k) {
      return matches(k, key) &&
             (k.always ||
              std::any_of(k.values.begin(), k.values.end(),
                          [&](const Value &v) { return equals(value, v); }));
    });
  }

  // Patterns hold below the prefix of a group as they do at the top.
  bool matches(const InertKeys &inert, const std::string &key) const {
    return matchesPattern(inert.pattern, key) ||
           std::any_of(prefixes_.begin(), prefixes_.end(),
                       [&](const std::string &prefix) {
                         return key.starts_with(prefix) &&
                                matchesPattern(inert.pattern,
                                               key.substr(prefix.size()));
                       });
  }

  bool allowed(const std::string &key) {
    const std::vector<std::string> &allow = options_.allowUnknownConfig;
    bool found = std::find(allow.begin(), allow.end(), key) != allow.end();
    if (found)
      used_.insert(key);
    return found;
  }

  // Whether a key may change the mathematics of some family: config.json has
  // no namespaces, and programs that write it add keys of their own.
  bool isOfModels(const std::string &key,
                  const std::vector<std::string> &known) const {
    if (checkpoint_.format() == Format::Gguf)
      return key.starts_with(architecture(checkpoint_) + ".");
    std::string path = splitKey(key).second;
    if (path.find('.') != std::string::npos)
      return true; // among keys that the spec reads
    std::vector<std::string> words = wordsOf(path);
    return !nearest(key, known, path.size() / 5).empty() ||
           std::any_of(words.begin(), words.end(), [&](const std::string &w) {
             return words_.count(w) > 0;
           });
  }

  // The values for which the key would be inert: "none, 0".
  std::string inertValues(const std::string &key) const {
    std::string text;
    for (const InertKeys &inert : inert_)
      if (!inert.always && matches(inert, key))
        for (const Value &value : inert.values)
          text += (text.empty() ? "" : ", ") +
                  (value.isText() ? value.text() : print(value));
    return text;
  }

  void report(const std::string &key, const json &value) {
    std::vector<std::string> known(read_.begin(), read_.end());
    std::string near = nearest(key, known);
    Location place = locateKey(checkpoint_, key, diagnostics_);
    std::string said = quote(key) + " is " + shortText(value);
    if (!isOfModels(key, known)) {
      diagnostics_.warning(place, said + ", which nothing reads");
      return;
    }
    std::string legal = inertValues(key);
    std::string message =
        legal.empty()
            ? said + ", which this spec does not read" +
                  (near.empty() ? "" : "; did you mean " + quote(near) + "?")
            : said + ", which this spec does not support; valid: " + legal;
    diagnostics_.error(place, message)
        .notes.push_back(
            "if it changes nothing, list it under `inert` in " + model_.file +
            ", or pass it over with --allow-unknown-config " + key);
  }

  const Checkpoint &checkpoint_;
  ConfigScope &config_;
  const BindOptions &options_;
  Diagnostics &diagnostics_;
  Model &model_;
  std::set<std::string> read_, words_, prefixes_, used_;
  std::vector<InertKeys> inert_;
};

} // namespace

void accountKeys(const Checkpoint &checkpoint, ConfigScope &config,
                 const BindOptions &options, Diagnostics &diagnostics,
                 Model &model) {
  KeyAccount(checkpoint, config, options, diagnostics, model).run();
}

} // namespace sluice::spec
