// Sequences that go on where another run has left them.
#include "tools/sluice-run/Options.h"

#include "runtime/support/Json.h"

namespace sluice::run {

// The note of a snapshot: {"next": id, "messages": [[role, content], ...]}.
static Result<Kept> parseNote(const std::string &note) {
  Kept kept;
  if (note.empty())
    return kept;
  Result<nlohmann::json> json = parseJson(note);
  if (!json.ok())
    return json.status().in("its note");
  auto bad = [](const char *what) {
    return Status(Code::Corrupt, std::string("its note: expected ") + what);
  };
  if (!json->is_object())
    return bad("an object");
  if (auto next = json->find("next"); next != json->end()) {
    if (!next->is_number_unsigned() || next->get<uint64_t>() > INT32_MAX)
      return bad("an id as 'next'");
    kept.next = next->get<int32_t>();
  }
  auto messages = json->find("messages");
  if (messages == json->end())
    return kept;
  if (!messages->is_array())
    return bad("a list of 'messages'");
  for (const nlohmann::json &message : *messages) {
    if (!message.is_array() || message.size() != 2 || !message[0].is_string() ||
        !message[1].is_string())
      return bad("a role and a text for each message");
    kept.messages.push_back({message[0], message[1]});
  }
  return kept;
}

static std::string makeNote(const Kept &kept) {
  nlohmann::json json = nlohmann::json::object();
  if (kept.next)
    json["next"] = *kept.next;
  for (const ChatMessage &message : kept.messages)
    json["messages"].push_back({message.role, message.content});
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Kept> loadState(const Options &options, Model &model) {
  if (options.loadState.empty())
    return Kept();
  if (options.prompt && !options.chat && model.startToken() >= 0)
    return Status(Code::InvalidArgument,
                  "the prompt of an encoder-decoder is a new source; what was "
                  "saved goes on with --generate");
  Result<std::string> note = model.loadSlotFile(0, options.loadState);
  if (!note.ok())
    return note.status();
  Result<Kept> kept = parseNote(*note);
  return kept.ok() ? kept : kept.status().in(options.loadState);
}

Status saveState(const Options &options, const Model &model, const Kept &kept) {
  if (options.saveState.empty())
    return {};
  return model.saveSlotFile(0, options.saveState, makeNote(kept));
}

std::optional<int32_t> pending(const Model &model, int64_t length,
                               std::span<const int32_t> made) {
  Result<int64_t> held = model.length(0);
  bool taken = held.ok() && *held == length + static_cast<int64_t>(made.size());
  if (made.empty() || taken)
    return {};
  return made.back();
}

} // namespace sluice::run
