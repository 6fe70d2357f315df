// From messages to what the service works with: every check of a request that needs no database.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "cafe/v1/doublespend.pb.h"
#include "libs/protocol/prefix_lookup.h"
#include "libs/protocol/spend_rows.h"
#include "services/doublespend/reservation.h"
#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

inline constexpr size_t kMaxRows = 50'000;          // in one Record: what a message has room for
inline constexpr uint32_t kMaxPositions = 128'000;  // in a batch: 1,000 payments of 128 spends
// The number after it is that of rows that the database made (migrations/0007_narrow_spent.sql).
inline constexpr uint64_t kMaxBatch = protocol::kPreloadBatch - 1;
inline constexpr int kMaxReservedPayments = 256;  // in one Reserve
inline constexpr size_t kMaxReservedSlots = 128;  // of one payment
inline constexpr uint32_t kMaxHold_ms = 600'000;
inline constexpr uint32_t kMaxListedCases = 1000;
inline constexpr int kMaxClaimedCoins = 4096;  // in one MarkClaimed or Locate
// How far from now a deposit deadline may lie. Each month of deadlines has a partition.
inline constexpr uint64_t kDateWindow_s = 20ull * 366 * 86400;

// INVALID_ARGUMENT: BAD_LENGTH (no whole number of rows), ROW_COUNT, SLOT_OUTSIDE_COIN,
// SCALAR_TOO_LARGE, BAD_DATES (claim before deposit deadline, outside of the window, or two
// deadlines for one coin), BAD_PLACE, BAD_TICKS.
absl::StatusOr<std::vector<SpendRow>> read_record(const v1::RecordRequest& request, uint64_t now_s);

// What each payment asks for. INVALID_ARGUMENT: PAYMENT_COUNT, BAD_HOLD; of any payment BAD_LENGTH
// (no whole number of rows), SLOT_COUNT, SLOT_OUTSIDE_COIN, SCALAR_TOO_LARGE, BAD_DATES, SLOT_TWICE
// (two payments may name one slot).
absl::StatusOr<std::vector<ReserveOrder>> read_reserve(const v1::ReserveRequest& request,
                                                       uint64_t now_ms);

// INVALID_ARGUMENT: COIN_COUNT, BAD_LENGTH.
absl::StatusOr<std::vector<protocol::CoinId>> read_lookup(const v1::LookupRequest& request);

// INVALID_ARGUMENT: BAD_PREFIX.
absl::StatusOr<protocol::CoinPrefix> read_prefix(const v1::LookupPrefixRequest& request);

// The coins of a claim, whose number is above zero. INVALID_ARGUMENT: BAD_CLAIM, COIN_COUNT,
// BAD_LENGTH, COIN_TWICE, NO_SLOT, BAD_DATES.
absl::StatusOr<std::vector<ClaimedCoin>> read_mark_claimed(const v1::MarkClaimedRequest& request,
                                                           uint64_t now_s);

// INVALID_ARGUMENT: COIN_COUNT, BAD_LENGTH.
absl::StatusOr<std::vector<protocol::CoinId>> read_locate(const v1::LocateRequest& request);

}  // namespace cafe::doublespend
