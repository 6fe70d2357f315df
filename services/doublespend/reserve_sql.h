// The statements of Reserve, within the caller's transaction.
#pragma once

#include <span>
#include <vector>

#include "libs/storage/postgres.h"
#include "services/doublespend/reservation.h"

namespace cafe::doublespend {

// What spends, claims and reservations say about each slot. One statement.
absl::StatusOr<std::vector<SlotFacts>> select_facts(storage::Transaction& tx,
                                                    std::span<const SlotKey> slots);

// Writes holds, sorted and no slot twice. False: another payment got one of the slots since its
// facts were read, and the transaction must be rolled back. One statement.
absl::StatusOr<bool> upsert_holds(storage::Transaction& tx, std::span<const SlotHold> holds,
                                  uint64_t now_ms);

}  // namespace cafe::doublespend
