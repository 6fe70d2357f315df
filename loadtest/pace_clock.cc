#include "loadtest/pace_clock.h"

#include <sys/prctl.h>

#include <cerrno>
#include <ctime>

namespace cafe::loadtest {

int64_t MonotonicClock::now_ns() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

void MonotonicClock::wait_until(int64_t time_ns) {
  // Linux rounds a thread's wake-ups by 50 us unless told otherwise.
  thread_local const int kSlack = prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  static_cast<void>(kSlack);
  const timespec until{.tv_sec = time_ns / kNsPerSecond, .tv_nsec = time_ns % kNsPerSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace cafe::loadtest
