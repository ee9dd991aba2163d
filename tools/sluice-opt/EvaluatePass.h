// `--evaluate`: runs an entry of the module at this place of the pass pipeline.
#pragma once

namespace sluice::tools {

void registerEvaluatePass();

} // namespace sluice::tools
