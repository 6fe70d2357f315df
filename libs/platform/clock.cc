#include "libs/platform/clock.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace cafe::platform {

uint64_t unix_us(const Clock& clock) {
  return static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMicros(clock.now())));
}

uint64_t unix_ms(const Clock& clock) { return unix_us(clock) / 1'000; }

uint64_t unix_seconds(const Clock& clock) { return unix_us(clock) / 1'000'000; }

absl::Time SystemClock::now() const { return absl::Now(); }

ManualClock::ManualClock(absl::Time start) : now_us_(absl::ToUnixMicros(start)) {}

absl::Time ManualClock::now() const { return absl::FromUnixMicros(now_us_.load()); }

void ManualClock::set(absl::Time now) { now_us_.store(absl::ToUnixMicros(now)); }

void ManualClock::advance(absl::Duration by) { now_us_.fetch_add(absl::ToInt64Microseconds(by)); }

}  // namespace cafe::platform
