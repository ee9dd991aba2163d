// What a config file says, read as the types that a spec declares.
#include "tests/unit/spec/Fixture.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

// One parameter `p` of these keys.
Bound bound(const std::string &declared, const std::string &configText,
            const std::string &others = "") {
  Folder dir;
  dir.add("config.json", configText);
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  std::string text = "sluice: 1\nfamily: c\nconfig:\n  p: {" + declared +
                     "}\n" + others +
                     "weights: {table: {shape: [5, 4], hf: emb}}\n"
                     "entries:\n  encode:\n    inputs: {ids: tokens}\n"
                     "    nodes:\n      - x: {embedding: ids, w: table}\n"
                     "    outputs: {rows: x}\n";
  return bindText(text, openCheckpoint(dir.path()));
}

// A model that is part of a larger one: all that is read lies in one object.
TEST(ConfigValues, LieWhereTheFamilysPrefixSays) {
  Folder dir;
  dir.add("lib.yaml", "sluice: 1\nlibrary: lib\nconfig:\n"
                      "  prefix: {hf: [scaling., other.]}\n"
                      "  factor: {type: int, hf: factor}\n"
                      "  length: {type: int, hf: /length}\n");
  const std::string spec =
      "sluice: 1\nfamily: c\nuse: {lib: lib.yaml}\nconfig:\n"
      "  prefix: {hf: [text., \"\"]}\n"
      "  own: {type: int, hf: own}\n  top: {type: int, hf: "
      "\"config.json:own\"}\n"
      "weights: {table: {shape: [5, 4], hf: emb}}\n"
      "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
      "      - x: {embedding: ids, w: table}\n    outputs: {rows: x}\n";
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  auto values = [&](const std::string &config) {
    dir.add("config.json", config);
    Diagnostics diagnostics;
    SpecPtr parsed =
        parseSpecText(dir.path() + "/spec.yaml", spec, diagnostics);
    std::unique_ptr<Model> model =
        parsed ? bind(*parsed, openCheckpoint(dir.path()), diagnostics, {})
               : nullptr;
    std::string all = diagnostics.print();
    for (const char *name : {"own", "top", "lib.factor", "lib.length"})
      if (model)
        all += print(*model->parameter(name)) + " ";
    return all;
  };
  EXPECT_EQ(values(R"({"own": 1, "length": 2, "other": {"factor": 3}})"),
            "1 1 3 2 ");
  EXPECT_EQ(values(R"({"own": 1, "text":
                       {"own": 5, "length": 6, "scaling": {"factor": 7}}})"),
            "5 1 7 6 ");
  EXPECT_NE(values(R"({"own": 1, "length": 2, "text":
                       {"own": 5, "scaling": {"factor": 7}}})")
                .find("looked for text.length"),
            std::string::npos);
}

// What a folder says of its weights holds for a file by itself.
TEST(ConfigValues, AreThoseOfTensorsWhereThereIsNoConfig) {
  Folder dir;
  std::string file = dir.writeTensors(
      "model.safetensors", {{"pre.0.w", {4}}, {"pre.1.w", {4}}, {"more", {1}}});
  Bound found = bindText(
      "sluice: 1\nfamily: c\nconfig:\n"
      "  wide: {type: int, hf: width, size_of: {tensor: pre.0.w, axis: 0}}\n"
      "  deep: {type: int, hf: depth, size_of: {tensor: pre.0.w, axis: 1}, "
      "default: 3}\n"
      "weights:\n  prefix: {hf: [none., pre.]}\n"
      "  l:\n    each: {i: 2}\n    prefix: {hf: $i.}\n"
      "    w: {shape: [$wide], hf: w}\n"
      "ignore: {hf: [more]}\n"
      "blocks:\n  b:\n    inputs: [x]\n    returns: [x]\n    nodes:\n"
      "      - x: {add: [x, w.w]}\n"
      "entries:\n  encode:\n    inputs: {x: {rows: [4]}}\n    nodes:\n"
      "      - x: {repeat: l, block: b, x: x}\n    outputs: {rows: x}\n",
      openCheckpoint(file));
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.model->format, "raw");
  EXPECT_EQ(print(*found.model->parameter("wide")), "4");
  EXPECT_EQ(print(*found.model->parameter("deep")), "3");
}

struct Reading {
  const char *declared, *config, *value;
};

void PrintTo(const Reading &one, std::ostream *out) {
  *out << one.declared << " of " << one.config;
}

class Values : public ::testing::TestWithParam<Reading> {};

TEST_P(Values, AreReadAsDeclared) {
  const Reading &one = GetParam();
  Bound found = bound(one.declared, one.config);
  ASSERT_TRUE(found.model) << one.declared << found.messages;
  EXPECT_EQ(print(*found.model->parameter("p")), one.value)
      << one.declared << " of " << one.config;
}

