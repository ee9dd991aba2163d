#include "compiler/artifact/ArtifactWriter.h"

#include "compiler/artifact/PlanHeader.h"
#include "runtime/format/container.h"
#include "runtime/support/AtomicFile.h"

#include <cstring>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sluice::artifact {

namespace {

uint64_t roundUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// What a section is made of: bytes at hand, or weights to come.
struct SectionSource {
  format::SectionT table;
  const char *data = nullptr;
};

class Writer {
public:
  Writer(AtomicFile &file, const ArtifactInputs &inputs, PlanHeader header)
      : file(file), inputs(inputs), header(std::move(header)) {}

  Status write() {
    describeModel();
    listSections();
    // Sizes are known now; digests only when the bytes have passed. The header
    // has the same size with any digest, so it is written twice.
    uint64_t headerBytes = placeSections();
    std::vector<char> placeholder(sizeof(format::Preamble) + headerBytes);
    Status status = file.write(placeholder.data(), placeholder.size());
    for (size_t i = 0; status.ok() && i < sections.size(); ++i)
      status = writeSection(sections[i])
                   .in(sections[i].table.name.empty() ? std::string("section")
                                                      : sections[i].table.name);
    if (!status.ok())
      return status;
    return writeFront(headerBytes);
  }

private:
  void describeModel() {
    format::ModelT &model = header.model;
    model.producer = inputs.producer;
    model.source = inputs.source;
    model.context = inputs.context;
    model.vocab = inputs.vocab;
    model.stop_tokens = inputs.stopTokens;
    model.parameters = inputs.parameters;
  }

  void listSections() {
    using format::SectionKind;
    for (const CodeBlob &code : inputs.code) {
      add(SectionKind::Code, code.target, code.bytes.data(), code.bytes.size());
      sections.back().table.features = code.features;
      sections.back().table.units = code.units;
    }
    if (!header.constants.empty())
      add(SectionKind::Constants, "", header.constants.data(),
          header.constants.size());
    addText(SectionKind::Tokenizer, "", inputs.tokenizer);
    addText(SectionKind::TokenizerConfig, "", inputs.tokenizerConfig);
    addText(SectionKind::Spec, "", inputs.spec);
    for (const IrSnapshot &ir : inputs.ir)
      addText(SectionKind::Ir, ir.stage, ir.text);
    if (header.weightBytes)
      add(SectionKind::Weights, "", nullptr, header.weightBytes);
  }

  void addText(format::SectionKind kind, const std::string &name,
               const std::string &text) {
    if (!text.empty())
      add(kind, name, text.data(), text.size());
  }

  void add(format::SectionKind kind, const std::string &name, const char *data,
           uint64_t bytes) {
    SectionSource section;
    section.table.kind = kind;
    section.table.name = name;
    section.table.bytes = bytes;
    section.data = data;
    sections.push_back(std::move(section));
  }

  uint64_t placeSections() {
    uint64_t headerBytes = packHeader().size();
    uint64_t end = sizeof(format::Preamble) + headerBytes;
    for (SectionSource &section : sections) {
      section.table.offset = roundUp(end, format::kSectionAlignment);
      end = section.table.offset + section.table.bytes;
    }
    return headerBytes;
  }

  std::vector<uint8_t> packHeader() {
    header.model.sections.clear();
    for (const SectionSource &section : sections)
      header.model.sections.push_back(
          std::make_unique<format::SectionT>(section.table));
    flatbuffers::FlatBufferBuilder builder;
    builder.ForceDefaults(true);
    builder.Finish(format::Model::Pack(builder, &header.model));
    return {builder.GetBufferPointer(),
            builder.GetBufferPointer() + builder.GetSize()};
  }

  Status writeSection(SectionSource &section) {
    Status status = file.pad(format::kSectionAlignment);
    if (!status.ok())
      return status;
    XXH3_state_t *state = &digest;
    XXH3_64bits_reset(state);
    status = section.data ? put(section.data, section.table.bytes)
                          : writeWeights(section.table.offset);
    section.table.xxh3 = XXH3_64bits_digest(state);
    return status;
  }

  Status put(const void *data, uint64_t bytes) {
    XXH3_64bits_update(&digest, data, bytes);
    return file.write(data, bytes);
  }

  // Zeros up to `offset` of the section that starts at `start`.
  Status padTo(uint64_t start, uint64_t offset) {
    static const char zeros[format::kDataAlignment] = {};
    uint64_t missing = start + offset - file.size();
    return missing ? put(zeros, missing) : Status();
  }

  Status writeWeights(uint64_t start) {
    for (const auto &[offset, instance] : header.weights) {
      Status status = padTo(start, offset);
      if (status.ok())
        status =
            inputs.weights(instance, [this](const void *data, size_t bytes) {
              return put(data, bytes);
            });
      uint64_t written = file.size() - start - offset;
      auto expected = static_cast<uint64_t>(instance.packing.bytes());
      if (status.ok() && written != expected)
        status = Status(Code::Internal,
                        "packed into " + std::to_string(written) +
                            " bytes, expected " + std::to_string(expected));
      if (!status.ok())
        return status.in("weight '" + instance.parts.front().path + "'");
    }
    return padTo(start, header.weightBytes);
  }

  Status writeFront(uint64_t headerBytes) {
    std::vector<uint8_t> packed = packHeader();
    if (packed.size() != headerBytes)
      return Status(Code::Internal, "the header changed its size");
    format::Preamble preamble = {};
    std::memcpy(preamble.magic, format::kMagic, sizeof(preamble.magic));
    preamble.version = format::kVersion;
    preamble.headerOffset = sizeof(preamble);
    preamble.headerBytes = packed.size();
    preamble.fileBytes = file.size();
    preamble.headerXxh3 = XXH3_64bits(packed.data(), packed.size());
    Status status = file.writeAt(0, &preamble, sizeof(preamble));
    if (status.ok())
      status = file.writeAt(sizeof(preamble), packed.data(), packed.size());
    return status;
  }

  AtomicFile &file;
  const ArtifactInputs &inputs;
  PlanHeader header;
  std::vector<SectionSource> sections;
  XXH3_state_t digest;
};

} // namespace

Status writeArtifact(const std::string &path, const ArtifactInputs &inputs) {
  Result<PlanHeader> header = makePlanHeader(inputs.plan, inputs.specs);
  if (!header.ok())
    return header.status().in("plan");
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  Status status = Writer(*file, inputs, std::move(*header)).write();
  if (!status.ok())
    return status.in(path);
  return file->commit();
}

} // namespace sluice::artifact
