#include "runtime/chat/ChatFormat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using testing::HasSubstr;

const ChatMessage kMessages[] = {{"system", "Be kind."}, {"user", "Hi"}};

std::string render(std::string_view config, const ChatOptions &options = {},
                   std::string_view source = {}) {
  Result<ChatFormat> format = ChatFormat::parse(config, source);
  if (!format.ok())
    return "error: " + format.status().message();
  Result<std::string> text = format->render(kMessages, options);
  return text.ok() ? *text : "error: " + text.status().message();
}

TEST(ChatFormat, PrintsMessagesAndTokens) {
  const char *config = R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>",
    "chat_template": "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}{% if tools %}!{% endif %}"})";
  EXPECT_EQ(render(config), "<s>[system]Be kind.</s>[user]Hi</s>[assistant]");
  EXPECT_EQ(render(config, {.generationPrompt = false}),
            "<s>[system]Be kind.</s>[user]Hi</s>");
  EXPECT_EQ(render(config, {}, "{{ messages|length }}"), "2");
  // A role of the model's own; a flag is none.
  EXPECT_EQ(render(R"({"image_token": "<i>", "add_bos_token": true})", {},
                   "{{ image_token }}{{ add_bos_token is defined }}"),
            "<i>False");
}

TEST(ChatFormat, HasATemplateOfItsOwnForTools) {
  const char *config = R"({"chat_template": [
    {"name": "default", "template": "plain"},
    {"name": "tool_use", "template": "{{ tools[0].name }}"}]})";
  EXPECT_EQ(render(config), "plain");
  EXPECT_EQ(render(config, {.tools = R"([{"name": "clock"}])"}), "clock");
  EXPECT_THAT(render(config, {.tools = "{"}), HasSubstr("JSON list"));
}

TEST(ChatFormat, Errors) {
  EXPECT_EQ(ChatFormat::parse("{}").status().code(), Code::NotFound);
  EXPECT_EQ(ChatFormat::parse("").status().code(), Code::NotFound);
  EXPECT_THAT(render(R"({"chat_template": "{% for %}"})"),
              HasSubstr("the chat template: "));
  EXPECT_THAT(
      render(R"({"chat_template": "{{ raise_exception('no system') }}"})"),
      HasSubstr("no system"));
}

} // namespace
} // namespace sluice::test
