#include "services/recovery/claims_worker.h"

#include "absl/strings/str_cat.h"
#include "libs/platform/log.h"
#include "services/recovery/advance_claim.h"
#include "services/recovery/claim_store.h"

namespace cafe::recovery {
namespace {

using storage::Transaction;

// People read the note, so it says what a retry will not mend.
std::string note_of(const absl::Status& status) {
  return absl::StrCat(protocol::reason_of(status), ": ", status.message());
}

void report(const RecoveryParts& parts, uint64_t number, const absl::Status& status) {
  parts.metrics.steps_failed.Increment();
  if (protocol::reason_of(status) == "OVERDRAWN") {
    parts.metrics.coins_overdrawn.Increment();
    platform::log_error(
        "ALARM: a claim would draw more of a denomination than was issued; its key is "
        "compromised, and the claim waits",
        {{"number", number}, {"status", status}});
  } else {
    platform::log_warning("cannot take a claim on yet", {{"number", number}, {"status", status}});
  }
  const uint64_t next_ms = unix_ms(parts.clock) + parts.claim_interval_ms;
  const absl::Status noted = transact(parts.database, [&](Transaction& tx) {
    return store::set_note(tx, number, note_of(status), next_ms);
  });
  if (!noted.ok()) platform::log_warning("cannot note it either", {{"status", noted}});
}

}  // namespace

absl::Status advance_due_claims(const RecoveryParts& parts, const std::stop_token& stop) {
  constexpr int kAtATime = 20;
  parts.metrics.key_seconds_left.Set(static_cast<double>(parts.key.opened.valid_until) -
                                     static_cast<double>(unix_ms(parts.clock) / 1000));
  absl::Status first_error;
  while (!stop.stop_requested()) {
    const uint64_t now_ms = unix_ms(parts.clock);
    CAFE_ASSIGN_OR_RETURN(
        const std::vector<uint64_t> due, transact(parts.database, [&](Transaction& tx) {
          return store::take_due(tx, now_ms, now_ms + parts.claim_interval_ms, kAtATime);
        }));
    if (due.empty()) break;
    for (const uint64_t number : due) {
      if (stop.stop_requested()) break;
      const absl::Status status = advance_claim(parts, number);
      if (status.ok()) continue;
      report(parts, number, status);
      first_error.Update(status);
      // The others would only wait for it too; they are put off already.
      if (absl::IsUnavailable(status)) return first_error;
    }
  }
  CAFE_ASSIGN_OR_RETURN(const auto counts, look(parts.database, [](Transaction& tx) {
                          return store::count_stages(tx);
                        }));
  parts.metrics.count(counts);
  return first_error;
}

}  // namespace cafe::recovery
