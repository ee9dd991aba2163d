#include "runtime/format/SignatureWriter.h"
#include "runtime/format/CallCheck.h"

#include <gtest/gtest.h>

using namespace sluice::format;

namespace {

// Two dims, x and y, and what is written from them.
class SizeTest : public ::testing::Test {
protected:
  SignatureWriter writer;
  Size x = writer.dim("x"), y = writer.dim("y");

  std::string text(const Size &size) {
    writer.flops(size);
    SignatureT signature = writer.take();
    std::string text = textOf(*signature.flops, signature);
    writer = {};
    writer.dim("x");
    writer.dim("y");
    return text;
  }
  static int64_t value(const Size &size, int64_t x, int64_t y) {
    const int64_t dims[] = {x, y};
    return valueOf(size.count().get(), dims);
  }
};

TEST_F(SizeTest, CalculatesAsNumbersDo) {
  EXPECT_EQ(value(x, 5, 7), 5);
  EXPECT_EQ(value(y, 5, 7), 7);
  EXPECT_EQ(value(x + y, 5, 7), 12);
  EXPECT_EQ(value(x - y, 5, 7), -2);
  EXPECT_EQ(value(x * y, 5, 7), 35);
  EXPECT_EQ(value(3, 5, 7), 3);
  EXPECT_EQ(value(0, 5, 7), 0);
  EXPECT_EQ(value(2 * x * y + 1, 5, 7), 71);
  EXPECT_EQ(value((x - 1) * (y + 2) + x, 5, 7), 4 * 9 + 5);
  EXPECT_EQ(value((x - y) * (x - y), 5, 7), 4);
  EXPECT_EQ(value(x * 0, 5, 7), 0);
  EXPECT_EQ(value(x * x * x, 5, 7), 125);
}

TEST_F(SizeTest, RoundsEveryDimUpByItself) {
  EXPECT_EQ(value(x.roundedUp(64), 1, 0), 64);
  EXPECT_EQ(value(x.roundedUp(64), 64, 0), 64);
  EXPECT_EQ(value(x.roundedUp(64), 65, 0), 128);
  EXPECT_EQ(value(x.roundedUp(64), 0, 0), 0);
  EXPECT_EQ(value((x * y).roundedUp(16), 17, 1), 32 * 16);
  EXPECT_EQ(value((x + y).roundedUp(16), 17, 1), 32 + 16);
  // Numbers stay what they are.
  EXPECT_EQ(value((2 * x + 1).roundedUp(16), 17, 0), 65);
  // What is added afterwards is not rounded.
  EXPECT_EQ(value(x.roundedUp(16) + y, 17, 1), 33);
}

TEST_F(SizeTest, PrintsAsItWasWritten) {
  EXPECT_EQ(text(x), "x");
  EXPECT_EQ(text(2 * x + 4), "2 * x + 4");
  EXPECT_EQ(text(x - y), "x - y");
  EXPECT_EQ(text(Size(-1) * x), "-x");
  EXPECT_EQ(text(x - 3), "x - 3");
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(7), "7");
  EXPECT_EQ(text((x - 1) * y), "x * y - y");
  EXPECT_EQ(text(2 * x.roundedUp(64)), "2 * ceil(x, 64)");
}

TEST_F(SizeTest, StaysFarFromOverflow) {
  constexpr int64_t most = kMaxDim, bound = int64_t(1) << 62;
  EXPECT_EQ(value(x * y, most, most), bound);
  EXPECT_EQ(value(x * x * y * y, most, most), bound);
  EXPECT_EQ(value(Size(-1) * x * y * y, most, most), -bound);
  EXPECT_EQ(value(x * y + x * y, most, most), bound);
  EXPECT_EQ(value(x.roundedUp(1u << 31), INT64_MAX, 0), bound);
  EXPECT_EQ(value(x * 1000000 * y * 1000000, most, 0), 0);
}

TEST(Count, ThatIsMissingIsWhatTheCallerSays) {
  EXPECT_EQ(valueOf(nullptr, {}), 0);
  EXPECT_EQ(valueOf(nullptr, {}, 1), 1);
  // One that is there but empty is zero.
  EXPECT_EQ(valueOf(Size(0).count().get(), {}, 1), 0);
}

// As a damaged file has it.
TEST(Count, AUnitOfZeroRoundsNothing) {
  CountT count = *Size::ofDim(0).roundedUp(0).count();
  const int64_t dims[] = {5};
  EXPECT_EQ(valueOf(&count, dims), 5);
}

TEST(SignatureWriter, DimsStandInTheOrderInWhichTheyAreAskedFor) {
  SignatureWriter writer;
  Size n = writer.dim("N"), width = writer.dim("width", 2);
  writer.rows("x", n);
  writer.dense("ids", 1);
  writer.writes();
  writer.rows("y", n * width);
  SignatureT signature = writer.take();
  std::vector<std::pair<std::string, int64_t>> dims;
  for (const auto &dim : signature.dims)
    dims.emplace_back(dim->name, dim->least);
  EXPECT_EQ(dims,
            (std::vector<std::pair<std::string, int64_t>>{
                {"N", 1}, {"width", 2}, {"x.stride", 0}, {"y.stride", 0}}));
  EXPECT_EQ(signature.operands[0]->stride, 2);
  EXPECT_EQ(signature.operands[1]->stride, -1);
  EXPECT_EQ(signature.operands[2]->stride, 3);
  EXPECT_EQ(signature.writes, 2u);
}

