// The spent slots in PostgreSQL (migrations/0007_narrow_spent.sql): recording, look-ups,
// reservations, retention. Every statement but the sweeps names its coin ids, or a range of them.
#pragma once

#include <string>

#include "libs/platform/clock.h"
#include "libs/protocol/prefix_lookup.h"
#include "libs/storage/postgres.h"
#include "services/doublespend/group_commit.h"
#include "services/doublespend/partitions.h"
#include "services/doublespend/reservation.h"

namespace cafe::doublespend {

class CoinStore : public RecordStore {
 public:
  // Both must outlive the store; `database` is opened with storage::kByKey.
  CoinStore(storage::Database& database, const platform::Clock& clock)
      : database_(database), clock_(clock), partitions_(database) {}

  // One transaction: inserts what is new, and classifies the rest (classify.h); a double opens its
  // case there as well. Makes missing partitions first. Errors, beside the database's:
  // FAILED_PRECONDITION RETENTION_OVER (the month of a row's deposit deadline was dropped).
  absl::StatusOr<std::vector<RecordVerdict>> record(std::span<const SpendRow> rows) override;

  // For each coin, bit i tells whether slot i is spent.
  absl::StatusOr<std::vector<uint64_t>> spent_slots(std::span<const protocol::CoinId> coins);

  // For each prefix the spent slots of all coins under it, in no order; of more than
  // protocol::kMaxPrefixSlots just one more, however many they are. One statement.
  absl::StatusOr<std::vector<std::vector<SpentSlot>>> spent_under(
      std::span<const protocol::CoinPrefix> prefixes);

  // Decides orders that came together, in their order (reservation.h), in one transaction. Asking
  // again for the same changes nothing. ABORTED RESERVATION_RACE where rivals in other instances
  // kept getting in between.
  absl::StatusOr<std::vector<ReserveResult>> reserve(std::span<const ReserveOrder> orders);

  // Removes reservations that are over; how many.
  absl::StatusOr<int64_t> sweep_reservations();

  // Drops the partitions that nobody needs any more; their names.
  absl::StatusOr<std::vector<std::string>> drop_expired();

 private:
  storage::Database& database_;
  const platform::Clock& clock_;
  Partitions partitions_;
};

}  // namespace cafe::doublespend
