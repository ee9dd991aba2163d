#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Graph.h"

namespace sluice::spec {

using checkpoint::Checkpoint;
using nlohmann::json;

// The leaves of a JSON object as dotted paths.
static void flatten(const json &object, const std::string &prefix, int depth,
                    std::vector<std::string> &out) {
  for (const auto &[key, value] : object.items()) {
    if (value.is_object() && depth < 8)
      flatten(value, prefix + key + ".", depth + 1, out);
    else
      out.push_back(prefix + key);
  }
}

static void listUnread(const Checkpoint &checkpoint,
                       const std::set<std::string> &read, Model &model) {
  std::vector<std::string> keys;
  if (checkpoint.format() == checkpoint::Format::Gguf) {
    for (const auto &[key, value] : checkpoint.metadata().items())
      if (!key.starts_with("general.") && !key.starts_with("tokenizer."))
        keys.push_back(key);
  } else if (const json *config = checkpoint.config()) {
    if (config->is_object())
      flatten(*config, "", 0, keys);
  }
  for (const std::string &key : keys)
    if (!read.count(key))
      model.unreadKeys.push_back(key);
}

std::unique_ptr<Model> bind(const Spec &spec, const Checkpoint &checkpoint,
                            Diagnostics &diagnostics,
                            const BindOptions &options) {
  const SpecFile &file = *spec.file;
  if (file.library) {
    diagnostics.error({file.path},
                      "this is a library; only a family can be bound");
    return nullptr;
  }
  auto model = std::make_unique<Model>();
  model->family = file.name;
  model->file = file.path;
  model->format = formatKey(checkpoint);
  WeightBinder weights(file, checkpoint, diagnostics);
  ConfigScope config(
      file, checkpoint, diagnostics,
      [&](const std::string &path, bool &value, std::string &error) {
        return weights.has(path, value, error);
      });
  weights.attach(config);
  weights.passOver(options.allowUnusedTensors);
  config.bindAll();
  if (!diagnostics.ok())
    return nullptr;
  config.collect("", model->config);
  weights.bind(config, *model);
  if (diagnostics.ok())
    weights.bindStates(config, *model);
  if (!diagnostics.ok())
    return nullptr;
  GraphBuilder graph(file, config, weights, *model, diagnostics);
  graph.build(options);
  if (!diagnostics.ok())
    return nullptr;
  std::set<std::string> read = {"architectures", "model_type"}; // `match`
  config.collectRead(read);
  listUnread(checkpoint, read, *model);
  return model;
}

} // namespace sluice::spec
