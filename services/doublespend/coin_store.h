// The spent slots in PostgreSQL (migrations/0007_narrow_spent.sql): recording, look-ups,
// reservations, retention. Every statement but the sweeps names its coin ids.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "libs/platform/clock.h"
#include "libs/storage/postgres.h"
#include "services/doublespend/group_commit.h"
#include "services/doublespend/reservation.h"

namespace cafe::doublespend {

class CoinStore : public RecordStore {
 public:
  // Both must outlive the store; `database` is opened with storage::kByKey.
  CoinStore(storage::Database& database, const platform::Clock& clock)
      : database_(database), clock_(clock) {}

  // One transaction: inserts what is new, and classifies the rest (classify.h); a double opens its
  // case there as well. Makes missing partitions first. Errors, beside the database's:
  // FAILED_PRECONDITION RETENTION_OVER (the month of a row's deposit deadline was dropped).
  absl::StatusOr<std::vector<RecordVerdict>> record(std::span<const SpendRow> rows) override;

  // For each coin, bit i tells whether slot i is spent.
  absl::StatusOr<std::vector<uint64_t>> spent_slots(std::span<const protocol::CoinId> coins);

  // Decides orders that came together, in their order (reservation.h), in one transaction. Asking
  // again for the same changes nothing. ABORTED RESERVATION_RACE where rivals in other instances
  // kept getting in between.
  absl::StatusOr<std::vector<ReserveResult>> reserve(std::span<const ReserveOrder> orders);

  // Removes reservations that are over; how many.
  absl::StatusOr<int64_t> sweep_reservations();

  // Drops the partitions that nobody needs any more; their names.
  absl::StatusOr<std::vector<std::string>> drop_expired();

 private:
  absl::Status ensure_partitions(std::span<const SpendRow> rows);
  void forget_partitions();

  storage::Database& database_;
  const platform::Clock& clock_;
  std::mutex mutex_;
  // Months that are known to have a partition, and until when it is kept at least.
  std::map<int16_t, uint64_t> partitions_;
};

}  // namespace cafe::doublespend
