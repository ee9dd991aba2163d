// Binds a spec to a checkpoint: config, keys, weights, states, then the graph.
#include "compiler/spec/BindWeights.h"
#include "compiler/spec/Graph.h"

namespace sluice::spec {

using checkpoint::Checkpoint;

std::unique_ptr<Model> bind(const Spec &spec, const Checkpoint &checkpoint,
                            Diagnostics &diagnostics,
                            const BindOptions &options) {
  const SpecFile &file = *spec.file;
  if (file.library || file.base) {
    diagnostics.error({file.path}, std::string("this is a ") +
                                       (file.base ? "base" : "library") +
                                       "; only a family can be bound");
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
      },
      options.context);
  weights.attach(config);
  weights.passOver(options.allowUnusedTensors);
  config.bindAll();
  if (diagnostics.ok())
    accountKeys(checkpoint, config, options, diagnostics, *model);
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
  return diagnostics.ok() ? std::move(model) : nullptr;
}

} // namespace sluice::spec
