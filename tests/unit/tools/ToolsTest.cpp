#include "runtime/tensors/TensorFile.h"
#include "tests/unit/fixture/ToyModel.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

using namespace sluice;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Outcome {
  int code;
  std::string out, err;
};

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class ToolsTest : public testing::Test {
protected:
  Outcome run(const std::string &tool, const std::string &arguments) {
    std::string command = std::string(SLUICE_BIN) + tool + " " + arguments +
                          " >" + file("out") + " 2>" + file("err");
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, readFile(file("out")),
            readFile(file("err"))};
  }

  static std::string file(const std::string &name) {
    return test::testFile(name);
  }

  std::vector<float> tensor(const std::string &path, const std::string &name) {
    Result<std::vector<NamedTensor>> tensors = readTensors(path);
    EXPECT_TRUE(tensors.ok()) << tensors.status().message();
    for (const NamedTensor &tensor : *tensors)
      if (tensor.name == name)
        return std::get<std::vector<float>>(tensor.data);
    ADD_FAILURE() << path << " has no tensor " << name;
    return {};
  }

  static std::vector<float> flat(std::vector<int32_t> ids,
                                 std::vector<int32_t> source = {}) {
    std::vector<float> out;
    for (const std::vector<float> &row : test::expectedLogits(ids, source))
      out.insert(out.end(), row.begin(), row.end());
    return out;
  }

  std::string model_ =
      test::toyPath("tools", {.refusing = false, .source = false});
  std::string withSource_ = test::toyPath("source", {.refusing = false});
};

TEST_F(ToolsTest, RunWritesLogitsOfAllRows) {
  std::string out = file("o.safetensors");
  Outcome one = run("sluice-run", model_ + " --ids 5,9,2 --out " + out);
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out + one.err, "");
  EXPECT_EQ(tensor(out, "logits"), flat({5, 9, 2}));
  Outcome two =
      run("sluice-run", model_ + " --ids 5,9,2 --ids '3 4' --chunk 1" +
                            " --threads 1 --out " + out);
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(tensor(out, "logits.0"), flat({5, 9, 2}));
  EXPECT_EQ(tensor(out, "logits.1"), flat({3, 4}));
  Outcome source =
      run("sluice-run",
          withSource_ + " --source-ids 7,7,8 --ids 1,2" + " --out " + out);
  EXPECT_EQ(source.code, 0) << source.err;
  EXPECT_EQ(tensor(out, "logits"), flat({1, 2}, {7, 7, 8}));
  // Without --ids the decoder begins with its first token.
  Outcome start =
      run("sluice-run", withSource_ + " --source-ids 7 --out " + out);
  EXPECT_EQ(start.code, 0) << start.err;
  EXPECT_EQ(tensor(out, "logits"), flat({1}, {7}));
}

TEST_F(ToolsTest, RunTakesNamedTensors) {
  std::string in = file("i.safetensors"), out = file("o.safetensors");
  ASSERT_TRUE(
      writeTensors(in, {{"ids", {2}, std::vector<int64_t>{5, 6}}}).ok());
  Outcome outcome =
      run("sluice-run", model_ + " --entry embed --in " + in + " --out " + out);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(tensor(out, "vector").size(), size_t(test::kWidth));
  ASSERT_TRUE(
      writeTensors(in, {{"idz", {2}, std::vector<int64_t>{5, 6}}}).ok());
  outcome = run("sluice-run", model_ + " --in " + in + " --out " + out);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("tensor 'idz' is no input of entry 'generate', which "
                        "takes: ids, pos"));
}

TEST_F(ToolsTest, RunGeneratesIds) {
  std::vector<int32_t> ids = {5, 9, 2};
  std::string expected;
  for (int i = 0; i < 5; ++i) {
    std::vector<float> last = test::expectedLogits(ids, {}).back();
    ids.push_back(static_cast<int32_t>(
        std::max_element(last.begin(), last.end()) - last.begin()));
    expected += (i ? " " : "") + std::to_string(ids.back());
  }
  Outcome outcome =
      run("sluice-run", model_ + " --ids 5,9,2 --generate 5 --greedy "
                                 "--print-ids --ignore-stop");
  EXPECT_EQ(outcome.out, expected + "\n") << outcome.err;
}

TEST_F(ToolsTest, RunContinuesText) {
  auto continuation = [](std::vector<int32_t> ids,
                         std::vector<int32_t> source) {
    std::string text;
    for (int i = 0; i < 6; ++i) {
      std::vector<float> last = test::expectedLogits(ids, source).back();
      ids.push_back(static_cast<int32_t>(
          std::max_element(last.begin(), last.end()) - last.begin()));
      text += test::toyLetter(ids.back());
    }
    return text;
  };
  std::string options = " --prompt fjc --max-tokens 6 --ignore-stop ";
  // With an encoder the prompt is its source.
  Outcome outcome = run("sluice-run", withSource_ + options);
  EXPECT_EQ(outcome.out, continuation({1}, {5, 9, 2}) + "\n") << outcome.err;
  std::string expected = continuation({5, 9, 2}, {});
  outcome = run("sluice-run", model_ + options + "--echo");
  EXPECT_EQ(outcome.out, "fjc" + expected + "\n") << outcome.err;
  std::string stop = expected.substr(2, 2);
  outcome = run("sluice-run", model_ + options + "--stop " + stop);
  EXPECT_EQ(outcome.out, expected.substr(0, expected.find(stop)) + "\n")
      << outcome.err;
}

