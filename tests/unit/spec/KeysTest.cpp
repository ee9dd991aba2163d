// What becomes of the keys of a config: read, inert or reported.
#include "tests/unit/spec/Fixture.h"

#include <cmath>

using namespace sluice::spec;
using namespace sluice::spec::test;
namespace fs = std::filesystem;

namespace {

// One table; `config` and more lists are put before it.
std::string spec(const std::string &more) {
  return "sluice: 1\nfamily: k\n" + more +
         "weights:\n  table: {shape: [4, 8], hf: emb, gguf: emb}\n"
         "entries:\n  encode:\n    inputs: {ids: tokens}\n    nodes:\n"
         "      - x: {embedding: ids, w: table}\n    outputs: {rows: x}\n";
}

struct Bound {
  std::unique_ptr<Model> model;
  std::string messages;
  std::string value(const std::string &name) const {
    return print(*model->parameter(name));
  }
};

Bound bindPath(const std::string &text, const std::string &path,
               const std::vector<std::string> &allowed = {}) {
  Diagnostics diagnostics;
  SpecPtr common = parseSpec(source("models/blocks/keys.yaml"), diagnostics);
  SpecPtr parsed = parseSpecText(source("models/spec.yaml"), text, diagnostics);
  Bound out;
  if (parsed && common) {
    BindOptions options;
    options.common = common.get();
    options.allowUnknownConfig = allowed;
    out.model = bind(*parsed, openCheckpoint(path), diagnostics, options);
  }
  out.messages = diagnostics.print();
  return out;
}

Bound bindConfig(const std::string &more, const std::string &config,
                 const std::vector<std::string> &allowed = {}) {
  Folder dir;
  dir.add("config.json", config);
  dir.writeTensors("model.safetensors", {{"emb", {4, 8}}});
  return bindPath(spec(more), dir.path(), allowed);
}

// A GGUF file of the architecture `k` with one tensor.
class Gguf {
public:
  Gguf() { text("general.architecture", "k"); }
  Gguf &text(const std::string &key, const std::string &value) {
    start(key, 8);
    string(value);
    return *this;
  }
  Gguf &number(const std::string &key, float value) {
    start(key, 6);
    return raw(value);
  }
  Gguf &number(const std::string &key, uint32_t value) {
    start(key, 4);
    return raw(value);
  }
  Gguf &flag(const std::string &key, bool value) {
    start(key, 7);
    return raw(uint8_t(value));
  }
  Gguf &list(const std::string &key, const std::vector<uint32_t> &values) {
    start(key, 9);
    raw(uint32_t(4)).raw(uint64_t(values.size()));
    for (uint32_t value : values)
      raw(value);
    return *this;
  }
  Bound bind(const std::string &text, const std::string &more = "") const {
    Folder dir;
    return bindPath(text.empty() ? spec(more) : text, write(dir));
  }
  // The path of the file in the folder.
  std::string write(const Folder &dir) const {
    Gguf file;
    file.pairs_ = "";
    file.raw(uint32_t(3)).raw(uint64_t(1)).raw(uint64_t(count_));
    std::string out = "GGUF" + file.pairs_ + pairs_;
    file.pairs_ = "";
    file.string("emb");
    file.raw(uint32_t(2)).raw(uint64_t(8)).raw(uint64_t(4));
    file.raw(uint32_t(0)).raw(uint64_t(0));
    out += file.pairs_;
    out.resize((out.size() + 31) / 32 * 32 + 4 * 8 * 4);
    return dir.add("m.gguf", out);
  }

private:
  void start(const std::string &key, uint32_t type) {
    ++count_;
    string(key);
    raw(type);
  }
  void string(const std::string &value) {
    raw(uint64_t(value.size()));
    pairs_ += value;
  }
  template <typename T> Gguf &raw(T value) {
    pairs_.append(reinterpret_cast<const char *>(&value), sizeof value);
    return *this;
  }
  std::string pairs_;
  uint64_t count_ = 0;
};

TEST(Keys, OnesOfModelsAreErrors) {
  Bound bound = bindConfig("", "{\n \"clip_qkv\": 1.5,\n \"foo\": 1\n}");
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("config.json:2:2: error: 'clip_qkv' is 1.5, "
                                "which this spec does not read\n"
                                " \"clip_qkv\": 1.5,\n ^\n"),
            std::string::npos)
      << bound.messages;
  EXPECT_NE(bound.messages.find("config.json:3:2: warning: 'foo' is 1, which "
                                "nothing reads"),
            std::string::npos)
      << bound.messages;
  bound = bindConfig("", R"({"maxHeadCount": 1})");
  EXPECT_FALSE(bound.model);
}

