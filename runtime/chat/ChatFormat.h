// Conversations as the text that a model was trained on.
#pragma once

#include "runtime/support/Status.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

struct ChatMessage {
  std::string role; // "system", "user", "assistant", "tool", ...
  std::string content;
};

struct ChatOptions {
  bool generationPrompt = true; // the beginning of an answer at the end
  std::string_view tools = {};  // a JSON list of what the model may call
};

class ChatFormat {
public:
  // `config` holds the bytes of a tokenizer_config.json: the template and the
  // special tokens that it may print. `source` is a template that takes the
  // place of the config's. NotFound without a template, Corrupt or Unsupported
  // for one that cannot be run.
  static Result<ChatFormat> parse(std::string_view config,
                                  std::string_view source = {});

  // InvalidArgument when the template refuses the messages; its own words are
  // in the message.
  Result<std::string> render(std::span<const ChatMessage> messages,
                             const ChatOptions &options = {}) const;

  ChatFormat(ChatFormat &&) noexcept;
  ChatFormat &operator=(ChatFormat &&) noexcept;
  ~ChatFormat();

private:
  struct Impl;
  explicit ChatFormat(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice
