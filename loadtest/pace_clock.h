// The clock that a load run is paced and measured by: monotonic, in nanoseconds.
#pragma once

#include <cstdint>

namespace cafe::loadtest {

inline constexpr int64_t kNsPerSecond = 1'000'000'000;

// Thread-safe.
class PaceClock {
 public:
  virtual ~PaceClock() = default;
  virtual int64_t now_ns() const = 0;
  // Returns at `time_ns` or soon after it; at once where that has passed.
  virtual void wait_until(int64_t time_ns) = 0;
};

// CLOCK_MONOTONIC. The first wait of a thread asks the kernel for its finest timer slack.
class MonotonicClock final : public PaceClock {
 public:
  int64_t now_ns() const override;
  void wait_until(int64_t time_ns) override;
};

}  // namespace cafe::loadtest
