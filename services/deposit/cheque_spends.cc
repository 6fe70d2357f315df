#include "services/deposit/cheque_spends.h"

#include "libs/protocol/frame.h"
#include "libs/storage/array_param.h"

namespace cafe::deposit {

using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace store {

absl::Status insert_cheque_spends(Transaction& tx, uint64_t batch,
                                  std::span<const ChequeSpend> spends) {
  if (spends.empty()) return absl::OkStatus();
  protocol::Bytes packed;  // 32 coin ‖ 4 position ‖ 4 ticks
  for (const ChequeSpend& spend : spends) {
    protocol::append(packed, spend.coin_id);
    protocol::append(packed, protocol::encode_u32(spend.position));
    protocol::append(packed, protocol::encode_u32(spend.ticks));
  }
  // In the order of the key, so that two such statements never wait for each other in a circle.
  return tx
      .query(
          "INSERT INTO deposit.cheque_spend (batch, ticks, payment, spend, coin_id)"
          " SELECT $2::bigint, cafe.u32_at($1::bytea, i * 40 + 36),"
          "  cafe.u32_at($1::bytea, i * 40 + 32) >> 7, cafe.u32_at($1::bytea, i * 40 + 32) & 127,"
          "  substr($1::bytea, i * 40 + 1, 32)"
          " FROM generate_series(0, octet_length($1::bytea) / 40 - 1) AS i ORDER BY 5, 2"
          " ON CONFLICT (coin_id, ticks) DO NOTHING",
          packed, batch)
      .status();
}

}  // namespace store

namespace {

// First: what is settled after this look is seen by the next one.
absl::Status check_settled(Transaction& tx, uint64_t received_before_ms) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT batch FROM deposit.batch WHERE state = 'stored'"
                                 " AND received_ms < $1 ORDER BY batch LIMIT 1",
                                 received_before_ms));
  if (rows.empty()) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kUnavailable, "BATCHES_UNSETTLED",
                              "A deposit of long ago is not settled yet: try again when it is.");
}

absl::StatusOr<std::vector<LocatedCheque>> locate(Transaction& tx, const storage::ByteaArray& ids) {
  // Ticks only ever grow, so the fewest were shown first.
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT i.i, first.batch, first.payment * 128 + first.spend,"
               "       most.ticks, most.batch, most.payment * 128 + most.spend"
               " FROM (SELECT generate_series(0, cardinality($1::bytea[]) - 1) AS i,"
               "              unnest($1::bytea[]) AS coin_id) AS i"
               " CROSS JOIN LATERAL (SELECT * FROM deposit.cheque_spend s"
               "  WHERE s.coin_id = i.coin_id ORDER BY s.ticks LIMIT 1) AS first"
               " CROSS JOIN LATERAL (SELECT * FROM deposit.cheque_spend s"
               "  WHERE s.coin_id = i.coin_id ORDER BY s.ticks DESC LIMIT 1) AS most"
               " ORDER BY i.i",
               ids.bytes()));
  std::vector<LocatedCheque> found;
  found.reserve(static_cast<size_t>(rows.size()));
  for (const Row row : rows) {
    LocatedCheque& cheque = found.emplace_back(LocatedCheque{.coin = row.get<uint32_t>(0),
                                                             .batch = row.get<uint64_t>(1),
                                                             .position = row.get<uint32_t>(2)});
    cheque.ticks = row.get<uint32_t>(3);
    if (cheque.ticks == 0) continue;
    cheque.ticks_batch = row.get<uint64_t>(4);
    cheque.ticks_position = row.get<uint32_t>(5);
  }
  return found;
}

}  // namespace

absl::StatusOr<std::vector<LocatedCheque>> locate_cheques(storage::Database& database,
                                                          std::span<const protocol::CoinId> coins,
                                                          uint64_t now_ms) {
  storage::ByteaArray ids(coins.size(), 32);
  for (const protocol::CoinId& coin : coins) ids.add(coin);
  return database.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<LocatedCheque>> {
        CAFE_RETURN_IF_ERROR(
            check_settled(tx, now_ms > kSettledWithin_ms ? now_ms - kSettledWithin_ms : 0));
        return locate(tx, ids);
      });
}

}  // namespace cafe::deposit
