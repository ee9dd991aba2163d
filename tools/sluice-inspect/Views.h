// What sluice-inspect shows, as JSON; the text forms are printed from it.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/state/Slots.h"

#include <iosfwd>
#include <nlohmann/json.hpp>

namespace sluice::inspect {

using Json = nlohmann::ordered_json;

Json summary(const artifact::Artifact &artifact);
Json plan(const artifact::Artifact &artifact);
// What each kernel takes and costs, as its signature says.
Json kernels(const artifact::Artifact &artifact);
Json weights(const artifact::Artifact &artifact);
// How much memory a runtime with these limits takes.
Result<Json> memory(const artifact::Artifact &artifact,
                    const state::Limits &limits);

void printSummary(const Json &json, std::ostream &out);
void printPlan(const Json &json, std::ostream &out);
void printKernels(const Json &json, std::ostream &out);
void printWeights(const Json &json, std::ostream &out);
void printMemory(const Json &json, std::ostream &out);

} // namespace sluice::inspect
