// Stage 3: parameters get their values from the checkpoint's metadata.
#pragma once

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/spec/SpecFile.h"

#include <functional>

namespace sluice::spec {

// "hf", "gguf" or "raw".
std::string formatKey(const checkpoint::Checkpoint &checkpoint);
// GGUF's general.architecture; empty for other formats.
std::string architecture(const checkpoint::Checkpoint &checkpoint);
// The member at a dotted path, null if there is none.
const nlohmann::json *member(const nlohmann::json &object,
                             const std::string &path);
// The place of a key, "path" in config.json or "file:path", with the text for
// messages; a GGUF key is somewhere in its file.
Location locateKey(const checkpoint::Checkpoint &checkpoint,
                   const std::string &key, Diagnostics &diagnostics);
// What a key says, as a value; nothing if values cannot say it.
std::optional<Value> plainValue(const nlohmann::json &value, int depth = 0);
// Text of a key's value, cut where it is long.
std::string shortText(const nlohmann::json &value);
// `*` and `**` as in Names.h.
int64_t countTensors(const checkpoint::Checkpoint &checkpoint,
                     const std::string &pattern);

// Empty if the value has the type (an int becomes a float where one is
// expected), else "must be int, found 'x'".
std::string typeError(const ParamType &type, Value &value);

// What `inert` says of the keys that match a pattern.
struct InertKeys {
  std::string pattern;
  bool always = true;
  std::vector<Value> values;
  std::string asIn; // a file whose keys they are where it is missing
};

// The parameters of one file: a family's, or a library's as one `use` sees it.
class ConfigScope final : public Env {
public:
  // Answers has(path) for a full path from the root of the weights.
  using HasWeight =
      std::function<bool(const std::string &, bool &, std::string &)>;

  // `context` is what parameters with `option: context` are, 0 for absent.
  ConfigScope(const SpecFile &file, const checkpoint::Checkpoint &checkpoint,
              Diagnostics &diagnostics, HasWeight hasWeight,
              int64_t context = 0);
  // A library: its params come from `use`, evaluated in `user`.
  ConfigScope(const UseDecl &use, ConfigScope &user);

  const SpecFile &file() const { return file_; }
  ConfigScope *library(const std::string &use);

  // Evaluates everything, then the checks, here and in the libraries.
  void bindAll();

  bool lookup(const std::string &name, Value &value,
              std::string &error) override;
  bool has(const std::string &name, bool &value, std::string &error) override;
  Work &work() override { return user_ ? user_->work() : Env::work(); }

  // In the order of the file, names with `prefix` in front.
  void collect(const std::string &prefix, std::vector<ConfigValue> &out) const;
  // Keys of the checkpoint's config that some parameter asked for, or that lie
  // below a prefix which stands back behind another.
  void collectRead(std::set<std::string> &keys) const;
  // False after reporting an error.
  bool collectInert(std::vector<InertKeys> &out);
  void collectWords(std::set<std::string> &words) const;
  // Objects from which groups take their keys: "text_config."
  void collectPrefixes(std::set<std::string> &prefixes) const;

private:
  struct Param {
    const ParamDecl *decl = nullptr;   // own parameter
    const ArgDecl *argument = nullptr; // library parameter
    const ParamSpec *spec = nullptr;
    std::vector<const ConfigGroup *> groups;
    enum class State { Todo, Active, Done, Failed } state = State::Todo;
    Value value;
    std::string source;
    std::string key;   // of the config, where the value came from one
    bool null = false; // the key is there and says null
  };

  void declare(const ConfigGroup &group, const std::string &prefix,
               std::vector<const ConfigGroup *> groups);
  bool bind(const std::string &name, Param &param);
  bool bindArgument(const std::string &name, Param &param);
  bool bindDerived(Param &param);
  bool bindDeclared(const std::string &name, Param &param);
  bool agrees(const Param &param, const nlohmann::json &value,
              const nlohmann::json &used, const std::string &key);
  const nlohmann::json *find(Param &param, std::vector<std::string> &tried,
                             bool &failed);
  const nlohmann::json *findKey(const std::string &key, Status &why) const;
  // The object that holds all that the family reads: "text_config.", or "".
  std::optional<std::string> top();
  std::optional<std::string>
  prefixOf(const std::vector<const ConfigGroup *> &groups);
  std::optional<std::string> choosePrefix(const Alternatives &alternatives,
                                          const std::string &outer,
                                          const std::string &top);
  bool prefixExists(const std::string &prefix) const;
  void standBack(const std::string &prefix, const std::string &taken);
  bool fromTensors(Param &param, std::vector<std::string> &tried, bool &failed);
  bool fromDefault(Param &param, bool &found);
  bool convert(const Param &param, const nlohmann::json &json, int lists,
               Value &out);
  bool mapSpelling(const Param &param, const nlohmann::json &json, Value &out);
  bool checkType(const Param &param, Value &value);
  bool checkElement(const Param &param, Value &value, int lists);
  bool checkLength(Param &param);
  bool checkRange(const Param &param, const Value &value);
  bool fail(const Param &param, std::string message);

  const SpecFile &file_;
  const checkpoint::Checkpoint &checkpoint_;
  Diagnostics &diagnostics_;
  HasWeight hasWeight_;
  int64_t context_ = 0;
  std::string group_; // of a library's weights
  ConfigScope *user_ = nullptr;
  std::vector<std::string> order_;
  std::map<std::string, Param> params_;
  std::vector<std::pair<std::string, std::unique_ptr<ConfigScope>>> libraries_;
  std::map<const ConfigGroup *, std::string> prefixes_;
  std::set<std::string> read_;
};

struct BindOptions;
// Every key of the config is read, inert or reported; fills in what the model
// says of keys.
void accountKeys(const checkpoint::Checkpoint &checkpoint, ConfigScope &config,
                 const BindOptions &options, Diagnostics &diagnostics,
                 Model &model);

} // namespace sluice::spec
