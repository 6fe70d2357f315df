// Where the spends of cheques are archived, kept for good (migrations/0017_cheque_spends.sql): what
// an account's cheques paid is deducted when they are claimed, however old they are.
#pragma once

#include <span>
#include <vector>

#include "libs/storage/postgres.h"
#include "services/deposit/decide_batch.h"

namespace cafe::deposit {

inline constexpr int kMaxLocatedCheques = 4096;  // in one question

// Where the first credited spend of a cheque is archived.
struct LocatedCheque {
  uint32_t coin = 0;  // which of those asked for
  uint64_t batch = 0;
  uint32_t position = 0;  // payment · 128 + spend
  uint32_t ticks = 0;     // of a call: the most that were shown
  // Of a call: where the payment that shows them is archived.
  uint64_t ticks_batch = 0;
  uint32_t ticks_position = 0;
  bool operator==(const LocatedCheque&) const = default;
};

namespace store {

// Within the transaction that credits the batch: one statement, none where there are no spends. The
// same again changes nothing.
absl::Status insert_cheque_spends(storage::Transaction& tx, uint64_t batch,
                                  std::span<const ChequeSpend> spends);

}  // namespace store

// How old a batch may get before it is settled without holding up those who claim cheques.
inline constexpr uint64_t kSettledWithin_ms = 3'600'000;

// Those of these cheques that were credited, ascending by `coin`. UNAVAILABLE (BATCHES_UNSETTLED)
// while a batch that was received longer ago than kSettledWithin_ms is not settled: it may pay with
// any of them, and what is left out here is paid out twice.
absl::StatusOr<std::vector<LocatedCheque>> locate_cheques(storage::Database& database,
                                                          std::span<const protocol::CoinId> coins,
                                                          uint64_t now_ms);

}  // namespace cafe::deposit
