// How many workers run the next region.
//
// Workers meet between steps, so one that the system has taken off its core for
// another process holds up all of them, and a team of two can be slower than
// one thread. A crowd notices that workers wait, tries with fewer until none
// does, and goes by what was faster. From time to time it tries all of them
// again, ever more seldom while that does not help. Results do not depend on it
// (a work item owns its outputs).
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::executor {

class Crowd {
public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // What a region of the last workers() took.
  struct Region {
    double work = 0; // in any unit, the same for all regions
    Duration time{};
    Duration held{}; // that a worker waited for others, longer than is usual
  };

  // Speeds are compared over so much time of regions, and not before a team of
  // another size has found its cores.
  static constexpr Duration kWindow = std::chrono::milliseconds(20);
  static constexpr Duration kSettle = std::chrono::milliseconds(20);
  // How long fewer workers run until all are tried again, and how long waiting
  // is left alone where fewer were slower.
  static constexpr Duration kShortest = std::chrono::milliseconds(100);
  static constexpr Duration kLongest = std::chrono::milliseconds(1600);
  static constexpr Duration kMostPatient = std::chrono::seconds(10);

  explicit Crowd(uint32_t workers);

  uint32_t workers(Clock::time_point now);
  void ran(const Region &region, Clock::time_point end);

private:
  void change(uint32_t workers, Clock::time_point now);
  void leaveAlone(Clock::time_point now);
  void judge(double speed, bool held, Clock::time_point now);
  void judgeAll(double speed, bool held, Clock::time_point now);

  const uint32_t all_;
  uint32_t now_;    // workers of the next region
  uint32_t fewer_;  // that were last found faster than all; all_: none
  Region window_{}; // sums since the last judgement
  double speedOfAll_ = 0, speedOfFewer_ = 0; // work per second, held up or not
  Clock::time_point changed_{};
  Clock::time_point until_{};   // fewer run
  Clock::time_point patient_{}; // until then waiting is left alone
  Duration rest_ = kShortest, patience_ = kShortest;
};

} // namespace sluice::executor
