#include "runtime/tokenizer/Component.h"

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<PostProcessor>;

// Ids before and after the text's own: what every kind comes down to for one
// text.
class Around : public PostProcessor {
public:
  std::vector<int32_t> before, after;

  std::vector<int32_t> apply(std::vector<int32_t> ids) const override {
    ids.insert(ids.begin(), before.begin(), before.end());
    ids.insert(ids.end(), after.begin(), after.end());
    return ids;
  }
};

class PostProcessorSequence : public PostProcessor {
public:
  std::vector<Pointer> steps;
  std::vector<int32_t> apply(std::vector<int32_t> ids) const override {
    for (const auto &step : steps)
      ids = step->apply(std::move(ids));
    return ids;
  }
};

Result<Pointer> parseTemplate(const Json &json) {
  auto around = std::make_unique<Around>();
  bool textSeen = false;
  const Json &specials = member(json, "special_tokens");
  for (const Json &item : member(json, "single")) {
    if (!member(item, "Sequence").is_null()) {
      textSeen = true;
      continue;
    }
    std::string name = text(member(item, "SpecialToken"), "id", "");
    const Json &ids = member(member(specials, name.c_str()), "ids");
    if (!ids.is_array())
      return Status(Code::Corrupt, "tokenizer.json: the template names '" +
                                       name +
                                       "', which is no special token of it");
    for (const Json &id : ids)
      if (id.is_number_integer())
        (textSeen ? around->after : around->before)
            .push_back(id.get<int32_t>());
  }
  if (!textSeen)
    return Status(Code::Corrupt,
                  "tokenizer.json: the template has no place for the text");
  return Pointer(std::move(around));
}

// {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}
Result<Pointer> parseClsSep(const Json &json) {
  auto around = std::make_unique<Around>();
  for (auto [key, ids] :
       {std::pair{"cls", &around->before}, std::pair{"sep", &around->after}}) {
    const Json &pair = member(json, key);
    if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer())
      return Status(Code::Corrupt, std::string("tokenizer.json: '") + key +
                                       "' is not a token and its id");
    ids->push_back(pair[1].get<int32_t>());
  }
  return Pointer(std::move(around));
}

Result<Pointer> parseSequence(const Json &json) {
  auto steps = parseList(json, "processors", parsePostProcessor);
  if (!steps.ok())
    return steps.status();
  auto sequence = std::make_unique<PostProcessorSequence>();
  sequence->steps = std::move(*steps);
  return Pointer(std::move(sequence));
}

} // namespace

Result<Pointer> parsePostProcessor(const Json &json) {
  if (json.is_null())
    return Pointer();
  std::string type = typeOf(json);
  if (type == "TemplateProcessing")
    return parseTemplate(json);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return parseClsSep(json);
  if (type == "ByteLevel") // concerns offsets only
    return Pointer();
  if (type == "Sequence")
    return parseSequence(json);
  return unknown("post-processor", type);
}

} // namespace sluice::tokenizer
