// The families of models/ against reference checkpoints and random ones.
#include "tests/unit/spec/Fixture.h"

#include <algorithm>
#include <cstdlib>

using namespace sluice::spec;
using namespace sluice::spec::test;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<Model> bindFile(const std::string &spec,
                                const sluice::checkpoint::Checkpoint &ck,
                                BindOptions options = {}) {
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpec(spec, diagnostics);
  SpecPtr common = parseSpec(source("models/blocks/keys.yaml"), diagnostics);
  EXPECT_TRUE(parsed && common) << diagnostics.print();
  if (!parsed || !common)
    return nullptr;
  options.common = common.get();
  std::unique_ptr<Model> model = bind(*parsed, ck, diagnostics, options);
  // Nothing is odd about the checkpoints here, and no key is left unread.
  EXPECT_EQ(diagnostics.print(), "");
  EXPECT_TRUE(model);
  if (model) {
    EXPECT_TRUE(model->unreadKeys.empty()) << model->unreadKeys[0];
  }
  return model;
}

std::string withoutComments(const std::string &text) {
  std::string out;
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    if (!line.starts_with("#"))
      out += line.substr(0, line.find("  # ")) + "\n";
    begin = end + 1;
  }
  return out;
}

// The resolved spec is valid input, and says the same.
void expectRoundTrip(const Model &model,
                     const sluice::checkpoint::Checkpoint &ck) {
  std::string first = printResolved(model);
  Diagnostics diagnostics;
  SpecPtr parsed = parseSpecText("resolved.yaml", first, diagnostics);
  ASSERT_TRUE(parsed) << diagnostics.print() << first;
  std::unique_ptr<Model> again = bind(*parsed, ck, diagnostics);
  ASSERT_TRUE(again) << diagnostics.print() << first;
  EXPECT_EQ(withoutComments(printResolved(*again)), withoutComments(first));
  ASSERT_EQ(again->weights.size(), model.weights.size());
  for (const Weight &weight : model.weights) {
    const Weight *other = again->weight({weight.path, weight.index});
    ASSERT_TRUE(other) << weight.path;
    EXPECT_EQ(other->shape, weight.shape);
    EXPECT_EQ(other->source.tensors.size(), weight.source.tensors.size());
    for (size_t i = 0; i < weight.source.tensors.size(); ++i)
      EXPECT_EQ(other->source.tensors[i].tensor,
                weight.source.tensors[i].tensor);
  }
}

class Reference : public ::testing::TestWithParam<std::string> {};

TEST_P(Reference, BindsAndPrints) {
  sluice::checkpoint::Checkpoint ck = openCheckpoint(GetParam());
  Diagnostics diagnostics;
  std::optional<std::string> spec = findSpec(source("models"), ck, diagnostics);
  ASSERT_TRUE(spec) << diagnostics.print();
  EXPECT_TRUE(diagnostics.all().empty()) << diagnostics.print();
  EXPECT_EQ(fs::path(*spec).stem().string(),
            fs::path(GetParam()).parent_path().filename().string());
  std::unique_ptr<Model> model = bindFile(*spec, ck);
  ASSERT_TRUE(model);
  EXPECT_FALSE(model->entries.empty());
  expectRoundTrip(*model, ck);
  // One entry alone binds to the same checkpoint.
  for (const Entry &entry : model->entries) {
    BindOptions alone;
    alone.entries = {entry.name};
    std::unique_ptr<Model> one = bindFile(*spec, ck, alone);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->entries.size(), 1u);
  }
}

