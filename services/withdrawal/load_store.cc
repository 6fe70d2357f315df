#include "services/withdrawal/load_store.h"

#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {

using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace {

/// last_load, closed, order_digest, loaded from this column on.
LoadState state_at(const Row& row, int column) {
  LoadState state{row.get<uint64_t>(column), row.boolean(column + 1), {}};
  if (!row.is_null(column + 2)) {
    state.recorded = RecordedLoad{row.get<protocol::Bytes32>(column + 2), row.bytes(column + 3)};
  }
  return state;
}

}  // namespace

absl::StatusOr<LoadFacts> read_load(Transaction& tx, const protocol::AccountId& account,
                                    uint64_t sequence) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query(
          "SELECT a.k, a.serial, a.last_load, a.closed_at IS NOT NULL, l.order_digest, l.loaded "
          "FROM withdrawal.account a LEFT JOIN withdrawal.load l ON l.account_id = a.account_id "
          "AND l.sequence = coalesce(nullif($2::bigint, 0), a.last_load) "
          "WHERE a.account_id = $1",
          account.bytes, sequence));
  if (rows.empty()) return unknown_account();
  const Row row = rows.front();
  CAFE_ASSIGN_OR_RETURN(const auto K, protocol::Point::decode(row.bytes(0)));
  return LoadFacts{{K, protocol::Serial{row.get<protocol::Bytes16>(1)}}, state_at(row, 2)};
}

absl::StatusOr<LockedLoad> lock_load(Transaction& tx, const protocol::AccountId& account,
                                     uint64_t sequence, std::string_view currency) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT last_load, closed, order_digest, loaded, balance "
                                 "FROM withdrawal.lock_load($1, $2, $3)",
                                 account.bytes, sequence, currency));
  if (rows.empty()) return unknown_account();
  return LockedLoad{state_at(rows.front(), 0), rows.front().get<uint64_t>(4)};
}

absl::Status insert_load(Transaction& tx, const protocol::LoadOrder& order,
                         const RecordedLoad& load, protocol::ByteView signed_order,
                         protocol::ByteView key_certificate) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows moved,
      tx.query("SELECT withdrawal.record_load($1, $2, $3, $4, $5, $6, $7, $8)", order.account.bytes,
               order.sequence, load.order_digest, order.currency, order.amount, signed_order,
               load.loaded, key_certificate));
  if (!moved.front().boolean(0)) {
    return protocol::make_error(absl::StatusCode::kInternal, "CHAIN_BROKEN",
                                "The account's sequence of loads moved under its lock.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::withdrawal
