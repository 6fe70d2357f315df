// A clock that jumps from event to event, so that minutes of load take milliseconds and come out
// the same each time.
#pragma once

#include <algorithm>
#include <functional>
#include <map>

#include "loadtest/pace_clock.h"

namespace cafe::loadtest {

// Single-threaded: events run inside wait_until().
class FakeClock final : public PaceClock {
 public:
  int64_t now_ns() const override { return now_ns_; }

  void wait_until(int64_t time_ns) override {
    while (!events_.empty() && events_.begin()->first <= time_ns) {
      const auto event = events_.extract(events_.begin());
      now_ns_ = std::max(now_ns_, event.key());
      event.mapped()();
    }
    now_ns_ = std::max(now_ns_, time_ns);
  }

  void at(int64_t time_ns, std::function<void()> event) {
    events_.emplace(time_ns, std::move(event));
  }

  // Time passes while nothing is looked after, as when the caller's thread is held up.
  void jump(int64_t by_ns) { now_ns_ += by_ns; }

 private:
  int64_t now_ns_ = 1'000 * kNsPerSecond;
  std::multimap<int64_t, std::function<void()>> events_;  // equal times in order of arrival
};

}  // namespace cafe::loadtest
