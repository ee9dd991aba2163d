// `--evaluate`: runs an entry of the module at this place of the pass pipeline.
// `--tap-results`: names what the ops compute.
#pragma once

namespace sluice::tools {

void registerEvaluatePasses();

} // namespace sluice::tools
