#include "services/withdrawal/withdrawal_store.h"

#include <algorithm>

#include "libs/storage/array_param.h"

namespace cafe::withdrawal {

using protocol::Bytes;
using protocol::Bytes32;
using storage::Row;
using storage::Rows;

namespace {

/// A fixed-width value that a table's constraint has checked the width of.
template <typename T>
T id_at(const Row& row, int column) {
  T id;
  row.copy_bytes(column, id.bytes);
  return id;
}

absl::StatusOr<protocol::Point> point_at(const Row& row, int column) {
  return protocol::Point::decode(row.bytes(column));
}

/// a_o, a_q, u, k, account_id.
absl::StatusOr<AccountRow> account_at(const Row& row) {
  CAFE_ASSIGN_OR_RETURN(const auto A_O, point_at(row, 0));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, point_at(row, 1));
  CAFE_ASSIGN_OR_RETURN(const auto U, point_at(row, 2));
  CAFE_ASSIGN_OR_RETURN(const auto K, point_at(row, 3));
  return AccountRow{id_at<protocol::AccountId>(row, 4), A_O, A_Q, U, K};
}

}  // namespace

absl::Status unknown_account() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                              "This issuer has no such account: register first.");
}

absl::StatusOr<std::vector<ListRow>> lists_from(Transaction& tx, uint32_t from) {
  CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT number, document FROM "
                                            "withdrawal.denomination_list WHERE number >= $1 "
                                            "ORDER BY number",
                                            from));
  std::vector<ListRow> lists;
  for (const Row row : rows) lists.push_back({row.get<uint32_t>(0), row.bytes(1)});
  return lists;
}

absl::StatusOr<ListRow> find_list(Transaction& tx, uint32_t number) {
  CAFE_ASSIGN_OR_RETURN(
      Rows rows,
      tx.query("SELECT document FROM withdrawal.denomination_list WHERE number = $1", number));
  if (rows.empty()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "LIST_UNKNOWN",
                                "There is no list of that number; 0 asks for the newest.");
  }
  return ListRow{number, rows.front().bytes(0)};
}

absl::StatusOr<DenomSet> stopped_denominations(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT denom_id FROM withdrawal.denomination_stop"));
  DenomSet stopped;
  for (const Row row : rows) stopped.insert(id_at<protocol::DenomId>(row, 0));
  return stopped;
}

absl::StatusOr<bool> insert_stop(Transaction& tx, const protocol::DenomId& id,
                                 std::string_view reason, std::string_view stopped_by) {
  CAFE_ASSIGN_OR_RETURN(
      Rows known, tx.query("SELECT FROM withdrawal.denomination WHERE denom_id = $1", id.bytes));
  if (known.empty()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_DENOMINATION",
                                "No list of this issuer holds that denomination.");
  }
  CAFE_ASSIGN_OR_RETURN(
      Rows rows, tx.query("INSERT INTO withdrawal.denomination_stop (denom_id, reason, stopped_by) "
                          "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                          id.bytes, reason, stopped_by));
  return rows.affected() == 1;
}

absl::StatusOr<std::vector<AccountRow>> find_accounts(Transaction& tx,
                                                      std::span<const protocol::AccountId> ids) {
  storage::ByteaArray wanted(ids.size(), protocol::AccountId::kSize);
  for (const protocol::AccountId& id : ids) wanted.add(id.bytes);
  CAFE_ASSIGN_OR_RETURN(Rows rows,
                        tx.query("SELECT a_o, a_q, u, k, account_id "
                                 "FROM withdrawal.account WHERE account_id = ANY ($1::bytea[])",
                                 wanted.bytes()));
  std::vector<AccountRow> found;
  found.reserve(rows.size());
  for (const Row row : rows) {
    CAFE_ASSIGN_OR_RETURN(AccountRow account, account_at(row));
    found.push_back(std::move(account));
  }
  return found;
}

absl::StatusOr<AccountState> lock_account(Transaction& tx, const protocol::AccountId& id) {
  CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT last_order, closed_at IS NOT NULL "
                                            "FROM withdrawal.account WHERE account_id = $1 "
                                            "FOR NO KEY UPDATE",
                                            id.bytes));
  if (rows.empty()) return unknown_account();
  return AccountState{rows.front().get<uint64_t>(0), rows.front().boolean(1)};
}

absl::StatusOr<std::optional<Bytes>> find_receipt(Transaction& tx, const Bytes32& digest) {
  CAFE_ASSIGN_OR_RETURN(
      Rows rows, tx.query("SELECT receipt FROM withdrawal.registration WHERE digest = $1", digest));
  if (rows.empty()) return std::nullopt;
  return rows.front().bytes(0);
}

