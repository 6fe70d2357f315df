// The wall clock as a parameter.
//
//   SystemClock clock;                       // in main.cc
//   uint64_t time_ms = unix_ms(clock);       // in a decision
//
//   ManualClock clock(absl::FromUnixSeconds(1'700'000'000));   // in a test
//   clock.advance(absl::Seconds(121));
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace cafe::platform {

// Tells wall-clock time. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time now() const = 0;
};

// Unix time in the units of the protocol's fields. Times before 1970 are not representable and read
// as 0.
uint64_t unix_us(const Clock& clock);
uint64_t unix_ms(const Clock& clock);
uint64_t unix_seconds(const Clock& clock);

class SystemClock final : public Clock {
 public:
  absl::Time now() const override;
};

// Stands still until it is told to move. Resolution: 1 µs.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time start);
  absl::Time now() const override;
  void set(absl::Time now);
  void advance(absl::Duration by);

 private:
  std::atomic<int64_t> now_us_;
};

}  // namespace cafe::platform
