// The language as a JSON Schema, for editors. The ops come from the registry;
// what it cannot say (names that resolve, expressions) only the reader checks.
#include "compiler/spec/Spec.h"
#include "dialects/llm/OpRegistry.h"

#include <nlohmann/json.hpp>

namespace sluice::spec {

using json = nlohmann::ordered_json;
using llm::OpInfo;
using llm::Slot;
using llm::SlotKind;

static json ref(const char *name) {
  return {{"$ref", std::string("#/$defs/") + name}};
}

static json listOf(json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

static json mapOf(json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}

// An object with these properties and no others.
static json closed(json properties, std::vector<std::string> required = {}) {
  json out = {{"type", "object"},
              {"properties", std::move(properties)},
              {"additionalProperties", false}};
  if (!required.empty())
    out["required"] = required;
  return out;
}

static json described(json schema, std::string_view text) {
  if (!text.empty())
    schema["description"] = text;
  return schema;
}

// An object with a leaf's or a group's keys, and children.
static json group(json properties, const char *child) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"additionalProperties", ref(child)}};
}

// A leaf has one of `keys`, a group none of them.
static json leafOrGroup(const std::vector<std::string> &keys, const char *leaf,
                        const char *group) {
  json has = json::array();
  for (const std::string &key : keys)
    has.push_back({{"required", {key}}});
  return {{"if", {{"anyOf", has}}}, {"then", ref(leaf)}, {"else", ref(group)}};
}

// What a family may write over a base: the whole, some keys of it, or none.
static json extending(json whole, const char *part) {
  return {{"anyOf", {std::move(whole), ref(part), {{"const", "none"}}}}};
}

static void commonDefs(json &defs) {
  defs["scalar"] = {{"type", {"string", "number", "boolean"}}};
  defs["text"] = {{"type", "string"}};
  defs["flag"] = {{"type", "boolean"}};
  defs["condition"] = {{"type", {"string", "boolean"}}};
  defs["data"] = {
      {"anyOf", {ref("scalar"), listOf(ref("data")), mapOf(ref("data"))}}};
  defs["words"] = {{"anyOf", {ref("scalar"), listOf(ref("scalar"))}}};
  defs["list"] = listOf(ref("scalar"));
  defs["shape"] = {
      {"type", "array"}, {"items", ref("scalar")}, {"minItems", 1}};
  defs["byFormat"] = closed(
      {{"hf", ref("words")}, {"gguf", ref("words")}, {"raw", ref("words")}});
  defs["each"] = {{"type", "object"},
                  {"minProperties", 1},
                  {"maxProperties", 1},
                  {"additionalProperties", ref("scalar")}};
}

static void configDefs(json &defs) {
  json baseTypes = {"int", "float", "bool", "word", "text", "json"};
  defs["type"] = {{"anyOf", {{{"enum", baseTypes}}, listOf(ref("type"))}}};
  defs["parameter"] = closed(
      {{"type", ref("type")},
       {"hf", ref("words")},
       {"gguf", ref("words")},
       {"size_of", closed({{"tensor", ref("words")}, {"axis", ref("scalar")}},
                          {"tensor", "axis"})},
       {"count_of", ref("words")},
       {"option", {{"enum", {"context"}}}},
       {"default", ref("data")},
       {"if_null", ref("data")},
       {"values", ref("data")},
       {"len", ref("scalar")},
       {"spread", {{"enum", {true}}}},
       {"index", ref("scalar")},
       {"range", listOf(ref("scalar"))},
       {"doc", ref("text")}},
      {"type"});
  json inert = listOf(
      {{"anyOf",
        {ref("scalar"),
         {{"type", "object"},
          {"minProperties", 1},
          {"maxProperties", 1},
          {"additionalProperties", ref("data")}},
         closed({{"as_in", ref("scalar")}, {"keys", listOf(ref("scalar"))}},
                {"as_in", "keys"})}}});
  defs["inert"] = closed({{"hf", inert}, {"gguf", inert}});
  json derived = {{"anyOf", {ref("scalar"), listOf(ref("data"))}}};
  defs["config"] = group({{"prefix", ref("byFormat")}}, "configEntry");
  defs["configEntry"] = {{"if", {{"type", "object"}}},
                         {"then", leafOrGroup({"type"}, "parameter", "config")},
                         {"else", derived}};
  defs["params"] = mapOf({{"anyOf",
                           {ref("type"), closed({{"type", ref("type")},
                                                 {"default", ref("data")},
                                                 {"doc", ref("text")}},
                                                {"type"})}}});
}

