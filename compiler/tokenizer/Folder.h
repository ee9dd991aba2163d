// The tokenizer of a folder as transformers' AutoTokenizer makes it of the
// files there.
#pragma once

#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/Settings.h"

#include <optional>

namespace sluice::tokenizer {

// A table in `models`/tokenizers; NotFound if it is missing or malformed.
Result<nlohmann::json> readTable(const std::string &models,
                                 const std::string &name);

class Folder {
public:
  Folder(const checkpoint::Checkpoint &checkpoint, const std::string &models)
      : checkpoint(checkpoint), models(models) {}

  // Corrupt or Unsupported when a file is malformed or of an unknown kind.
  Status read();

  // The tokenizer.json; empty if the folder has no vocabulary.
  std::string document;
  // Special tokens by their roles, and the chat templates.
  nlohmann::json conversation = nlohmann::json::object();
  Notes notes;

private:
  using Json = nlohmann::json;
  // What a class takes from the files, in the terms of its model.
  struct Parts {
    Json vocabulary, merges;
    Json post;                // tokenizer.json's post-processor, or null
    std::string charsMap;     // in base64
    std::vector<Json> extras; // tokens that a SentencePiece model marks
    bool filed = false;       // from tokenizer.json
    bool pieces = false;      // from a SentencePiece model
  };

  Result<std::string> text(const std::string &name) const;
  Status readFiles();
  // The first file with a name of that form.
  std::optional<std::string> modelName() const;
  std::optional<std::string> listName() const;
  Result<SentencePieceModel> readPieces(const std::string &name) const;

  // The class's entry in the table, or null.
  Json classIn(const Json &table);
  // Nothing if there is no vocabulary of the class's kind.
  Result<std::optional<Parts>> partsFor(const Json &kind) const;
  std::optional<Parts> partsOfFile(const std::string &type) const;
  Result<std::optional<Parts>> partsOfPieces(const std::string &type) const;
  Result<Json> fromClass(const Json &kind, Parts parts);
  // Special tokens without a role, and the pieces and numbered tokens that the
  // class adds to a SentencePiece model.
  Result<std::vector<Json>> complete(const Json &kind, const Json &values,
                                     Parts &parts) const;
  Result<Json> postFor(const Json &kind, const Json &values, const Parts &parts,
                       const Json &made) const;

  // Without a class; null if the folder has no vocabulary.
  Result<Json> asFiled();
  Result<Json> fromModel(const std::string &name);
  Result<Json> fromPieces(SentencePieceModel model);
  Result<Json> fromPair() const;
  Result<Json> fromList(const std::string &name) const;
  // Adds the files' special tokens to a vocabulary that says little of them.
  Status addTokens(Json &made);
  // [BOS] text [EOS] as add_bos_token and add_eos_token say; null: neither.
  Result<Json> postByFlags(const Json &made, bool bos, bool eos) const;

  Status finish(Json made);
  Status readConversation();
  Status noteKeys(const Json &table);

  const checkpoint::Checkpoint &checkpoint;
  const std::string &models;
  std::string fileText; // tokenizer.json
  Json file;            // the same; null if there is none
  Settings settings;
  Settings::Roles roles;
  bool ownCode = false; // the checkpoint brings code of its own
  bool changed = true;  // tokenizer.json is not to be taken letter by letter
};

} // namespace sluice::tokenizer
