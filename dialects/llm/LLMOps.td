// Every op of the dialect: for documentation and for the op registry. The C++ is generated per group.
#ifndef SLUICE_LLM_OPS_TD
#define SLUICE_LLM_OPS_TD

include "dialects/llm/LLMWeightOps.td"
include "dialects/llm/LLMElementwiseOps.td"
include "dialects/llm/LLMLinearOps.td"
include "dialects/llm/LLMAttentionOps.td"
include "dialects/llm/LLMRoutingOps.td"
include "dialects/llm/LLMRowsOps.td"
include "dialects/llm/LLMFusedOps.td"

#endif
