#include "services/deposit/store.h"

#include "libs/protocol/frame.h"
#include "services/deposit/callers.h"
#include "services/deposit/store_voided.h"

namespace cafe::deposit::store {
namespace {

using protocol::append;
using protocol::Bytes;
using protocol::Bytes16;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::DenomId;
using protocol::encode_u32;
using protocol::encode_u64;
using protocol::make_error;
using protocol::PayeeId;
using protocol::TerminalId;
using storage::Row;
using storage::Rows;

// Ids of one width one after the other: how a statement is given many.
template <class Ids>
Bytes pack(const Ids& ids) {
  Bytes packed;
  for (const auto& id : ids) append(packed, id);
  return packed;
}

ByteView view(const PayeeId& id) { return id.bytes; }
ByteView view(const DenomId& id) { return id.bytes; }

// As string_agg puts their ids together: null where there are none.
absl::flat_hash_set<DenomId> denominations_at(const Row& row, int column) {
  absl::flat_hash_set<DenomId> ids;
  if (row.is_null(column)) return ids;
  const Bytes packed = row.get<Bytes>(column);
  for (size_t i = 0; i + DenomId::kSize <= packed.size(); i += DenomId::kSize) {
    DenomId id;
    std::copy_n(packed.begin() + static_cast<ptrdiff_t>(i), DenomId::kSize, id.bytes.begin());
    ids.insert(id);
  }
  return ids;
}

}  // namespace

absl::StatusOr<AdmissionFacts> read_admission(Transaction& tx,
                                              const protocol::DepositOrder& order) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT p.closed_at IS NOT NULL, t.key, t.credential,"
               "       floor(extract(epoch FROM t.revoked_at) * 1000)::bigint,"
               "       b.batch, b.order_digest, b.received_ms, b.payment_count, b.state = 'done',"
               "       (SELECT string_agg(denom_id, ''::bytea) FROM deposit.denomination_stop)"
               " FROM deposit.payee p"
               " LEFT JOIN deposit.terminal t ON t.payee_id = $1 AND t.terminal_id = $2"
               " LEFT JOIN deposit.batch b ON b.payee_id = $1 AND b.idempotency_key = $3"
               " WHERE p.payee_id = $1",
               view(order.payee_id), order.terminal_id.bytes, order.idempotency_key));
  if (rows.empty()) return unknown_payee();
  const Row row = rows.front();
  AdmissionFacts facts{
      .payee_closed = row.get<bool>(0), .terminal = {}, .known = {}, .stopped = {}};
  if (!row.is_null(1)) {
    facts.terminal = EnrolledTerminal{.payee_id = order.payee_id,
                                      .terminal_id = order.terminal_id,
                                      .key = row.get<Bytes>(1),
                                      .credential = row.get<Bytes>(2),
                                      .revoked_ms = row.get<std::optional<uint64_t>>(3)};
  }
  if (!row.is_null(4)) {
    facts.known = StoredBatch{.batch = row.get<uint64_t>(4),
                              .payee_id = order.payee_id,
                              .idempotency_key = order.idempotency_key,
                              .order_digest = row.get<Bytes32>(5),
                              .received_ms = row.get<uint64_t>(6),
                              .payment_count = row.get<uint32_t>(7),
                              .payments = {},
                              .refusals = {},
                              .done = row.get<bool>(8)};
  }
  facts.stopped = denominations_at(row, 9);
  return facts;
}

