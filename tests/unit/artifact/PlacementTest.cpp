#include "runtime/artifact/Placement.h"

#include "runtime/artifact/Artifact.h"
#include "tests/unit/fixture/ToyModel.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace sluice;
using namespace sluice::artifact;
using testing::HasSubstr;

namespace {

constexpr const char *kMeminfo = "MemTotal:       24000 kB\n"
                                 "MemFree:         1000 kB\n"
                                 "MemAvailable:   16000 kB\n"
                                 "HugePages_Total:    3\n"
                                 "HugePages_Free:     2\n"
                                 "Hugepagesize:    2048 kB\n";

TEST(SystemMemory, ReadsWhatTheSystemSays) {
  SystemMemory memory =
      SystemMemory::parse(kMeminfo, "always [madvise] never\n");
  EXPECT_EQ(memory.available, 16000u * 1024);
  EXPECT_EQ(memory.hugePage, 2048u * 1024);
  EXPECT_EQ(memory.reservedHuge, 2u * 2048 * 1024);
  EXPECT_TRUE(memory.transparentHuge);
  EXPECT_TRUE(
      SystemMemory::parse("", "[always] madvise never").transparentHuge);
  EXPECT_FALSE(
      SystemMemory::parse("", "always madvise [never]").transparentHuge);
  EXPECT_EQ(SystemMemory::parse("", "").available, 0u);
}

TEST(SystemMemory, FindsSomeOfThisMachine) {
  EXPECT_GT(SystemMemory::now().available, 0u);
}

SystemMemory plenty() {
  return {.available = 1000,
          .reservedHuge = 0,
          .hugePage = 10,
          .transparentHuge = true};
}

TEST(Choice, CopiesOnRequest) {
  EXPECT_FALSE(choose(Load::Map, 100, plenty())->copy);
  EXPECT_FALSE(choose(Load::Auto, 100, plenty())->copy);
  EXPECT_TRUE(choose(Load::Huge, 1000, plenty())->copy);
}

TEST(Choice, RefusesWhatDoesNotFit) {
  Status status = choose(Load::Huge, 3000000, plenty()).status();
  EXPECT_EQ(status.code(), Code::Resource);
  EXPECT_THAT(status.message(), HasSubstr("takes 3 MB of memory, 1 MB are"));
  EXPECT_TRUE(choose(Load::Auto, 3000000, plenty()).ok());
}

TEST(Choice, NeedsHugePages) {
  SystemMemory none = plenty();
  none.transparentHuge = false;
  Status status = choose(Load::Huge, 100, none).status();
  EXPECT_EQ(status.code(), Code::Unsupported);
  EXPECT_THAT(status.message(), HasSubstr("transparent_hugepage"));
  // Reserved ones are no part of the memory that is available.
  none.reservedHuge = 100;
  none.available = 0;
  EXPECT_TRUE(choose(Load::Huge, 100, none)->copy);
}

// More than one piece, and no whole number of them.
TEST(HugeCopy, IsTheSameByAnyNumberOfThreads) {
  std::vector<uint8_t> from((40 << 20) + 123);
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  for (uint32_t threads : {1, 3}) {
    Result<Reservation> to = hugeCopy(threads, from, {});
    ASSERT_TRUE(to.ok()) << to.status().message();
    ASSERT_EQ(to->bytes(), from.size());
    EXPECT_EQ(std::memcmp(to->data(), from.data(), from.size()), 0) << threads;
  }
}

TEST(HugeCopy, DoesWithoutPagesThatAreGone) {
  std::vector<uint8_t> from(5000, 7);
  SystemMemory boasts = {.available = 0,
                         .reservedHuge = uint64_t(1) << 60,
                         .hugePage = uint64_t(1) << 50,
                         .transparentHuge = false};
  Result<Reservation> to = hugeCopy(1, from, boasts);
  ASSERT_TRUE(to.ok()) << to.status().message();
  EXPECT_EQ(to->data()[4999], 7);
}

TEST(HugeCopy, SaysWhenTheSystemRefuses) {
  uint8_t one = 0;
  std::span<const uint8_t> endless(&one, uint64_t(1) << 60);
  Status status = hugeCopy(1, endless, {}).status();
  EXPECT_EQ(status.code(), Code::Resource);
  EXPECT_THAT(status.message(), HasSubstr("for the weights"));
}

class Placed : public testing::TestWithParam<Placement> {};

TEST_P(Placed, HasTheSameWeights) {
  Result<Artifact> mapped = Artifact::open(test::toyPath("mapped"));
  Result<Artifact> placed = Artifact::open(test::toyPath("placed"));
  ASSERT_TRUE(mapped.ok() && placed.ok());
  const uint8_t *before = placed->weight(0, 0);
  Result<std::string> how = placed->place(GetParam());
  if (!how.ok() && how.status().code() == Code::Unsupported)
    GTEST_SKIP() << how.status().message();
  ASSERT_TRUE(how.ok()) << how.status().message();
  bool copied = GetParam().load == Load::Huge;
  EXPECT_EQ(placed->weight(0, 0) != before, copied);
  EXPECT_THAT(*how, HasSubstr(copied ? "copied into huge pages" : "mapped"));
  const format::Section *section = mapped->find(format::SectionKind::Weights);
  EXPECT_TRUE(std::ranges::equal(
      mapped->bytes(*section),
      placed->bytes(*placed->find(format::SectionKind::Weights))));
  EXPECT_TRUE(placed->verifyWeights().ok());
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Placed,
    testing::Values(Placement{}, Placement{.load = Load::Map, .prefault = true},
                    Placement{.load = Load::Huge, .threads = 2},
                    Placement{.load = Load::Huge, .prefault = true}));

TEST(Placement, SaysTheLimitOfLocking) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  rlimit none = {0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
  Result<Artifact> file = Artifact::open(test::toyPath("locked"));
  ASSERT_TRUE(file.ok());
  Status status = file->place({.lock = true}).status();
  setrlimit(RLIMIT_MEMLOCK, &limit);
  if (status.ok())
    GTEST_SKIP() << "this user may lock all memory";
  EXPECT_EQ(status.code(), Code::Resource);
  EXPECT_THAT(status.message(), HasSubstr("the limit is 0 bytes (ulimit -l)"));
}

} // namespace