TEST_F(ToolsTest, RunVerifies) {
  Outcome outcome = run("sluice-run", model_ + " --verify");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("ok: digests of all sections\n"));
  EXPECT_THAT(outcome.out, HasSubstr("ok: one token at a time\n"));
  EXPECT_THAT(outcome.out, HasSubstr("ok: generated kernels only\n"));
  std::vector<uint8_t> bytes =
      test::toyFile({.refusing = false, .source = false}).bytes();
  std::string path = file("broken.slc");
  // The first section holds the weights.
  Outcome whole = run("sluice-inspect", model_ + " --json");
  uint64_t offset = nlohmann::json::parse(whole.out)["sections"][0]["offset"];
  bytes[offset] ^= 1;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  outcome = run("sluice-run", path + " --verify");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("section weights is corrupted"));
}

TEST_F(ToolsTest, RunProfiles) {
  std::string trace = file("trace.json");
  Outcome outcome =
      run("sluice-run", model_ + " --ids 5,9,2 --out " + file("o.safetensors") +
                            " --profile " + trace);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("GFLOP/s"));
  EXPECT_FALSE(nlohmann::json::parse(readFile(trace))["traceEvents"].empty());
}

TEST_F(ToolsTest, RunReportsErrors) {
  struct Case {
    std::string arguments;
    int code;
    const char *message;
  };
  std::string out = " --out " + file("none.safetensors");
  std::string many = "1";
  for (int64_t i = 0; i < test::kContext; ++i)
    many += ",1";
  const Case cases[] = {
      {"/nonexistent.slc --ids 1" + out, 1,
       "error: /nonexistent.slc: cannot open: No such file"},
      {model_ + " --ids 1,40" + out, 1, "ids[1] is 40"},
      {model_ + " --ids x" + out, 1, "error: --ids: 'x' is not a list of ids"},
      {model_ + " --ids " + many + out, 1,
       "301 tokens, longer than the context of 300"},
      {model_ + " --ids 1 --out /nonexistent/o", 1,
       "error: /nonexistent/o: cannot create"},
      {model_ + " --ids 1 --entry poem" + out, 1,
       "no entry 'poem'; there are: generate, encode"},
      {withSource_ + " --ids 1" + out, 1, "--source-ids"},
      {model_ + " --ids 1", 2, "give --out, --save-state or --generate"},
      {model_ + out, 2, "nothing to run"},
      {"", 2, "error: model is required"},
      {model_ + " --idz 1", 2, "error: The following argument"},
      {model_ + " --ids 1 --generate -3", 2, "error: --generate"},
  };
  for (const Case &one : cases) {
    Outcome outcome = run("sluice-run", one.arguments);
    EXPECT_EQ(outcome.code, one.code) << one.arguments;
    EXPECT_THAT(outcome.err, HasSubstr(one.message)) << one.arguments;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
  EXPECT_FALSE(std::filesystem::exists(file("none.safetensors")));
  EXPECT_EQ(run("sluice-run", "--help").code, 0);
}

TEST_F(ToolsTest, InspectShowsEveryView) {
  struct Case {
    const char *arguments, *text;
  };
  const Case cases[] = {
      {"", "generate (generate): ids pos -> logits[wanted, 40]"},
      {"--plan",
       "embedding(%ids, @embed) -> (%x) tokens  # embedding toy.yaml:10"},
      {"--weights", "head: 40 x 16 f32, panel, 4.0 KiB"},
      {"--memory --capacity 1024", "65536  y: tokens x 16 f32"},
      {"--ir plan", "plan"},
      {"--spec", "family"},
  };
  for (const Case &one : cases) {
    Outcome outcome = run("sluice-inspect", model_ + " " + one.arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr(one.text)) << one.arguments;
  }
  Outcome json = run("sluice-inspect", model_ + " --plan --json");
  EXPECT_EQ(nlohmann::json::parse(json.out)[1]["steps"].back()["matmul"]["n"],
            test::kVocab);
  Outcome missing = run("sluice-inspect", model_ + " --ir fused");
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("no ir section 'fused'; there are: plan"));
  EXPECT_EQ(run("sluice-inspect", model_ + " --plan --weights").code, 2);
}

TEST_F(ToolsTest, BenchMeasures) {
  Outcome outcome = run("sluice-bench", model_ + " --prefill 16 --decode 4 "
                                                 "--repeat 1 --format json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  nlohmann::json json = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(json["tests"].size(), 2u);
  EXPECT_EQ(json["tests"][0]["test"], "prefill");
  EXPECT_EQ(json["tests"][1]["test"], "decode");
  for (const nlohmann::json &test : json["tests"])
    EXPECT_GT(test["tokens_per_second"], 0);
  EXPECT_GT(json["bandwidth_gigabytes"], 0);
  EXPECT_GT(json["peak_f32_gigaflops"], 0);
}

} // namespace
