// A clock that is ahead, so that tests and simulations see claims become due.
#pragma once

#include "libs/platform/clock.h"

namespace cafe::recovery {

class AheadClock final : public platform::Clock {
 public:
  // `clock` outlives this.
  AheadClock(const platform::Clock& clock, absl::Duration ahead) : clock_(clock), ahead_(ahead) {}
  absl::Time now() const override { return clock_.now() + ahead_; }

 private:
  const platform::Clock& clock_;
  const absl::Duration ahead_;
};

}  // namespace cafe::recovery