absl::Status insert_account(Transaction& tx, const protocol::CheckedRegistration& checked,
                            const protocol::RegistrationFile& file, const Bytes& receipt) {
  const protocol::Registration& r = checked.registration;
  // One statement each, so that the first constraint that fails is always the same one.
  CAFE_RETURN_IF_ERROR(
      tx.query("INSERT INTO withdrawal.account (account_id, serial, a_o, a_q, u, k) "
               "VALUES ($1, $2, $3, $4, $5, $6)",
               checked.account.bytes, r.serial.bytes, r.A_O.bytes(), r.A_Q.bytes(), r.U.bytes(),
               r.K.bytes())
          .status());
  CAFE_RETURN_IF_ERROR(tx.query("INSERT INTO withdrawal.identity_point (point, account_id, kind) "
                                "VALUES ($2, $1, 'coin'), ($3, $1, 'cheque')",
                                checked.account.bytes, checked.points.I_coin.bytes(),
                                checked.points.I_cheque.bytes())
                           .status());
  return tx
      .query(
          "INSERT INTO withdrawal.registration (account_id, digest, registration_file, receipt) "
          "VALUES ($1, $2, $3, $4)",
          checked.account.bytes, file.registration.digest(), file.encode(), receipt)
      .status();
}

absl::StatusOr<std::optional<FoundAccount>> find_by_identity(Transaction& tx,
                                                             const protocol::Point& identity) {
  CAFE_ASSIGN_OR_RETURN(
      Rows rows, tx.query("SELECT a.account_id, r.registration_file, a.closed_at IS NOT NULL "
                          "FROM withdrawal.identity_point p "
                          "JOIN withdrawal.account a USING (account_id) "
                          "JOIN withdrawal.registration r USING (account_id) WHERE p.point = $1",
                          identity.bytes()));
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return FoundAccount{id_at<protocol::AccountId>(row, 0), row.bytes(1), row.boolean(2)};
}

absl::Status close_account(Transaction& tx, const protocol::AccountId& id, uint64_t case_number) {
  return tx
      .query(
          "UPDATE withdrawal.account SET closed_at = coalesce(closed_at, now()), closed_case = $2 "
          "WHERE account_id = $1 AND closed_case IS NULL",
          id.bytes, case_number)
      .status();
}

absl::StatusOr<std::optional<CompletedOrder>> find_completed(Transaction& tx,
                                                             const protocol::AccountId& account,
                                                             uint64_t n) {
  CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT order_digest, completion "
                                            "FROM withdrawal.completed_order "
                                            "WHERE account_id = $1 AND n = $2",
                                            account.bytes, n));
  if (rows.empty()) return std::nullopt;
  return CompletedOrder{rows.front().get<Bytes32>(0), rows.front().bytes(1)};
}

absl::StatusOr<std::optional<Bytes>> find_void(Transaction& tx, const protocol::AccountId& account,
                                               uint64_t n, uint64_t time_slot) {
  CAFE_ASSIGN_OR_RETURN(
      Rows rows, tx.query("SELECT statement FROM withdrawal.order_slot WHERE account_id = $1 "
                          "AND n = $2 AND time_slot = $3 AND outcome = 'void'",
                          account.bytes, n, time_slot));
  if (rows.empty()) return std::nullopt;
  return rows.front().bytes(0);
}

absl::Status insert_void(Transaction& tx, const protocol::VoidedOrder& voided,
                         const Bytes& statement) {
  return tx
      .query(
          "INSERT INTO withdrawal.order_slot (account_id, n, time_slot, outcome, statement) "
          "VALUES ($1, $2, $3, 'void', $4)",
          voided.account.bytes, voided.order, voided.time_slot, statement)
      .status();
}

std::optional<Bytes32> lineage_at(const Row& row, int column) {
  if (row.is_null(column + 3)) return std::nullopt;
  return protocol::lineage_digest(static_cast<uint64_t>(row.get<int64_t>(column)),
                                  row.get<uint32_t>(column + 1),
                                  row.get<protocol::Bytes16>(column + 3));
}

absl::StatusOr<std::optional<Bytes32>> read_lineage(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(Rows rows,
                        tx.query("SELECT system_identifier, timeline, postmaster_start_us, epoch "
                                 "FROM withdrawal.present_lineage()"));
  return lineage_at(rows.front(), 0);
}

absl::StatusOr<Bytes32> draw_lineage(Transaction& tx, protocol::Rng& rng) {
  CAFE_ASSIGN_OR_RETURN(const storage::DatabaseIncarnation run, storage::read_incarnation(tx));
  // Who comes second waits for the first to commit and then finds the first's epoch.
  CAFE_RETURN_IF_ERROR(
      tx.query("INSERT INTO withdrawal.lineage_epoch "
               "(system_identifier, timeline, postmaster_start_us, generation, epoch) "
               "VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING",
               static_cast<int64_t>(run.system_identifier), run.timeline, run.postmaster_start_us,
               rng.array<16>())
          .status());
  CAFE_ASSIGN_OR_RETURN(const std::optional<Bytes32> lineage, read_lineage(tx));
  if (!lineage.has_value()) {
    return protocol::make_error(absl::StatusCode::kAborted, "LINEAGE_MOVED",
                                "The database changed hands during the call: try again.");
  }
  return *lineage;
}

}  // namespace cafe::withdrawal
