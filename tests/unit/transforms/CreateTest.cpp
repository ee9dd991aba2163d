// Ops made from their names, as the importer makes them.
#include "dialects/llm/Create.h"
#include "dialects/llm/LLMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;

namespace sluice::llm {
namespace {

class Create : public testing::Test {
protected:
  Create() {
    context.loadDialect<LLMDialect>();
    context.getDiagEngine().registerHandler(
        [this](Diagnostic &diagnostic) { errors += diagnostic.str() + "\n"; });
    module = ModuleOp::create(UnknownLoc::get(&context));
    builder.setInsertionPointToStart(module->getBody());
  }

  Operation *make(StringRef name, ValueRange operands,
                  ArrayRef<NamedAttribute> attributes = {}) {
    OperationState state(builder.getUnknownLoc(), name);
    state.addOperands(operands);
    state.addAttributes(attributes);
    return create(builder, state);
  }

  Value constant() {
    return make("llm.constant", {},
                {builder.getNamedAttr("value", builder.getF32FloatAttr(2))})
        ->getResult(0);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  OpBuilder builder{&context};
  std::string errors;
};

TEST_F(Create, InfersTypesFromOperandsAndAttributes) {
  Attribute add = wordAttr(&context, "llm.binary", "kind", "add");
  ASSERT_TRUE(add);
  Operation *op = make("llm.binary", {constant(), constant()},
                       {builder.getNamedAttr("kind", add)});
  ASSERT_NE(op, nullptr) << errors;
  EXPECT_EQ(cast<BinaryOp>(op).getKind(), BinaryKind::add);
  EXPECT_EQ(op->getResult(0).getType(), constant().getType());
  EXPECT_TRUE(succeeded(verify(op)));
}

TEST_F(Create, InfersFromAttributesAlone) {
  Operation *op =
      make("llm.rope_freqs", {},
           {builder.getNamedAttr("dims", builder.getI64IntegerAttr(64)),
            builder.getNamedAttr("theta", builder.getF32FloatAttr(1e4))});
  ASSERT_NE(op, nullptr) << errors;
  EXPECT_EQ(op->getResult(0).getType(),
            RankedTensorType::get({32}, builder.getF32Type()));
}

TEST_F(Create, SaysWhyNot) {
  EXPECT_EQ(make("llm.nothing", {}), nullptr);
  EXPECT_THAT(errors, testing::HasSubstr("no op is named 'llm.nothing'"));
  errors.clear();
  Operation *odd =
      make("llm.rope_freqs", {},
           {builder.getNamedAttr("dims", builder.getI64IntegerAttr(63)),
            builder.getNamedAttr("theta", builder.getF32FloatAttr(1e4))});
  EXPECT_EQ(odd, nullptr);
  EXPECT_THAT(errors, testing::HasSubstr(
                          "even number of dims, at most 65536, found 63"));
}

TEST_F(Create, KnowsTheLegalWords) {
  EXPECT_FALSE(wordAttr(&context, "llm.act", "fn", "swoosh"));
  EXPECT_FALSE(wordAttr(&context, "llm.act", "beta", "silu"));
  auto silu =
      dyn_cast_if_present<ActAttr>(wordAttr(&context, "llm.act", "fn", "silu"));
  ASSERT_TRUE(silu);
  EXPECT_EQ(silu.getValue(), Act::silu);
}

} // namespace
} // namespace sluice::llm