std::vector<std::string> references() {
  std::vector<std::string> out;
  for (const fs::directory_entry &family :
       fs::directory_iterator(source("tests/reference")))
    if (family.is_directory())
      for (const fs::directory_entry &item : fs::directory_iterator(family))
        if (fs::exists(item.path() / "config.json"))
          out.push_back(item.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string caseName(const ::testing::TestParamInfo<std::string> &info) {
  fs::path path(info.param);
  std::string name =
      path.parent_path().filename().string() + "_" + path.filename().string();
  for (char &c : name)
    c = isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Reference, ::testing::ValuesIn(references()),
                         caseName);

const char *const llama80 = R"({
  "architectures": ["LlamaForCausalLM"], "vocab_size": 128256,
  "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
  "num_attention_heads": 64, "num_key_value_heads": 8, "rms_norm_eps": 1e-5,
  "rope_theta": 500000.0, "tie_word_embeddings": false,
  "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})";

TEST(Random, EightyLayersAreFlattened) {
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, llama80);
  std::unique_ptr<Model> model = bindFile(source("models/llama.yaml"), ck);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->weights.size(), 3u + 80 * 9);
  const Weight *q = model->weight({"layers.q", 79});
  ASSERT_TRUE(q);
  EXPECT_EQ(q->source.kind, Source::Kind::Random);
  EXPECT_EQ(q->shape, (std::vector<int64_t>{8192, 8192}));
  expectRoundTrip(*model, ck);
}

TEST(Random, LlamaGraph) {
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, llama80);
  std::unique_ptr<Model> model = bindFile(source("models/llama.yaml"), ck);
  ASSERT_TRUE(model);
  ASSERT_EQ(model->entries.size(), 1u);
  const Entry &entry = model->entries[0];
  std::vector<std::string> ops;
  for (const Node &node : entry.nodes)
    ops.push_back(node.op);
  EXPECT_EQ(ops,
            (std::vector<std::string>{"rope_freqs", "freqs_llama3", "embedding",
                                      "repeat", "rms_norm", "linear"}));
  const Repeat &repeat = *entry.nodes[3].repeat;
  ASSERT_EQ(repeat.calls.size(), 80u);
  const Repeat::Call &call = repeat.calls[7];
  EXPECT_EQ(call.index, 7);
  EXPECT_EQ(call.body.inputNames,
            (std::vector<std::string>{"x", "pos", "freqs"}));
  EXPECT_EQ(call.carried, (std::vector<int>{0, -1, -1}));
  const Node &attention = call.body.nodes[10];
  EXPECT_EQ(attention.op, "attention");
  EXPECT_EQ(attention.name, "attention.mix/a");
  ASSERT_EQ(attention.calls.size(), 3u);
  EXPECT_TRUE(attention.calls[0].file.ends_with("blocks/attention.yaml"));
  EXPECT_TRUE(attention.calls[2].file.ends_with("blocks/decoder.yaml"));
  EXPECT_TRUE(attention.location.file.ends_with("blocks/attention.yaml"));
  EXPECT_EQ(attention.slots[0].first, "q");
  EXPECT_DOUBLE_EQ(attention.slot("scale")->get<Value>()->number(),
                   std::pow(128.0, -0.5));
  EXPECT_EQ(attention.slot("mask")->get<Mask>()->size(), 1u);
  const Node &append = call.body.nodes[9];
  EXPECT_EQ(*append.slot("state")->get<StateRef>(), (StateRef{"layers.kv", 7}));
}

TEST(Random, T5ChoosesItsFormFromTheConfig) {
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, R"({
    "architectures": ["T5ForConditionalGeneration"], "vocab_size": 100,
    "d_model": 32, "d_kv": 8, "num_heads": 6, "d_ff": 64, "num_layers": 2,
    "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false})");
  std::unique_ptr<Model> model = bindFile(source("models/t5.yaml"), ck);
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->weight({"encoder.gate", 1}));
  EXPECT_TRUE(model->weight({"head", -1})->aliasOf.empty());
  EXPECT_FALSE(*model->parameter("scaled") == Value(true));
  EXPECT_TRUE(model->state({"decoder.cross", 0})->once);
  EXPECT_EQ(model->entries.size(), 3u);
}

