#include "services/deposit/confirm_stops.h"

#include "libs/platform/log.h"
#include "services/deposit/store.h"

namespace cafe::deposit {

using storage::Transaction;

absl::Status confirm_stops(const DepositParts& parts, Withdrawal& withdrawal,
                           const std::stop_token& stop) {
  CAFE_ASSIGN_OR_RETURN(
      const std::vector<StoppedDenomination> stops,
      parts.database.transaction({.read_only = true, .idempotent = true}, [](Transaction& tx) {
        return store::list_unacknowledged_stops(tx);
      }));
  absl::Status first_error;
  size_t waiting = stops.size();
  for (const StoppedDenomination& stopped : stops) {
    if (stop.stop_requested()) break;
    absl::Status status = withdrawal.stop_denomination(stopped.denom_id, stopped.reason);
    if (status.ok()) {
      status = transact(parts.database, [&](Transaction& tx) {
        return store::acknowledge_stop(tx, stopped.denom_id, unix_ms(parts.clock));
      });
    }
    if (status.ok()) {
      --waiting;
      platform::log_info("withdrawal stopped a denomination",
                         {{"denomination", stopped.denom_id.hex()}});
    } else {
      first_error.Update(status);
    }
  }
  parts.metrics.unacknowledged.Set(static_cast<double>(waiting));
  return first_error;
}

}  // namespace cafe::deposit