static void weightDefs(json &defs) {
  defs["source"] = {
      {"if", {{"type", "object"}}},
      {"then", leafOrGroup({"name", "concat", "stack", "gamma_beta"},
                           "sourceForm", "sourceParts")},
      {"else", ref("scalar")}};
  defs["sources"] = {{"anyOf", {listOf(ref("source")), ref("source")}}};
  defs["sourceParts"] = mapOf(ref("source"));
  json transform = {
      {"anyOf",
       {ref("text"),
        {{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}}}}};
  json scales = {
      {"anyOf",
       {ref("text"), closed({{"name", ref("text")}, {"when", ref("condition")}},
                            {"name", "when"})}}};
  defs["sourceForm"] = closed({{"name", ref("text")},
                               {"concat", listOf(ref("source"))},
                               {"stack", ref("source")},
                               {"each", ref("each")},
                               {"gamma_beta", ref("text")},
                               {"scales", scales},
                               {"format", ref("text")},
                               {"apply", listOf(transform)},
                               {"blocks", ref("flag")},
                               {"per", ref("scalar")},
                               {"order", ref("list")}});
  json ownBias = closed({{"hf", ref("sources")},
                         {"gguf", ref("sources")},
                         {"raw", ref("sources")},
                         {"when", ref("condition")}});
  json alias = {
      {"anyOf",
       {ref("text"),
        closed({{"use", ref("text")}, {"when", ref("condition")}}, {"use"})}}};
  json taken =
      closed({{"rows", ref("scalar")}, {"apply", listOf(transform)}}, {"rows"});
  json part = {{"type", "object"},
               {"minProperties", 1},
               {"maxProperties", 1},
               {"additionalProperties", {{"anyOf", {ref("scalar"), taken}}}}};
  defs["weight"] = closed({{"shape", ref("shape")},
                           {"holds", listOf(part)},
                           {"cols", ref("scalar")},
                           {"per", ref("scalar")},
                           {"experts", ref("scalar")},
                           {"hf", ref("sources")},
                           {"gguf", ref("sources")},
                           {"raw", ref("sources")},
                           {"bias", {{"anyOf", {ref("condition"), ownBias}}}},
                           {"when", ref("condition")},
                           {"optional", ref("flag")},
                           {"absent", alias},
                           {"same_as", alias},
                           {"keep", {{"const", "f32"}}},
                           {"doc", ref("text")}});
  defs["weights"] = group({{"each", ref("each")},
                           {"prefix", ref("byFormat")},
                           {"when", ref("condition")},
                           {"optional", ref("flag")},
                           {"doc", ref("text")}},
                          "weightEntry");
  defs["weightEntry"] =
      extending(leafOrGroup({"shape", "holds"}, "weight", "weights"), "weight");
}

static void stateDefs(json &defs) {
  // One that extends a base may take away its values.
  json values = {{"anyOf", {ref("shape"), {{"const", "none"}}}}};
  json cache = closed({{"k", ref("shape")}, {"v", values}}, {"k"});
  defs["stateLeaf"] = closed({{"cache", cache},
                              {"fixed", ref("shape")},
                              {"init", ref("scalar")},
                              {"keep", ref("scalar")},
                              {"chunk", ref("scalar")},
                              {"full_of", ref("scalar")},
                              {"once", ref("flag")},
                              {"when", ref("condition")},
                              {"doc", ref("text")}});
  defs["state"] = group(
      {{"each", ref("each")}, {"when", ref("condition")}, {"doc", ref("text")}},
      "stateEntry");
  defs["stateEntry"] = extending(
      leafOrGroup({"cache", "fixed"}, "stateLeaf", "state"), "stateLeaf");
}

static json slotSchema(const Slot &slot) {
  switch (slot.kind) {
  case SlotKind::Values:
  case SlotKind::Mask:
    return described(listOf(ref("data")), slot.doc);
  case SlotKind::Ints:
  case SlotKind::Floats:
    return described({{"anyOf", {listOf(ref("scalar")), ref("text")}}},
                     slot.doc);
  case SlotKind::Word: {
    json words = json::array();
    for (std::string_view word : slot.words)
      words.push_back(word);
    json computed = {{"type", "string"}, {"pattern", "\\$|has\\("}};
    return described({{"anyOf", {{{"enum", words}}, computed}}}, slot.doc);
  }
  case SlotKind::Weight:
  case SlotKind::State:
    return described(ref("text"), slot.doc);
  default:
    return described(ref("scalar"), slot.doc);
  }
}

static json opSchema(const OpInfo &op) {
  json properties = {{"when", ref("condition")}, {"doc", ref("text")}};
  std::vector<const Slot *> primaries;
  std::vector<std::string> required;
  for (const Slot &slot : op.slots) {
    if (slot.primary)
      primaries.push_back(&slot);
    if (slot.primary || slot.implied || slot.kind == SlotKind::Fields ||
        slot.kind == SlotKind::Bias)
      continue;
    properties[std::string(slot.name)] = slotSchema(slot);
    if (!slot.optional)
      required.emplace_back(slot.name);
  }
  properties[std::string(op.word)] = described(
      primaries.size() == 1 ? slotSchema(*primaries[0]) : listOf(ref("data")),
      op.doc);
  json out = closed(std::move(properties), required);
  if (op.takesFields)
    out["additionalProperties"] = ref("text");
  return out;
}

