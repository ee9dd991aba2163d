#include "compiler/tokenizer/SentencePieceModel.h"

#include "compiler/tokenizer/sentencepiece_model.pb.h"

#include <cmath>

namespace sluice::tokenizer {

static bool parse(std::string_view bytes, proto::Model &model) {
  return bytes.size() <= size_t(INT32_MAX) &&
         model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

static Status corrupt(const std::string &what) {
  return Status(Code::Corrupt, "SentencePiece model: " + what);
}

static Status readPieces(const proto::Model &model, TokenList &list) {
  for (const proto::SentencePiece &piece : model.pieces()) {
    std::string name = "piece " + std::to_string(list.tokens.size());
    if (piece.piece().empty())
      return corrupt(name + " is empty");
    if (!std::isfinite(piece.score()))
      return corrupt(name + " has a score that is no number");
    if (piece.type() < int(TokenType::Normal) ||
        piece.type() > int(TokenType::Byte))
      return corrupt(name + " has the unknown type " +
                     std::to_string(piece.type()));
    list.tokens.push_back(piece.piece());
    list.types.push_back(TokenType(piece.type()));
    list.scores.push_back(piece.score());
  }
  return list.tokens.empty() ? corrupt("no pieces") : checkLengths(list.tokens);
}

Result<SentencePieceModel> SentencePieceModel::read(std::string_view bytes) {
  proto::Model file;
  if (!parse(bytes, file))
    return corrupt("not in the format of one");
  SentencePieceModel model;
  if (Status status = readPieces(file, model.list); !status.ok())
    return status;
  const proto::TrainerSpec &trainer = file.trainer_spec();
  int kind = trainer.model_type();
  if (kind != int(Kind::Unigram) && kind != int(Kind::Bpe))
    return Status(Code::Unsupported,
                  "SentencePiece model: kind " + std::to_string(kind) +
                      " is not supported (supported: unigram, bpe)");
  if (trainer.treat_whitespace_as_suffix() ||
      !file.normalizer_spec().escape_whitespaces())
    return Status(Code::Unsupported,
                  "SentencePiece model: spaces at the end of pieces, or "
                  "unmarked ones, are not supported");
  model.kind = Kind(kind);
  model.byteFallback = trainer.byte_fallback();
  int64_t count = int64_t(model.list.tokens.size());
  auto id = [&](int64_t value) { return value < count ? value : -1; };
  model.list.unknown = id(trainer.unk_id());
  model.list.bos = id(trainer.bos_id());
  model.list.eos = id(trainer.eos_id());
  model.spaces.prefix = file.normalizer_spec().add_dummy_prefix();
  model.spaces.squeeze = file.normalizer_spec().remove_extra_whitespaces();
  model.spaces.charsMap = file.normalizer_spec().precompiled_charsmap();
  return model;
}

nlohmann::json tokenizerJson(const SentencePieceModel &model) {
  return model.kind == SentencePieceModel::Kind::Bpe
             ? mergedPieces(model.list, model.spaces, model.byteFallback)
             : likeliestPieces(model.list, model.spaces, model.byteFallback);
}

} // namespace sluice::tokenizer
