#include "compiler/tokenizer/StopTokens.h"
#include "tests/unit/checkpoint/Files.h"
#include "tests/unit/fixture/Folder.h"

#include <gmock/gmock.h>

#include <map>

namespace sluice::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using tokenizer::StopTokens;
using Json = nlohmann::json;

const char models[] = SLUICE_SOURCE_DIR "/models";

Result<StopTokens> stops(const char *config, const char *generation) {
  Folder folder;
  folder.add("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  folder.add("config.json", config);
  if (generation)
    folder.add("generation_config.json", generation);
  Result<checkpoint::Checkpoint> file =
      checkpoint::Checkpoint::open(folder.path());
  return file.ok() ? tokenizer::readStopTokens(*file, models) : file.status();
}

// The values are GenerationConfig.eos_token_id of a model that transformers
// 5.24.0 loads from such a folder.
TEST(StopTokens, OfAFolder) {
  const char *sixteen = R"({"eos_token_id": 16})";
  struct {
    const char *config, *generation;
    std::vector<int32_t> ids;
    const char *note;
  } cases[] = {
      {"{}", nullptr, {}, nullptr},
      {sixteen, nullptr, {16}, nullptr},
      {R"({"eos_token_id": [16, 3]})", nullptr, {16, 3}, nullptr},
      {sixteen, R"({"eos_token_id": 5})", {5}, nullptr},
      {sixteen, R"({"eos_token_id": [5, 16, 5]})", {5, 16}, nullptr},
      {sixteen, R"({"eos_token_id": 2.0})", {2}, nullptr},
      {sixteen, "{}", {}, "16, which config.json has, ends nothing"},
      {sixteen, R"({"eos_token_id": null})", {}, "ends nothing"},
      {sixteen, R"({"eos_token_id": []})", {}, nullptr},
      {sixteen, "{", {16}, "generation_config.json: not valid JSON"},
      {sixteen, "[]", {16}, "generation_config.json: expected an object"},
      {sixteen, R"({"eos_token_id": "</s>"})", {}, "found \"</s>\""},
      {sixteen, R"({"eos_token_id": -1})", {}, "found -1"},
      {R"({"text_config": {"eos_token_id": 4}})", nullptr, {4}, nullptr},
      {R"({"eos_token_id": 7, "decoder": {"eos_token_id": 4}})",
       nullptr,
       {7},
       nullptr},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(std::string(c.config) + (c.generation ? c.generation : ""));
    Result<StopTokens> got = stops(c.config, c.generation);
    ASSERT_TRUE(got.ok()) << got.status().message();
    EXPECT_EQ(got->ids, c.ids);
    if (c.note)
      EXPECT_THAT(got->notes, ElementsAre(HasSubstr(c.note)));
    else
      EXPECT_THAT(got->notes, IsEmpty());
  }
}

Result<StopTokens> stops(const std::vector<std::string> &tokens,
                         const std::map<std::string, uint32_t> &keys,
                         const std::map<std::string, std::string> &texts = {}) {
  constexpr uint32_t version = 3, u32 = 4, text = 8, list = 9;
  Bytes bytes;
  bytes.data = "GGUF";
  bytes.number(version).number<uint64_t>(0);
  bytes.number<uint64_t>(1 + keys.size() + texts.size());
  bytes.text("tokenizer.ggml.tokens").number(list).number(text);
  bytes.number<uint64_t>(tokens.size());
  for (const std::string &token : tokens)
    bytes.text(token);
  for (const auto &[key, id] : keys)
    bytes.text("tokenizer.ggml." + key).number(u32).number(id);
  for (const auto &[key, value] : texts)
    bytes.text("tokenizer.ggml." + key).number(text).text(value);
  Folder folder;
  Result<checkpoint::Checkpoint> file =
      checkpoint::Checkpoint::open(folder.add("m.gguf", bytes.pad(32).data));
  return file.ok() ? tokenizer::readStopTokens(*file, models) : file.status();
}

// llama.cpp's rules (llama_vocab::is_eog).
TEST(StopTokens, OfAGguf) {
  using Tokens = std::vector<std::string>;
  Tokens tokens = {"a", "<|eot_id|>", "<|im_end|>", "</s>", "<|fim_pad|>", "b"};
  EXPECT_THAT(stops(tokens, {})->ids, UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(stops(tokens, {{"eos_token_id", 5}, {"eom_token_id", 0}})->ids,
              UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(stops(tokens, {{"fim_pad_token_id", 5}})->ids,
              UnorderedElementsAre(1, 2, 3, 5));
  for (const char *name : {"<end_of_turn>", "<|end|>", "<|return|>", "<turn|>",
                           "<|eom_id|>", "<|endoftext|>", "[EOS]", "<EOT>",
                           "<\uff5cend\u2581of\u2581sentence\uff5c>", "[e~["})
    EXPECT_THAT(stops(Tokens{"a", name}, {})->ids, ElementsAre(1)) << name;
  EXPECT_THAT(
      stops(Tokens{"<|end|>", "<|return|>", "<|call|>"}, {{"eos_token_id", 0}})
          ->ids,
      UnorderedElementsAre(1, 2));
  EXPECT_THAT(stops(Tokens{"</s>", "<|tool_response>"}, {})->ids,
              ElementsAre(1));
  Result<StopTokens> bad = stops(tokens, {{"eos_token_id", 6}});
  EXPECT_THAT(bad->notes, ElementsAre(HasSubstr("there is no token 6")));
  bad = stops(tokens, {}, {{"eos_token_id", "\xff\xe9"}});
  EXPECT_THAT(bad->notes, ElementsAre(HasSubstr("there is no token \"")));
}

// llama.cpp's special_eos_id of each kind of vocabulary, but for byte-level
// ones, where 11 is the end in one vocabulary and a comma in another.
TEST(StopTokens, OfAGgufWithoutAnEnd) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 12; ++i)
    tokens.push_back("t" + std::to_string(i));
  const std::map<std::string, int32_t> kinds = {{"llama", 2}, {"t5", 1}};
  for (const auto &[kind, id] : kinds) {
    EXPECT_THAT(stops(tokens, {}, {{"model", kind}})->ids, ElementsAre(id));
    EXPECT_THAT(stops(tokens, {{"eos_token_id", 5}}, {{"model", kind}})->ids,
                ElementsAre(5));
  }
  EXPECT_THAT(stops(tokens, {}, {{"model", "bert"}})->ids, IsEmpty());
  EXPECT_THAT(stops(tokens, {}, {{"model", "gpt2"}})->ids, IsEmpty());
}

TEST(StopTokens, OfAnyNumberAreReadOnce) {
  Json list = Json::array();
  for (int i = 0; i < 300000; ++i)
    list.push_back(i);
  std::string text = Json{{"eos_token_id", list}}.dump();
  EXPECT_EQ(stops("{}", text.c_str())->ids.size(), 300000u);
}

TEST(StopTokens, HaveTheTypeOfTheirTexts) {
  tokenizer::TokenList list;
  list.tokens = {"<|im_end|>", "<|fim_prefix|>", "<|channel|>",
                 "a",          "<|end|>",        "<|return|>",
                 "<|call|>",   "\u2581<PRE>",    "<\uff5cfim\u2581hole\uff5c>"};
  list.types.assign(list.tokens.size(), tokenizer::TokenType::Normal);
  std::ifstream table(SLUICE_SOURCE_DIR "/models/tokenizers/ends.json");
  tokenizer::correctTypes(list, Json::parse(table));
  using enum tokenizer::TokenType;
  EXPECT_THAT(list.types,
              ElementsAre(Control, Control, UserDefined, Normal, UserDefined,
                          Control, Control, Control, Control));
}

} // namespace
} // namespace sluice::test