absl::StatusOr<QuestionFacts> read_questions(Transaction& tx, std::span<const Asker> askers,
                                             std::span<const Bytes32> terms_digests) {
  Bytes packed;  // 16 payee ‖ 16 terminal
  for (const Asker& asker : askers) {
    append(packed, asker.payee_id);
    append(packed, asker.terminal_id);
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT p.payee_id, substr($1::bytea, i * 32 + 17, 16), p.closed_at IS NOT NULL,"
               "       t.key, t.credential,"
               "       floor(extract(epoch FROM t.revoked_at) * 1000)::bigint,"
               "       (SELECT string_agg(denom_id, ''::bytea) FROM deposit.denomination_stop),"
               "       (SELECT string_agg(v.terms_digest || v.payee_id || v.terminal_id, ''::bytea)"
               "        FROM deposit.voided_terms v WHERE v.terms_digest IN"
               "         (SELECT substr($2::bytea, j * 32 + 1, 32)"
               "          FROM generate_series(0, octet_length($2::bytea) / 32 - 1) AS j))"
               " FROM generate_series(0, octet_length($1::bytea) / 32 - 1) AS i"
               " JOIN deposit.payee p ON p.payee_id = substr($1::bytea, i * 32 + 1, 16)"
               " LEFT JOIN deposit.terminal t ON t.payee_id = substr($1::bytea, i * 32 + 1, 16)"
               "  AND t.terminal_id = substr($1::bytea, i * 32 + 17, 16)",
               packed, pack(terms_digests)));
  QuestionFacts found;
  if (!rows.empty()) {
    found.stopped = denominations_at(rows.front(), 6);
    if (!rows.front().is_null(7)) found.voided = unpack_voided(rows.front().get<Bytes>(7));
  }
  for (const Row row : rows) {
    const Asker asker{PayeeId{row.get<Bytes16>(0)}, TerminalId{row.get<Bytes16>(1)}};
    AskerFacts& facts = found.askers[asker];
    facts.payee_closed = row.get<bool>(2);
    if (row.is_null(3)) continue;
    facts.terminal = EnrolledTerminal{.payee_id = asker.payee_id,
                                      .terminal_id = asker.terminal_id,
                                      .key = row.get<Bytes>(3),
                                      .credential = row.get<Bytes>(4),
                                      .revoked_ms = row.get<std::optional<uint64_t>>(5)};
  }
  return found;
}

absl::StatusOr<std::vector<EnrolledTerminal>> find_terminals(Transaction& tx,
                                                             const PayeeId& payee_id,
                                                             std::span<const TerminalId> ids) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT terminal_id, key, credential,"
               "       floor(extract(epoch FROM revoked_at) * 1000)::bigint"
               " FROM deposit.terminal WHERE payee_id = $1 AND terminal_id IN"
               "  (SELECT substr($2::bytea, i * 16 + 1, 16)"
               "   FROM generate_series(0, octet_length($2::bytea) / 16 - 1) AS i)",
               view(payee_id), pack(ids)));
  std::vector<EnrolledTerminal> terminals;
  for (const Row row : rows) {
    terminals.push_back({.payee_id = payee_id,
                         .terminal_id = {row.get<Bytes16>(0)},
                         .key = row.get<Bytes>(1),
                         .credential = row.get<Bytes>(2),
                         .revoked_ms = row.get<std::optional<uint64_t>>(3)});
  }
  return terminals;
}

absl::StatusOr<std::optional<StoredBatch>> find_batch(Transaction& tx, const PayeeId& payee_id,
                                                      const Bytes16& idempotency_key) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT batch, order_digest, received_ms, payment_count, state = 'done'"
               " FROM deposit.batch WHERE payee_id = $1 AND idempotency_key = $2",
               view(payee_id), idempotency_key));
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return StoredBatch{.batch = row.get<uint64_t>(0),
                     .payee_id = payee_id,
                     .idempotency_key = idempotency_key,
                     .order_digest = row.get<Bytes32>(1),
                     .received_ms = row.get<uint64_t>(2),
                     .payment_count = row.get<uint32_t>(3),
                     .payments = {},
                     .refusals = {},
                     .done = row.get<bool>(4)};
}

