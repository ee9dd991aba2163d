// Which spec of a folder fits a checkpoint.
#include "compiler/spec/BindConfig.h"
#include "compiler/spec/Names.h"
#include "compiler/spec/Parser.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::spec {

using checkpoint::Checkpoint;
using checkpoint::Format;
using nlohmann::json;

static std::vector<std::string> textList(const json *value) {
  std::vector<std::string> out;
  if (value && value->is_string())
    out.push_back(value->get<std::string>());
  if (value && value->is_array())
    for (const json &element : *value)
      if (element.is_string())
        out.push_back(element.get<std::string>());
  return out;
}

static bool intersects(const std::vector<std::string> &a,
                       const std::vector<std::string> &b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string &x) {
    return std::find(b.begin(), b.end(), x) != b.end();
  });
}

namespace {
// `$arch` is all that a name in `match` can contain.
class ArchEnv final : public Env {
public:
  explicit ArchEnv(std::string arch) : arch_(std::move(arch)) {}
  bool lookup(const std::string &name, Value &value,
              std::string &error) override {
    if (name == "arch") {
      value = arch_;
      return true;
    }
    error = "only $arch can be used in match, not '$" + name + "'";
    return false;
  }

private:
  std::string arch_;
};
} // namespace

// Of a feature that is counted there may be none: `expert_count 0`.
static bool isThere(const json *value) {
  return value && !value->is_null() && *value != 0 && *value != false;
}

static bool matchesGguf(const MatchDecl &match, const Checkpoint &checkpoint,
                        Diagnostics &diagnostics) {
  if (!match.gguf)
    return false;
  std::string arch = architecture(checkpoint);
  if (match.ggufArchitectures && !intersects(*match.ggufArchitectures, {arch}))
    return false;
  ArchEnv env(arch);
  auto has = [&](const Template &key) {
    std::optional<std::string> text = expand(key, env, diagnostics);
    return text && checkpoint.metadata().contains(*text) &&
           isThere(&checkpoint.metadata()[*text]);
  };
  return std::all_of(match.ggufWith.begin(), match.ggufWith.end(), has) &&
         std::none_of(match.ggufWithout.begin(), match.ggufWithout.end(), has);
}

static bool matchesConfig(const MatchDecl &match,
                          const Checkpoint &checkpoint) {
  const json *config = checkpoint.config();
  if (!match.hf || !config)
    return false;
  // What a config does not say is not held against a spec.
  int said = 0;
  auto fits = [&](const std::optional<std::vector<std::string>> &legal,
                  const char *key) {
    std::vector<std::string> found = textList(member(*config, key));
    if (!legal || found.empty())
      return true;
    ++said;
    return intersects(found, *legal);
  };
  auto has = [&](const std::string &key) {
    return isThere(member(*config, key));
  };
  return fits(match.architectures, "architectures") &&
         fits(match.modelTypes, "model_type") && said > 0 &&
         std::all_of(match.configWith.begin(), match.configWith.end(), has) &&
         std::none_of(match.configWithout.begin(), match.configWithout.end(),
                      has);
}

static bool matchesTensors(const MatchDecl &match,
                           const Checkpoint &checkpoint) {
  auto found = [&](const std::string &pattern) {
    return countTensors(checkpoint, pattern) > 0;
  };
  return std::all_of(match.tensorsWith.begin(), match.tensorsWith.end(),
                     found) &&
         std::none_of(match.tensorsWithout.begin(), match.tensorsWithout.end(),
                      found);
}

static bool matches(const MatchDecl &match, const Checkpoint &checkpoint,
                    Diagnostics &diagnostics) {
  switch (checkpoint.format()) {
  case Format::HuggingFace:
    return matchesConfig(match, checkpoint);
  case Format::Gguf:
    return matchesGguf(match, checkpoint, diagnostics);
  case Format::Raw:
    return match.tensors && matchesTensors(match, checkpoint);
  }
  return false;
}

// Whether the spec is for the config's model_type, whatever its architectures.
static bool isForType(const MatchDecl &match, const Checkpoint &checkpoint) {
  const json *config = checkpoint.config();
  return match.modelTypes && config &&
         intersects(textList(member(*config, "model_type")), *match.modelTypes);
}

static std::string describe(const Checkpoint &checkpoint) {
  if (checkpoint.format() == Format::Gguf)
    return "general.architecture is " + quote(architecture(checkpoint));
  if (checkpoint.format() == Format::Raw)
    return "it has no config.json, and is told apart by its tensors";
  const json *config = checkpoint.config();
  if (!config)
    return "its config.json cannot be read";
  return "architectures are [" +
         join(textList(member(*config, "architectures"))) +
         "], model_type is [" + join(textList(member(*config, "model_type"))) +
         "]";
}

std::optional<std::string> findSpec(const std::string &directory,
                                    const Checkpoint &checkpoint,
                                    Diagnostics &diagnostics) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code failed;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(directory, failed))
    if (entry.path().extension() == ".yaml")
      paths.push_back(entry.path().string());
  if (failed) {
    diagnostics.error({directory},
                      "cannot read the folder of specs: " + failed.message());
    return std::nullopt;
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> found, ofType;
  for (const std::string &path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    // A broken spec is no reason to refuse a checkpoint that another one fits.
    Diagnostics own;
    std::optional<Tree> tree = readTree(path, text.str(), own);
    const Tree *match = tree && tree->isMap() ? tree->find("match") : nullptr;
    MatchDecl decl;
    if (match)
      Parser(own).match(*match, decl);
    bool fits = match && own.ok() && matches(decl, checkpoint, own);
    if (!own.ok())
      diagnostics.warning({path}, "skipped: " + own.status().message());
    else if (fits)
      found.push_back(path);
    else if (match && isForType(decl, checkpoint))
      ofType.push_back(path);
  }
  if (found.size() == 1)
    return found[0];
  diagnostics.error(
      {directory},
      found.empty()
          ? "no spec fits the checkpoint " + quote(checkpoint.path()) + ": " +
                describe(checkpoint) + "; looked at " +
                std::to_string(paths.size()) + " specs" +
                (ofType.empty()
                     ? ""
                     : "; for this model_type there is " + join(ofType) +
                           ", which is used if it is named")
          : "several specs fit the checkpoint " + quote(checkpoint.path()) +
                ": " + join(found));
  return std::nullopt;
}

} // namespace sluice::spec
