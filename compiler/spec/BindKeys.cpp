// Every key of a checkpoint's config is read by the spec, declared inert or
// reported: a key that nobody reads may well change what the model computes.
#include "compiler/checkpoint/Message.h"
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

static Location placeIn(const Checkpoint &checkpoint, const std::string &file,
                        const std::vector<std::string> &names,
                        Diagnostics &diagnostics) {
  checkpoint::KeyPlace place = checkpoint.place(file, names);
  if (place.line > 0)
    diagnostics.addSource(place.file, std::move(place.text));
  return {place.file, place.line, place.column};
}

Location locateKey(const Checkpoint &checkpoint, const std::string &key,
                   Diagnostics &diagnostics) {
  if (checkpoint.format() == Format::Gguf)
    return {checkpoint.path()};
  auto [file, path] = splitKey(key);
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    names.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return placeIn(checkpoint, file, names, diagnostics);
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

constexpr const char *configFile = "config.json";

// A key where a file has it. Its names may hold dots and colons, so that its
// text would be taken for the path of another key.
struct Key {
  std::string file; // empty: the metadata
  std::vector<std::string> names;

  // As specs spell it.
  std::string text() const {
    std::string text = file.empty() || file == configFile ? "" : file + ":";
    for (const std::string &name : names)
      text += (&name == &names.front() ? "" : ".") + name;
    return text;
  }
  bool plain() const {
    return file.empty() ||
           std::none_of(names.begin(), names.end(), [](const std::string &n) {
             return n.find_first_of(".:") != n.npos;
           });
  }
  Key inner(const std::string &name) const {
    Key key = *this;
    key.names.push_back(name);
    return key;
  }
};

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
        visitFile(file);
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
    known_.assign(read_.begin(), read_.end());
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
    std::set<std::string> files = {configFile, generationFile};
    for (const std::string &key : read_)
      files.insert(splitKey(key).first);
    for (const InertKeys &inert : inert_)
      if (std::string file = splitKey(inert.pattern).first;
          file.ends_with(".json"))
        files.insert(file);
    return files;
  }

  void visitFile(const std::string &file) {
    Status why;
    const json *root = checkpoint_.config(file, &why);
    if (!root) {
      // What ends a text says why generation_config.json is not read.
      if (why.code() != Code::NotFound && file != generationFile)
        diagnostics_.warning({checkpoint_.path()},
                             why.message() + "; nothing is known of its keys");
      return;
    }
    Key key{file, {}};
    size_t index = 0;
    for (const auto &[name, value] : root->items())
      visit(key.inner(root->is_array() ? std::to_string(index++) : name),
            value);
  }

  void metadata() {
    for (const auto &[key, value] : checkpoint_.metadata().items()) {
      bool elsewhere = false; // the container's own, and the tokenizer's
      for (const char *space :
           {"general.", "tokenizer.", "split.", "quantize."})
        elsewhere |= key.starts_with(space);
      if (!elsewhere)
        visit({"", {key}}, value);
    }
  }

  void visit(const Key &key, const json &value) {
    bool says = !value.is_null() && !(value.is_structured() && value.empty());
    std::string text = key.text();
    if (!says || covered(key, text, value)) {
      model_.keys.push_back(text);
    } else if (value.is_object() && key.plain() && readBelow(text)) {
      for (const auto &[name, inner] : value.items())
        visit(key.inner(name), inner);
    } else {
      model_.keys.push_back(text);
      model_.unreadKeys.push_back(text);
      if (!allowed(text))
        report(key, text, value);
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

  // The spec reads items of the list by their numbers.
  bool readItems(const std::string &key) const {
    std::string item = key + ".";
    return std::any_of(read_.lower_bound(item), read_.end(),
                       [&](const std::string &read) {
                         return read.starts_with(item) &&
                                std::isdigit(read.c_str()[item.size()]);
                       });
  }

  bool covered(const Key &key, const std::string &text,
               const json &value) const {
    bool read = key.plain() &&
                (read_.count(text) || (value.is_array() && readItems(text)));
    return read || isInert(text, value);
  }

  bool isInert(const std::string &key, const json &value) const {
    return std::any_of(inert_.begin(), inert_.end(), [&](const InertKeys &k) {
      std::optional<std::string> name = matched(k, key);
      if (!name)
        return false;
      if (!k.asIn.empty())
        return isThere(k.asIn) || isInert(k.asIn + ":" + *name, value);
      return k.always ||
             std::any_of(k.values.begin(), k.values.end(),
                         [&](const Value &v) { return equals(value, v); });
    });
  }

  bool isThere(const std::string &file) const {
    auto [it, unknown] = there_.emplace(file, false);
    if (unknown)
      it->second = checkpoint_.config(file) != nullptr;
    return it->second;
  }

  // What a pattern matches of the key: patterns hold below the prefix of a
  // group as they do at the top.
  std::optional<std::string> matched(const InertKeys &inert,
                                     const std::string &key) const {
    if (matchesPattern(inert.pattern, key))
      return key;
    for (const std::string &prefix : prefixes_)
      if (key.starts_with(prefix) &&
          matchesPattern(inert.pattern,
                         std::string_view(key).substr(prefix.size())))
        return key.substr(prefix.size());
    return std::nullopt;
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
  bool isOfModels(const Key &key) const {
    const std::string &name = key.names[0];
    if (checkpoint_.format() == Format::Gguf)
      return name.starts_with(architecture(checkpoint_) + ".");
    if (key.names.size() > 1)
      return true; // among keys that the spec reads
    std::vector<std::string> words = wordsOf(name);
    return !nearest(name, known_, name.size() / 5).empty() ||
           std::any_of(words.begin(), words.end(), [&](const std::string &w) {
             return words_.count(w) > 0;
           });
  }

  // The values for which the key would be inert: "none, 0".
  std::string inertValues(const std::string &key) const {
    std::string text;
    for (const InertKeys &inert : inert_) {
      if (inert.always && inert.asIn.empty())
        continue;
      std::optional<std::string> name = matched(inert, key);
      if (name && !inert.asIn.empty())
        text += inertValues(inert.asIn + ":" + *name);
      for (const Value &value : name ? inert.values : std::vector<Value>())
        text += (text.empty() ? "" : ", ") +
                (value.isText() ? value.text() : print(value));
    }
    return text;
  }

  void report(const Key &key, const std::string &text, const json &value) {
    bool error = isOfModels(key);
    if (error ? diagnostics_.full() : diagnostics_.fullOfWarnings()) {
      // Only counted, so a file of many keys is not searched for each.
      error ? diagnostics_.error({}, text) : diagnostics_.warning({}, text);
      return;
    }
    Location place =
        checkpoint_.format() == Format::Gguf
            ? Location{checkpoint_.path()}
            : placeIn(checkpoint_, key.file, key.names, diagnostics_);
    std::string said = checkpoint::quote(text) + " is " + shortText(value);
    if (!error) {
      diagnostics_.warning(place, said + ", which nothing reads");
      return;
    }
    std::string near = nearest(text, known_), legal = inertValues(text);
    std::string message =
        legal.empty()
            ? said + ", which this spec does not read" +
                  (near.empty() || near == text
                       ? ""
                       : "; did you mean " + quote(near) + "?")
            : said + ", which this spec does not support; valid: " + legal;
    diagnostics_.error(place, message)
        .notes.push_back(
            "if it changes nothing, list it under `inert` in " + model_.file +
            ", or pass it over with --allow-unknown-config " + text);
  }

  static constexpr const char *generationFile = "generation_config.json";

  const Checkpoint &checkpoint_;
  ConfigScope &config_;
  const BindOptions &options_;
  Diagnostics &diagnostics_;
  Model &model_;
  std::set<std::string> read_, words_, prefixes_, used_;
  std::vector<std::string> known_; // what is read
  std::vector<InertKeys> inert_;
  mutable std::map<std::string, bool> there_; // files
};

} // namespace

void accountKeys(const Checkpoint &checkpoint, ConfigScope &config,
                 const BindOptions &options, Diagnostics &diagnostics,
                 Model &model) {
  KeyAccount(checkpoint, config, options, diagnostics, model).run();
}

} // namespace sluice::spec
