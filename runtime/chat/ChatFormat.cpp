#include "runtime/chat/ChatFormat.h"

#include "runtime/support/Json.h"
#include "runtime/template/Template.h"

#include <optional>

namespace sluice {

using Json = nlohmann::ordered_json;

struct ChatFormat::Impl {
  std::optional<Template> plain, withTools; // withTools: a template of its own
  Json tokens = Json::object();             // special tokens by their roles
};

namespace {

// A token is a text or an object with its content.
std::string contentOf(const Json &token) {
  if (token.is_string())
    return token.get<std::string>();
  auto it = token.is_object() ? token.find("content") : token.end();
  return it != token.end() && it->is_string() ? it->get<std::string>() : "";
}

// All that are named by a role, those of the model's own, too.
Json specialTokens(const Json &config) {
  Json tokens = Json::object();
  for (const auto &[name, token] : config.items())
    if (name.ends_with("_token") && (token.is_string() || token.is_object()))
      tokens[name] = contentOf(token);
  return tokens;
}

// One template, or several with names.
std::string sourceNamed(const Json &templates, std::string_view name) {
  if (templates.is_string())
    return name == "default" ? templates.get<std::string>() : "";
  for (const Json &item : templates)
    if (item.is_object() && contentOf(item.value("name", Json())) == name)
      return contentOf(item.value("template", Json()));
  return "";
}

Status parseInto(std::string_view source, std::optional<Template> &out) {
  Result<Template> parsed = Template::parse(source);
  if (!parsed.ok())
    return parsed.status().in("the chat template");
  out.emplace(std::move(*parsed));
  return {};
}

} // namespace

ChatFormat::ChatFormat(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatFormat::ChatFormat(ChatFormat &&) noexcept = default;
ChatFormat &ChatFormat::operator=(ChatFormat &&) noexcept = default;
ChatFormat::~ChatFormat() = default;

Result<ChatFormat> ChatFormat::parse(std::string_view config,
                                     std::string_view source) {
  Json settings = Json::object();
  if (!config.empty()) {
    Result<Json> parsed = parseJson<Json>(config);
    if (!parsed.ok())
      return parsed.status().in("the tokenizer's config");
    if (parsed->is_object())
      settings = std::move(*parsed);
  }
  Json templates = settings.value("chat_template", Json());
  auto impl = std::make_unique<Impl>();
  impl->tokens = specialTokens(settings);
  std::string plain =
      source.empty() ? sourceNamed(templates, "default") : std::string(source);
  if (plain.empty())
    return Status(Code::NotFound, "the model has no chat template");
  Status status = parseInto(plain, impl->plain);
  std::string tools = source.empty() ? sourceNamed(templates, "tool_use") : "";
  if (status.ok() && !tools.empty())
    status = parseInto(tools, impl->withTools);
  if (!status.ok())
    return status;
  return ChatFormat(std::move(impl));
}

Result<std::string> ChatFormat::render(std::span<const ChatMessage> messages,
                                       const ChatOptions &options) const {
  Json variables = impl_->tokens;
  Json &list = variables["messages"] = Json::array();
  for (const ChatMessage &message : messages)
    list.push_back({{"role", message.role}, {"content", message.content}});
  Json tools;
  if (!options.tools.empty()) {
    Result<Json> parsed = parseJson<Json>(options.tools);
    if (!parsed.ok() || !parsed->is_array())
      return Status(Code::InvalidArgument, "tools: expected a JSON list");
    tools = std::move(*parsed);
  }
  bool own = impl_->withTools && !tools.is_null();
  variables["tools"] = std::move(tools);
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = options.generationPrompt;
  Result<std::string> text =
      (own ? impl_->withTools : impl_->plain)->render(variables);
  return text.ok() ? text : text.status().in("the chat template");
}

} // namespace sluice
