#include "services/withdrawal/withdrawal_store.h"

#include <algorithm>

#include "libs/protocol/frame.h"

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

absl::Status unknown_account() {
  return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                              "This issuer has no such account.");
}

/// a_o, a_q, u, k, last_order, closed from this column on.
absl::StatusOr<AccountRow> account_at(const Row& row, int column, const protocol::AccountId& id) {
  CAFE_ASSIGN_OR_RETURN(const auto A_O, point_at(row, column));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, point_at(row, column + 1));
  CAFE_ASSIGN_OR_RETURN(const auto U, point_at(row, column + 2));
  CAFE_ASSIGN_OR_RETURN(const auto K, point_at(row, column + 3));
  return AccountRow{id, A_O, A_Q, U, K, row.get<uint64_t>(column + 4), row.boolean(column + 5)};
}

/// system_identifier, timeline, postmaster_start_us, epoch from this column on: what
/// withdrawal.present_lineage gives.
std::optional<Bytes32> lineage_at(const Row& row, int column) {
  if (row.is_null(column + 3)) return std::nullopt;
  return protocol::lineage_digest(static_cast<uint64_t>(row.get<int64_t>(column)),
                                  row.get<uint32_t>(column + 1),
                                  row.get<protocol::Bytes16>(column + 3));
}

/// Ids one after the other, or NULL for none.
DenomSet denominations_at(const Row& row, int column) {
  DenomSet ids;
  if (row.is_null(column)) return ids;
  const Bytes packed = row.bytes(column);
  for (size_t i = 0; i + protocol::DenomId::kSize <= packed.size(); i += protocol::DenomId::kSize) {
    protocol::DenomId id;
    std::copy_n(packed.begin() + static_cast<ptrdiff_t>(i), id.bytes.size(), id.bytes.begin());
    ids.insert(id);
  }
  return ids;
}

}  // namespace

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

absl::StatusOr<std::optional<AccountRow>> find_account(Transaction& tx,
                                                       const protocol::AccountId& id) {
  CAFE_ASSIGN_OR_RETURN(Rows rows,
                        tx.query("SELECT a_o, a_q, u, k, last_order, closed_at IS NOT NULL "
                                 "FROM withdrawal.account WHERE account_id = $1",
                                 id.bytes));
  if (rows.empty()) return std::nullopt;
  return account_at(rows.front(), 0, id);
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
          "UPDATE withdrawal.account SET closed_at = now(), closed_case = $2 "
          "WHERE account_id = $1 AND closed_at IS NULL",
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

absl::StatusOr<std::optional<OpenFacts>> read_open_facts(
    Transaction& tx, const protocol::AccountId& account, uint64_t n, uint64_t time_slot,
    std::span<const protocol::Completion::Debit> debits) {
  // Records of 3 currency ‖ u64 amount.
  Bytes wanted;
  for (const auto& debit : debits) {
    protocol::append(wanted, protocol::view_of(debit.currency));
    protocol::append(wanted, protocol::encode_u64(debit.amount));
  }
  CAFE_ASSIGN_OR_RETURN(
      Rows rows,
      tx.query(
          "SELECT a.a_o, a.a_q, a.u, a.k, a.last_order, a.closed_at IS NOT NULL, "
          "EXISTS (SELECT FROM withdrawal.order_slot s WHERE s.account_id = $1 AND s.n = $2 "
          "        AND s.time_slot = $3 AND s.outcome = 'void'), "
          "l.system_identifier, l.timeline, l.postmaster_start_us, l.epoch, "
          "(SELECT string_agg(d.denom_id, ''::bytea) FROM withdrawal.denomination_stop d), "
          "(SELECT w.currency FROM generate_series(0, octet_length($4::bytea) / 11 - 1) AS i, "
          "  LATERAL (SELECT convert_from(substr($4::bytea, i * 11 + 1, 3), 'UTF8') AS currency, "
          "           cafe.u64_at($4::bytea, i * 11 + 3) AS amount) w "
          " WHERE ledger.balance_of('customer', $1::bytea, w.currency) < w.amount LIMIT 1) "
          "FROM withdrawal.account a, withdrawal.present_lineage() l WHERE a.account_id = $1",
          account.bytes, n, time_slot, wanted));
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  CAFE_ASSIGN_OR_RETURN(AccountRow found, account_at(row, 0, account));
  return OpenFacts{.account = std::move(found),
                   .slot_void = row.boolean(6),
                   .lineage = lineage_at(row, 7),
                   .stopped = denominations_at(row, 11),
                   .short_of = row.get<std::optional<std::string>>(12)};
}

absl::StatusOr<OrderFacts> lock_order(Transaction& tx, const protocol::AccountId& account,
                                      uint64_t n, uint64_t time_slot) {
  CAFE_ASSIGN_OR_RETURN(
      Rows rows,
      tx.query("SELECT last_order, closed, order_digest, completion, void, system_identifier, "
               "timeline, postmaster_start_us, epoch, stopped "
               "FROM withdrawal.lock_order($1, $2, $3)",
               account.bytes, n, time_slot));
  if (rows.empty()) return unknown_account();
  const Row row = rows.front();
  OrderFacts facts{.state = {row.get<uint64_t>(0), row.boolean(1)},
                   .completed = {},
                   .slot_void = row.boolean(4),
                   .lineage = lineage_at(row, 5),
                   .stopped = denominations_at(row, 9)};
  if (!row.is_null(2)) facts.completed = CompletedOrder{row.get<Bytes32>(2), row.bytes(3)};
  return facts;
}

absl::Status insert_completion(Transaction& tx, const NewCompletion& completion) {
  // Records of denom_id ‖ u32 count ‖ u64 value.
  Bytes lines;
  for (const IssuedLine& line : completion.lines) {
    protocol::append(lines, line.denom_id);
    protocol::append(lines, protocol::encode_u32(line.count));
    protocol::append(lines, protocol::encode_u64(line.value));
  }
  CAFE_ASSIGN_OR_RETURN(
      Rows moved, tx.query("SELECT withdrawal.record_completion($1, $2, $3, $4, $5, $6, $7, $8)",
                           completion.account.bytes, completion.n, completion.time_slot,
                           completion.order_digest, completion.lineage, completion.signed_order,
                           completion.completion, lines));
  if (!moved.front().boolean(0)) {
    return protocol::make_error(absl::StatusCode::kInternal, "CHAIN_BROKEN",
                                "The account's chain of orders moved under its lock.");
  }
  return absl::OkStatus();
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
