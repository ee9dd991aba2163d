#include "runtime/executor/Barrier.h"
#include "runtime/executor/Team.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

using namespace sluice::executor;

namespace {

// Every worker adds its share of a round; after the barrier all must see the
// whole round.
void countRounds(uint32_t workers, bool mayShare, int rounds, bool sleepy) {
  Barrier barrier(mayShare);
  std::vector<int64_t> counts(workers * 16);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t w = 0; w < workers; ++w)
    threads.emplace_back([&, w] {
      for (int round = 1; round <= rounds; ++round) {
        if (sleepy && w == static_cast<uint32_t>(round) % workers)
          std::this_thread::sleep_for(std::chrono::milliseconds(3));
        counts[w * 16] = round;
        barrier.wait(workers);
        for (uint32_t other = 0; other < workers; ++other)
          wrong += counts[other * 16] != round;
        barrier.wait(workers);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Barrier, OrdersSteps) {
  countRounds(1, false, 1000, false);
  countRounds(2, false, 5000, false);
}

TEST(Barrier, SurvivesOversubscription) { countRounds(8, true, 200, false); }

// Longer than the spinning and the yielding, so that workers sleep.
TEST(Barrier, WakesSleepers) { countRounds(3, false, 30, true); }

TEST(Team, RunsEveryWorker) {
  Team team(3);
  std::vector<int> seen(3);
  uint32_t members = 0;
  team.run(3, [&](uint32_t worker, uint32_t workers) {
    seen[worker] = 1;
    if (worker == 0)
      members = workers;
  });
  ASSERT_GE(members, 1u);
  for (uint32_t w = 0; w < members; ++w)
    EXPECT_EQ(seen[w], 1);
}

} // namespace
