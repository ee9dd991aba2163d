#include "tools/sluice-inspect/Views.h"

#include "runtime/executor/Program.h"
#include "runtime/format/CpuFeatures.h"

#include <algorithm>
#include <set>

namespace sluice::inspect {

using artifact::list;
using artifact::text;
using namespace format;

static std::string str(const flatbuffers::String *string) {
  return std::string(text(string));
}

static Json
strings(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>
            *items) {
  Json out = Json::array();
  for (const flatbuffers::String *item : list(items))
    out.push_back(str(item));
  return out;
}

static Json numbers(const flatbuffers::Vector<int64_t> *items) {
  Json out = Json::array();
  for (int64_t item : list(items))
    out.push_back(item);
  return out;
}

static const char *rowName(RowKind rows) {
  static const char *const names[] = {"one", "tokens", "wanted", "sequences"};
  return names[static_cast<int>(rows)];
}

static Json sections(const artifact::Artifact &artifact) {
  Json out = Json::array();
  for (const Section *section : list(artifact.model().sections())) {
    Json one = {{"kind", artifact::sectionName(section->kind())},
                {"name", str(section->name())},
                {"offset", section->offset()},
                {"bytes", section->bytes()}};
    if (section->kind() == SectionKind::Code) {
      std::vector<std::string> features = artifact::featuresOf(*section);
      one["features"] = features;
      one["missing"] = format::missingFeatures(features);
      one["units"] = strings(section->units());
    }
    out.push_back(std::move(one));
  }
  return out;
}

static Json entrySummary(const Entry &entry) {
  Json inputs = Json::array(), outputs = Json::array(),
       programs = Json::array();
  for (const Input *input : list(entry.inputs()))
    inputs.push_back({{"name", str(input->name())},
                      {"type", str(input->type())},
                      {"elem", infoOf(input->elem()).name},
                      {"shape", numbers(input->shape())},
                      {"optional", input->optional()},
                      {"limit", input->limit()}});
  for (const format::Output *output : list(entry.outputs()))
    outputs.push_back({{"name", str(output->name())},
                       {"columns", output->columns()},
                       {"rows", rowName(output->rows())}});
  for (const Program *program : list(entry.programs())) {
    int64_t matmuls = 0;
    for (const Step *step : list(program->steps()))
      matmuls += step->body_as_Matmul() != nullptr;
    programs.push_back({{"min", program->min()},
                        {"max", program->max()},
                        {"steps", list(program->steps()).size()},
                        {"matmuls", matmuls}});
  }
  return {{"name", str(entry.name())}, {"kind", str(entry.kind())},
          {"inputs", inputs},          {"outputs", outputs},
          {"start", entry.start()},    {"programs", programs}};
}

template <typename T> static Json names(const T *parts) {
  Json all = Json::array();
  for (const auto *part : list(parts))
    all.push_back(str(part->name()));
  return all;
}

Json summary(const artifact::Artifact &artifact) {
  const Model &model = artifact.model();
  Json entries = Json::array(), kernels = Json::array(), states = Json::array(),
       stops = Json::array();
  for (const Entry *entry : list(model.entries()))
    entries.push_back(entrySummary(*entry));
  Result<const Section *> code = artifact.code(); // that runs here
  auto units = list(code.ok() ? (*code)->units() : nullptr);
  for (const Kernel *kernel : list(model.kernels()))
    kernels.push_back(
        {{"name", str(kernel->name())},
         {"kind", str(kernel->kind())},
         {"symbol", str(kernel->symbol())},
         {"operands", names(kernel->signature()->operands())},
         {"dims", names(kernel->signature()->dims())},
         {"unit",
          kernels.size() < units.size() ? str(units[kernels.size()]) : ""}});
  static const char *const kinds[] = {"cache", "fixed", "transient"};
  for (const State *state : list(model.states()))
    states.push_back({{"name", str(state->name())},
                      {"kind", kinds[static_cast<int>(state->kind())]},
                      {"layers", state->bank()},
                      {"block_bytes", state->block_bytes()},
                      {"slot_bytes", state->slot_bytes()},
                      {"keep", state->keep()},
                      {"chunk", state->chunk()},
                      {"once", state->once()}});
  for (int32_t token : list(model.stop_tokens()))
    stops.push_back(token);
  return {{"file", artifact.path()},
          {"bytes", artifact.fileBytes()},
          {"producer", str(model.producer())},
          {"family", str(model.family())},
          {"source", str(model.source())},
          {"parameters", model.parameters()},
          {"context", model.context()},
          {"vocab", model.vocab()},
          {"stop_tokens", stops},
          {"sections", sections(artifact)},
          {"entries", entries},
          {"states", states},
          {"kernels", kernels}};
}

static std::string refText(const Model &model, const Entry &entry,
                           const Ref &ref) {
  std::string out;
  switch (ref.kind()) {
  case RefKind::Buffer:
    out = "%" + str(list(model.buffers())[ref.index()]->name());
    if (ref.column())
      out += "+" + std::to_string(ref.column());
    break;
  case RefKind::Weight:
    out = "@" + str(list(model.weights())[ref.index()]->name());
    if (list(model.weights())[ref.index()]->bank() > 1)
      out += "[" + std::to_string(ref.layer()) + "]";
    break;
  case RefKind::State:
    out = "@" + str(list(model.states())[ref.index()]->name()) + "[" +
          std::to_string(ref.layer()) + "]";
    break;
  case RefKind::Input:
    out = "%" + str(list(entry.inputs())[ref.index()]->name());
    break;
  }
  return out;
}

static Json dispatchJson(const Model &model, const Entry &entry,
                         const Dispatch &dispatch) {
  const Kernel &kernel = *list(model.kernels())[dispatch.kernel()];
  Json reads = Json::array(), writes = Json::array(), dims = Json::object();
  auto operands = list(dispatch.operands());
  for (size_t i = 0; i < operands.size(); ++i)
    (i < kernel.signature()->writes() ? reads : writes)
        .push_back(refText(model, entry, *operands[i]));
  auto named = list(kernel.signature()->dims());
  for (size_t i = 0; i < named.size(); ++i)
    dims[str(named[i]->name())] = list(dispatch.dims())[i];
  return {{"kernel", str(kernel.name())},
          {"reads", reads},
          {"writes", writes},
          {"dims", dims},
          {"rows", rowName(dispatch.rows())},
          {"row_scale", dispatch.row_scale()},
          {"nowait", dispatch.nowait()}};
}

static Json placeJson(const Place &place) {
  Json out = {{"file", str(place.file())},
              {"line", place.line()},
              {"path", str(place.path())},
              {"layer", place.layer()}};
  if (list(place.fused()).size()) {
    out["fused"] = Json::array();
    for (const Place *part : list(place.fused()))
      out["fused"].push_back(placeJson(*part));
  }
  return out;
}

Json plan(const artifact::Artifact &artifact) {
  const Model &model = artifact.model();
  Json programs = Json::array();
  for (const Entry *entry : list(model.entries()))
    for (const Program *program : list(entry->programs())) {
      Json steps = Json::array();
      for (const Step *step : list(program->steps())) {
        const Matmul *matmul = step->body_as_Matmul();
        Json one = dispatchJson(model, *entry,
                                matmul ? *matmul->fallback()
                                       : *step->body_as_Dispatch());
        if (matmul)
          one["matmul"] = {{"engine", str(matmul->engine())},
                           {"k", matmul->k()},
                           {"n", matmul->n()},
                           {"elem", infoOf(matmul->elem()).name},
                           {"bias", matmul->bias() != nullptr},
                           {"accumulate", matmul->accumulate()}};
        if (step->place())
          one["place"] = placeJson(*step->place());
        steps.push_back(std::move(one));
      }
      programs.push_back({{"entry", str(entry->name())},
                          {"min", program->min()},
                          {"max", program->max()},
                          {"steps", std::move(steps)}});
    }
  return programs;
}

// "layers.q", "layers.s[3]"
static Json parts(const Weight &weight) {
  Json out = Json::array();
  for (const Part *part : list(weight.parts()))
    out.push_back(
        str(part->path()) +
        (part->layer() < 0 ? "" : "[" + std::to_string(part->layer()) + "]"));
  return out;
}

Json weights(const artifact::Artifact &artifact) {
  Json out = Json::array();
  for (const Weight *weight : list(artifact.model().weights()))
    out.push_back({{"name", str(weight->name())},
                   {"elem", infoOf(weight->elem()).name},
                   {"layout", nameOf(weight->layout())},
                   {"shape", numbers(weight->shape())},
                   {"layers", weight->bank()},
                   {"bytes", weight->bytes() * weight->bank()},
                   {"section", artifact::sectionName(weight->section())},
                   {"offset", weight->offset()},
                   {"parts", parts(*weight)}});
  return out;
}

Result<Json> memory(const artifact::Artifact &artifact,
                    const state::Limits &limits) {
  const Model &model = artifact.model();
  Result<executor::Arena> arena = executor::Arena::create(model, limits);
  if (!arena.ok())
    return arena.status();
  Result<state::Slots> slots = state::Slots::create(model, limits);
  if (!slots.ok())
    return slots.status();
  uint64_t weightBytes = 0, perToken = 0, perSlot = 0;
  for (const Weight *weight : list(model.weights()))
    weightBytes += weight->bytes() * weight->bank();
  for (const State *state : list(model.states())) {
    if (state->kind() == StateKind::Cache && !state->once())
      perToken += state->block_bytes() * state->bank() / SLC_CACHE_BLOCK;
    if (state->kind() == StateKind::Fixed)
      perSlot += state->slot_bytes() * state->bank();
  }
  Json buffers = Json::array();
  for (const Buffer *buffer : list(model.buffers())) {
    const Extent &at = *buffer->offset();
    buffers.push_back(
        {{"name", str(buffer->name())},
         {"elem", infoOf(buffer->elem()).name},
         {"columns", buffer->columns()},
         {"rows", rowName(buffer->rows())},
         {"row_scale", buffer->row_scale()},
         {"offset", at.constant() + at.per_token() * limits.capacity +
                        at.per_sequence() * limits.sequences}});
  }
  return Json{{"capacity", limits.capacity},
              {"sequences", limits.sequences},
              {"slots", limits.slots},
              {"context", limits.context},
              {"weight_bytes", weightBytes},
              {"activation_bytes", arena->bytes()},
              {"cache_bytes_per_token", perToken},
              {"fixed_state_bytes_per_slot", perSlot},
              {"state_bytes_reserved", slots->reservedBytes()},
              {"buffers", buffers}};
}

} // namespace sluice::inspect
