// Steps as text.
#include "Fixture.h"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

namespace sluice::evaluate {
namespace {

class StepsTest : public Fixture {
protected:
  StepsTest() {
    parse(1, "%y = llm.act exp %x : tensor<?x1xf32>", "tensor<?x1xf32>");
  }
  std::string complaint(const char *text) {
    return parseSteps(text, *module).status().message();
  }
};

TEST_F(StepsTest, Words) {
  Result<std::vector<Step>> steps =
      parseSteps("1,2 ; @7 3 pos=9 last|e: 4 none", *module);
  ASSERT_TRUE(steps.ok()) << steps.status().message();
  ASSERT_EQ(steps->size(), 2u);
  const Step &one = (*steps)[0];
  ASSERT_EQ(one.sequences.size(), 2u);
  EXPECT_EQ(one.entry, "e");
  EXPECT_EQ(one.sequences[0].slot, 0);
  EXPECT_EQ(one.sequences[0].wanted, Wanted::All);
  EXPECT_THAT(one.sequences[0].inputs,
              ElementsAre(Pair("ids", ElementsAre(1, 2))));
  EXPECT_EQ(one.sequences[1].slot, 7);
  EXPECT_EQ(one.sequences[1].wanted, Wanted::Last);
  EXPECT_THAT(
      one.sequences[1].inputs,
      ElementsAre(Pair("ids", ElementsAre(3)), Pair("pos", ElementsAre(9))));
  EXPECT_EQ((*steps)[1].sequences[0].wanted, Wanted::None);
}

TEST_F(StepsTest, Complaints) {
  EXPECT_THAT(complaint("1,x"), HasSubstr("found '1,x'"));
  EXPECT_THAT(complaint("@a 1"), HasSubstr("found 'a'"));
  EXPECT_THAT(complaint("f: 1"), HasSubstr("no entry 'f'"));
}

} // namespace
} // namespace sluice::evaluate