TEST(SignatureWriter, SaysOfAnOperandWhatItIsTold) {
  SignatureWriter writer;
  Size n = writer.dim("N"), apart = writer.dim("apart", 0);
  writer.rows("plain", n);
  writer.rows("full", n)
      .elem(Elem::BF16)
      .follows(Follows::Tokens)
      .times(2)
      .over(n)
      .whole()
      .inPlace()
      .apart(apart);
  writer.rows("not_in_place", n).inPlace().inPlace(false);
  writer.vector("v", n, Elem::I32);
  writer.matrix("w", n, 7, {Layout::Rows, Layout::Panel}, Elem::BF16)
      .count(3)
      .multiplies(writer.indexOf("full"))
      .lookedUp();
  writer.fixedState("state", n * 3);
  writer.cache("cache", {{"k", 2, n}, {"v", 1, 5}});
  SignatureT signature = writer.take();
  const int64_t dims[] = {10, 0, 0, 0, 0};

  const OperandT &plain = *signature.operands[0],
                 &full = *signature.operands[1];
  EXPECT_EQ(plain.role, Role::Rows);
  EXPECT_EQ(plain.elem, Elem::F32);
  EXPECT_EQ(plain.follows, Follows::Step);
  EXPECT_FALSE(plain.times || plain.over || plain.whole || plain.in_place);
  EXPECT_EQ(plain.apart, -1);
  EXPECT_EQ(full.elem, Elem::BF16);
  EXPECT_EQ(full.follows, Follows::Tokens);
  EXPECT_EQ(valueOf(full.times.get(), dims), 2);
  EXPECT_EQ(valueOf(full.over.get(), dims), 10);
  EXPECT_TRUE(full.whole && full.in_place);
  EXPECT_EQ(full.apart, 1);
  EXPECT_FALSE(signature.operands[2]->in_place);

  const OperandT &vector = *signature.operands[3];
  EXPECT_EQ(vector.role, Role::Vector);
  EXPECT_EQ(vector.elem, Elem::I32);
  EXPECT_EQ(vector.stride, -1);
  const OperandT &matrix = *signature.operands[4];
  EXPECT_EQ(matrix.role, Role::Matrix);
  EXPECT_EQ(matrix.elem, Elem::BF16);
  EXPECT_EQ(matrix.layouts, (std::vector<Layout>{Layout::Rows, Layout::Panel}));
  EXPECT_EQ(valueOf(matrix.rows.get(), dims), 10);
  EXPECT_EQ(valueOf(matrix.width.get(), dims), 7);
  EXPECT_EQ(valueOf(matrix.count.get(), dims), 3);
  EXPECT_TRUE(matrix.looked_up);
  EXPECT_EQ(matrix.multiplies, 1);
  EXPECT_EQ(plain.multiplies, -1);
  const OperandT &state = *signature.operands[5];
  EXPECT_EQ(state.role, Role::FixedState);
  EXPECT_EQ(valueOf(state.width.get(), dims), 30);
  const OperandT &cache = *signature.operands[6];
  EXPECT_EQ(cache.role, Role::Cache);
  ASSERT_EQ(cache.fields.size(), 2u);
  EXPECT_EQ(cache.fields[0]->name, "k");
  EXPECT_EQ(valueOf(cache.fields[0]->width.get(), dims), 10);
  EXPECT_EQ(valueOf(cache.fields[1]->heads.get(), dims), 1);
  EXPECT_EQ(checkSignature(signature), "");
}

TEST(SignatureWriter, KeepsRulesAndCostsApart) {
  SignatureWriter writer;
  Size heads = writer.dim("heads"), width = writer.dim("width");
  writer.atMost(heads, width);
  writer.multipleOf(width, heads);
  writer.flops(2 * heads);
  writer.flopsPerPosition(4 * heads * width);
  SignatureT signature = writer.take();
  const int64_t dims[] = {3, 12};
  ASSERT_EQ(signature.rules.size(), 2u);
  EXPECT_FALSE(signature.rules[0]->divides);
  EXPECT_EQ(valueOf(signature.rules[0]->left.get(), dims), 3);
  EXPECT_EQ(valueOf(signature.rules[0]->right.get(), dims), 12);
  EXPECT_TRUE(signature.rules[1]->divides);
  EXPECT_EQ(valueOf(signature.rules[1]->left.get(), dims), 12);
  EXPECT_EQ(valueOf(signature.flops.get(), dims), 6);
  EXPECT_EQ(valueOf(signature.flops_per_position.get(), dims), 144);
}

} // namespace