absl::StatusOr<StoredBatch> load_batch(Transaction& tx, uint64_t batch) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT payee_id, idempotency_key, order_digest, received_ms, payment_count,"
               " payments, refusals, state = 'done' FROM deposit.batch WHERE batch = $1",
               batch));
  if (rows.empty()) {
    return make_error(absl::StatusCode::kNotFound, "UNKNOWN_BATCH",
                      "There is no batch of this number.");
  }
  const Row row = rows.front();
  return StoredBatch{.batch = batch,
                     .payee_id = {row.get<Bytes16>(0)},
                     .idempotency_key = row.get<Bytes16>(1),
                     .order_digest = row.get<Bytes32>(2),
                     .received_ms = row.get<uint64_t>(3),
                     .payment_count = row.get<uint32_t>(4),
                     .payments = row.get<Bytes>(5),
                     .refusals = row.get<Bytes>(6),
                     .done = row.get<bool>(7)};
}

absl::StatusOr<BatchAnswer> load_answer(Transaction& tx, uint64_t batch) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT receipt, key_certificate, evidence FROM deposit.batch"
                                 " WHERE batch = $1 AND state = 'done'",
                                 batch));
  const Row row = rows.front();
  return BatchAnswer{row.get<Bytes>(0), row.get<Bytes>(1), row.get<Bytes>(2)};
}

absl::StatusOr<std::optional<uint64_t>> insert_batch(Transaction& tx, const NewBatch& batch) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("INSERT INTO deposit.batch (payee_id, terminal_id, idempotency_key, order_digest,"
               " signed_order, payments, payment_count, refusals, received_ms)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
               " ON CONFLICT (payee_id, idempotency_key) DO NOTHING RETURNING batch",
               view(batch.order.payee_id), batch.order.terminal_id.bytes,
               batch.order.idempotency_key, batch.order_digest, batch.signed_order, batch.payments,
               batch.payment_count, batch.refusals, batch.received_ms));
  if (rows.empty()) return std::nullopt;
  return rows.front().get<uint64_t>(0);
}

absl::StatusOr<LockedBatch> lock_batch(Transaction& tx, uint64_t batch) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT b.state = 'done', p.account_id FROM deposit.batch b"
                                 " JOIN deposit.payee p ON p.payee_id = b.payee_id"
                                 " WHERE b.batch = $1 FOR NO KEY UPDATE OF b",
                                 batch));
  const Row row = rows.front();
  LockedBatch locked{.done = row.get<bool>(0), .holder = {}};
  if (!row.is_null(1)) locked.holder = protocol::AccountId{row.get<Bytes32>(1)};
  return locked;
}

absl::Status finish_batch(Transaction& tx, uint64_t batch, const BatchAnswer& answer) {
  return tx
      .query(
          "UPDATE deposit.batch SET state = 'done', receipt = $2, key_certificate = $3,"
          " evidence = $4 WHERE batch = $1",
          batch, answer.receipt, answer.key_certificate, answer.evidence)
      .status();
}

absl::StatusOr<std::vector<uint64_t>> list_unfinished(Transaction& tx, uint64_t after,
                                                      uint64_t received_before_ms, int limit) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT batch FROM deposit.batch WHERE state = 'stored' AND batch > $1"
               " AND received_ms < $2 ORDER BY batch LIMIT $3",
               after, received_before_ms, limit));
  std::vector<uint64_t> batches;
  for (const Row row : rows) batches.push_back(row.get<uint64_t>(0));
  return batches;
}

