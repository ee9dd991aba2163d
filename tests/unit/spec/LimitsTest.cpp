// Specs that would take all time and memory if the reader let them: each has a
// message with its line, and what is merely long is read.
#include "tests/unit/spec/Fixture.h"

using namespace sluice::spec;
using namespace sluice::spec::test;

namespace {

// `line` once for each i from 0 on, with # replaced by i and @ by i + 1.
std::string lines(int count, const std::string &line) {
  std::string text;
  for (int i = 0; i < count; ++i)
    for (char c : line)
      text += c == '#'   ? std::to_string(i)
              : c == '@' ? std::to_string(i + 1)
                         : std::string(1, c);
  return text;
}

struct Parts {
  std::string config{}, weights{}, state{}, blocks{}, nodes{};
};

std::string specText(const Parts &parts) {
  auto section = [](const char *name, const std::string &text) {
    return text.empty() ? "" : std::string(name) + ":\n" + text;
  };
  return "sluice: 1\nfamily: w\n" + section("config", parts.config) +
         "weights:\n  table: {shape: [5, 4], hf: emb}\n" + parts.weights +
         section("state", parts.state) + section("blocks", parts.blocks) +
         "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
         "      - x: {embedding: ids, w: table}\n" +
         parts.nodes + "    outputs: {rows: x}\n";
}

struct Read {
  std::unique_ptr<Model> model;
  std::string messages;
  size_t errors = 0; // that are shown
};

Read read(const std::string &text, const std::string &path = "spec.yaml") {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {5, 4}}});
  sluice::checkpoint::Checkpoint ck = openCheckpoint(dir.path());
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText(path, text, diagnostics);
  Read out;
  if (parsed)
    out.model = bind(*parsed, ck, diagnostics);
  if (out.model)
    printResolved(*out.model);
  out.messages = diagnostics.print().substr(0, 4000);
  for (const Diagnostic &d : diagnostics.all())
    out.errors += d.severity == Diagnostic::Severity::Error;
  return out;
}

void expectError(const Parts &parts, const std::string &message) {
  Read found = read(specText(parts));
  EXPECT_FALSE(found.model);
  EXPECT_NE(found.messages.find(message), std::string::npos)
      << message << "\n---\n"
      << found.messages;
}

TEST(Limits, ExpressionOfManyTerms) {
  std::string sum = "1";
  for (int i = 0; i < 100000; ++i)
    sum += " + 1";
  expectError({.config = "  n: $a + " + sum + "\n  a: 1\n"},
              "error: the expression has more than 1000 operators in a row");
  std::string index = "  n: $a";
  for (int i = 0; i < 100000; ++i)
    index += "[0]";
  expectError({.config = index + "\n  a: [1]\n"},
              "error: the expression has more than 1000 operators in a row");
}

TEST(Limits, ChainOfParameters) {
  expectError({.config = lines(5000, "  p#: $p@ + 1\n") + "  p5000: 1\n"},
              "error: too many parameters need each other in a chain");
  // In the order in which they need each other nothing waits.
  Read found =
      read(specText({.config = "  p0: 1\n" + lines(5000, "  p@: $p# + 1\n")}));
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(*found.model->parameter("p5000"), Value(5001));
}

TEST(Limits, ValuesThatDouble) {
  std::string first = "  a0: [1, 1]\n";
  Read found =
      read(specText({.config = first + lines(14, "  a@: [$a#, $a#]\n")}));
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.model->parameter("a14")->size(), (1 << 16) - 1);
  expectError({.config = first + lines(39, "  a@: [$a#, $a#]\n")},
              "spec.yaml:23:8: error: the list has too many elements");
  expectError({.config = first + lines(39, "  a@: each(i, 2, $a#)\n")},
              "spec.yaml:23:8: error: the expression makes too many elements");
  expectError({.config = first + lines(39, "  a@: \"[$a#, $a#]\"\n")},
              "error: the expression makes too many elements");
}

TEST(Limits, WorkOfAllExpressions) {
  expectError(
      {.config = lines(40, "  a#: len(each(i, 1000000, $i))\n")},
      "error: the expressions of the spec take more than 16777216 steps");
}

const std::string leaf = "  b0:\n    inputs: [x]\n    returns: [x]\n"
                         "    nodes:\n      - x: {add: [x, 1.0]}\n";
const std::string twice = "  b@:\n    inputs: [x]\n    returns: [x]\n"
                          "    nodes:\n      - x: {block: b#, x: x}\n"
                          "      - x: {block: b#, x: x}\n";

TEST(Limits, BlocksThatDouble) {
  Read found = read(specText({.blocks = leaf + lines(10, twice),
                              .nodes = "      - x: {block: b10, x: x}\n"}));
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.model->entries[0].nodes.size(), 1025u);
  expectError({.blocks = leaf + lines(39, twice),
               .nodes = "      - x: {block: b39, x: x}\n"},
              "error: the graph has more than 50000 nodes with all blocks "
              "called");
  // Blocks that hold nothing but calls make no node and still take time.
  std::string empty = "  b0:\n    inputs: [x]\n    returns: [x]\n"
                      "    nodes: []\n";
  expectError({.blocks = empty + lines(39, twice),
               .nodes = "      - x: {block: b39, x: x}\n"},
              "error: the graph has more than 50000 nodes");
}