TEST(Keys, CanBePassedOver) {
  Bound bound = bindConfig("", R"({"clip_qkv": 1.5})", {"clip_qkv"});
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(bound.messages, "");
  EXPECT_EQ(bound.model->unreadKeys, std::vector<std::string>{"clip_qkv"});
  bound = bindConfig("", "{}", {"clip_qkv"});
  EXPECT_NE(bound.messages.find("no unread key of the config is called"),
            std::string::npos);
}

TEST(Keys, InertOnesSayNothing) {
  const char *lists = "config: {n: {type: int, hf: n, default: 3}}\n"
                      "inert:\n  hf: [one_head, \"some_*\", {limit_head: "
                      "[1.0, $n]}, {word_head: plain}, object_head]\n";
  for (const char *config :
       {R"({"one_head": 7})", R"({"some_head": true})", R"({"limit_head": 1})",
        R"({"limit_head": 3})", R"({"limit_head": null, "x_head": []})",
        R"({"word_head": "plain"})", R"({"object_head": {"a": {"b": 1}}})",
        R"({"attention_dropout": 0.1, "is_decoder": false})"}) {
    Bound bound = bindConfig(lists, config);
    EXPECT_TRUE(bound.model) << config;
    EXPECT_EQ(bound.messages, "") << config;
  }
  Bound bound = bindConfig(lists, R"({"limit_head": 2})");
  EXPECT_NE(bound.messages.find("'limit_head' is 2, which this spec does not "
                                "support; valid: 1.0, 3"),
            std::string::npos)
      << bound.messages;
  EXPECT_NE(bindConfig(lists, R"({"is_decoder": true})").messages, "");
}

TEST(Keys, ObjectsThatAreReadAreNamespaces) {
  const char *config = "config:\n  prefix: {hf: [text., \"\"]}\n"
                       "  n: {type: int, hf: n, default: 3}\n";
  Bound bound = bindConfig(config, R"({"text": {"n": 4, "use_cache": true}})");
  EXPECT_EQ(bound.messages, "");
  bound = bindConfig(config, R"({"text": {"n": 4, "foo": true}})");
  EXPECT_NE(bound.messages.find("error: 'text.foo' is true"), std::string::npos)
      << bound.messages;
}

TEST(Keys, NearOnesAreNamed) {
  Bound bound =
      bindConfig("config: {n: {type: int, hf: my_favourite, default: 3}}\n",
                 R"({"my_favorite": 4})");
  EXPECT_NE(bound.messages.find("error: 'my_favorite' is 4, which this spec "
                                "does not read; did you mean 'my_favourite'?"),
            std::string::npos)
      << bound.messages;
}

TEST(Keys, OfTwoSpellingsOneIsUsed) {
  const char *config =
      "config: {n: {type: int, hf: [new_n, old_n], values: [1, 2]}}\n";
  Bound bound = bindConfig(config, R"({"new_n": 1, "old_n": 2})");
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(bound.value("n"), "1");
  EXPECT_NE(bound.messages.find("warning: 'old_n' is 2, but 'new_n' is 1"),
            std::string::npos)
      << bound.messages;
  bound = bindConfig(config, R"({"new_n": 1, "old_n": 3})");
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("config.json:1:14: error: config.json: old_n "
                                "is '3', which this spec does not support"),
            std::string::npos)
      << bound.messages;
}

// transformers sets an attribute of that name, which nothing reads.
TEST(Keys, NamesThatHoldDotsAreNoPaths) {
  const char *config = "config:\n  n: {type: int, hf: rope_a.n, default: 3}\n"
                       "  m: {type: int, hf: \"other.json:m\", default: 3}\n";
  for (const char *name : {"rope_a.n", "other.json:rope"}) {
    Bound bound = bindConfig(config, "{\n \"" + std::string(name) + "\": 4}");
    EXPECT_FALSE(bound.model);
    EXPECT_NE(bound.messages.find("config.json:2:2: error: '" +
                                  std::string(name) +
                                  "' is 4, which this spec does not read"),
              std::string::npos)
        << bound.messages;
    EXPECT_TRUE(
        bindConfig(config, "{\"" + std::string(name) + "\": 4}", {name}).model);
  }
  EXPECT_EQ(bindConfig(config, R"({"rope_a": {"n": 4}})").value("n"), "4");
}

