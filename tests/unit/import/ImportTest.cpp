#include "compiler/import/Import.h"

#include "compiler/checkpoint/Checkpoint.h"
#include "compiler/spec/Spec.h"
#include "dialects/llm/LLMOps.h"
#include "tests/unit/fixture/Folder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace sluice;
using testing::HasSubstr;

namespace {

// Three layers; the width of the middle one and the names vary by test.
std::string specText(const std::string &width, const std::string &block,
                     const std::string &entry) {
  return R"(sluice: 1
family: test
match: {hf: {architectures: [Test]}}
config:
  vocab:  {type: int, hf: vocab}
  hidden: {type: int, hf: hidden}
  widths: each(i, 3, )" +
         width + R"( if $i == 1 else 24)
weights:
  embed: {shape: [$vocab, $hidden], hf: embed.weight}
  head:  {shape: [$vocab, $hidden], hf: head.weight, keep: f32}
  layers:
    each: {i: 3}
    prefix: {hf: layers.$i.}
    up:   {shape: ["$widths[$i]", $hidden], bias: true, hf: up.*}
    down: {shape: [$hidden, "$widths[$i]"], hf: down.weight}
blocks:
  )" + block +
         R"(:
    inputs: [x]
    returns: [x]
    nodes:
      - h: {linear: x, w: up}
      - h: {act: h, fn: relu}
      - h: {linear: h, w: down}
      - x: {add: [x, h, 1.0]}
entries:
  )" + entry +
         R"(:
    kind: generate
    inputs: {ids: tokens}
    nodes:
      - x: {embedding: ids, w: embed}
      - x: {repeat: layers, block: )" +
         block + R"(, x: x}
      - logits: {linear: x, w: head}
    outputs: {logits: logits}
)";
}

class Import : public testing::Test {
protected:
  mlir::MLIRContext context;
  import::ImportOptions options;

  mlir::OwningOpRef<mlir::ModuleOp> run(const std::string &text) {
    test::Folder folder;
    std::string config =
        folder.add("config.json",
                   R"({"architectures": ["Test"], "vocab": 32, "hidden": 16})");
    Result<checkpoint::Checkpoint> file =
        checkpoint::Checkpoint::random(1, config);
    if (!file.ok()) {
      ADD_FAILURE() << file.status().message();
      return {};
    }
    spec::Diagnostics diagnostics;
    spec::SpecPtr spec = spec::parseSpecText("test.yaml", text, diagnostics);
    std::unique_ptr<spec::Model> model =
        spec ? spec::bind(*spec, *file, diagnostics) : nullptr;
    if (!model) {
      ADD_FAILURE() << diagnostics.print();
      return {};
    }
    return import::importModel(*model, &context, options);
  }

  static std::string print(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }

  static int privateFunctions(mlir::ModuleOp module) {
    int count = 0;
    for (auto function : module.getOps<mlir::func::FuncOp>())
      count += function.isPrivate();
    return count;
  }
};

TEST_F(Import, LayersOfOneShapeShareAFunctionAndSymbols) {
  auto module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  EXPECT_EQ(privateFunctions(*module), 1);
  std::string text = print(*module);
  EXPECT_THAT(text, HasSubstr("llm.weight @layers.up : tensor<24x16xf32> "
                              "layers [0, 1, 2]"));
  EXPECT_THAT(text, HasSubstr("llm.weight @layers.up.bias"));
  EXPECT_THAT(text, HasSubstr("bias"));
}

TEST_F(Import, LayersOfOtherShapesHaveFunctionsAndSymbolsOfTheirOwn) {
  auto module = run(specText("40", "layer", "generate"));
  ASSERT_TRUE(module);
  EXPECT_EQ(privateFunctions(*module), 2);
  std::string text = print(*module);
  EXPECT_THAT(text,
              HasSubstr("@layers.up$0 : tensor<24x16xf32> layers [0, 2]"));
  EXPECT_THAT(text, HasSubstr("@layers.up$1 : tensor<40x16xf32> layers [1]"));
}

TEST_F(Import, NamesOfBlocksEntriesAndWeightsDoNotCollide) {
  auto module = run(specText("24", "head", "embed"));
  ASSERT_TRUE(module);
  std::string text = print(*module);
  EXPECT_THAT(text, HasSubstr("llm.weight @embed$ "));
  EXPECT_THAT(text, HasSubstr("func.func @embed("));
  EXPECT_THAT(text, HasSubstr("func.func private @head_1("));
}

TEST_F(Import, NarrowWeightsDecideTheTypeOfProducts) {
  options.weights = *import::WeightFormats::parse("bf16");
  auto module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  int narrow = 0, wide = 0;
  module->walk([&](llm::LinearOp op) {
    ++(op.getCompute() == llm::Compute::bf16 ? narrow : wide);
  });
  EXPECT_EQ(narrow, 2); // up and down
  EXPECT_EQ(wide, 1);   // the head: keep: f32

  options.compute = import::ImportOptions::Compute::F32;
  module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  module->walk(
      [&](llm::LinearOp op) { EXPECT_EQ(op.getCompute(), llm::Compute::f32); });
}

TEST_F(Import, ListsAreFoldedFromTheLeftAndNumbersBecomeConstants) {
  auto module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  int adds = 0, constants = 0;
  module->walk([&](llm::BinaryOp) { ++adds; });
  module->walk([&](llm::ConstantOp) { ++constants; });
  EXPECT_EQ(adds, 2);
  EXPECT_EQ(constants, 1);
}

TEST_F(Import, OnlyWantedRowsOfAGeneratingEntryAreReturned) {
  auto module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  auto entry = module->lookupSymbol<mlir::func::FuncOp>("generate");
  ASSERT_TRUE(entry);
  mlir::Operation *last = entry.getBody().front().getTerminator();
  EXPECT_TRUE(last->getOperand(0).getDefiningOp<llm::WantedRowsOp>());
}

TEST_F(Import, OpsKnowTheLineTheyComeFrom) {
  auto module = run(specText("24", "layer", "generate"));
  ASSERT_TRUE(module);
  module->walk([&](llm::ActOp op) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    op.getLoc().print(stream);
    EXPECT_THAT(text, HasSubstr("test.yaml\":22:13"));
    EXPECT_THAT(text, HasSubstr("layer/h"));
  });
}

} // namespace
