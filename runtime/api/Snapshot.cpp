// Slots as bytes and files.
#include "runtime/api/Impl.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Caught.h"
#include "runtime/support/MappedFile.h"

namespace sluice {

Result<std::vector<int32_t>> Model::tokens(int32_t slot) const try {
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  const std::vector<int32_t> &held = impl_->held[static_cast<size_t>(slot)];
  return std::vector<int32_t>(
      held.begin(), held.begin() + impl_->executor->slots().length(slot));
} catch (...) {
  return caught();
}

Status Model::Impl::save(int32_t slot, std::string_view note,
                         const state::Sink &sink) const {
  if (Status status = checkSlot(slot); !status.ok())
    return status;
  const std::vector<int32_t> &tokens = held[static_cast<size_t>(slot)];
  const state::Slots &slots = executor->slots();
  state::Snapshot snapshot;
  snapshot.model = artifact.digest();
  snapshot.tokens.assign(tokens.begin(), tokens.begin() + slots.length(slot));
  snapshot.note = note;
  snapshot.prompt = prompts[static_cast<size_t>(slot)];
  snapshot.announced = announced[static_cast<size_t>(slot)];
  return slots.save(slot, snapshot, sink);
}

Result<std::vector<uint8_t>> Model::saveSlot(int32_t slot,
                                             std::string_view note) const try {
  std::vector<uint8_t> bytes;
  Status status = impl_->save(slot, note, [&](const void *data, size_t size) {
    auto *first = static_cast<const uint8_t *>(data);
    bytes.insert(bytes.end(), first, first + size);
    return Status();
  });
  if (!status.ok())
    return status;
  return bytes;
} catch (...) {
  return caught();
}

Status Model::saveSlotFile(int32_t slot, const std::string &path,
                           std::string_view note) const try {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  Status status = impl_->save(slot, note, [&](const void *data, size_t size) {
    return file->write(data, size);
  });
  return status.ok() ? file->commit() : status;
} catch (...) {
  return caught();
}

Result<std::string> Model::loadSlot(int32_t slot,
                                    std::span<const uint8_t> bytes) try {
  if (Status status = impl_->checkSlot(slot); !status.ok())
    return status;
  Result<state::Snapshot> snapshot =
      impl_->executor->slots().load(slot, bytes, impl_->artifact.digest());
  if (!snapshot.ok())
    return snapshot.status();
  // Within what was reserved, so nothing fails any more.
  impl_->held[static_cast<size_t>(slot)].assign(snapshot->tokens.begin(),
                                                snapshot->tokens.end());
  impl_->prompts[static_cast<size_t>(slot)] = snapshot->prompt;
  impl_->announced[static_cast<size_t>(slot)] = snapshot->announced;
  return std::move(snapshot->note);
} catch (...) {
  return caught();
}

Result<std::string> Model::loadSlotFile(int32_t slot,
                                        const std::string &path) try {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Result<std::string> note = loadSlot(slot, file->bytes());
  return note.ok() ? note : note.status().in(path);
} catch (...) {
  return caught();
}

} // namespace sluice