TEST(Keys, ManyAreCounted) {
  std::string config = "{";
  for (int i = 0; i < 50000; ++i)
    config += "\"foo" + std::to_string(i) + "\": 1,\n\"head" +
              std::to_string(i) + "\": 1,\n";
  Bound bound = bindConfig("", config + "\"foo\": 1}");
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("... and 49981 more warnings\n"
                                "... and 49980 more errors\n"),
            std::string::npos)
      << bound.messages.substr(bound.messages.size() - 200);
  EXPECT_LT(bound.messages.size(), 20000u);
}

TEST(Keys, LongLinesAreCut) {
  std::string padding(100000, 'x');
  Bound bound =
      bindConfig("", R"({"foo": ")" + padding +
                         R"(", "clip_qkv": 1, "bar": ")" + padding + "\"}");
  EXPECT_NE(bound.messages.find("xxx\", \"clip_qkv\": 1, \"bar\": \"xxx"),
            std::string::npos)
      << bound.messages;
  EXPECT_LT(bound.messages.size(), 3000u);
  size_t line = bound.messages.find("\n...", bound.messages.find("error: "));
  size_t caret = bound.messages.find("^", line);
  size_t below = bound.messages.rfind('\n', caret);
  EXPECT_EQ(bound.messages.substr(line + caret - below, 10), "\"clip_qkv\"")
      << bound.messages;
}

TEST(Keys, AreFitForATerminal) {
  Bound bound = bindConfig("", "{\"head\\u001b[2J\\u009b\": 1}");
  for (const char *control : {"\x1b", "\xc2\x9b"})
    EXPECT_EQ(bound.messages.find(control), std::string::npos)
        << bound.messages;
}

TEST(Keys, OfAnyBytesCanBePrintedAndReadAgain) {
  Folder dir;
  dir.add(
      "config.json",
      R"({"foo\r\n\u0000\u0004 \u001b\u007f\"\\: é": 1, "t\r": "a\r\n\t\u0001b\u007f"})");
  dir.writeTensors("model.safetensors", {{"emb", {4, 8}}});
  Bound bound =
      bindPath(spec("config: {t: {type: text, hf: \"t\\r\"}}\n"), dir.path());
  ASSERT_TRUE(bound.model) << bound.messages;
  std::string printed = printResolved(*bound.model);
  for (unsigned char c : printed)
    EXPECT_TRUE((c >= ' ' && c != 0x7f) || c == '\n') << int(c) << printed;
  Bound again = bindPath(printed, dir.path());
  ASSERT_TRUE(again.model) << again.messages << printed;
  EXPECT_EQ(again.messages, "");
  EXPECT_EQ(again.value("t"), bound.value("t"));
}

// Without generation_config.json transformers 5.24 takes GenerationConfig from
// config.json.
TEST(Keys, OfAnotherFileCountWhereItIsMissing) {
  const char *beams = "{\n \"num_beams\": 4, \"length_penalty\": 1.0}";
  Bound bound = bindConfig("", beams);
  ASSERT_TRUE(bound.model);
  EXPECT_EQ(bound.messages.find("'length_penalty'"), std::string::npos);
  EXPECT_NE(bound.messages.find("config.json:2:2: warning: 'num_beams' is 4, "
                                "which nothing reads"),
            std::string::npos)
      << bound.messages;
  const char *config = "config:\n  prefix: {hf: [text., \"\"]}\n"
                       "  n: {type: int, hf: n, default: 3}\n";
  EXPECT_EQ(bindConfig(config, R"({"text": {"num_beams": 1}})").messages, "");
  EXPECT_NE(bindConfig(config, R"({"text": {"num_beams": 4}})")
                .messages.find("'text.num_beams' is 4, which this spec does "
                               "not support; valid: 1\n"),
            std::string::npos);
  Folder dir;
  dir.add("config.json", beams);
  dir.add("generation_config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {4, 8}}});
  EXPECT_EQ(bindPath(spec(""), dir.path()).messages, "");
}

TEST(Keys, OfAFileThatCannotBeReadAreNotAbsent) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {4, 8}}});
  dir.add("other.json", "[" + std::string(64 << 20, ' ') + "]");
  Bound bound = bindPath(
      spec("config: {n: {type: int, hf: \"other.json:n\", default: 3}}\n"),
      dir.path());
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("bytes of JSON, at most 67108864 are read"),
            std::string::npos)
      << bound.messages;
}

