#include "tools/cafectl/audit_claim_rows.h"

#include "tools/cafectl/claim_json.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::to_bytes;
using storage::Row;
using storage::Rows;
using storage::Transaction;

namespace {

absl::Status mismatch(const std::string& what) { return protocol::invalid("CLAIM_MISMATCH", what); }

// The claim's own row.
absl::Status check_row(const StoredClaim& row, const protocol::ClaimFile& file,
                       const OpenedClaim& claim) {
  const protocol::ClaimReceipt& receipt = claim.receipt;
  if (row.digest != file.claim.digest() || row.account != claim.claim.account ||
      row.claimant != claim.claim.by || row.kind != claim_kind_name(claim.claim.kind) ||
      row.time_ms != claim.claim.time_ms || row.coins != claim.claim.coins.size()) {
    return mismatch("its row says something else than the signed claim");
  }
  if (row.number != receipt.number || row.held_until_ms != receipt.held_until_ms ||
      row.final_at_ms != receipt.final_at_ms) {
    return mismatch("its row says something else than the signed receipt");
  }
  const auto* last = claim.last();
  const bool in_state = last == nullptr ? row.state == "filed" || row.state == "held"
                                        : row.state == claim_state_name(last->state);
  if (!in_state || row.sequence != claim.statements.size()) {
    return mismatch("it does not stand where its last statement says");
  }
  return absl::OkStatus();
}

// The answer that its claimant gets.
absl::Status check_receipt(Transaction& tx, uint64_t number, const protocol::ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT receipt FROM recovery.claim WHERE number = $1", number));
  if (rows.empty() || rows.front().get<Bytes>(0) != file.claim_receipt.encode()) {
    return mismatch("its receipt is not the one in its file");
  }
  return absl::OkStatus();
}

absl::Status check_coins(Transaction& tx, const StoredClaim& row, const OpenedClaim& claim) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT coin, account_id, n, denom_id, i, coin_id, slots, spend_until, "
               "deposit_until, claim_until FROM recovery.claim_coin WHERE number = $1 "
               "ORDER BY coin",
               row.number));
  if (static_cast<size_t>(rows.size()) != claim.claim.coins.size())
    return mismatch("it has other coins than it claims");
  uint32_t n = 0;
  for (const Row coin : rows) {
    const protocol::ClaimedCoin& claimed = claim.claim.coins[n];
    const protocol::Denomination* denomination = claim.denominations.find(claimed.denom_id);
    if (coin.get<uint32_t>(0) != n || coin.get<Bytes>(1) != to_bytes(claim.claim.account) ||
        coin.get<uint64_t>(2) != claimed.order ||
        coin.get<Bytes>(3) != to_bytes(claimed.denom_id) || coin.get<uint32_t>(4) != claimed.i ||
        coin.get<Bytes>(5) != to_bytes(claimed.id()) ||
        static_cast<uint64_t>(coin.get<int64_t>(6)) != claimed.slots || denomination == nullptr ||
        coin.get<uint64_t>(7) != denomination->spend_until ||
        coin.get<uint64_t>(8) != denomination->deposit_until ||
        coin.get<uint64_t>(9) != denomination->claim_until) {
      return mismatch("coin " + std::to_string(n) + " of it is not the one that it claims");
    }
    ++n;
  }
  return absl::OkStatus();
}

bool follows(const Bytes& account, const protocol::AccountId& claimant,
             const Successors& successors) {
  protocol::AccountId at = claimant;
  for (size_t steps = 0; steps <= successors.size(); ++steps) {
    if (to_bytes(at) == account) return true;
    const auto next = successors.find(at);
    if (next == successors.end()) return false;
    at = next->second;
  }
  return false;
}

absl::StatusOr<bool> is_convicted(Transaction& tx, const protocol::AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT count(*) FROM withdrawal.account "
                                 "WHERE account_id = $1 AND closed_case IS NOT NULL",
                                 account.bytes));
  return rows.front().get<uint64_t>(0) > 0;
}

