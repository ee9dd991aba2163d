#include "compiler/formula/FromRegion.h"

#include "dialects/plan/PlanDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

using namespace mlir;
using namespace sluice;

namespace {

class FormulaTest : public testing::Test {
protected:
  FormulaTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          message = diagnostic.str();
        }) {
    context.loadDialect<plan::PlanDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  // Of a weight whose body has these lines and yields %r.
  FailureOr<formula::Formula> read(const std::string &lines) {
    module = parseSourceString<ModuleOp>(
        "plan.weight @w f32 rows [4] of [\"a\", \"b\"] body(%a: f32, %b: f32) "
        "{\n" +
            lines + "\nplan.yield %r : f32\n}",
        &context);
    if (!module)
      return failure();
    plan::WeightOp weight = *module->getOps<plan::WeightOp>().begin();
    return formula::fromRegion(weight.getBody());
  }

  float value(const std::string &lines, float a, float b = 0) {
    FailureOr<formula::Formula> formula = read(lines);
    EXPECT_TRUE(succeeded(formula)) << message;
    if (failed(formula))
      return NAN;
    // Around the length that is computed at a time.
    std::vector<float> as(300, a), bs(300, b), out(300);
    const float *inputs[] = {as.data(), bs.data()};
    formula::evaluate(*formula, inputs, 300, out.data());
    EXPECT_EQ(std::memcmp(&out[0], &out[299], sizeof(float)), 0);
    return out[299];
  }

  MLIRContext context;
  std::string message;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
};

TEST_F(FormulaTest, Arithmetic) {
  EXPECT_EQ(value("%r = arith.addf %a, %b : f32", 1, 2), 3);
  EXPECT_EQ(value("%r = arith.subf %a, %b : f32", 1, 2), -1);
  EXPECT_EQ(value("%r = arith.mulf %a, %b : f32", 3, 2), 6);
  EXPECT_EQ(value("%r = arith.divf %a, %b : f32", 1, 3), 1.0f / 3.0f);
  EXPECT_EQ(value("%r = arith.negf %a : f32", 3), -3);
  EXPECT_EQ(value("%r = math.fma %a, %a, %b : f32", 3, 1), 10);
  EXPECT_EQ(value("%c = arith.constant 2.5 : f32\n"
                  "%r = arith.mulf %a, %c : f32",
                  2),
            5);
}

TEST_F(FormulaTest, EachStepIsRounded) {
  // 1 + 2^-12 squared needs 25 bits.
  float x = 1 + std::ldexp(1.0f, -12);
  EXPECT_EQ(value("%m = arith.mulf %a, %a : f32\n"
                  "%r = arith.subf %m, %b : f32",
                  x, x * x),
            0);
  EXPECT_EQ(value("%n = arith.truncf %a : f32 to bf16\n"
                  "%r = arith.extf %n : bf16 to f32",
                  1.00390625f),
            1.0f); // ties to even
  EXPECT_EQ(value("%n = arith.truncf %a : f32 to f16\n"
                  "%r = arith.extf %n : f16 to f32",
                  65520.0f),
            INFINITY);
}

TEST_F(FormulaTest, Functions) {
  EXPECT_EQ(value("%r = math.sqrt %a : f32", 2), std::sqrt(2.0f));
  EXPECT_EQ(value("%r = math.exp %a : f32", 1), std::exp(1.0f));
  EXPECT_EQ(value("%r = math.log %a : f32", 2), std::log(2.0f));
  EXPECT_EQ(value("%r = math.log1p %a : f32", 2), std::log1p(2.0f));
  EXPECT_EQ(value("%r = math.tanh %a : f32", 2), std::tanh(2.0f));
  EXPECT_EQ(value("%r = math.erf %a : f32", 0.5f), std::erf(0.5f));
  EXPECT_EQ(value("%r = math.floor %a : f32", -0.5f), -1);
  EXPECT_EQ(value("%r = math.roundeven %a : f32", 2.5f), 2);
  EXPECT_EQ(value("%r = math.absf %a : f32", -2), 2);
}

TEST_F(FormulaTest, MaximumTakesTheSecondOfNans) {
  const char *max = "%c = arith.cmpf ogt, %a, %b : f32\n"
                    "%r = arith.select %c, %a, %b : f32";
  EXPECT_EQ(value(max, 1, 2), 2);
  EXPECT_EQ(value(max, 3, 2), 3);
  EXPECT_EQ(value(max, NAN, 2), 2);
  EXPECT_TRUE(std::isnan(value(max, 2, NAN)));
}

TEST_F(FormulaTest, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(failed(read("%r = math.powf %a, %b : f32")));
  EXPECT_EQ(message, "'math.powf' cannot be computed without rows");
  EXPECT_TRUE(failed(read("%c = arith.cmpf ueq, %a, %b : f32\n"
                          "%r = arith.select %c, %a, %b : f32")));
  EXPECT_TRUE(failed(read("%d = arith.extf %a : f32 to f64\n"
                          "%r = arith.truncf %d : f64 to f32")));
  // A kernel would round the product to bf16.
  EXPECT_TRUE(failed(read("%n = arith.truncf %a : f32 to bf16\n"
                          "%m = arith.mulf %n, %n : bf16\n"
                          "%r = arith.extf %m : bf16 to f32")));
}

} // namespace
