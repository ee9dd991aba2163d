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
// The member at a dotted path, null if there is none or it is JSON null.
const nlohmann::json *member(const nlohmann::json &object,
                             const std::string &path);
// `*` and `**` as in Names.h.
int64_t countTensors(const checkpoint::Checkpoint &checkpoint,
                     const std::string &pattern);

// Empty if the value has the type (an int becomes a float where one is
// expected), else "must be int, found 'x'".
std::string typeError(const ParamType &type, Value &value);

// The parameters of one file: a family's, or a library's as one `use` sees it.
class ConfigScope final : public Env {
public:
  // Answers has(path) for a full path from the root of the weights.
  using HasWeight =
      std::function<bool(const std::string &, bool &, std::string &)>;

  ConfigScope(const SpecFile &file, const checkpoint::Checkpoint &checkpoint,
              Diagnostics &diagnostics, HasWeight hasWeight);
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
  // Keys of the checkpoint's config that some parameter asked for.
  void collectRead(std::set<std::string> &keys) const;

private:
  struct Param {
    const ParamDecl *decl = nullptr;   // own parameter
    const ArgDecl *argument = nullptr; // library parameter
    const ParamSpec *spec = nullptr;
    std::vector<const ConfigGroup *> groups;
    enum class State { Todo, Active, Done, Failed } state = State::Todo;
    Value value;
    std::string source;
  };

  void declare(const ConfigGroup &group, const std::string &prefix,
               std::vector<const ConfigGroup *> groups);
  bool bind(const std::string &name, Param &param);
  bool bindArgument(const std::string &name, Param &param);
  bool bindDerived(Param &param);
  bool bindDeclared(const std::string &name, Param &param);
  const nlohmann::json *find(Param &param, std::vector<std::string> &tried,
                             bool &failed);
  const nlohmann::json *findKey(const std::string &key, Status &why) const;
  std::optional<std::string>
  prefixOf(const std::vector<const ConfigGroup *> &groups);
  bool prefixExists(const std::string &prefix) const;
  bool fromTensors(Param &param, std::vector<std::string> &tried, bool &failed);
  bool fromDefault(Param &param, bool &found);
  bool convert(const Param &param, const nlohmann::json &json, int lists,
               Value &out);
  bool mapSpelling(const Param &param, const nlohmann::json &json, Value &out);
  bool checkType(const Param &param, Value &value);
  bool checkElement(const Param &param, Value &value, int lists);
  bool checkLength(Param &param);
  bool fail(const Param &param, std::string message);

  const SpecFile &file_;
  const checkpoint::Checkpoint &checkpoint_;
  Diagnostics &diagnostics_;
  HasWeight hasWeight_;
  std::string group_; // of a library's weights
  ConfigScope *user_ = nullptr;
  std::vector<std::string> order_;
  std::map<std::string, Param> params_;
  std::vector<std::pair<std::string, std::unique_ptr<ConfigScope>>> libraries_;
  std::map<const ConfigGroup *, std::string> prefixes_;
  std::set<std::string> read_;
};

} // namespace sluice::spec
