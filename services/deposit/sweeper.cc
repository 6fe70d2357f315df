#include "services/deposit/sweeper.h"

#include "libs/platform/log.h"

namespace cafe::deposit {

using storage::Transaction;

absl::Status Sweeper::sweep(const std::stop_token& stop) {
  constexpr int kAtATime = 100;
  const uint64_t before_ms =
      static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMillis(parts_.clock.now() - grace_)));
  absl::Status first_error;
  for (uint64_t after = 0; !stop.stop_requested();) {
    CAFE_ASSIGN_OR_RETURN(
        const std::vector<uint64_t> batches,
        parts_.database.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
          return store::list_unfinished(tx, after, before_ms, kAtATime);
        }));
    if (batches.empty()) break;
    for (const uint64_t batch : batches) {
      if (stop.stop_requested()) break;
      const absl::Status status = flow_.finish(batch, absl::InfiniteFuture()).status();
      (status.ok() ? parts_.metrics.swept : parts_.metrics.sweep_failed).Increment();
      if (status.ok()) {
        platform::log_info("finished a batch that nobody retried", {{"batch", batch}});
      } else {
        platform::log_warning("cannot finish a batch yet", {{"batch", batch}, {"status", status}});
        first_error.Update(status);
        // The others would only wait for it too.
        if (protocol::reason_of(status) == "COIN_STORE_UNAVAILABLE") return first_error;
      }
    }
    after = batches.back();
  }
  return first_error;
}

}  // namespace cafe::deposit
