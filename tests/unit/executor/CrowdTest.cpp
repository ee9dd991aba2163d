#include "runtime/executor/Crowd.h"

#include <gtest/gtest.h>

using namespace sluice::executor;
using namespace std::chrono_literals;

namespace {

// Runs regions of the same work on a machine whose clock is ours.
class Machine {
public:
  explicit Machine(uint32_t workers) : crowd(workers) {}

  // `time(workers)` of a region and the share of it that somebody waits.
  template <typename Time, typename Held>
  void run(Crowd::Duration length, Time time, Held held) {
    for (Crowd::Clock::time_point end = now + length; now < end; ++regions) {
      uint32_t workers = crowd.workers(now);
      Crowd::Duration took = time(workers);
      now += took;
      spent[workers] += took;
      crowd.ran(
          {1, took,
           std::chrono::duration_cast<Crowd::Duration>(took * held(workers))},
          now);
    }
  }

  Crowd crowd;
  Crowd::Clock::time_point now = Crowd::Clock::time_point(1h);
  Crowd::Duration spent[32] = {};
  int regions = 0;
};

Crowd::Duration evenly(uint32_t workers) { return 20ms / workers; }
double nobodyWaits(uint32_t) { return 0.01; }

// One of two cores is shared with a busy process.
Crowd::Duration crowded(uint32_t workers) { return workers == 2 ? 27ms : 20ms; }
double aloneOrHalf(uint32_t workers) { return workers == 2 ? 0.6 : 0; }

TEST(Crowd, LeavesAQuietTeamAlone) {
  Machine machine(4);
  machine.run(10s, evenly, nobodyWaits);
  EXPECT_EQ(machine.spent[4], machine.now - Crowd::Clock::time_point(1h));
}

TEST(Crowd, OneWorkerStaysOne) {
  Machine machine(1);
  machine.run(1s, evenly, [](uint32_t) { return 0.9; });
  EXPECT_EQ(machine.spent[1], machine.now - Crowd::Clock::time_point(1h));
}

TEST(Crowd, GoesOnWithFewerWhileOneIsHeldUp) {
  Machine machine(2);
  machine.run(20s, crowded, aloneOrHalf);
  // All are tried ever more seldom.
  EXPECT_LT(machine.spent[2], 800ms);
  EXPECT_GT(machine.spent[2], 200ms);
}

TEST(Crowd, ReturnsWhenTheOtherProcessEnds) {
  Machine machine(2);
  machine.run(20s, crowded, aloneOrHalf);
  machine.spent[1] = machine.spent[2] = 0s;
  machine.run(10s, evenly, nobodyWaits);
  EXPECT_LE(machine.spent[1], Crowd::kLongest + 20ms);
  // What was learnt is forgotten: the next crowd is found as fast as the first.
  machine.spent[1] = machine.spent[2] = 0s;
  machine.run(300ms, crowded, aloneOrHalf);
  EXPECT_GT(machine.spent[1], 150ms);
}

// Steps that do not divide evenly: workers wait, and are faster all the same.
TEST(Crowd, ToleratesAnUnevenModel) {
  Machine machine(2);
  machine.run(
      20s, [](uint32_t workers) { return workers == 2 ? 14ms : 20ms; },
      aloneOrHalf);
  EXPECT_LT(machine.spent[1], 2s);
  EXPECT_GT(machine.spent[1], 0s);
}

// Three of eight cores are taken: each worker that shares one holds up all.
TEST(Crowd, FindsHowManyCoresAreLeft) {
  Machine machine(8);
  auto time = [](uint32_t workers) {
    return workers > 5 ? 60ms / workers : 20ms / workers;
  };
  auto held = [](uint32_t workers) { return workers > 5 ? 0.6 : 0.01; };
  machine.run(20s, time, held);
  EXPECT_GT(machine.spent[5], 17s);
  EXPECT_EQ(machine.spent[4], 0s);
}

} // namespace
