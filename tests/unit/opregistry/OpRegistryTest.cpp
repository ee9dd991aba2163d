#include "dialects/llm/OpRegistry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sluice::llm {
namespace {

using testing::ElementsAre;

std::vector<std::string_view> writtenSlots(const OpInfo &op) {
  std::vector<std::string_view> names;
  for (const Slot &slot : op.slots)
    if (!slot.implied)
      names.push_back(slot.name);
  return names;
}

// The order of a node's keys carries no meaning because no slot is an op.
TEST(OpRegistry, OpAndSlotNamesDoNotOverlap) {
  for (const OpInfo &op : opRegistry())
    for (const Slot &slot : op.slots)
      if (!slot.implied) {
        EXPECT_EQ(findOp(slot.name), nullptr)
            << "slot '" << slot.name << "' of '" << op.word << "' is an op";
      }
}

TEST(OpRegistry, EveryOpHasOnePrimarySlotAndDocs) {
  for (const OpInfo &op : opRegistry()) {
    int primary = 0;
    std::set<std::string_view> names;
    for (const Slot &slot : op.slots) {
      primary += slot.primary;
      EXPECT_TRUE(names.insert(slot.name).second)
          << op.word << " " << slot.name;
      EXPECT_FALSE(slot.doc.empty()) << op.word << " " << slot.name;
      EXPECT_EQ(slot.kind == SlotKind::Word, !slot.words.empty());
    }
    EXPECT_EQ(primary, 1) << op.word;
    EXPECT_FALSE(op.doc.empty()) << op.word;
  }
}

TEST(OpRegistry, EveryWordIsFound) {
  for (const OpInfo &op : opRegistry())
    EXPECT_EQ(findOp(op.word), &op);
  EXPECT_EQ(findOp("quux"), nullptr);
}

TEST(OpRegistry, AWordMayFixAnAttribute) {
  const OpInfo *add = findOp("add");
  ASSERT_NE(add, nullptr);
  EXPECT_EQ(add->op, "llm.binary");
  EXPECT_EQ(add->fixedSlot, "kind");
  EXPECT_EQ(add->fixedWord, "add");
  EXPECT_TRUE(add->foldsList);
  EXPECT_THAT(writtenSlots(*add), ElementsAre("x"));
}

TEST(OpRegistry, SlotsAreThoseOfTheLanguage) {
  EXPECT_THAT(writtenSlots(*findOp("linear")), ElementsAre("x", "w"));
  EXPECT_THAT(writtenSlots(*findOp("rope")),
              ElementsAre("x", "pos", "freqs", "pairing", "from", "amplitude"));
  EXPECT_THAT(writtenSlots(*findOp("attention")),
              ElementsAre("q", "kv", "k", "v", "sinks", "bias", "scale", "mask",
                          "cap", "values"));
  const Slot *fn = findSlot(*findOp("act"), "fn");
  ASSERT_NE(fn, nullptr);
  EXPECT_EQ(fn->words.front(), "silu");
  EXPECT_EQ(fn->wordKind, "act");
}

} // namespace
} // namespace sluice::llm
