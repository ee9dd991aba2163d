// Folders as checkpoints have them with what transformers makes of them
// (tests/reference/tokenizer/folders.py), and what their files may have wrong.
#include "tests/unit/fixture/Folder.h"
#include "compiler/tokenizer/TokenizerFile.h"
#include "runtime/support/Base64.h"
#include "tests/unit/tokenizer/Documents.h"

#include <gmock/gmock.h>

#include <fstream>

namespace sluice::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tokenizer::TokenizerFile;

// A folder with weights, which a checkpoint needs.
struct Checkpoint : Folder {
  Checkpoint() {
    add("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    add("config.json", "{}");
  }
  Result<TokenizerFile> read() const {
    Result<checkpoint::Checkpoint> file = checkpoint::Checkpoint::open(path());
    return file.ok()
               ? tokenizer::readTokenizer(*file, SLUICE_SOURCE_DIR "/models")
               : file.status();
  }
};

std::string streamed(const Tokenizer &tokenizer,
                     const std::vector<int32_t> &ids, bool skipSpecial) {
  TokenStream stream(tokenizer, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += *stream.next(id);
  return text + stream.finish();
}

void compare(const Tokenizer &tokenizer, const Json &record) {
  for (const Json &row : record["encode"]) {
    SCOPED_TRACE(row[0].dump());
    auto text = row[0].get<std::string>();
    EXPECT_EQ(Json(*tokenizer.encode(text)), row[1]);
    EXPECT_EQ(Json(*tokenizer.encode(text, false)), row[2]);
    Result<Encoding> encoding = tokenizer.encodeWithSpans(text);
    Json spans = Json::array();
    for (const TextSpan &span : encoding->spans)
      spans.push_back({span.begin, span.end});
    EXPECT_EQ(spans, row[3]);
  }
  for (const Json &row : record["decode"]) {
    SCOPED_TRACE(row[0].dump());
    std::vector<int32_t> ids = row[0];
    EXPECT_EQ(Json(*tokenizer.decode(ids)), row[1]);
    EXPECT_EQ(Json(*tokenizer.decode(ids, false)), row[2]);
    EXPECT_EQ(Json(streamed(tokenizer, ids, true)), row[1]);
    EXPECT_EQ(Json(streamed(tokenizer, ids, false)), row[2]);
  }
}

TEST(Folders, GiveWhatTransformersGives) {
  std::ifstream in(SLUICE_SOURCE_DIR "/tests/reference/tokenizer/folders.json");
  Json all = Json::parse(in);
  ASSERT_GE(all["cases"].size(), 50u);
  for (const Json &record : all["cases"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    Checkpoint folder;
    for (const auto &[name, key] : record["files"].items()) {
      const Json &content = all["files"][key.get<std::string>()];
      folder.add(name, content.is_string()
                           ? content.get<std::string>()
                           : *fromBase64(content["base64"].get<std::string>()));
    }
    Result<TokenizerFile> file = folder.read();
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_THAT(file->notes, IsEmpty());
    Result<Tokenizer> parsed = Tokenizer::parse(file->json);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    compare(*parsed, record);
    Stored stored(Json::parse(file->json));
    Result<Tokenizer> loaded = stored.load();
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    compare(*loaded, record);
    EXPECT_EQ(Json::parse(file->config), record["roles"]);
  }
}

const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nfox\n";

TEST(Folders, SayWhatTheyPassOver) {
  Checkpoint folder;
  folder.add("config.json", R"({"model_type": "bert"})");
  folder.add("vocab.txt", words);
  auto notes = [&](const char *config) {
    folder.add("tokenizer_config.json", config);
    Result<TokenizerFile> file = folder.read();
    return file.ok() ? file->notes
                     : std::vector<std::string>{file.status().message()};
  };
  EXPECT_THAT(notes(R"({"do_lower_case": true, "model_max_length":
                        1000000000000000019884624838656})"),
              IsEmpty());
  EXPECT_THAT(
      notes(R"({"do_lower_caes": true})"),
      ElementsAre("tokenizer_config.json: the key 'do_lower_caes' is not known "
                  "and has no effect; did you mean 'do_lower_case'?"));
  EXPECT_THAT(notes(R"({"tokenizer_class": "FooTokenizer"})"),
              ElementsAre(HasSubstr("class 'FooTokenizer' is not known")));
  EXPECT_THAT(notes(R"({"tokenizer_class": "GPT2Tokenizer"})"),
              ElementsAre(HasSubstr("another kind of vocabulary")));
  EXPECT_THAT(
      notes(R"({"auto_map": {"AutoTokenizer": ["a.B", null]},
                "tokenizer_class": "PreTrainedTokenizerFast"})"),
      ElementsAre(HasSubstr("code of the checkpoint's own is not run")));
  EXPECT_THAT(notes(R"({"fix_mistral_regex": true})"),
              ElementsAre(HasSubstr("fix_mistral_regex is not carried out")));
  nlohmann::json many = nlohmann::json::object();
  for (int i = 0; i < 50000; ++i) {
    many["foo" + std::to_string(i)] = 1;
    many["foo" + std::to_string(i) + "_token"] = "<" + std::to_string(i) + ">";
    many["extra_special_tokens"].push_back("<x" + std::to_string(i) + ">");
    many["added_tokens_decoder"][std::to_string(7 + i)] = {
        {"content", "<" + std::to_string(i) + ">"}};
  }
  std::vector<std::string> told = notes(many.dump().c_str());
  EXPECT_EQ(told.size(), 21u);
  EXPECT_THAT(told.back(), HasSubstr("49980 more keys are not known"));
}

TEST(Folders, ReadManyTokensInLittleTime) {
  Checkpoint folder;
  folder.add("config.json", R"({"model_type": "bert"})");
  folder.add("vocab.txt", words);
  nlohmann::json config, map, added;
  for (int i = 0; i < 30000; ++i) {
    std::string name = std::to_string(i);
    config["extra_special_tokens"].push_back("<a" + name + ">");
    map["extra_special_tokens"].push_back("<b" + name + ">");
    added["<a" + name + ">"] = 7 + i;
  }
  folder.add("tokenizer_config.json", config.dump());
  folder.add("special_tokens_map.json", map.dump());
  folder.add("added_tokens.json", added.dump());
  Result<TokenizerFile> file = folder.read();
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(pieces(make(nlohmann::json::parse(file->json)), "fox<a7><b7>"),
              ElementsAre("[CLS]", "fox", "<a7>", "<b7>", "[SEP]"));
}

TEST(Folders, RefuseWhatIsMalformed) {
  Checkpoint folder;
  folder.add("config.json", R"({"model_type": "bert"})");
  folder.add("vocab.txt", words);
  auto message = [&](const char *name, const char *content) {
    folder.add(name, content);
    std::string message = folder.read().status().message();
    folder.add(name, "{}");
    return message;
  };
  const char *config = "tokenizer_config.json";
  EXPECT_THAT(message(config, "{"),
              HasSubstr("tokenizer_config.json: not valid"));
  EXPECT_THAT(message(config, "[]"),
              HasSubstr("expected an object, found array"));
  EXPECT_THAT(message(config, R"({"do_lower_case": "no"})"),
              HasSubstr("do_lower_case: expected true or false, found \"no\""));
  EXPECT_THAT(message(config, R"({"cls_token": 5})"),
              HasSubstr("cls_token: expected a token, found number"));
  EXPECT_THAT(
      message(config, R"({"cls_token": {"content": "x", "lstrip": 1}})"),
      HasSubstr("cls_token: lstrip: expected true or false, found 1"));
  EXPECT_THAT(
      message(config, R"({"additional_special_tokens": "x"})"),
      HasSubstr("additional_special_tokens: expected a list, found str"));
  EXPECT_THAT(message(config, R"({"added_tokens_decoder": {"a": "x"}})"),
              HasSubstr("added_tokens_decoder: \"a\": expected the id"));
  EXPECT_THAT(message("added_tokens.json", R"({"<x>": "7"})"),
              HasSubstr("added_tokens.json: \"<x>\": expected the id"));
  EXPECT_THAT(message("special_tokens_map.json", "{"),
              HasSubstr("special_tokens_map.json: not valid"));
  EXPECT_THAT(message("tokenizer.json", "{"), HasSubstr("not a JSON object"));
}

// They take the place of those in tokenizer_config.json.
TEST(Folders, KeepTemplatesInFilesOfTheirOwn) {
  Checkpoint folder;
  folder.add("vocab.txt", words);
  folder.add("tokenizer_config.json", R"({"chat_template": "old"})");
  EXPECT_EQ(Json::parse(folder.read()->config)["chat_template"], "old");
  folder.add("chat_template.jinja", "new");
  folder.add("additional_chat_templates/tool_use.jinja", "tools");
  EXPECT_EQ(Json::parse(folder.read()->config)["chat_template"],
            Json::parse(R"([{"name": "default", "template": "new"},
                            {"name": "tool_use", "template": "tools"}])"));
}

} // namespace
} // namespace sluice::test
