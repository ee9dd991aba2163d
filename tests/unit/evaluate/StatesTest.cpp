// Ragged batches, states between steps, and rows of sequences.
#include "Fixture.h"

using namespace mlir;
using testing::ElementsAre;
using testing::IsEmpty;

namespace sluice::evaluate {
namespace {

class StateTest : public Fixture {
protected:
  StateTest() {
    for (int i = 0; i < 16; ++i)
      weights["x"].push_back(std::sin(float(3 * i + 1)));
  }

  void parseDecoder() {
    parse(4,
          "%h = llm.reshape %x to [2, 2] : (tensor<?x4xf32>) -> "
          "tensor<?x2x2xf32> %f = llm.rope_freqs 2 theta 10.0 : tensor<1xf32> "
          "%k = llm.rope half %h, %pos, %f : (tensor<?x2x2xf32>, "
          "tensor<?xi32>, tensor<1xf32>) -> tensor<?x2x2xf32> %c = llm.append "
          "@kv(%k, %h) for %b : tensor<?x2x2xf32>, tensor<?x2x2xf32> %a = "
          "llm.attention %k in %c for %b mask [#llm.mask<causal>] scale 3.0 : "
          "(tensor<?x2x2xf32>, !llm.cache, !llm.batch) -> tensor<?x2x2xf32> "
          "%r = llm.reshape %a to [4] : (tensor<?x2x2xf32>) -> "
          "tensor<?x4xf32> %y = llm.wanted_rows %r for %b : tensor<?x4xf32>",
          "tensor<?x4xf32>", "llm.state @kv cache {k = [2, 2], v = [2, 2]}",
          "generate");
  }
};

TEST_F(StateTest, ChunksAndBatchesGiveTheSameRows) {
  parseDecoder();
  std::vector<float> whole = run("0,3,1,2 last");
  EXPECT_EQ(whole.size(), 4u);
  EXPECT_EQ(run("0 | 3,1 | 2"), whole);
  EXPECT_EQ(run("0,3 ; 1 | @1 2,2 | @0 1,2 last ; @1 0 none"), whole);
}

TEST_F(StateTest, WantedRows) {
  parseDecoder();
  std::vector<float> all = run("0,3,1"), last = run("0,3,1 last");
  EXPECT_EQ(all.size(), 12u);
  EXPECT_EQ(last, std::vector<float>(all.begin() + 8, all.end()));
  EXPECT_THAT(run("0,3,1 none"), IsEmpty());
}

TEST_F(StateTest, RowsOfSequences) {
  weights["x"] = {1, 2, 3, 5};
  for (auto [op, first, second] : {std::tuple("pool_rows mean", 1.5f, 10.f / 3),
                                   {"pool_rows max", 2, 5},
                                   {"pick_rows first", 1, 2},
                                   {"pick_rows last", 2, 5}}) {
    parse(1, "%y = llm." + std::string(op) + " %x for %b : tensor<?x1xf32>",
          "tensor<?x1xf32>");
    EXPECT_THAT(run("0,1 ; 1,2,3"), ElementsAre(first, second)) << op;
  }
}

// A source begins its slot anew; what it wrote is read by the other entry.
TEST_F(StateTest, SourceAndDecoder) {
  weights["x"] = {1, 2, 3, 5};
  module = parseSourceString<ModuleOp>(R"mlir(
llm.weight @x : tensor<4x1xf32>
llm.state @kv cache {k = [1, 1], v = [1, 1]} once
func.func @encode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x1xf32> {llm.name = "y"}) attributes {llm.entry = "source"} {
  %w = llm.use @x : tensor<4x1xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<4x1xf32>) -> tensor<?x1xf32>
  %h = llm.reshape %x to [1, 1] : (tensor<?x1xf32>) -> tensor<?x1x1xf32>
  %c = llm.append @kv(%h, %h) for %b : tensor<?x1x1xf32>, tensor<?x1x1xf32>
  return %x : tensor<?x1xf32>
}
func.func @decode(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "ids", llm.input = "tokens"}) -> (tensor<?x1xf32> {llm.name = "y"}) attributes {llm.entry = "generate"} {
  %w = llm.use @x : tensor<4x1xf32>
  %x = llm.embedding %ids, %w : (tensor<?xi32>, tensor<4x1xf32>) -> tensor<?x1xf32>
  %h = llm.reshape %x to [1, 1] : (tensor<?x1xf32>) -> tensor<?x1x1xf32>
  %c = llm.cached @kv
  %a = llm.attention %h in %c for %b mask [#llm.mask<all>] scale 0.0 : (tensor<?x1x1xf32>, !llm.cache, !llm.batch) -> tensor<?x1x1xf32>
  %y = llm.reshape %a to [1] : (tensor<?x1x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
)mlir",
                                       &context);
  ASSERT_TRUE(module);
  EXPECT_THAT(run("encode: 0,2 | decode: 1"), ElementsAre(2));
  EXPECT_THAT(run("encode: 0,2 | 3,3 | decode: 1"), ElementsAre(5));
}

class Complaints : public StateTest {
protected:
  std::string complaint(const std::string &steps) {
    std::string text;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      text += diagnostic.str();
      return success();
    });
    EXPECT_THAT(run(steps), IsEmpty());
    return text;
  }
};

TEST_F(Complaints, NameWhatIsWrong) {
  parseDecoder();
  EXPECT_EQ(complaint("0,4"), "row 1 has id 4, the table 4 rows");
  EXPECT_EQ(complaint("@1 0 ; @1 0"), "slot 1 stands twice in a step");
  EXPECT_EQ(complaint("0 pos=1,2"),
            "expected 1 elements in each input of a sequence, found 2 in "
            "'pos'");
  EXPECT_EQ(complaint("0 type=1"), "entry 'e' has no input 'type'");
  EXPECT_EQ(complaint("pos=1"), "entry 'e' needs the input 'ids'");
}

} // namespace
} // namespace sluice::evaluate
