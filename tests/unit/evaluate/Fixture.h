// Modules of one entry over given weights.
#pragma once

#include "compiler/evaluate/Run.h"
#include "compiler/evaluate/Steps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::evaluate {

class Fixture : public testing::Test {
protected:
  Fixture() {
    context.loadDialect<llm::LLMDialect, mlir::func::FuncDialect,
                        mlir::arith::ArithDialect, mlir::math::MathDialect>();
  }

  // An entry of token ids, in which %x is row `id` of the weight @x of so many
  // columns; `body` makes %y of the type `result`.
  void parse(int64_t columns, const std::string &body,
             const std::string &result, const std::string &symbols = "",
             const std::string &kind = "encode") {
    std::string x = "tensor<4x" + std::to_string(columns) + "xf32>";
    std::string rows = "tensor<?x" + std::to_string(columns) + "xf32>";
    text = "llm.weight @x : " + x + "\n" + symbols +
           "\nfunc.func @e(%b: !llm.batch, %ids: tensor<?xi32> {llm.name = "
           "\"ids\", llm.input = \"tokens\"}, %pos: tensor<?xi32> {llm.name = "
           "\"pos\", llm.input = \"positions\"}) -> (" +
           result + " {llm.name = \"y\"}) attributes {llm.entry = \"" + kind +
           "\"} {\n%w = llm.use @x : " + x +
           "\n%x = llm.embedding %ids, %w : (tensor<?xi32>, " + x + ") -> " +
           rows + "\n" + body + "\nreturn %y : " + result + "\n}";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
  }

  // The result of the last of the steps.
  std::vector<float> run(const std::string &steps = "0,1,2") {
    Result<std::vector<Step>> parsed = parseSteps(steps, *module);
    EXPECT_TRUE(parsed.ok()) << parsed.status().message();
    Evaluator evaluator(*module, [&](llm::WeightOp weight, int64_t layer) {
      Tensor tensor{Shape(weight.getTensorType().getShape())};
      tensor.data = weights.at(weight.getSymName().str());
      tensor.data.resize(size_t(elementsOf(tensor.shape)));
      return mlir::FailureOr<Tensor>(tensor);
    });
    States states;
    std::vector<float> data;
    for (const Step &step : *parsed) {
      auto outputs = evaluator.run(step, states);
      if (failed(outputs))
        return {};
      data = outputs->front().value.data;
    }
    return data;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string text;
  // By the symbol; what is missing at the end is 0.
  std::map<std::string, std::vector<float>> weights;
};

} // namespace sluice::evaluate
