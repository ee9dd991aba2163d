// The weights and states of a model as symbols of the module.
#pragma once

#include "compiler/import/Import.h"
#include "dialects/llm/LLMOps.h"

#include <map>
#include <optional>

namespace sluice::import {

// A weight of the spec as the module knows it. Layers whose types agree share a
// symbol. It is named by the weight's path; `$` and what follows tell apart the
// symbols of one path, and a weight from an entry of the same name.
struct WeightSymbol {
  mlir::FlatSymbolRefAttr symbol;
  mlir::RankedTensorType type;
  bool banked = false; // read with a layer index
  int64_t layer = -1;
};

struct StateSymbol {
  mlir::FlatSymbolRefAttr symbol;
  std::vector<std::string> fields; // in order
  bool banked = false;
  int64_t layer = -1;
};

class Symbols {
public:
  // Declares every weight and state of the model at the module's start.
  Symbols(const spec::Model &model, mlir::ModuleOp module,
          const ImportOptions &options);

  // Follows aliases; null if the model has no such weight.
  const WeightSymbol *weight(const spec::WeightRef &ref) const;
  // The bias of a weight, null if there is none.
  const WeightSymbol *bias(const spec::WeightRef &ref) const;
  const StateSymbol *state(const spec::StateRef &ref) const;

private:
  void declareWeights(mlir::OpBuilder &builder);
  void declareStates(mlir::OpBuilder &builder);

  const spec::Model &model;
  ImportOptions options;
  std::map<std::pair<std::string, int64_t>, WeightSymbol> weights;
  std::map<std::pair<std::string, int64_t>, StateSymbol> states;
};

} // namespace sluice::import