// The claimant, or who took her place; of a convicted account itself, against its debts.
absl::StatusOr<bool> may_be_credited(Transaction& tx, const Bytes& account,
                                     const protocol::Claim& claim, const Successors& successors) {
  if (follows(account, claim.by, successors)) return true;
  if (account != to_bytes(claim.account)) return false;
  return is_convicted(tx, claim.account);
}

absl::Status check_statements(Transaction& tx, const StoredClaim& row, const OpenedClaim& claim,
                              const Successors& successors, ClaimBooks& books) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT state, credited_to FROM recovery.claim_statement "
                                 "WHERE number = $1 ORDER BY sequence",
                                 row.number));
  if (static_cast<size_t>(rows.size()) != claim.statements.size())
    return mismatch("statements of it are missing");
  for (const Row statement : rows) {
    const size_t n = books.credited_to.size();
    if (statement.get<std::string>(0) != claim_state_name(claim.statements[n].state)) {
      return mismatch("statement " + std::to_string(n + 1) + " says something else than its row");
    }
    books.credited_to.push_back(statement.get<Bytes>(1));
    CAFE_ASSIGN_OR_RETURN(const bool may, may_be_credited(tx, books.credited_to.back(),
                                                          claim.claim, successors));
    if (!may) {
      return mismatch("statement " + std::to_string(n + 1) +
                      " credits neither the claimant nor who took her place, nor a convicted "
                      "account");
    }
  }
  return absl::OkStatus();
}

// Which statement deducted first what the last one deducts.
uint32_t first_stated(const OpenedClaim& claim, const protocol::Deduction& deduction) {
  for (const protocol::ClaimStatement& statement : claim.statements) {
    for (const protocol::Deduction& each : statement.deductions) {
      if (each == deduction) return statement.sequence;
    }
  }
  return 0;
}

absl::Status check_deductions(Transaction& tx, const StoredClaim& row, const OpenedClaim& claim,
                              ClaimBooks& books) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT coin, slot, paid_after, charged, value, payment_digest, sequence, currency, "
               "uncollected FROM recovery.deduction WHERE number = $1 ORDER BY coin, slot",
               row.number));
  const auto* last = claim.last();
  const size_t stated = last == nullptr ? 0 : last->deductions.size();
  std::map<std::string, uint64_t> uncollected;
  size_t n = 0;
  for (const Row deduction : rows) {
    if (n == stated) return mismatch("a row deducts what no statement does");
    const protocol::Deduction& signed_one = last->deductions[n++];
    const bool after = signed_one.code == protocol::Deduction::Code::kPaidAfter;
    const protocol::ClaimedSlot* slot = claim.find(signed_one);
    if (deduction.get<uint32_t>(0) != signed_one.coin ||
        deduction.get<uint32_t>(1) != signed_one.slot || deduction.get<bool>(2) != after ||
        deduction.get<bool>(3) != signed_one.charged ||
        deduction.get<uint64_t>(4) != signed_one.value ||
        deduction.get<Bytes32>(5) != signed_one.payment_digest ||
        deduction.get<uint32_t>(6) != first_stated(claim, signed_one) || slot == nullptr ||
        deduction.get<std::string>(7) != slot->denomination->currency) {
      return mismatch("a deduction is not the one in its statement");
    }
    const auto missing = deduction.get<uint64_t>(8);
    books.uncollected[{signed_one.coin, signed_one.slot}] = missing;
    uncollected[slot->denomination->currency] += missing;
  }
  if (n != stated) return mismatch("a statement deducts what no row does");
  if (last == nullptr) return absl::OkStatus();
  for (const protocol::ClaimTotal& total : last->totals) {
    if (uncollected[total.currency] != total.uncollected) {
      return mismatch("its rows do not sum to what its statement calls uncollected");
    }
  }
  return absl::OkStatus();
}

