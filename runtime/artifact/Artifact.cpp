#include "runtime/artifact/Artifact.h"

#include "runtime/artifact/PlanCheck.h"
#include "runtime/format/CpuFeatures.h"
#include "runtime/format/container.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sys/mman.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sluice::artifact {

using format::Section;
using format::SectionKind;

static Status corrupt(std::string message) {
  return Status(Code::Corrupt, std::move(message));
}

const char *sectionName(SectionKind kind) {
  switch (kind) {
  case SectionKind::Code:
    return "code";
  case SectionKind::Weights:
    return "weights";
  case SectionKind::Constants:
    return "constants";
  case SectionKind::Tokenizer:
    return "tokenizer";
  case SectionKind::TokenizerConfig:
    return "tokenizer config";
  case SectionKind::Spec:
    return "spec";
  case SectionKind::Ir:
    return "ir";
  }
  return "unknown";
}

static std::string describe(const Section &section) {
  std::string name(sectionName(section.kind()));
  if (!text(section.name()).empty())
    name += " '" + std::string(text(section.name())) + "'";
  return name;
}

Result<Artifact> Artifact::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  Artifact artifact(std::move(*file));
  Status status = artifact.readPreamble();
  if (status.ok())
    status = artifact.readHeader();
  if (status.ok())
    status = artifact.checkSections();
  if (status.ok())
    status = checkPlan(artifact.model()).in("plan");
  if (!status.ok())
    return status.in(path);
  artifact.signatures_ = Signatures(artifact.model());
  return artifact;
}

Status Artifact::readPreamble() {
  std::span<const uint8_t> bytes = file_.bytes();
  format::Preamble preamble;
  if (bytes.size() < sizeof(preamble))
    return corrupt("not an artifact: " + std::to_string(bytes.size()) +
                   " bytes, the preamble alone has 64");
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  if (std::memcmp(preamble.magic, format::kMagic, sizeof(format::kMagic)) != 0)
    return corrupt("not an artifact (it does not begin with its magic bytes); "
                   "sluice-compile makes one of a checkpoint");
  if (preamble.version != format::kVersion)
    return Status(Code::Unsupported, "artifact version " +
                                         std::to_string(preamble.version) +
                                         ", this runtime reads version " +
                                         std::to_string(format::kVersion) +
                                         "; compile the model again");
  if (preamble.flags != 0 || preamble.reserved[0] != 0 ||
      preamble.reserved[1] != 0)
    return corrupt("reserved fields of the preamble are set");
  if (preamble.fileBytes != bytes.size()) {
    const char *what =
        bytes.size() < preamble.fileBytes ? "truncated" : "too long";
    return corrupt(std::string(what) + ": " + std::to_string(bytes.size()) +
                   " bytes, expected " + std::to_string(preamble.fileBytes));
  }
  if (preamble.headerOffset < sizeof(preamble) ||
      preamble.headerOffset % format::kHeaderAlignment != 0 ||
      preamble.headerOffset > bytes.size() ||
      preamble.headerBytes > bytes.size() - preamble.headerOffset)
    return corrupt("the header lies outside the file");
  header_ = bytes.subspan(preamble.headerOffset, preamble.headerBytes);
  headerDigest_ = preamble.headerXxh3;
  return {};
}

Status Artifact::readHeader() {
  if (XXH3_64bits(header_.data(), header_.size()) != headerDigest_)
    return corrupt("the header is corrupted: its digest differs");
  flatbuffers::Verifier verifier(header_.data(), header_.size(),
                                 /*max_depth=*/32, /*max_tables=*/4000000);
  if (!format::VerifyModelBuffer(verifier))
    return corrupt("the header is not a valid FlatBuffer");
  model_ = format::GetModel(header_.data());
  return {};
}

Status Artifact::checkSections() const {
  std::vector<std::pair<uint64_t, uint64_t>> extents;
  uint64_t size = file_.bytes().size();
  uint64_t headerStart =
      static_cast<uint64_t>(header_.data() - file_.bytes().data());
  extents.emplace_back(headerStart, headerStart + header_.size());
  for (const Section *section : list(model_->sections())) {
    if (section->kind() > SectionKind::MAX)
      return corrupt("section of unknown kind " +
                     std::to_string(static_cast<int>(section->kind())));
    if (section->offset() % format::kSectionAlignment != 0)
      return corrupt("section " + describe(*section) + " is not page-aligned");
    if (section->offset() > size || section->bytes() > size - section->offset())
      return corrupt("section " + describe(*section) +
                     " lies outside the file");
    extents.emplace_back(section->offset(),
                         section->offset() + section->bytes());
    // The weights may be larger than memory; they are checked on request.
    if (section->kind() != SectionKind::Weights)
      if (Status status = checkDigest(*section); !status.ok())
        return status;
  }
  std::sort(extents.begin(), extents.end());
  for (size_t i = 1; i < extents.size(); ++i)
    if (extents[i].first < extents[i - 1].second)
      return corrupt("two sections overlap at offset " +
                     std::to_string(extents[i].first));
  return {};
}

