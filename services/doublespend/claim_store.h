// What claims ask of the coin store (section 8): marking slots that were claimed, and finding where
// coins were spent. migrations/0015_claimed_slots.sql.
#pragma once

#include <vector>

#include "libs/storage/postgres.h"
#include "services/doublespend/partitions.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

// Where the first spend of a slot is archived.
struct LocatedSpend {
  uint32_t coin = 0;  // which of those that were asked for
  uint32_t slot = 0;
  Place place{};
  uint32_t ticks = 0;   // of a spend that pays ticks: the most that were shown
  Place ticks_place{};  // and where the payment that shows them is archived
  bool operator==(const LocatedSpend&) const = default;
};

// Thread-safe.
class ClaimStore {
 public:
  // `database` must outlive it, and is opened with storage::kByKey.
  explicit ClaimStore(storage::Database& database) : database_(database), partitions_(database) {}

  // Marks all slots of these coins, each coin once, as those of a claim, in one transaction. The
  // same claim again changes nothing. Spends are neither asked for nor hindered: a payment may have
  // been made before the claim. FAILED_PRECONDITION: CLAIMED_BEFORE (another claim has one of the
  // slots; nothing is marked), RETENTION_OVER (the month of a coin's deposit deadline was dropped).
  absl::Status mark(uint64_t claim, std::span<const ClaimedCoin> coins);

  // The first spends of these coins, ascending by coin and slot. One statement.
  absl::StatusOr<std::vector<LocatedSpend>> locate(std::span<const protocol::CoinId> coins);

 private:
  storage::Database& database_;
  Partitions partitions_;
};

}  // namespace cafe::doublespend
