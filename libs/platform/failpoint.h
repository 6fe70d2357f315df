// Named places at which a fault test makes the process die or an operation fail.
//
//   CAFE_RETURN_IF_ERROR(failpoint("deposit/after-store"));
//
//   --failpoints "deposit/after-store=crash@3;deposit/after-record=error@1;deposit/sweep=error"
//
// crash@k: SIGKILL to the process itself at the k-th passing (default 1): no destructor runs, as
// with a power cut. error@k: UNAVAILABLE FAILPOINT at the k-th passing only; error without @k: at
// each. Off, a failpoint costs one relaxed atomic load. Production mode refuses to start with any.
#pragma once

#include <atomic>
#include <string_view>

#include "absl/status/status.h"

namespace cafe::platform {

// Replaces what is armed by `spec` (empty: nothing) and logs each loudly. Errors: InvalidArgument.
absl::Status arm_failpoints(std::string_view spec);

namespace failpoint_internal {
extern std::atomic<bool> armed;
absl::Status pass(std::string_view name);
}  // namespace failpoint_internal

// OK unless armed with error. May not return.
inline absl::Status failpoint(std::string_view name) {
  if (!failpoint_internal::armed.load(std::memory_order_relaxed)) {
    return absl::OkStatus();
  }
  return failpoint_internal::pass(name);
}

}  // namespace cafe::platform
