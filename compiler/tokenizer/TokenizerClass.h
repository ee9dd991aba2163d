// Tokenizer classes of transformers, each of which sets how its text is cut,
// whatever else the files say: entries of models/tokenizers/classes.json.
#pragma once

#include "compiler/tokenizer/Settings.h"

namespace sluice::tokenizer {

// What a checkpoint says of its class.
struct ClassHints {
  std::string declared;  // tokenizer_class
  std::string family;    // model_type
  bool ownCode = false;  // names code in the checkpoint's folder
  std::string_view file; // tokenizer.json, or ""
};

// The entry of the table, or null: the files are taken as they are.
nlohmann::json chooseClass(const nlohmann::json &table, const ClassHints &hints,
                           Notes &notes);

// The value of every setting that the class reads; Corrupt where the files have
// one of another type. `charsMap`: replacements of characters in base64, or "".
Result<nlohmann::json> settingsOf(const nlohmann::json &kind,
                                  const Settings &settings,
                                  const Settings::Roles &roles,
                                  const std::string &charsMap);

// A part of the entry with the settings in the place of "$name". An object with
// "if" is its "then" or its "else"; what is null is left out of lists.
nlohmann::json filled(const nlohmann::json &part,
                      const nlohmann::json &settings);

} // namespace sluice::tokenizer