TEST(Random, MixtralExperts) {
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, R"({
    "architectures": ["MixtralForCausalLM"], "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
    "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 16})");
  std::unique_ptr<Model> model = bindFile(source("models/mixtral.yaml"), ck);
  ASSERT_TRUE(model);
  const Weight *gate = model->weight({"layers.experts.gate", 1});
  ASSERT_TRUE(gate);
  EXPECT_TRUE(gate->experts);
  EXPECT_EQ(gate->shape, (std::vector<int64_t>{4, 96, 64}));
  EXPECT_EQ(gate->source.join, Source::Join::Stack);
  EXPECT_EQ(gate->source.tensors[3].tensor,
            "model.layers.1.block_sparse_moe.experts.3.w1.weight");
  EXPECT_TRUE(model->weight({"layers.router", 0})->keepF32);
  EXPECT_EQ(model->state({"layers.kv", 0})->keep, 16);
  const std::vector<Node> &nodes =
      model->entries[0].nodes[2].repeat->calls[1].body.nodes;
  const Node &experts = nodes[nodes.size() - 2];
  EXPECT_EQ(experts.op, "experts");
  ASSERT_TRUE(experts.body);
  EXPECT_EQ(experts.body->nodes.size(), 5u);
  EXPECT_EQ(*experts.body->nodes[0].slot("w")->get<WeightRef>(),
            (WeightRef{"layers.experts.gate", 1}));
  const Node &attention = nodes[10];
  EXPECT_EQ((*attention.slot("mask")->get<Mask>())[1].kind, "window");
}

TEST(Random, OpenElmNormsQueriesIfTheConfigSaysSo) {
  for (bool normed : {false, true}) {
    Folder dir;
    sluice::checkpoint::Checkpoint ck = randomCheckpoint(
        dir, std::string(R"({"architectures": ["OpenELMForCausalLM"],
      "vocab_size": 100, "model_dim": 32, "num_transformer_layers": 2,
      "head_dim": 8, "num_gqa_groups": 2, "ffn_dim_divisor": 8,
      "qkv_multipliers": [0.5, 1.0], "ffn_multipliers": [0.5, 2.0],
      "share_input_output_layers": true, "ffn_with_glu": true,
      "normalize_qk_projections": )") +
                 (normed ? "true}" : "false}"));
    std::unique_ptr<Model> model = bindFile(source("models/openelm.yaml"), ck);
    ASSERT_TRUE(model);
    EXPECT_EQ(model->weight({"layers.q_norm", 1}) != nullptr, normed);
    expectRoundTrip(*model, ck);
  }
}

TEST(Random, Olmo2HeadsMayHaveASizeOfTheirOwn) {
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, R"({
    "architectures": ["Olmo2ForCausalLM"], "vocab_size": 100,
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "rms_norm_eps": 1e-5})");
  std::unique_ptr<Model> model = bindFile(source("models/olmo2.yaml"), ck);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->weight({"layers.q", 0})->shape,
            (std::vector<int64_t>{64, 32}));
  EXPECT_EQ(model->weight({"layers.k_norm", 0})->shape,
            (std::vector<int64_t>{32}));
}

TEST(Random, TheTypeStandsInForArchitectures) {
  for (const char *config :
       {R"({"model_type": "llama"})", R"({"architectures": null,
        "model_type": "llama"})",
        R"({"architectures": [],
        "model_type": "llama"})",
        R"({"architectures": ["LlamaForCausalLM"]})"}) {
    Folder dir;
    sluice::checkpoint::Checkpoint ck = randomCheckpoint(dir, config);
    Diagnostics diagnostics;
    std::optional<std::string> spec =
        findSpec(source("models"), ck, diagnostics);
    ASSERT_TRUE(spec) << diagnostics.print();
    EXPECT_TRUE(spec->ends_with("/llama.yaml")) << *spec;
  }
  Folder dir;
  sluice::checkpoint::Checkpoint ck = randomCheckpoint(
      dir, R"({"architectures": ["Mine"], "model_type": "llama"})");
  Diagnostics diagnostics;
  EXPECT_FALSE(findSpec(source("models"), ck, diagnostics));
  EXPECT_NE(diagnostics.print().find("for this model_type there is"),
            std::string::npos)
      << diagnostics.print();
}

