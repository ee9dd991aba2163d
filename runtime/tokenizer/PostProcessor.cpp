// The post-processors of a tokenizer.json: ids around a text, and spans without
// spaces.
#include "runtime/tokenizer/Component.h"

#include <algorithm>

namespace sluice::tokenizer {

namespace {

using Pointer = std::unique_ptr<PostProcessor>;

// Ids around the text's own; the text may stand in several places.
class Template : public PostProcessor {
public:
  static constexpr int32_t textHere = -1;
  std::vector<int32_t> items;

  void apply(std::vector<Marked> &tokens, std::string_view,
             bool special) const override {
    std::vector<Marked> result;
    result.reserve(tokens.size() + items.size());
    for (int32_t item : items)
      if (item == textHere)
        result.insert(result.end(), tokens.begin(), tokens.end());
      else if (special)
        result.push_back({item, {}, 0, 0});
    tokens = std::move(result);
  }
};

// Takes the spaces at the ends of a token out of its span.
class TrimSpans : public PostProcessor {
public:
  explicit TrimSpans(bool prefixSpace) : prefixSpace(prefixSpace) {}

  void apply(std::vector<Marked> &tokens, std::string_view text,
             bool) const override {
    for (size_t i = 0; i < tokens.size() && !text.empty(); ++i)
      trim(tokens[i], text, i == 0);
  }

private:
  void trim(Marked &token, std::string_view text, bool first) const {
    auto [begin, end] = token.span;
    // One space in front may be ours.
    bool ours =
        prefixSpace && token.leading == 1 && (first || token.span.begin == 0);
    for (uint32_t i = 0; i < token.leading && !ours && begin < end; ++i) {
      size_t at = begin;
      unicode::next(text, at);
      begin = std::min(uint32_t(at), end);
    }
    if (end >= token.trailing)
      for (uint32_t i = 0; i < token.trailing && end > begin; ++i)
        end = std::max(uint32_t(unicode::before(text, end)), begin);
    token.span = {begin, end};
  }

  bool prefixSpace;
};

class PostProcessorSequence : public PostProcessor {
public:
  std::vector<Pointer> steps;
  void apply(std::vector<Marked> &tokens, std::string_view text,
             bool special) const override {
    for (const Pointer &step : steps)
      step->apply(tokens, text, special);
  }
};

Result<int32_t> readId(const Json &id) {
  if (!id.is_number_unsigned() || id > INT32_MAX)
    return corrupt("the post-processor names an id that is none");
  return id.get<int32_t>();
}

Result<Pointer> parseTemplate(const Json &json) {
  auto result = std::make_unique<Template>();
  const Json &single = member(json, "single");
  const Json &specials = member(json, "special_tokens");
  if (!single.is_array())
    return corrupt("a template without a list 'single'");
  for (const Json &item : single) {
    if (const Json &sequence = member(item, "Sequence"); !sequence.is_null()) {
      if (text(sequence, "id", "A") != "A")
        return corrupt("the template for one text names a second one");
      result->items.push_back(Template::textHere);
      continue;
    }
    std::string name = text(member(item, "SpecialToken"), "id", "");
    const Json &ids = member(member(specials, name.c_str()), "ids");
    if (!ids.is_array())
      return corrupt("the template names '" + name +
                     "', which is no special token of it");
    for (const Json &id : ids) {
      Result<int32_t> value = readId(id);
      if (!value.ok())
        return value.status();
      result->items.push_back(*value);
    }
  }
  const auto &items = result->items;
  if (std::count(items.begin(), items.end(), Template::textHere) != 1)
    return corrupt("the template does not have one place for the text");
  return Pointer(std::move(result));
}

// {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}
Result<Pointer> parseClsSep(const Json &json) {
  auto result = std::make_unique<Template>();
  for (const char *key : {"cls", "sep"}) {
    const Json &pair = member(json, key);
    if (!pair.is_array() || pair.size() != 2)
      return corrupt(std::string("'") + key + "' is not a token and its id");
    Result<int32_t> id = readId(pair[1]);
    if (!id.ok())
      return id.status();
    result->items.push_back(*id);
  }
  result->items.insert(result->items.begin() + 1, Template::textHere);
  return Pointer(std::move(result));
}

Result<Pointer> parseRoberta(const Json &json) {
  Result<Pointer> around = parseClsSep(json);
  if (!around.ok() || !flag(json, "trim_offsets", true))
    return around;
  auto sequence = std::make_unique<PostProcessorSequence>();
  sequence->steps.push_back(
      std::make_unique<TrimSpans>(flag(json, "add_prefix_space", true)));
  sequence->steps.push_back(std::move(*around));
  return Pointer(std::move(sequence));
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
  if (type == "BertProcessing")
    return parseClsSep(json);
  if (type == "RobertaProcessing")
    return parseRoberta(json);
  if (type == "ByteLevel")
    return flag(json, "trim_offsets", true)
               ? Pointer(new TrimSpans(flag(json, "add_prefix_space", true)))
               : Pointer();
  if (type == "Sequence")
    return parseSequence(json);
  return unknown("post-processor", type);
}

} // namespace sluice::tokenizer
