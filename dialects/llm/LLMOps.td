// Every op of the dialect: for documentation and for the op registry. The C++ is generated per group.
#ifndef SLUICE_LLM_OPS_TD
#define SLUICE_LLM_OPS_TD

include "dialects/llm/LLMOpGroups.td"

// What slots of several groups mean; a group may have more.
def : LLM_SlotDoc<"a", "value for 0">;
def : LLM_SlotDoc<"amplitude", "factor of cos and sin">;
def : LLM_SlotDoc<"at", "which elements">;
def : LLM_SlotDoc<"b", "value for 1">;
def : LLM_SlotDoc<"batch", "the step">;
def : LLM_SlotDoc<"beta", "factor inside swish, or of x">;
def : LLM_SlotDoc<"bias", "what is added, to scores or to a product">;
def : LLM_SlotDoc<"both_ways", "keys after the query have buckets of their own">;
def : LLM_SlotDoc<"by", "how much, or how">;
def : LLM_SlotDoc<"cap", "scores become cap * tanh(score / cap)">;
def : LLM_SlotDoc<"compute", "type that products are taken in">;
def : LLM_SlotDoc<"dims", "number of rotated channels">;
def : LLM_SlotDoc<"eps", "a small number that keeps a root, a sum or an exponent in range">;
def : LLM_SlotDoc<"eps_in", "eps is added to the sum of squares, or is a floor of the length">;
def : LLM_SlotDoc<"factor", "how much longer the context became">;
def : LLM_SlotDoc<"fast", "turns above which a frequency is kept">;
def : LLM_SlotDoc<"fields", "the rows of the cache">;
def : LLM_SlotDoc<"fn", "the function">;
def : LLM_SlotDoc<"freqs", "one frequency per pair of channels">;
def : LLM_SlotDoc<"from", "first element, channel or row">;
def : LLM_SlotDoc<"heads", "number of heads">;
def : LLM_SlotDoc<"high", "upper limit">;
def : LLM_SlotDoc<"ids", "row numbers of the table">;
def : LLM_SlotDoc<"k", "keys, or how many to choose">;
def : LLM_SlotDoc<"kind", "the arithmetic">;
def : LLM_SlotDoc<"kv", "cache of keys and values">;
def : LLM_SlotDoc<"layer", "the layer index">;
def : LLM_SlotDoc<"limit", "the largest magnitude">;
def : LLM_SlotDoc<"low", "lower limit">;
def : LLM_SlotDoc<"mask", "terms that must all allow a key">;
def : LLM_SlotDoc<"mask_values", "the values of rows that terms of the mask name">;
def : LLM_SlotDoc<"max_distance", "distances beyond it share a bucket">;
def : LLM_SlotDoc<"maximum", "exponent of the steepest slope">;
def : LLM_SlotDoc<"of", "how many there are to choose from">;
def : LLM_SlotDoc<"original", "context length before scaling">;
def : LLM_SlotDoc<"pairing", "which channels a rotation pairs">;
def : LLM_SlotDoc<"parts", "the values to join">;
def : LLM_SlotDoc<"pos", "position of each row">;
def : LLM_SlotDoc<"q", "queries">;
def : LLM_SlotDoc<"rounded", "type the biases are rounded to">;
def : LLM_SlotDoc<"scale", "factor of the scores">;
def : LLM_SlotDoc<"scores", "the values to choose from">;
def : LLM_SlotDoc<"sinks", "one more score per head, without a value">;
def : LLM_SlotDoc<"size", "number of elements">;
def : LLM_SlotDoc<"sizes", "sizes of the parts">;
def : LLM_SlotDoc<"slopes", "one factor per head">;
def : LLM_SlotDoc<"slow", "turns below which a frequency is divided">;
def : LLM_SlotDoc<"state", "the state">;
def : LLM_SlotDoc<"table", "cosines, then sines, of each pair of channels">;
def : LLM_SlotDoc<"theta", "base of the frequencies">;
def : LLM_SlotDoc<"times", "repetitions, or a factor">;
def : LLM_SlotDoc<"to", "target shape or type">;
def : LLM_SlotDoc<"truncate", "round the limits to whole channels">;
def : LLM_SlotDoc<"two_sided", "a key after the query is as far away as one before it">;
def : LLM_SlotDoc<"v", "values">;
def : LLM_SlotDoc<"values", "the numbers, or how many channels of the keys are the values">;
def : LLM_SlotDoc<"w", "the weight">;
def : LLM_SlotDoc<"which", "first or last">;
def : LLM_SlotDoc<"x", "the value">;
def : LLM_SlotDoc<"y", "the second value">;

#endif