TEST(Limits, BlocksInAChain) {
  std::string once = "  b@:\n    inputs: [x]\n    returns: [x]\n"
                     "    nodes:\n      - x: {block: b#, x: x}\n";
  expectError({.blocks = leaf + lines(40000, once),
               .nodes = "      - x: {block: b40000, x: x}\n"},
              "error: blocks call each other more than 64 deep");
  Read found = read(specText({.blocks = leaf + lines(50, once),
                              .nodes = "      - x: {block: b50, x: x}\n"}));
  EXPECT_TRUE(found.model) << found.messages;
}

TEST(Limits, ManyNodes) {
  Read found =
      read(specText({.nodes = lines(15000, "      - x: {add: [x, 1.0]}\n")}));
  ASSERT_TRUE(found.model) << found.messages;
  expectError({.nodes = lines(50000, "      - x: {add: [x, 1.0]}\n")},
              "error: the graph has more than 50000 nodes");
  std::string sum = "      - x: {add: [x";
  for (int i = 0; i < 50000; ++i)
    sum += ", x";
  expectError({.nodes = sum + "]}\n"},
              "spec.yaml:10:18: error: the graph has more than 50000 nodes");
}

// Bindings that a condition may leave out stay visible side by side.
TEST(Limits, ManyConditions) {
  Read found = read(specText(
      {.config = "  c: true\n",
       .nodes = lines(15000, "      - x: {add: [x, 1.0], when: $c}\n")}));
  EXPECT_TRUE(found.model) << found.messages;
}

TEST(Limits, ManyKeys) {
  Read found = read(specText({.config = lines(50000, "  p#: #\n")}));
  ASSERT_TRUE(found.model) << found.messages;
  EXPECT_EQ(found.model->config.size(), 50000u);
  // Errors of all are counted, a few are shown.
  found = read(specText({.config = lines(50000, "  p#: $q#\n")}));
  EXPECT_EQ(found.errors, 20u);
  EXPECT_NE(found.messages.find("unknown parameter '$q0'; did you mean 'p0'?"),
            std::string::npos)
      << found.messages;
  found =
      read(specText({.nodes = lines(50000, "      - x: {add: [x, y#]}\n")}));
  EXPECT_EQ(found.errors, 20u);
  std::string same = "  k: 1\n";
  for (int i = 0; i < 50000; ++i)
    same += "  k: 1\n";
  EXPECT_NE(read(specText({.config = same})).messages.find("duplicate key 'k'"),
            std::string::npos);
}

TEST(Limits, ManyWeights) {
  Read found = read(specText(
      {.weights = lines(50000, "  w#: {shape: [4], hf: w#, optional: true}\n"),
       .nodes = lines(15000, "      - x: {add: [x, w.w#], when: has(w#)}\n")}));
  EXPECT_TRUE(found.model) << found.messages;
  expectError({.weights = "  a:\n    each: {i: 1000}\n    b:\n"
                          "      each: {j: 1000}\n"
                          "      w: {shape: [4], hf: w, optional: true}\n"},
              "error: the groups have more than 100000 instances with all that "
              "is in them");
}

TEST(Limits, ManyStates) {
  expectError({.state = "  a:\n    each: {i: 1000}\n    b:\n"
                        "      each: {j: 1000}\n"
                        "      kv: {cache: {k: [1, 1], v: [1, 1]}}\n"},
              "error: the groups have more than 100000 instances with all that "
              "is in them");
}

TEST(Limits, Names) {
  expectError({.config = "  " + std::string(101, 'n') + ": 1\n"},
              "must be a name of at most 100 characters");
  std::string inputs = "i", results = "_", params = "p: int";
  for (int i = 0; i < 300; ++i) {
    inputs += ", i" + std::to_string(i);
    results += ",_";
    params += ", p" + std::to_string(i) + ": int";
  }
  auto block = [](const std::string &more) {
    return "  b:\n" + more + "    nodes:\n      - _: {constant: 1}\n";
  };
  expectError({.blocks = block("    inputs: [" + inputs + "]\n")},
              "error: inputs are 301, more than 256");
  expectError({.blocks = block("    returns: [" + inputs + "]\n")},
              "error: returns are 301, more than 256");
  expectError({.blocks = block("    params: {" + params + "}\n")},
              "error: params are 301, more than 256");
  expectError(
      {.nodes = "      - \"" + results + "\": {split: x, sizes: [4]}\n"},
      "error: a node has at most 256 results");
}

TEST(Limits, NestingOfYaml) {
  std::string open(100, '['), close(100, ']');
  expectError({.config = "  a: " + open + "1" + close + "\n"},
              "error: nested more than 64 deep");
  std::string deep(100000, '['), end(100000, ']');
  EXPECT_FALSE(read(specText({.config = "  a: " + deep + end + "\n"})).model);
}

TEST(Limits, LibrariesThatDouble) {
  Folder dir;
  dir.add("l0.yaml", "sluice: 1\nlibrary: l0\n");
  for (int i = 0; i < 30; ++i)
    dir.add("l" + std::to_string(i + 1) + ".yaml",
            lines(1, "sluice: 1\nlibrary: l\nuse: {a: l" + std::to_string(i) +
                         ".yaml, b: l" + std::to_string(i) + ".yaml}\n"));
  auto with = [&](int last) {
    std::string text = specText({});
    return read(text.insert(text.find("weights:"),
                            "use: {l: l" + std::to_string(last) + ".yaml}\n"),
                dir.path() + "/spec.yaml");
  };
  Read found = with(5);
  EXPECT_TRUE(found.model) << found.messages;
  found = with(30);
  EXPECT_FALSE(found.model);
  EXPECT_NE(found.messages.find("error: too many libraries, counting each as "
                                "often as it is used"),
            std::string::npos)
      << found.messages;
}

} // namespace