const Reading readings[] = {
    {"type: int, hf: a", R"({"a": -7})", "-7"},
    {"type: int, hf: a", R"({"a": 2147483647})", "2147483647"},
    {"type: float, hf: a", R"({"a": 7})", "7.0"},
    {"type: float, hf: a", R"({"a": 1e300})", "1e+300"},
    {"type: float, hf: a", R"({"a": 0.1})", "0.1"},
    {"type: bool, hf: a", R"({"a": false})", "false"},
    {"type: word, hf: a", R"({"a": "gelu"})", "'gelu'"},
    {"type: text, hf: a", R"({"a": "two words"})", "'two words'"},
    // Lists, and lists of lists.
    {"type: [int], len: 3, hf: a", R"({"a": [1, 2, 3]})", "[1, 2, 3]"},
    {"type: [float], len: 2, hf: a", R"({"a": [1, 2.5]})", "[1.0, 2.5]"},
    {"type: [[int]], len: 2, hf: a", R"({"a": [[1], [2, 3]]})",
     "[[1], [2, 3]]"},
    {"type: [bool], len: 0, hf: a", R"({"a": []})", "[]"},
    {"type: int, hf: a, index: 1", R"({"a": [4, 5]})", "5"},
    // Spellings are those of the file, values those of the spec.
    {"type: word, hf: a, values: {gelu_new: gelu_tanh}", R"({"a": "gelu_new"})",
     "'gelu_tanh'"},
    {"type: bool, hf: a, values: {full: true, 0: false}", R"({"a": "full"})",
     "true"},
    {"type: bool, hf: a, values: {full: true, 0: false}", R"({"a": 0})",
     "false"},
    {"type: int, hf: a, values: {1.5: 3}", R"({"a": 1.5})", "3"},
    {"type: word, hf: a, values: [x, y]", R"({"a": "y"})", "'y'"},
    {"type: float, hf: a, values: [1, 2]", R"({"a": 2})", "2.0"},
    {"type: [word], len: 2, hf: a, values: {f: full, s: sliding}",
     R"({"a": ["s", "f"]})", "['sliding', 'full']"},
    // What stands for nothing.
    {"type: int, hf: a, default: none", "{}", "none"},
    {"type: int, hf: a, default: none", R"({"a": null})", "none"},
    {"type: int, hf: a, default: 3, if_null: 4", R"({"a": null})", "4"},
    {"type: int, hf: a, default: 3, if_null: 4", "{}", "3"},
    {"type: int, hf: [a, b], default: 3", R"({"b": 5})", "5"},
    {"type: int, default: {hf: 6, gguf: 7}", "{}", "6"},
    // Ends of ranges are inside of them.
    {"type: int, hf: a, range: [1, 8]", R"({"a": 1})", "1"},
    {"type: float, hf: a, range: [0, 1]", R"({"a": 1.0})", "1.0"},
    {"type: int, hf: a, range: [0, 3000000000]", R"({"a": 3000000000})",
     "3000000000"},
    // Anything at all.
    {"type: json, hf: a", R"({"a": [1, "x", null, true]})",
     "[1, 'x', none, true]"},
};
INSTANTIATE_TEST_SUITE_P(Config, Values, ::testing::ValuesIn(readings));

class Refused : public ::testing::TestWithParam<Reading> {};

TEST_P(Refused, AreReportedWithTheKey) {
  const Reading &one = GetParam();
  Bound found = bound(one.declared, one.config);
  EXPECT_FALSE(found.model) << one.declared << " of " << one.config;
  EXPECT_NE(found.messages.find(one.value), std::string::npos)
      << "expected: " << one.value << "\nfound:\n"
      << found.messages;
}

