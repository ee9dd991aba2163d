// Conversations on the terminal.
#include "runtime/tokenizer/Tokenizer.h"
#include "tools/sluice-run/Options.h"

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace sluice::run {

namespace {

class Conversation {
public:
  // Goes on from `messages`.
  Conversation(ModelPtr &model, ChatFormat format, const Options &options,
               std::vector<ChatMessage> messages)
      : model_(model), format_(std::move(format)), options_(options),
        text_(textOptions(options)), capacity_(options.load.capacity),
        messages_(std::move(messages)) {
    if (!options.system.empty())
      messages_.push_back({"system", options.system});
  }

  // Prints the answer to a question.
  Status ask(const std::string &question);
  const std::vector<ChatMessage> &messages() const { return messages_; }

private:
  Result<size_t> goBackTo(std::span<const int32_t> ids);
  Status makeRoom(int64_t tokens);

  ModelPtr &model_;
  ChatFormat format_;
  const Options &options_;
  TextOptions text_;
  int64_t capacity_; // of an encoder, which takes a text as a whole
  std::vector<ChatMessage> messages_;
};

// Drops what the slot has seen but for what the new text begins with, mostly
// all of the conversation so far; gives how many tokens that are. The last
// token is taken in again, as its logits are wanted.
Result<size_t> Conversation::goBackTo(std::span<const int32_t> ids) {
  Result<std::vector<int32_t>> held = model_->tokens(0);
  if (!held.ok())
    return held.status();
  auto end = std::mismatch(held->begin(), held->end(), ids.begin(), ids.end());
  size_t common = static_cast<size_t>(end.first - held->begin());
  common = std::min(common, ids.size() - 1);
  if (common < held->size() &&
      !model_->rewind(0, static_cast<int64_t>(common)).ok()) {
    common = 0; // states that cannot go back begin anew
    if (Status status = model_->reset(0); !status.ok())
      return status;
  }
  return common;
}

// Loads the model again if one step cannot take so many tokens, with room for
// some turns more.
Status Conversation::makeRoom(int64_t tokens) {
  if (tokens <= capacity_)
    return {};
  capacity_ = 2 * tokens;
  Result<ModelPtr> larger =
      loadModel(options_, 1, static_cast<size_t>(capacity_));
  if (!larger.ok())
    return larger.status();
  model_ = std::move(*larger);
  return {};
}

Status Conversation::ask(const std::string &question) {
  messages_.push_back({"user", question});
  Result<std::string> text = format_.render(messages_);
  if (!text.ok())
    return text.status();
  Result<const Tokenizer *> tokenizer = model_->tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Result<std::vector<int32_t>> ids = (*tokenizer)->encode(*text, false);
  if (!ids.ok())
    return ids.status();
  if (ids->empty())
    return Status(Code::InvalidArgument, "the chat template prints nothing");
  Result<size_t> common = size_t(0);
  if (model_->startToken() < 0) {
    common = goBackTo(*ids);
  } else { // an encoder reads the whole conversation anew
    Status status = makeRoom(static_cast<int64_t>(ids->size()));
    if (status.ok())
      status = model_->reset(0);
    if (!status.ok())
      common = status;
  }
  if (!common.ok())
    return common.status();
  std::string answer;
  Status status =
      model_->generateText(0, std::span<const int32_t>(*ids).subspan(*common),
                           text_, [&](std::string_view piece) {
                             answer += piece;
                             std::cout << piece << std::flush;
                             return std::cout.good();
                           });
  std::cout << '\n' << std::flush;
  if (status.ok())
    noteFullContext(*model_);
  messages_.push_back({"assistant", std::move(answer)});
  return status;
}

// Questions from standard input, a line each.
Status askLines(Conversation &conversation) {
  bool shows = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  std::string line;
  while (true) {
    if (shows)
      std::cout << "> " << std::flush;
    if (!std::getline(std::cin, line))
      break;
    if (std::string question = asPrompt(line); !question.empty())
      if (Status status = conversation.ask(question); !status.ok())
        return status;
  }
  if (shows)
    std::cout << '\n';
  return {};
}

} // namespace

Status chat(const Options &options, ModelPtr &model) {
  std::string source;
  if (!options.templateFile.empty()) {
    Result<std::string> file = readAll(options.templateFile);
    if (!file.ok())
      return file.status();
    source = std::move(*file);
  }
  Result<ModelPtr> loaded = loadModel(options, 1, 0);
  if (!loaded.ok())
    return loaded.status();
  model = std::move(*loaded);
  if (Status status = checkGenerates(*model, options.entry); !status.ok())
    return status;
  if (Status status = model->tokenizer().status(); !status.ok())
    return status;
  Result<ChatFormat> format = model->chatFormat(source);
  if (!format.ok())
    return format.status().code() == Code::NotFound
               ? Status(Code::NotFound, format.status().message() +
                                            "; give one with --template-file")
               : format.status();
  Result<Kept> kept = loadState(options, *model);
  if (!kept.ok())
    return kept.status();
  if (!options.loadState.empty() && kept->messages.empty())
    return Status(Code::InvalidArgument,
                  options.loadState + ": holds no conversation, --chat cannot "
                                      "go on with it");
  Conversation conversation(model, std::move(*format), options,
                            std::move(kept->messages));
  Status status = options.prompt ? conversation.ask(*options.prompt)
                                 : askLines(conversation);
  if (!status.ok())
    return status;
  kept->next = {};
  kept->messages = conversation.messages();
  return saveState(options, *model, *kept);
}

} // namespace sluice::run