static void blockDefs(json &defs) {
  json rules = json::array();
  json forms = json::array({{{"required", {"block"}}}});
  rules.push_back({{"if", {{"required", {"block"}}}}, {"then", ref("call")}});
  for (const OpInfo &op : llm::opRegistry()) {
    std::string word(op.word), name = "op_" + word;
    defs[name] = opSchema(op);
    json has = {{"required", {word}}};
    forms.push_back(has);
    rules.push_back({{"if", has}, {"then", ref(name.c_str())}});
  }
  defs["call"] = {{"type", "object"},
                  {"properties",
                   {{"block", {{"anyOf", {ref("text"), mapOf(ref("scalar"))}}}},
                    {"repeat", {{"anyOf", {ref("text"), ref("each")}}}},
                    {"experts", ref("text")},
                    {"in", ref("text")},
                    {"when", ref("condition")},
                    {"doc", ref("text")}}},
                  {"additionalProperties", ref("data")}};
  defs["operation"] = {{"type", "object"}, {"anyOf", forms}, {"allOf", rules}};
  defs["nodes"] = listOf({{"type", "object"},
                          {"minProperties", 1},
                          {"maxProperties", 1},
                          {"additionalProperties", ref("operation")}});
  json optional = {{"type", "object"},
                   {"minProperties", 1},
                   {"maxProperties", 1},
                   {"additionalProperties", {{"const", "none"}}}};
  json input = {{"anyOf", {ref("scalar"), optional}}};
  defs["block"] = closed({{"doc", ref("text")},
                          {"params", ref("params")},
                          {"inputs", listOf(input)},
                          {"weights", ref("list")},
                          {"state", ref("list")},
                          {"returns", ref("list")},
                          {"nodes", ref("nodes")}});
  json kinds = {"generate", "encode", "embed", "classify", "fill", "source"};
  json rows = closed(
      {{"rows",
        {{"anyOf", {ref("list"), {{"type", "array"}, {"maxItems", 0}}}}}},
       {"type", {{"enum", {"f32", "i32", "bool"}}}},
       {"optional", {{"type", "boolean"}}},
       {"when", ref("condition")}},
      {"rows"});
  json counted = {"tokens", "positions", "block_positions", "prefix",
                  "prompt", "announced", "token_types"};
  json typed = closed(
      {{"type", {{"enum", counted}}}, {"when", ref("condition")}}, {"type"});
  counted.push_back("none");
  // An input or the positions of a base's entry may be taken away.
  json inputs = {{"anyOf", {{{"enum", counted}}, typed, rows}}};
  json positions = {
      {"anyOf",
       {closed({{"kind", {{"const", "linear"}}}, {"start", ref("scalar")}},
               {"kind"}),
        closed({{"kind", {{"const", "spans"}}},
                {"begin", ref("scalar")},
                {"anchors", ref("data")}},
               {"kind", "begin", "anchors"}),
        {{"const", "none"}}}}};
  defs["entry"] = closed({{"doc", ref("text")},
                          {"kind", {{"enum", kinds}}},
                          {"needs", ref("list")},
                          {"when", ref("condition")},
                          {"inputs", mapOf(inputs)},
                          {"positions", positions},
                          {"start", ref("scalar")},
                          {"nodes", ref("nodes")},
                          {"outputs", mapOf(ref("text"))}});
}

std::string jsonSchema() {
  json defs;
  commonDefs(defs);
  configDefs(defs);
  weightDefs(defs);
  stateDefs(defs);
  blockDefs(defs);
  json use = {{"anyOf", {ref("text"), {{"type", "object"}}}}};
  json match =
      closed({{"hf", closed({{"architectures", ref("words")},
                             {"model_type", ref("words")},
                             {"with", ref("words")},
                             {"without", ref("words")}})},
              {"gguf", closed({{"architecture", ref("words")},
                               {"with", ref("words")},
                               {"without", ref("words")}})},
              {"tensors",
               closed({{"with", ref("words")}, {"without", ref("words")}})}});
  json check = closed({{"that", ref("condition")}, {"else", ref("text")}},
                      {"that", "else"});
  json root = closed({{"sluice", {{"const", 1}}},
                      {"family", ref("text")},
                      {"library", ref("text")},
                      {"base", ref("text")},
                      {"extends", ref("text")},
                      {"doc", ref("text")},
                      {"params", ref("params")},
                      {"match", match},
                      {"use", mapOf(use)},
                      {"config", ref("config")},
                      {"inert", ref("inert")},
                      {"words", ref("words")},
                      {"check", listOf(check)},
                      {"weights", ref("weights")},
                      {"ignore", ref("byFormat")},
                      {"state", ref("state")},
                      {"blocks", mapOf(extending(ref("block"), "block"))},
                      {"entries", mapOf(extending(ref("entry"), "entry"))}},
                     {"sluice"});
  root["oneOf"] = {{{"required", {"family"}}},
                   {{"required", {"library"}}},
                   {{"required", {"base"}}}};
  root["anyOf"] = {{{"required", {"entries"}}},
                   {{"required", {"extends"}}},
                   {{"required", {"library"}}}};
  json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "A model family or library of Sluice"}};
  out.update(root);
  out["$defs"] = std::move(defs);
  return out.dump(1) + "\n";
}

} // namespace sluice::spec