TEST(Keys, OfListsAreAccountedFor) {
  Folder dir;
  dir.add("config.json", "{}");
  dir.writeTensors("model.safetensors", {{"emb", {4, 8}}});
  dir.add("list.json", R"([{"n": 4, "foo": 1}, {"n": 5}])");
  Bound bound = bindPath(
      spec("config: {n: {type: int, hf: \"list.json:0.n\", default: 3}}\n"),
      dir.path());
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("list.json:1:11: error: 'list.json:0.foo' is "
                                "1, which this spec does not read"),
            std::string::npos)
      << bound.messages;
}

TEST(Keys, OfTwoObjectsOneStandsBack) {
  const char *config = "config:\n  prefix: {hf: [new., old.]}\n"
                       "  n: {type: int, hf: n, default: 3}\n";
  Bound both = bindConfig(config, R"({"old": {"n": 1}, "new": {"n": 2}})");
  ASSERT_TRUE(both.model) << both.messages;
  EXPECT_EQ(both.value("n"), "2");
  EXPECT_NE(both.messages.find("warning: 'old' is passed over, 'new' is there"),
            std::string::npos)
      << both.messages;
  Bound empty = bindConfig(config, R"({"old": {"n": 1}, "new": {}})");
  ASSERT_TRUE(empty.model) << empty.messages;
  EXPECT_EQ(empty.value("n"), "1");
  EXPECT_EQ(empty.messages, "");
}

TEST(Keys, NullMayHaveAMeaning) {
  const char *config = "config:\n  n: {type: int, hf: window_head, default: 3, "
                       "if_null: none}\n";
  EXPECT_EQ(bindConfig(config, "{}").value("n"), "3");
  EXPECT_EQ(bindConfig(config, R"({"window_head": null})").value("n"), "none");
  EXPECT_EQ(bindConfig(config, R"({"window_head": 5})").value("n"), "5");
}

TEST(Keys, NumbersHaveARange) {
  const char *config =
      "config:\n  n: {type: int, hf: n_head, default: 3, range: [1, 8]}\n"
      "  m: {type: int, hf: m_head, default: 3}\n";
  EXPECT_TRUE(bindConfig(config, R"({"n_head": 8})").model);
  for (const char *wrong : {"0", "9", "-1"})
    EXPECT_NE(bindConfig(config, std::string("{\"n_head\": ") + wrong + "}")
                  .messages.find("config.json:1:2: error: config.json: n_head "
                                 "is " +
                                 std::string(wrong) +
                                 ", expected a number from 1 to 8"),
              std::string::npos);
  EXPECT_FALSE(bindConfig(config, R"({"m_head": 2147483648})").model);
}

TEST(Keys, NumbersOfPythonAreNoNumbers) {
  const char *config = "config: {n: {type: float, hf: n_head, default: 3.0}}\n";
  EXPECT_TRUE(
      bindConfig(config, R"({"y": NaN, "z": [-Infinity, "NaN"]})").model);
  EXPECT_NE(bindConfig(config, R"({"n_head": Infinity})")
                .messages.find("must be float, found 'Infinity'"),
            std::string::npos);
}

TEST(Keys, OfAGgufNamespaceAreErrors) {
  Bound bound = Gguf().number("k.attention.scale", 2.0f).bind("");
  EXPECT_FALSE(bound.model);
  EXPECT_NE(bound.messages.find("m.gguf: error: 'k.attention.scale' is 2.0, "
                                "which this spec does not read"),
            std::string::npos)
      << bound.messages;
  EXPECT_TRUE(Gguf()
                  .number("k.attention.scale", 2.0f)
                  .bind("", "inert: {gguf: [{$arch.attention.scale: 2}]}\n")
                  .model);
  bound = Gguf().number("other.attention.scale", 2.0f).bind("");
  EXPECT_TRUE(bound.model);
  EXPECT_NE(bound.messages.find("warning"), std::string::npos);
  EXPECT_EQ(Gguf().text("tokenizer.ggml.model", "x").bind("").messages, "");
}

TEST(Keys, AGgufListOfOneNumberIsThatNumber) {
  std::string config = "config: {n: {type: int, gguf: $arch.heads}}\n";
  Bound bound = Gguf().list("k.heads", {4, 4, 4}).bind("", config);
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(bound.value("n"), "4");
  bound = Gguf().list("k.heads", {4, 2}).bind("", config);
  EXPECT_NE(bound.messages.find("gguf: k.heads varies by layer ([4,2])"),
            std::string::npos)
      << bound.messages;
  for (uint32_t layers : {2u, 3u})
    EXPECT_EQ(
        bool(Gguf()
                 .list("k.heads", {4, 4, 4})
                 .number("k.block_count", layers)
                 .bind("", config + "inert: {gguf: [$arch.block_count]}\n")
                 .model),
        layers == 3);
}

