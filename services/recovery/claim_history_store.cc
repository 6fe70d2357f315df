// What became of claims: statements, deductions and the payments that they stand on.
#include <algorithm>

#include "services/recovery/claim_store.h"

namespace cafe::recovery::store {
namespace {

using protocol::append;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::Deduction;
using protocol::encode_u32;
using protocol::encode_u64;
using storage::Row;
using storage::Rows;

// u32 coin ‖ u32 slot ‖ u64 value ‖ u64 uncollected ‖ u32 spend ‖ u32 flags ‖ currency ‖ payment
// digest. Flags: 1 paid after the claim, 2 charged.
constexpr size_t kPackedDeduction = 4 + 4 + 8 + 8 + 4 + 4 + 3 + 32;
static_assert(kPackedDeduction == 67);

Bytes pack(std::span<const Deducted> deducted) {
  Bytes packed;
  for (const Deducted& each : deducted) {
    const Deduction& deduction = each.deduction;
    append(packed, encode_u32(deduction.coin));
    append(packed, encode_u32(deduction.slot));
    append(packed, encode_u64(deduction.value));
    append(packed, encode_u64(each.uncollected));
    append(packed, encode_u32(each.spend));
    append(packed, encode_u32((deduction.code == Deduction::Code::kPaidAfter ? 1U : 0U) |
                              (deduction.charged ? 2U : 0U)));
    append(packed, protocol::view_of(each.currency));
    append(packed, deduction.payment_digest);
  }
  return packed;
}

}  // namespace

absl::StatusOr<std::vector<Deducted>> load_deductions(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT coin, slot, paid_after, charged, value, payment_digest, currency,"
               " uncollected, spend FROM recovery.deduction WHERE number = $1 ORDER BY coin, slot",
               number));
  std::vector<Deducted> deducted;
  for (const Row row : rows) {
    deducted.push_back({.deduction = {.coin = row.get<uint32_t>(0),
                                      .slot = row.get<uint32_t>(1),
                                      .code = row.get<bool>(2) ? Deduction::Code::kPaidAfter
                                                               : Deduction::Code::kPaidBefore,
                                      .charged = row.get<bool>(3),
                                      .value = row.get<uint64_t>(4),
                                      .payment_digest = row.get<Bytes32>(5)},
                        .currency = row.get<std::string>(6),
                        .uncollected = row.get<uint64_t>(7),
                        .spend = row.get<uint32_t>(8)});
  }
  return deducted;
}

absl::StatusOr<std::optional<protocol::AccountId>> credited_to(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query("SELECT credited_to FROM recovery.claim_statement"
                                                  " WHERE number = $1 AND sequence = 1",
                                                  number));
  if (rows.empty()) return std::nullopt;
  return protocol::AccountId::decode(rows.front().get<Bytes>(0));
}

absl::StatusOr<ClaimHistory> load_history(Transaction& tx, uint64_t number) {
  ClaimHistory history;
  CAFE_ASSIGN_OR_RETURN(const Rows statements,
                        tx.query("SELECT document, key_certificate FROM recovery.claim_statement"
                                 " WHERE number = $1 ORDER BY sequence",
                                 number));
  for (const Row row : statements) {
    history.statements.push_back({row.get<Bytes>(0), row.get<Bytes>(1)});
  }
  CAFE_ASSIGN_OR_RETURN(const Rows payments,
                        tx.query("SELECT p.payment, p.credential, d.spend FROM"
                                 " (SELECT DISTINCT ON (payment_digest) *"
                                 "   FROM recovery.deduction WHERE number = $1"
                                 "   ORDER BY payment_digest, coin, slot) d"
                                 " JOIN recovery.claim_payment p USING (number, payment_digest)"
                                 " ORDER BY d.coin, d.slot",
                                 number));
  for (const Row row : payments) {
    history.payments.push_back({row.get<Bytes>(0), row.get<Bytes>(1), row.get<uint32_t>(2)});
  }
  return history;
}

absl::StatusOr<std::vector<SlotElsewhere>> slots_elsewhere(Transaction& tx, uint64_t number) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT c.coin, t.slot, t.number, t.coin FROM recovery.claim_coin c"
               " JOIN recovery.claimed_slot t ON t.account_id = c.account_id AND t.n = c.n"
               "  AND t.denom_id = c.denom_id AND t.i = c.i"
               " WHERE c.number = $1 AND t.number <> $1 AND (c.slots >> t.slot) & 1 = 1"
               " ORDER BY t.number, t.coin, t.slot",
               number));
  std::vector<SlotElsewhere> slots;
  for (const Row row : rows) {
    const auto slot = row.get<uint32_t>(1);
    slots.push_back({.key = {row.get<uint32_t>(0), slot},
                     .number = row.get<uint64_t>(2),
                     .other = {row.get<uint32_t>(3), slot}});
  }
  return slots;
}

absl::Status insert_statement(Transaction& tx, uint64_t number, const NewStatement& statement,
                              std::span<const Deducted> deducted,
                              std::span<const ArchivedPayment> payments) {
  CAFE_RETURN_IF_ERROR(
      tx.query("INSERT INTO recovery.claim_statement (number, sequence, state, document,"
               " key_certificate, credited_to, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
               number, statement.sequence, stage_name(statement.stage), statement.document,
               statement.key_certificate, statement.credited_to.bytes, statement.at_ms)
          .status());
  for (const ArchivedPayment& payment : payments) {
    CAFE_RETURN_IF_ERROR(
        tx.query("INSERT INTO recovery.claim_payment (number, payment_digest, payment, credential)"
                 " VALUES ($1, sha256($2), $2, $3) ON CONFLICT DO NOTHING",
                 number, payment.payment, payment.credential)
            .status());
  }
  if (deducted.empty()) return absl::OkStatus();
  return tx
      .query(
          "INSERT INTO recovery.deduction (number, coin, slot, paid_after, charged, currency,"
          " value, uncollected, payment_digest, spend, sequence)"
          " SELECT $1, cafe.u32_at($2::bytea, k * 67), cafe.u32_at($2::bytea, k * 67 + 4),"
          "  cafe.u32_at($2::bytea, k * 67 + 28) & 1 = 1,"
          "  cafe.u32_at($2::bytea, k * 67 + 28) & 2 = 2,"
          "  convert_from(substr($2::bytea, k * 67 + 33, 3), 'SQL_ASCII'),"
          "  cafe.u64_at($2::bytea, k * 67 + 8), cafe.u64_at($2::bytea, k * 67 + 16),"
          "  substr($2::bytea, k * 67 + 36, 32), cafe.u32_at($2::bytea, k * 67 + 24), $3"
          " FROM generate_series(0, octet_length($2::bytea) / 67 - 1) AS k",
          number, pack(deducted), statement.sequence)
      .status();
}

absl::Status insert_cheque_alarm(Transaction& tx, uint64_t number, std::string_view currency,
                                 uint64_t amount, uint64_t now_ms) {
  return tx
      .query(
          "INSERT INTO recovery.cheque_alarm (number, currency, amount, raised_ms)"
          " VALUES ($1, $2, $3, $4)",
          number, currency, amount, now_ms)
      .status();
}

absl::Status move_on(Transaction& tx, uint64_t number, const NewStatement& statement,
                     uint64_t next_look_ms) {
  return tx
      .query(
          "UPDATE recovery.claim SET state = $2, sequence = $3, next_look_ms = $4, note = ''"
          " WHERE number = $1",
          number, stage_name(statement.stage), statement.sequence, next_look_ms)
      .status();
}

}  // namespace cafe::recovery::store
