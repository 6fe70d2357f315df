// The statements of Record, within the caller's transaction.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "libs/storage/postgres.h"
#include "services/doublespend/classify.h"
#include "services/doublespend/columns.h"
#include "services/doublespend/tick_chain.h"

namespace cafe::doublespend {

// Inserts rows, which are sorted, as far as their slots have none yet; of equal slots the first row
// is inserted. Returns how many were. One statement.
absl::StatusOr<int64_t> insert_spent(storage::Transaction& tx, const SpendColumns& rows);

// A row that is not what the store holds of its slot.
struct OtherSpend {
  size_t row;                        // its index
  std::optional<StoredSpend> first;  // nullopt where the store holds nothing
};

// Those of `rows` whose slot holds another challenge, or the same from another place, in order. One
// statement.
absl::StatusOr<std::vector<OtherSpend>> select_others(storage::Transaction& tx,
                                                      const SpendColumns& rows);

// The first spend of each slot; nullopt where there is none. One statement.
absl::StatusOr<std::vector<std::optional<StoredSpend>>> select_spent(storage::Transaction& tx,
                                                                     const KeyColumns& keys,
                                                                     size_t count);

// Lets nobody else look at or change the ticks of these slots until the transaction ends; to be
// called after the rows were inserted, so that no one waits in a circle. One statement.
absl::Status lock_ticks(storage::Transaction& tx, std::span<const SpendRow> rows);

// For each row the link of its slot that begins last before the row's ticks (tick_chain.h). One
// statement.
absl::StatusOr<std::vector<std::optional<TickLink>>> select_ticks(storage::Transaction& tx,
                                                                  std::span<const SpendRow> rows);

// Adds the links that were decided for these rows. ALREADY_EXISTS where a slot's chain goes on from
// the same tick already. One statement.
absl::Status insert_ticks(storage::Transaction& tx, std::span<const SpendRow> rows,
                          std::span<const TickDecision::NewLink> links);

// A row of a slot that holds another challenge.
struct DoubleRow {
  SpendRow row;
  StoredSpend first;
};

// The stored double with each row's slot and challenge; nullopt where there is none. One statement.
absl::StatusOr<std::vector<std::optional<StoredDouble>>> select_doubles(
    storage::Transaction& tx, std::span<const DoubleRow> rows);

// Stores doubles, sorted and no (slot, challenge) twice, and opens a case for each; leaves alone
// what another transaction stored meanwhile. One statement.
absl::Status insert_doubles(storage::Transaction& tx, std::span<const DoubleRow> rows,
                            uint64_t opened_ms);

}  // namespace cafe::doublespend
