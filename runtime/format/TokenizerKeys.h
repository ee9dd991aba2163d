// What the settings of an artifact's tokenizer call their switches, beside the
// components; the names are those of a tokenizer_config.json.
#pragma once

namespace sluice::format {

inline constexpr char kCleanUpKey[] = "clean_up_tokenization_spaces",
                      kSplitSpecialKey[] = "split_special_tokens";

} // namespace sluice::format
