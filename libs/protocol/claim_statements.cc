#include "libs/protocol/claim_statements.h"

#include <map>

#include "libs/protocol/hash.h"

namespace cafe::protocol {

absl::Status sum_mismatch() {
  return invalid("SUM_MISMATCH",
                 "The issuer's sums are not what the coins, loads and deductions come to.");
}

namespace {

absl::Status statement_mismatch() {
  return invalid("STATEMENT_MISMATCH",
                 "A statement about a claim goes back on the one before it: both are evidence.");
}

// What stays of one statement in the next: every deduction as it was. Those that come with the
// credit are less of it, those that come later are taken back.
absl::Status check_next(const std::optional<ClaimStatement>& before, const ClaimStatement& next) {
  if (next.state == ClaimState::kHeld) return statement_mismatch();  // the first is the credit
  if (before && before->state == ClaimState::kFinal) return statement_mismatch();
  std::map<std::pair<uint32_t, uint32_t>, const Deduction*> known;
  if (before) {
    for (const Deduction& d : before->deductions) known.emplace(std::pair(d.coin, d.slot), &d);
  }
  size_t kept = 0;
  for (const Deduction& deduction : next.deductions) {
    const auto at = known.find({deduction.coin, deduction.slot});
    if (at == known.end()) {
      if (deduction.charged != before.has_value()) return statement_mismatch();
    } else if (*at->second == deduction) {
      ++kept;
    } else {
      return statement_mismatch();
    }
  }
  return kept == known.size() ? absl::OkStatus() : statement_mismatch();
}

absl::Status check_totals(const ClaimStatement& statement, const ClaimReceipt& receipt,
                          std::span<const ClaimedSlot> slots) {
  CAFE_ASSIGN_OR_RETURN(std::vector<ClaimTotal> totals,
                        claim_totals(receipt.claimed, slots, statement.deductions));
  if (totals.size() != statement.totals.size()) return sum_mismatch();
  for (size_t n = 0; n < totals.size(); ++n) {
    totals[n].uncollected =
        statement.totals[n].uncollected;  // of its books: at most what it charged
    if (totals[n] != statement.totals[n]) return sum_mismatch();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClaimStatement> last_statement(std::span<const SignedDocument> statements,
                                              const CertifiedKeys& keys, const Claim& claim,
                                              const ClaimReceipt& receipt,
                                              std::span<const ClaimedSlot> slots) {
  std::optional<ClaimStatement> last;
  for (const SignedDocument& document : statements) {
    CAFE_ASSIGN_OR_RETURN(ClaimStatement statement, ClaimStatement::decode(document.frame));
    CAFE_RETURN_IF_ERROR(keys.check(document, kPurposeRecovery, statement.time_ms / 1000));
    if (statement.issuer_id != claim.issuer_id || statement.account != claim.account ||
        statement.number != receipt.number || statement.claim_digest != receipt.claim_digest) {
      return invalid("DOCUMENT_MISMATCH", "A statement in the claim file is about another claim.");
    }
    if (statement.sequence != (last ? last->sequence : 0) + 1) {
      return invalid("STATEMENT_ORDER", "Statements about a claim are numbered 1, 2, 3, ...");
    }
    CAFE_RETURN_IF_ERROR(check_next(last, statement));
    CAFE_RETURN_IF_ERROR(check_totals(statement, receipt, slots));
    last = std::move(statement);
  }
  if (last) return *std::move(last);
  CAFE_ASSIGN_OR_RETURN(std::vector<ClaimTotal> totals, claim_totals(receipt.claimed, slots, {}));
  for (ClaimTotal& total : totals) total.credited = 0;  // not yet
  return ClaimStatement{claim.issuer_id,
                        claim.account,
                        receipt.number,
                        receipt.claim_digest,
                        0,
                        receipt.time_ms,
                        ClaimState::kHeld,
                        {},
                        std::move(totals)};
}

namespace {

absl::Status unproved() {
  return invalid("DEDUCTION_UNPROVED",
                 "A deduction does not stand on a valid payment of its slot, time and value.");
}

// A payment that deductions stand on.
struct Proof {
  const CasePayment* payment;
  Terms terms;
};

// Which of the payment's spends is of a coin's slot.
std::optional<uint32_t> find_spend(const Payment& payment, const CoinId& coin_id, uint32_t slot) {
  for (uint32_t n = 0; n < payment.spends.size(); ++n) {
    const Spend& spend = payment.spends[n];
    if (spend.slot == slot && payment.coins[spend.coin].id() == coin_id) return n;
  }
  return std::nullopt;
}

absl::Status check_deduction(const Deduction& deduction, const Proof& proof, const Claim& claim,
                             const ClaimedSlot& slot, const Spend& spend) {
  if (deduction.code != deduction_code(claim, proof.terms) ||
      deduction.value != deducted_value(claim.kind, slot, spend)) {
    return unproved();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_deductions(std::span<const Deduction> deductions,
                              std::span<const CasePayment> payments, const Claim& claim,
                              std::span<const ClaimedSlot> slots, FindDenomination find,
                              const TrustAnchors& anchors) {
  std::map<std::pair<uint32_t, uint32_t>, const ClaimedSlot*> claimed;
  for (const ClaimedSlot& slot : slots) claimed.emplace(std::pair(slot.coin, slot.slot), &slot);
  std::map<Bytes32, Proof> proofs;  // by the payment's digest
  for (const Deduction& deduction : deductions) {
    const auto slot = claimed.find({deduction.coin, deduction.slot});
    if (slot == claimed.end()) return unproved();
    const CoinId coin_id = claim.coins[deduction.coin].id();
    auto proof = proofs.find(deduction.payment_digest);
    const bool first_named = proof == proofs.end();
    if (first_named) {
      if (proofs.size() >= payments.size()) return unproved();
      const CasePayment& next = payments[proofs.size()];
      if (sha256(next.payment.encode()) != deduction.payment_digest) return unproved();
      CAFE_ASSIGN_OR_RETURN(Terms terms,
                            check_evidence_payment(next.payment, next.terminal, find, anchors));
      proof = proofs.emplace(deduction.payment_digest, Proof{&next, std::move(terms)}).first;
    }
    const CasePayment& payment = *proof->second.payment;
    const auto spend = find_spend(payment.payment, coin_id, deduction.slot);
    if (!spend || (first_named && *spend != payment.spend)) return unproved();
    CAFE_RETURN_IF_ERROR(check_deduction(deduction, proof->second, claim, *slot->second,
                                         payment.payment.spends[*spend]));
  }
  if (proofs.size() != payments.size()) {
    return invalid("NOT_CANONICAL", "A payment in the claim file is not what anything rests on.");
  }
  return absl::OkStatus();
}

}  // namespace cafe::protocol