absl::Status read_cover_facts(Transaction& tx, std::span<const SlotKey> slots,
                              std::span<const uint64_t> first_batches, BatchFacts& facts) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows cover,
      tx.query("SELECT cover, cover_currency FROM deposit.lock_cover($1)", view(facts.payee_id)));
  facts.cover = cover.front().get<uint64_t>(0);
  facts.cover_currency = cover.front().get<std::string>(1);

  // From here on nobody else counts against this cover. Each statement sees what those whom the
  // lock waited for have committed.
  const uint64_t since_ms = facts.received_ms > protocol::kCoverWindow_ms
                                ? facts.received_ms - protocol::kCoverWindow_ms
                                : 0;
  CAFE_ASSIGN_OR_RETURN(
      const Rows covered,
      tx.query("SELECT coalesce(sum(credited), 0)::bigint FROM deposit.spent_before"
               " WHERE payee_id = $1 AND credited > 0 AND currency = $2 AND received_ms > $3",
               view(facts.payee_id), facts.cover_currency, since_ms));
  facts.covered_last_30_days = covered.front().get<uint64_t>(0);

  Bytes slots_packed;
  for (const auto& [coin_id, slot] : slots) {
    append(slots_packed, coin_id);
    append(slots_packed, encode_u32(slot));
  }
  CAFE_ASSIGN_OR_RETURN(
      const Rows had,
      tx.query("SELECT s.coin_id, s.slot"
               " FROM generate_series(0, octet_length($2::bytea) / 36 - 1) AS i"
               " JOIN deposit.spent_before s ON s.coin_id = substr($2::bytea, i * 36 + 1, 32)"
               "  AND s.slot = cafe.u32_at($2::bytea, i * 36 + 32) AND s.payee_id = $1",
               view(facts.payee_id), slots_packed));
  for (const Row row : had) {
    facts.had.insert({protocol::CoinId{row.get<Bytes32>(0)}, row.get<uint32_t>(1)});
  }

  Bytes batches_packed;
  for (const uint64_t batch : first_batches) append(batches_packed, encode_u64(batch));
  CAFE_ASSIGN_OR_RETURN(
      const Rows firsts,
      tx.query("SELECT batch, payee_id, received_ms FROM deposit.batch WHERE batch IN"
               " (SELECT cafe.u64_at($1::bytea, i * 8)"
               "  FROM generate_series(0, octet_length($1::bytea) / 8 - 1) AS i)",
               batches_packed));
  for (const Row row : firsts) {
    facts.first_deposits[row.get<uint64_t>(0)] = {PayeeId{row.get<Bytes16>(1)},
                                                  row.get<uint64_t>(2)};
  }
  return absl::OkStatus();
}

absl::Status insert_spent_before(Transaction& tx, uint64_t batch, const BatchFacts& facts,
                                 std::span<const SpentBefore> rows) {
  if (rows.empty()) return absl::OkStatus();
  // 32 coin ‖ 4 slot ‖ 4 position ‖ 8 case ‖ 8 value ‖ 8 credited ‖ 3 currency
  Bytes packed;
  for (const SpentBefore& row : rows) {
    append(packed, row.coin_id);
    append(packed, encode_u32(row.slot));
    append(packed, encode_u32(row.position));
    append(packed, encode_u64(row.case_number));
    append(packed, encode_u64(row.value));
    append(packed, encode_u64(row.credited));
    append(packed, protocol::view_of(row.currency));
  }
  return tx
      .query(
          "INSERT INTO deposit.spent_before (coin_id, slot, payee_id, batch, position,"
          " case_number, value, credited, currency, received_ms)"
          " SELECT substr($1::bytea, i * 67 + 1, 32), cafe.u32_at($1::bytea, i * 67 + 32),"
          "  $2, $3::bigint, cafe.u32_at($1::bytea, i * 67 + 36),"
          "  cafe.u64_at($1::bytea, i * 67 + 40), cafe.u64_at($1::bytea, i * 67 + 48),"
          "  cafe.u64_at($1::bytea, i * 67 + 56),"
          "  convert_from(substr($1::bytea, i * 67 + 65, 3), 'UTF8'), $4::bigint"
          " FROM generate_series(0, octet_length($1::bytea) / 67 - 1) AS i",
          packed, view(facts.payee_id), batch, facts.received_ms)
      .status();
}

absl::StatusOr<absl::flat_hash_set<Bytes32>> find_authorized(
    Transaction& tx, std::span<const Bytes32> payment_digests) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT payment_digest FROM deposit.granted_authorization WHERE payment_digest IN"
               " (SELECT substr($1::bytea, i * 32 + 1, 32)"
               "  FROM generate_series(0, octet_length($1::bytea) / 32 - 1) AS i)",
               pack(payment_digests)));
  absl::flat_hash_set<Bytes32> found;
  for (const Row row : rows) found.insert(row.get<Bytes32>(0));
  return found;
}

