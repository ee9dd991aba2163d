// Reading specs and binding them to checkpoints.
#pragma once

#include "compiler/spec/Diagnostics.h"
#include "compiler/spec/Model.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::checkpoint {
class Checkpoint;
}

namespace sluice::spec {

// A parsed spec file with the libraries it uses; opaque.
class Spec;
struct SpecDeleter {
  void operator()(Spec *spec) const;
};
using SpecPtr = std::unique_ptr<Spec, SpecDeleter>;

// Stages 1 and 2: YAML, keys, expressions, names. Null if there were errors.
// What a file uses and extends is looked up beside it, then in `models`.
SpecPtr parseSpec(const std::string &path, Diagnostics &diagnostics,
                  const std::string &models = "");
// The same from memory, as if the text were the file at `path`.
SpecPtr parseSpecText(const std::string &path, std::string text,
                      Diagnostics &diagnostics, const std::string &models = "");

struct BindOptions {
  // Build only these entries; empty means all that the checkpoint can serve.
  std::vector<std::string> entries;
  // Inert keys and words of every family (a library); may be null.
  const Spec *common = nullptr;
  // Positions that a sequence may have, if the user has said so; else 0.
  int64_t context = 0;
  // Keys of the config that may be left unread.
  std::vector<std::string> allowUnknownConfig;
  // Tensors of the checkpoint that no weight need use; patterns as in `ignore`.
  std::vector<std::string> allowUnusedTensors;
};

// Stages 3 to 5: parameters, weights against the file's headers, graph. Null
// if there were errors. No tensor data is read.
std::unique_ptr<Model> bind(const Spec &spec,
                            const checkpoint::Checkpoint &checkpoint,
                            Diagnostics &diagnostics,
                            const BindOptions &options = {});

// The spec of `directory` whose `match` fits the checkpoint; two that fit, or
// none, are errors that name what was looked at.
std::optional<std::string> findSpec(const std::string &directory,
                                    const checkpoint::Checkpoint &checkpoint,
                                    Diagnostics &diagnostics);

// A spec with every value filled in; reading and binding it gives `model`.
// `specs`: the folder from which comments name the files below it.
std::string printResolved(const Model &model, const std::string &specs = "");

// The JSON Schema (draft 2020-12) of the language, from the op registry.
std::string jsonSchema();

} // namespace sluice::spec