absl::Status read_borne(Transaction& tx, const StoredClaim& row, ClaimBooks& books) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT currency, amount FROM recovery.cheque_alarm WHERE number = $1", row.number));
  for (const Row alarm : rows) books.borne[alarm.get<std::string>(0)] = alarm.get<uint64_t>(1);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Successors> load_successors(Transaction& tx) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows,
                        tx.query("SELECT lost, successor FROM withdrawal.replacement"));
  Successors successors;
  for (const Row row : rows) {
    CAFE_ASSIGN_OR_RETURN(const auto lost, protocol::AccountId::decode(row.get<Bytes>(0)));
    CAFE_ASSIGN_OR_RETURN(const auto successor, protocol::AccountId::decode(row.get<Bytes>(1)));
    successors.emplace(lost, successor);
  }
  return successors;
}

absl::StatusOr<ClaimBooks> check_claim_rows(Transaction& tx, const StoredClaim& row,
                                            const protocol::ClaimFile& file,
                                            const OpenedClaim& claim,
                                            const Successors& successors) {
  ClaimBooks books;
  CAFE_RETURN_IF_ERROR(check_row(row, file, claim));
  CAFE_RETURN_IF_ERROR(check_receipt(tx, row.number, file));
  CAFE_RETURN_IF_ERROR(check_coins(tx, row, claim));
  CAFE_RETURN_IF_ERROR(check_statements(tx, row, claim, successors, books));
  CAFE_RETURN_IF_ERROR(check_deductions(tx, row, claim, books));
  CAFE_RETURN_IF_ERROR(read_borne(tx, row, books));
  return books;
}

namespace {

// Counts what should not be there.
absl::Status none_of(Transaction& tx, std::string_view sql, const std::string& what,
                     AuditCheck& check) {
  CAFE_ASSIGN_OR_RETURN(const Rows rows, tx.query(sql));
  if (const auto count = rows.front().get<uint64_t>(0); count > 0) {
    check.violated(std::to_string(count) + " " + what);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_marks(Transaction& tx, AuditCheck& check) {
  CAFE_RETURN_IF_ERROR(none_of(
      tx,
      "SELECT count(*) FROM recovery.claim_coin c CROSS JOIN generate_series(0, 63) AS s (slot) "
      "WHERE (c.slots >> s.slot) & 1 = 1 AND NOT EXISTS (SELECT FROM recovery.claimed_slot t "
      "WHERE t.account_id = c.account_id AND t.n = c.n AND t.denom_id = c.denom_id "
      "AND t.i = c.i AND t.slot = s.slot)",
      "slots of claimed coins are held by no claim", check));
  CAFE_RETURN_IF_ERROR(none_of(tx,
                               "SELECT count(*) FROM recovery.claimed_slot t JOIN "
                               "recovery.claim_coin c USING (number, coin) "
                               "WHERE (c.slots >> t.slot) & 1 = 0",
                               "slots are held by a claim that does not name them", check));
  CAFE_RETURN_IF_ERROR(
      none_of(tx,
              "SELECT count(*) FROM recovery.claimed_slot t JOIN recovery.claim_coin c USING "
              "(number, coin) "
              "JOIN recovery.claim m USING (number) WHERE m.state <> 'filed' "
              "AND (m.kind <> 'cheques' OR c.deposit_until * 1000 > m.filed_ms) AND NOT EXISTS "
              "(SELECT FROM coinstore.claimed k WHERE k.claim = t.number AND k.coin_id = c.coin_id "
              "AND k.slot = t.slot) AND NOT EXISTS (SELECT FROM coinstore.partition p "
              "WHERE p.dropped_at IS NOT NULL AND p.range_from <= c.deposit_until "
              "AND c.deposit_until < p.range_until)",
              "claimed slots are not marked in the coin store", check));
  return none_of(
      tx,
      "SELECT count(*) FROM coinstore.claimed k WHERE NOT EXISTS "
      "(SELECT FROM recovery.claim_coin c JOIN recovery.claimed_slot t USING (number, coin) "
      "WHERE c.number = k.claim AND c.coin_id = k.coin_id AND t.slot = k.slot)",
      "slots are marked in the coin store without a claim", check);
}

bool is_of_documents(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace cafe::cafectl
