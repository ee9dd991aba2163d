#include "runtime/executor/Crowd.h"

#include <algorithm>

namespace sluice::executor {

// Of the time. Half of it is lost to one busy process on a core of the team's;
// steps that do not divide evenly lose less than this, as a rule.
static constexpr double kHeld = 0.15;

Crowd::Crowd(uint32_t workers)
    : all_(workers), now_(workers), fewer_(workers) {}

uint32_t Crowd::workers(Clock::time_point now) {
  if (now_ < all_ && now >= until_) {
    fewer_ = now_;
    change(all_, now);
  }
  return now_;
}

void Crowd::change(uint32_t workers, Clock::time_point now) {
  now_ = workers;
  changed_ = now;
  window_ = {};
}

void Crowd::ran(const Region &region, Clock::time_point end) {
  if (all_ == 1 || (now_ < all_ && end - changed_ < kSettle))
    return;
  window_.work += region.work;
  window_.time += region.time;
  window_.held += region.held;
  if (window_.time < kWindow)
    return;
  double time = std::chrono::duration<double>(window_.time).count();
  double held = std::chrono::duration<double>(window_.held).count();
  double speed = window_.work / time;
  window_ = {};
  if (now_ == all_)
    judgeAll(speed, held > kHeld * time, end);
  else
    judge(speed, held > kHeld * time, end);
}

void Crowd::leaveAlone(Clock::time_point now) {
  fewer_ = all_;
  patient_ = now + patience_;
  patience_ = std::min(2 * patience_, kMostPatient);
}

void Crowd::judgeAll(double speed, bool held, Clock::time_point now) {
  speedOfAll_ = speed;
  if (!held) {
    // Only a calm that lasts ends the crowd: a busy process may be elsewhere
    // for a moment.
    if (now - changed_ >= 2 * rest_) {
      rest_ = patience_ = kShortest;
      fewer_ = all_;
    }
    return;
  }
  if (now < patient_)
    return;
  bool again = fewer_ < all_;
  if (again && speedOfFewer_ < speed)
    return leaveAlone(now);
  if (again)
    rest_ = std::min(2 * rest_, kLongest);
  until_ = now + rest_;
  change(again ? fewer_ : all_ - 1, now);
}

// With one fewer at a time nothing is gained until nobody is held up.
void Crowd::judge(double speed, bool held, Clock::time_point now) {
  speedOfFewer_ = speed;
  bool worse = speed < (held && now_ > 1 ? speedOfAll_ / 2 : speedOfAll_);
  if (worse) {
    leaveAlone(now);
    change(all_, now);
  } else if (held && now_ > 1) {
    until_ = now + rest_;
    change(now_ - 1, now);
  }
}

} // namespace sluice::executor
