// The schema describes what the reader accepts, and its committed copy is new.
#include "tests/unit/spec/Fixture.h"

#include "compiler/spec/Tree.h"
#include "dialects/llm/OpRegistry.h"

#include <cstdlib>
#include <regex>

using namespace sluice::spec;
using namespace sluice::spec::test;
using nlohmann::json;

namespace {

json toJson(const Tree &tree) {
  switch (tree.kind) {
  case Tree::Kind::Null:
    return nullptr;
  case Tree::Kind::Scalar: {
    if (tree.quoted)
      return tree.text;
    json parsed = json::parse(tree.text, nullptr, false);
    return parsed.is_number() || parsed.is_boolean() ? parsed : json(tree.text);
  }
  case Tree::Kind::List: {
    json out = json::array();
    for (const Tree &item : tree.items)
      out.push_back(toJson(item));
    return out;
  }
  case Tree::Kind::Map:
    break;
  }
  json out = json::object();
  for (size_t i = 0; i < tree.items.size(); ++i)
    out[tree.keys[i].text] = toJson(tree.items[i]);
  return out;
}

// The keywords that the schema uses, and no others.
class Validator {
public:
  explicit Validator(const json &root) : root_(root) {}

  bool valid(const json &schema, const json &value, const std::string &at) {
    for (const auto &[keyword, argument] : schema.items())
      if (!check(schema, keyword, argument, value, at))
        return false;
    return true;
  }
  std::string why;

private:
  static bool isType(const std::string &type, const json &value) {
    if (type == "string")
      return value.is_string();
    if (type == "number")
      return value.is_number();
    if (type == "boolean")
      return value.is_boolean();
    if (type == "array")
      return value.is_array();
    return type == "object" && value.is_object();
  }

  bool fail(const std::string &at, const std::string &message) {
    why = at + ": " + message;
    return false;
  }

  int count(const json &schemas, const json &value, const std::string &at) {
    int found = 0;
    for (const json &schema : schemas)
      found += valid(schema, value, at);
    return found;
  }

  bool check(const json &schema, const std::string &keyword,
             const json &argument, const json &value, const std::string &at) {
    if (keyword == "type") {
      bool ok = argument.is_string() && isType(argument, value);
      for (const json &type : argument.is_array() ? argument : json::array())
        ok |= isType(type, value);
      return ok || fail(at, "is not " + argument.dump());
    }
    if (keyword == "$ref")
      return valid(
          root_.at(json::json_pointer(argument.get<std::string>().substr(1))),
          value, at);
    if (keyword == "enum" || keyword == "const") {
      bool ok = keyword == "const" ? argument == value : false;
      for (const json &word : keyword == "enum" ? argument : json::array())
        ok |= word == value;
      return ok || fail(at, value.dump() + " is none of " + argument.dump());
    }
    if (keyword == "pattern")
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(),
                               std::regex(argument.get<std::string>())) ||
             fail(at, "does not match");
    if (keyword == "anyOf")
      return count(argument, value, at) > 0;
    if (keyword == "oneOf")
      return count(argument, value, at) == 1 || fail(at, "oneOf");
    if (keyword == "allOf")
      return count(argument, value, at) == int(argument.size());
    if (keyword == "if") {
      const char *branch = valid(argument, value, at) ? "then" : "else";
      return !schema.contains(branch) || valid(schema[branch], value, at);
    }
    if (keyword == "then" || keyword == "else" || keyword == "description" ||
        keyword == "title" || keyword.starts_with("$"))
      return true;
    if (keyword == "items") {
      for (size_t i = 0; value.is_array() && i < value.size(); ++i)
        if (!valid(argument, value[i], at + "/" + std::to_string(i)))
          return false;
      return true;
    }
    if (keyword == "minItems")
      return !value.is_array() || value.size() >= argument.get<size_t>() ||
             fail(at, "is too short");
    if (keyword == "maxItems")
      return !value.is_array() || value.size() <= argument.get<size_t>() ||
             fail(at, "is too long");
    if (!value.is_object() &&
        (keyword == "required" || keyword == "properties" ||
         keyword == "additionalProperties" || keyword == "minProperties" ||
         keyword == "maxProperties"))
      return true;
    if (keyword == "required") {
      for (const json &name : argument)
        if (!value.contains(name.get<std::string>()))
          return fail(at, "needs " + name.dump());
      return true;
    }
    if (keyword == "minProperties")
      return value.size() >= argument.get<size_t>() || fail(at, "is empty");
    if (keyword == "maxProperties")
      return value.size() <= argument.get<size_t>() || fail(at, "is too large");
    if (keyword == "properties") {
      for (const auto &[name, inner] : argument.items())
        if (value.contains(name) && !valid(inner, value[name], at + "/" + name))
          return false;
      return true;
    }
    if (keyword == "additionalProperties") {
      for (const auto &[name, inner] : value.items()) {
        if (schema.contains("properties") &&
            schema["properties"].contains(name))
          continue;
        if (argument == false)
          return fail(at, "unknown key " + name);
        if (!valid(argument, inner, at + "/" + name))
          return false;
      }
      return true;
    }
    ADD_FAILURE() << "the schema uses the keyword " << keyword;
    return false;
  }

