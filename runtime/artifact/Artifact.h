// Reader of artifact files (.slc; see artifact.fbs and container.h). Nothing is
// followed before it was checked, so that damage is found; the code in a file
// is trusted like any program.
#pragma once

#include "runtime/artifact/Calls.h"
#include "runtime/artifact/Placement.h"
#include "runtime/artifact/Table.h"
#include "runtime/support/MappedFile.h"
#include "runtime/support/Status.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace sluice::artifact {

class Artifact {
public:
  // Maps `path` and checks preamble, header, section bounds, the digests of all
  // sections but weights, and the plan. Corrupt for a damaged file, Unsupported
  // for another version.
  static Result<Artifact> open(const std::string &path);

  const format::Model &model() const { return *model_; }
  // Of the model's kernels.
  const Signatures &signatures() const { return signatures_; }
  const std::string &path() const { return file_.path(); }
  uint64_t fileBytes() const { return file_.bytes().size(); }
  // Of the header, and so of all sections, whose digests it holds.
  uint64_t digest() const { return headerDigest_; }

  std::span<const uint8_t> bytes(const format::Section &section) const;
  // The first section of a kind (and name, unless empty), or null.
  const format::Section *find(format::SectionKind kind,
                              std::string_view name = {}) const;
  std::string_view textOf(format::SectionKind kind,
                          std::string_view name = {}) const;

  // The code section whose target asks most of this CPU and gets it.
  // Unsupported, with the missing features, when there is none.
  Result<const format::Section *> code() const;

  // First byte of instance `layer` of a weight.
  const uint8_t *weight(uint32_t index, uint32_t layer) const;

  // Puts the weights where they are to lie, before anybody takes their
  // addresses; says what was done and why. Resource, Unsupported or Io: it is
  // not possible.
  Result<std::string> place(const Placement &placement);

  // Digests of the weights, where they lie; reads them all.
  Status verifyWeights() const;

private:
  explicit Artifact(MappedFile file) : file_(std::move(file)) {}
  Status readPreamble();
  Status readHeader();
  Status checkSections() const;
  Status checkDigest(const format::Section &section) const;

  MappedFile file_;
  std::map<uint64_t, Reservation> copies_; // of sections, by their offsets
  std::span<const uint8_t> header_;
  Signatures signatures_;
  uint64_t headerDigest_ = 0;
  const format::Model *model_ = nullptr;
};

// "weights", "code", ... for messages and listings.
const char *sectionName(format::SectionKind kind);

// What a code section needs, in LLVM's names.
std::vector<std::string> featuresOf(const format::Section &section);

} // namespace sluice::artifact