absl::Status insert_authorizations(Transaction& tx,
                                   std::span<const protocol::Authorization* const> granted,
                                   uint64_t now_ms) {
  if (granted.empty()) return absl::OkStatus();
  Bytes packed;  // 32 payment ‖ 16 payee ‖ 32 terms ‖ 8 reserved until
  for (const protocol::Authorization* each : granted) {
    append(packed, each->payment_digest);
    append(packed, each->payee_id);
    append(packed, each->terms_digest);
    append(packed, encode_u64(each->reserved_until_ms));
  }
  // In the order of the key, so that two such statements never wait for each other in a circle.
  return tx
      .query(
          "INSERT INTO deposit.granted_authorization AS a"
          " (payment_digest, payee_id, terms_digest, granted_ms, reserved_until_ms)"
          " SELECT substr($1::bytea, i * 88 + 1, 32), substr($1::bytea, i * 88 + 33, 16),"
          "  substr($1::bytea, i * 88 + 49, 32), $2::bigint, cafe.u64_at($1::bytea, i * 88 + 80)"
          " FROM generate_series(0, octet_length($1::bytea) / 88 - 1) AS i ORDER BY 1"
          " ON CONFLICT (payment_digest) DO UPDATE"
          " SET granted_ms = EXCLUDED.granted_ms, reserved_until_ms ="
          " greatest(a.reserved_until_ms, EXCLUDED.reserved_until_ms)",
          packed, now_ms)
      .status();
}

absl::StatusOr<absl::flat_hash_set<DenomId>> stopped_denominations(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT denom_id FROM deposit.denomination_stop"));
  absl::flat_hash_set<DenomId> stopped;
  for (const Row row : rows) stopped.insert(DenomId{row.get<Bytes32>(0)});
  return stopped;
}

absl::StatusOr<bool> stop_denomination(Transaction& tx, const DenomId& denom_id,
                                       std::string_view issuer_id, uint64_t batch,
                                       std::string_view reason, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("INSERT INTO deposit.denomination_stop"
               " (denom_id, issuer_id, batch, reason, stopped_ms) VALUES ($1, $2, $3, $4, $5)"
               " ON CONFLICT (denom_id) DO NOTHING RETURNING true",
               view(denom_id), issuer_id, batch, reason, now_ms));
  return !rows.empty();
}

absl::StatusOr<std::vector<StoppedDenomination>> list_unacknowledged_stops(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT denom_id, reason FROM deposit.denomination_stop"
                                 " WHERE acknowledged_ms IS NULL ORDER BY stopped_ms"));
  std::vector<StoppedDenomination> stops;
  for (const Row row : rows) {
    stops.push_back({DenomId{row.get<Bytes32>(0)}, row.get<std::string>(1)});
  }
  return stops;
}

absl::Status acknowledge_stop(Transaction& tx, const DenomId& denom_id, uint64_t now_ms) {
  return tx
      .query(
          "UPDATE deposit.denomination_stop SET acknowledged_ms = $2"
          " WHERE denom_id = $1 AND acknowledged_ms IS NULL",
          view(denom_id), now_ms)
      .status();
}

absl::StatusOr<std::vector<Bytes>> load_lists(Transaction& tx, std::string_view issuer_id) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT document FROM deposit.denomination_list"
                                                  " WHERE issuer_id = $1 ORDER BY number",
                                                  issuer_id));
  std::vector<Bytes> documents;
  for (const Row row : rows) documents.push_back(row.get<Bytes>(0));
  return documents;
}

absl::Status insert_list(Transaction& tx, std::string_view issuer_id, uint32_t number,
                         ByteView document, uint64_t now_ms) {
  return tx
      .query(
          "INSERT INTO deposit.denomination_list (issuer_id, number, document, fetched_ms)"
          " VALUES ($1, $2, $3, $4) ON CONFLICT (issuer_id, number) DO NOTHING",
          issuer_id, number, document, now_ms)
      .status();
}

}  // namespace cafe::deposit::store