TEST(Bert, EntriesFollowTheFile) {
  auto names = [](const Model &model) {
    std::vector<std::string> out;
    for (const Entry &entry : model.entries)
      out.push_back(entry.name);
    return out;
  };
  auto bindCase = [](const std::string &name) {
    return bindFile(source("models/bert.yaml"),
                    openCheckpoint(source("tests/reference/bert/" + name)));
  };
  EXPECT_EQ(names(*bindCase("bare")),
            (std::vector<std::string>{"encode", "embed"}));
  EXPECT_EQ(names(*bindCase("masked")),
            (std::vector<std::string>{"encode", "fill"}));
  std::unique_ptr<Model> model = bindCase("pretraining");
  EXPECT_EQ(names(*model),
            (std::vector<std::string>{"encode", "embed", "fill", "next"}));
  // The head is the embedding, with a bias of its own.
  EXPECT_EQ(model->weight({"mlm.head", -1})->aliasOf, "words");
  ASSERT_TRUE(model->bias({"mlm.head", -1}));
  EXPECT_EQ(model->stored({"mlm.head", -1})->path, "words");
  // TensorFlow's names of norms.
  EXPECT_TRUE(model->weight({"norm", -1})
                  ->source.tensors[0]
                  .tensor.ends_with(".gamma"));
}

TEST(Gpt2, FusedRowsAndBiases) {
  std::unique_ptr<Model> model =
      bindFile(source("models/gpt2.yaml"),
               openCheckpoint(source("tests/reference/gpt2/odd")));
  ASSERT_TRUE(model);
  int64_t hidden = model->parameter("hidden")->integer();
  const Weight *k = model->weight({"layers.k", 0});
  ASSERT_TRUE(k);
  EXPECT_TRUE(k->source.fused);
  EXPECT_EQ(k->source.rows.offset, hidden);
  EXPECT_EQ(k->source.rows.period, 3 * hidden);
  ASSERT_EQ(k->source.apply.size(), 1u);
  EXPECT_EQ(k->source.apply[0].kind, Transform::Kind::Transpose);
  const Weight *bias = model->bias({"layers.k", 0});
  ASSERT_TRUE(bias);
  EXPECT_EQ(bias->shape, (std::vector<int64_t>{hidden}));
  EXPECT_EQ(bias->source.rows.offset, hidden);
  EXPECT_TRUE(bias->source.apply.empty());
}

TEST(Gguf, Stories) {
  const char *folder = std::getenv("SLUICE_SHARED_DATA");
  std::string path =
      folder ? std::string(folder) + "/stories260k.gguf" : std::string();
  if (!fs::exists(path))
    GTEST_SKIP() << "SLUICE_SHARED_DATA has no stories260k.gguf";
  sluice::checkpoint::Checkpoint ck = openCheckpoint(path);
  Diagnostics diagnostics;
  std::optional<std::string> spec = findSpec(source("models"), ck, diagnostics);
  ASSERT_TRUE(spec) << diagnostics.print();
  EXPECT_TRUE(spec->ends_with("llama.yaml"));
  std::unique_ptr<Model> model = bindFile(*spec, ck);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->weight({"head", -1})->aliasOf, "embed");
  const Weight *q = model->weight({"layers.q", 4});
  ASSERT_EQ(q->source.apply.size(), 1u);
  EXPECT_EQ(q->source.apply[0].kind, Transform::Kind::RopeRows);
  EXPECT_EQ(q->source.apply[0].heads, 8);
  EXPECT_TRUE(model->ignored.empty());
  expectRoundTrip(*model, ck);
}

TEST(FindSpec, ReportsNoneAndSeveral) {
  Folder dir;
  Folder specs;
  sluice::checkpoint::Checkpoint ck =
      randomCheckpoint(dir, R"({"architectures": ["Other"]})");
  Diagnostics none;
  EXPECT_FALSE(findSpec(source("models"), ck, none));
  EXPECT_NE(none.print().find("architectures are [Other]"), std::string::npos)
      << none.print();
  std::string text = "sluice: 1\nfamily: f\n"
                     "match: {hf: {architectures: [Other]}}\n";
  specs.add("one.yaml", text);
  specs.add("two.yaml", text);
  specs.add("broken.yaml", "a: [\n");
  Diagnostics several;
  EXPECT_FALSE(findSpec(specs.path(), ck, several));
  EXPECT_NE(several.print().find("several specs fit"), std::string::npos);
  EXPECT_NE(several.print().find("two.yaml"), std::string::npos);
  EXPECT_NE(several.print().find("warning: skipped"), std::string::npos);
}

} // namespace