Status Artifact::checkDigest(const Section &section) const {
  std::span<const uint8_t> data = bytes(section);
  if (XXH3_64bits(data.data(), data.size()) != section.xxh3())
    return corrupt("section " + describe(section) +
                   " is corrupted: its digest differs");
  return {};
}

std::span<const uint8_t> Artifact::bytes(const Section &section) const {
  auto copy = copies_.find(section.offset());
  if (copy != copies_.end())
    return {reinterpret_cast<const uint8_t *>(copy->second.data()),
            copy->second.bytes()};
  return file_.bytes().subspan(section.offset(), section.bytes());
}

const Section *Artifact::find(SectionKind kind, std::string_view name) const {
  for (const Section *section : list(model_->sections()))
    if (section->kind() == kind &&
        (name.empty() || text(section->name()) == name))
      return section;
  return nullptr;
}

std::string_view Artifact::textOf(SectionKind kind,
                                  std::string_view name) const {
  const Section *section = find(kind, name);
  if (!section)
    return {};
  std::span<const uint8_t> data = bytes(*section);
  return {reinterpret_cast<const char *>(data.data()), data.size()};
}

std::vector<std::string> featuresOf(const Section &section) {
  std::vector<std::string> features;
  for (const flatbuffers::String *feature : list(section.features()))
    features.emplace_back(text(feature));
  return features;
}

Result<const Section *> Artifact::code() const {
  const Section *best = nullptr;
  std::string refused;
  for (const Section *section : list(model_->sections())) {
    if (section->kind() != SectionKind::Code)
      continue;
    std::vector<std::string> features = featuresOf(*section);
    std::vector<std::string> missing = format::missingFeatures(features);
    if (missing.empty()) {
      if (!best || features.size() > list(best->features()).size())
        best = section;
      continue;
    }
    refused += (refused.empty() ? "" : "; ") +
               std::string(text(section->name())) + " needs";
    for (size_t i = 0; i < missing.size(); ++i)
      refused += (i ? ", " : " ") + missing[i];
  }
  if (best)
    return best;
  return Status(Code::Unsupported,
                path() + ": no code for this CPU: " +
                    (refused.empty() ? "the file holds none" : refused));
}

const uint8_t *Artifact::weight(uint32_t index, uint32_t layer) const {
  const format::Weight *weight = list(model_->weights())[index];
  const Section *section = find(weight->section());
  return bytes(*section).data() + weight->offset() +
         uint64_t(layer) * weight->bank_stride();
}

Result<std::string> Artifact::place(const Placement &placement) {
  auto start = std::chrono::steady_clock::now();
  std::vector<const Section *> sections;
  uint64_t total = 0;
  for (const Section *section : list(model_->sections()))
    if (section->kind() == SectionKind::Weights && section->bytes() > 0) {
      sections.push_back(section);
      total += section->bytes();
    }
  SystemMemory memory = SystemMemory::now();
  Result<Choice> choice = choose(placement.load, total, memory);
  if (!choice.ok())
    return choice.status().in(path());
  for (const Section *section : sections) {
    if (choice->copy) {
      std::span<const uint8_t> from = bytes(*section);
      Result<Reservation> copy = hugeCopy(placement.threads, from, memory);
      if (!copy.ok())
        return copy.status().in(path());
      // Only the mapping's own pages; the file stays in the page cache.
      madvise(const_cast<uint8_t *>(from.data()), from.size(), MADV_DONTNEED);
      copies_.emplace(section->offset(), std::move(*copy));
    } else if (placement.prefault) {
      if (Status status = prefault(placement.threads, bytes(*section));
          !status.ok())
        return status.in(path());
    }
    if (placement.lock)
      if (Status status = lock(bytes(*section)); !status.ok())
        return status.in(path());
  }
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  return std::string(choice->copy ? "copied into huge pages" : "mapped") +
         " (" + choice->reason + ")" +
         (placement.prefault && !choice->copy ? ", read ahead" : "") +
         (placement.lock ? ", locked" : "") + ": " +
         std::to_string(total / 1000000) + " MB in " +
         std::to_string(static_cast<int64_t>(time.count())) + " ms";
}

Status Artifact::verifyWeights() const {
  for (const Section *section : list(model_->sections()))
    if (section->kind() == SectionKind::Weights)
      if (Status status = checkDigest(*section); !status.ok())
        return status.in(path());
  return {};
}

} // namespace sluice::artifact