TEST(Keys, CountsOfNoneDoNotMatch) {
  Folder specs, dir;
  std::string match = "match: {gguf: {architecture: [k], ";
  specs.add("dense.yaml", spec(match + "without: [$arch.experts]}}\n"));
  specs.add("sparse.yaml", spec(match + "with: [$arch.experts]}}\n"));
  for (uint32_t experts : {0u, 2u}) {
    sluice::checkpoint::Checkpoint ck =
        openCheckpoint(Gguf().number("k.experts", experts).write(dir));
    Diagnostics diagnostics;
    std::optional<std::string> found = findSpec(specs.path(), ck, diagnostics);
    ASSERT_TRUE(found) << diagnostics.print();
    EXPECT_EQ(fs::path(*found).stem(), experts ? "sparse" : "dense");
  }
}

// How a GGUF file says its rotary positions, and what llama.cpp makes of it.
class GgufRope : public ::testing::Test {
protected:
  static Bound bind(const Gguf &file) {
    return file.bind(
        "sluice: 1\nfamily: k\n"
        "use: {rope: {file: blocks/rope.yaml, dims: 8, default_theta: 5e5}}\n"
        "weights:\n  table: {shape: [4, 8], gguf: emb}\n"
        "entries:\n  encode:\n    inputs: {ids: tokens, pos: positions}\n"
        "    positions: {kind: linear}\n    nodes:\n"
        "      - f: {block: rope.freqs, in: rope}\n"
        "      - x: {embedding: ids, w: table}\n"
        "      - x: {reshape: x, to: [1, 8]}\n"
        "      - x: {rope: x, pos: pos, freqs: f, pairing: half, amplitude: "
        "$rope.amplitude}\n"
        "      - x: {reshape: x, to: [8]}\n    outputs: {rows: x}\n");
  }
  static double number(const Bound &bound, const char *name) {
    return bound.model->parameter(name)->number();
  }
};

TEST_F(GgufRope, AFactorAloneIsLinear) {
  for (const char *key : {"k.rope.scaling.factor", "k.rope.scale_linear"}) {
    Bound bound = bind(Gguf().number(key, 4.0f));
    ASSERT_TRUE(bound.model) << bound.messages;
    EXPECT_EQ(bound.messages, "");
    EXPECT_EQ(bound.value("rope.scaling.kind"), "'linear'");
    EXPECT_EQ(number(bound, "rope.scaling.factor"), 4.0);
  }
  Bound none = bind(Gguf()
                        .number("k.rope.scaling.factor", 4.0f)
                        .text("k.rope.scaling.type", "none"));
  EXPECT_EQ(none.value("rope.scaling.kind"), "'plain'");
  EXPECT_EQ(number(bind(Gguf().number("k.rope.scaling.factor", 0.0f)),
                   "rope.scaling.factor"),
            1.0);
}

TEST_F(GgufRope, Yarn) {
  Gguf file;
  file.text("k.rope.scaling.type", "yarn")
      .number("k.rope.scaling.factor", 4.0f)
      .number("k.rope.scaling.attn_factor", 0.5f)
      .number("k.context_length", 256u)
      .number("k.rope.dimension_count", 8u)
      .flag("k.rope.scaling.finetuned", true);
  Bound bound = bind(file);
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(bound.messages, "");
  EXPECT_EQ(bound.value("rope.scaling.original"), "256");
  EXPECT_NEAR(number(bound, "rope.amplitude"), 0.5 * (1 + 0.1 * std::log(4.0)),
              1e-12);
  EXPECT_FALSE(bind(file.number("k.rope.scaling.yarn_beta_fast", 16.0f)).model);
}

// llama.cpp's rope_freq_base_train, whatever the family.
TEST_F(GgufRope, WithoutABaseItIsTenThousand) {
  Bound bound = bind(Gguf());
  ASSERT_TRUE(bound.model) << bound.messages;
  EXPECT_EQ(number(bound, "rope.theta"), 10000.0);
}

TEST_F(GgufRope, PartOfAHeadIsAnError) {
  EXPECT_FALSE(bind(Gguf().number("k.rope.dimension_count", 4u)).model);
}

} // namespace