  const json &root_;
};

json yamlToJson(const std::string &path, const std::string &text) {
  Diagnostics diagnostics;
  std::optional<Tree> tree = readTree(path, text, diagnostics);
  EXPECT_TRUE(tree) << diagnostics.print();
  return tree ? toJson(*tree) : json();
}

TEST(Schema, AcceptsEveryModel) {
  json schema = json::parse(jsonSchema());
  int files = 0;
  for (const std::string &folder : {source("models"), source("models/blocks"),
                                    source("tests/unit/spec/data")})
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml")
        continue;
      ++files;
      std::string path = entry.path().string();
      Validator validator(schema);
      EXPECT_TRUE(validator.valid(schema, yamlToJson(path, readText(path)), ""))
          << path << validator.why;
    }
  EXPECT_GE(files, 9);
}

TEST(Schema, RefusesMistakes) {
  json schema = json::parse(jsonSchema());
  std::string base = readText(source("models/blocks/encoder.yaml"));
  const std::pair<const char *, const char *> mistakes[] = {
      {"sluice: 1", "sluice: 2"},
      {"type: int, hf: vocab_size", "type: itn, hf: vocab_size"},
      {"size_of: {tensor: token_embd.weight, axis: 0}",
       "size_of: {tensor: token_embd.weight}"},
      {"absent: {use: words", "absent: {uses: words"},
      {"layer_norm: x, w: norm, eps", "layer_norm: x, w: norm, epss"},
      {"layer_norm: x, w: norm", "layernorm: x, w: norm"},
      {"kind: encode", "kind: encod"},
      {"add: [x, m]", "add: x"},
  };
  for (const auto &[from, to] : mistakes) {
    std::string text = base;
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string(from).size(), to);
    Validator validator(schema);
    EXPECT_FALSE(validator.valid(schema, yamlToJson("f", text), "")) << to;
  }
}

TEST(Schema, HasEveryOp) {
  json schema = json::parse(jsonSchema());
  for (const sluice::llm::OpInfo &op : sluice::llm::opRegistry())
    EXPECT_TRUE(schema["$defs"].contains("op_" + std::string(op.word)))
        << op.word;
}

// Ops and their slots share one mapping, so no slot may be called like an op
// that could stand beside it.
TEST(Schema, OpsAndSlotsDoNotOverlap) {
  for (const sluice::llm::OpInfo &op : sluice::llm::opRegistry())
    for (const sluice::llm::Slot &slot : op.slots)
      EXPECT_TRUE(slot.primary || slot.implied ||
                  !sluice::llm::findOp(slot.name))
          << slot.name << " of " << op.word;
}

// Texts may be reworded without touching the copy.
json withoutTexts(json schema) {
  if (schema.is_object())
    schema.erase("description");
  for (json &inner : schema)
    if (inner.is_structured())
      inner = withoutTexts(inner);
  return schema;
}

// The page shows a complete spec and names every op.
TEST(Docs, ExampleBindsAndOpsAreListed) {
  std::string page = readText(source("docs/spec-language.md"));
  size_t begin = page.find("```yaml\nsluice: 1");
  ASSERT_NE(begin, std::string::npos);
  begin += 8;
  std::string example = page.substr(begin, page.find("```", begin) - begin);
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, R"({
    "architectures": ["ExampleForCausalLM"], "vocab_size": 10,
    "hidden_size": 8, "n_layer": 2, "num_attention_heads": 2})");
  Diagnostics diagnostics;
  SpecPtr spec = parseSpecText("example.yaml", example, diagnostics);
  ASSERT_TRUE(spec) << diagnostics.print();
  EXPECT_TRUE(bind(*spec, ck, diagnostics)) << diagnostics.print();
  for (const sluice::llm::OpInfo &op : sluice::llm::opRegistry())
    EXPECT_NE(page.find("`" + std::string(op.word) + "`"), std::string::npos)
        << op.word << " is missing in docs/spec-language.md";
}

// Run with SLUICE_UPDATE=1 to write the file anew.
TEST(Schema, CommittedCopyIsCurrent) {
  std::string path = source("models/schema/spec.schema.json");
  if (std::getenv("SLUICE_UPDATE"))
    std::ofstream(path) << jsonSchema();
  EXPECT_TRUE(withoutTexts(json::parse(readText(path), nullptr, false)) ==
              withoutTexts(json::parse(jsonSchema())))
      << "run spec_test with SLUICE_UPDATE=1";
}

} // namespace