const Reading refusals[] = {
    {"type: int, hf: a", R"({"a": 1.0})",
     "config.json: a must be int, found 1.0"},
    {"type: int, hf: a", R"({"a": true})",
     "config.json: a must be int, found true"},
    {"type: int, hf: a", R"({"a": "3"})",
     "config.json: a must be int, found '3'"},
    {"type: float, hf: a", R"({"a": "3"})",
     "config.json: a must be float, found '3'"},
    {"type: bool, hf: a", R"({"a": 1})",
     "config.json: a must be bool, found 1"},
    {"type: word, hf: a", R"({"a": 1})",
     "config.json: a must be word, found 1"},
    {"type: int, hf: a", R"({"a": {"b": 1}})",
     "config.json: a is {\"b\":1}, which cannot be read as int"},
    {"type: int, hf: a", R"({"a": 18446744073709551615})",
     "config.json: a is 18446744073709551615, which cannot be read as int"},
    {"type: int, hf: a", R"({"a": 2147483648})",
     "config.json: a is 2147483648, expected a number from -2147483647.0 to "
     "2147483647.0"},
    {"type: int, hf: a", R"({"a": -3000000000})",
     "config.json: a is -3000000000, expected a number from"},
    {"type: [int], len: 2, hf: a", R"({"a": 3})",
     "config.json: a must be a list, found 3"},
    {"type: [int], len: 2, hf: a", R"({"a": [1, 2, 3]})",
     "config.json: a has 3 elements, expected 2"},
    {"type: [int], len: 2, hf: a", R"({"a": [1, "x"]})",
     "config.json: a must be int, found 'x'"},
    {"type: [[int]], len: 1, hf: a", R"({"a": [3]})",
     "config.json: a must be a list, found 3"},
    {"type: int, hf: a, index: 2", R"({"a": [4, 5]})",
     "config.json: a has no element 2"},
    {"type: int, hf: a, index: 0", R"({"a": 4})",
     "config.json: a has no element 0"},
    {"type: word, hf: a, values: {silu: silu, gelu: gelu}", R"({"a": "gelo"})",
     "config.json: a is 'gelo', which this spec does not support; did you "
     "mean 'gelu'?"},
    {"type: word, hf: a, values: [wide, thin]", R"({"a": "wider"})",
     "config.json: a is 'wider', which this spec does not support; did you "
     "mean 'wide'?"},
    {"type: bool, hf: a, values: {1: yes}", R"({"a": 1})",
     "must be bool, found 'yes'"},
    {"type: int, hf: a, values: [1, 2]", R"({"a": 3})",
     "config.json: a is '3', which this spec does not support"},
    {"type: int, hf: a, range: [1, 8]", R"({"a": 9})",
     "config.json: a is 9, expected a number from 1 to 8"},
    {"type: float, hf: a, range: [0.5, 8]", R"({"a": 0.25})",
     "config.json: a is 0.25, expected a number from 0.5 to 8"},
    {"type: int, hf: a, range: [x, 8]", R"({"a": 3})",
     "spec.yaml:4:33: error: the ends of a range must be numbers"},
    {"type: int, hf: a", "{}",
     "parameter '$p' has no value: looked for a, and there is no default"},
    {"type: int, gguf: a", "{}",
     "parameter '$p' has no value: it has no source for this format (hf) and "
     "no default"},
    {"type: int, hf: a", R"({"a": null})",
     "parameter '$p' has no value: looked for a"},
    {"type: int, default: x", "{}", "default of parameter 'p' must be int"},
    {"type: int, hf: a, default: 3, if_null: x", R"({"a": null})",
     "null of parameter 'p' must be int, found 'x'"},
    {"type: int, size_of: {tensor: emb, axis: 2}", "{}",
     "tensor 'emb' [5, 4] has no axis 2"},
    {"type: int, size_of: {tensor: emb, axis: -1}", "{}",
     "tensor 'emb' [5, 4] has no axis -1"},
    {"type: int, size_of: {tensor: other, axis: 0}", "{}",
     "looked for tensor other, and there is no default"},
    {"type: int, count_of: l.*.w", "{}",
     "looked for tensors l.*.w, and there is no default"},
};
INSTANTIATE_TEST_SUITE_P(Config, Refused, ::testing::ValuesIn(refusals));

TEST(ConfigValues, LongOnesAreCut) {
  Bound found = bound("type: int, hf: a", "{\"a\": [" + std::string(100, '[') +
                                              std::string(100, ']') + "]}");
  EXPECT_FALSE(found.model);
  EXPECT_NE(found.messages.find("[[[..., which cannot be read as int"),
            std::string::npos)
      << found.messages;
}

TEST(ConfigValues, ALengthMayBeThatOfAnotherParameter) {
  const std::string others = "  n: {type: int, hf: n}\n";
  EXPECT_TRUE(
      bound("type: [int], len: $n, hf: a", R"({"a": [1, 2], "n": 2})", others)
          .model);
  Bound found =
      bound("type: [int], len: $n, hf: a", R"({"a": [1, 2], "n": 3})", others);
  EXPECT_NE(found.messages.find("config.json: a has 2 elements, expected 3"),
            std::string::npos)
      << found.messages;
  // A default has to fit, too.
  found =
      bound("type: [int], len: $n, hf: a, default: [1]", R"({"n": 2})", others);
  EXPECT_NE(found.messages.find("has 1 elements, expected 2"),
            std::string::npos)
      << found.messages;
}

TEST(ConfigValues, SizesAndNumbersOfTensorsAreParameters) {
  Bound found =
      bound("type: int, size_of: {tensor: [none, emb], axis: 1}", "{}");
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(print(*found.model->parameter("p")), "4");
  found = bound("type: int, hf: a, size_of: {tensor: emb, axis: 1}",
                R"({"a": 9})"); // the config comes first
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(print(*found.model->parameter("p")), "9");
  found = bound("type: int, count_of: [\"l.*\", \"e*\"], default: 3", "{}");
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(print(*found.model->parameter("p")), "1");
}

TEST(ConfigValues, AListWithoutALengthIsAWarning) {
  Bound found = bound("type: [int], hf: a", R"({"a": [1]})");
  EXPECT_TRUE(found.model);
  EXPECT_NE(found.messages.find(
                "spec.yaml:4:3: warning: list parameter 'p' has no len"),
            std::string::npos)
      << found.messages;
}

} // namespace
