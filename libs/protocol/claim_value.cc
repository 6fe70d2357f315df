#include "libs/protocol/claim_value.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/payment_answer.h"

namespace cafe::protocol {

namespace {

absl::Status unknown_denomination() {
  return invalid("UNKNOWN_DENOMINATION",
                 "A claimed coin's denomination is not in the issuer's lists.");
}

absl::Status payment_mismatch() {
  return invalid("PAYMENT_MISMATCH",
                 "A claim of payments names just the slots that paid them, each once.");
}

// The terminal's signed word that it does not take these terms.
absl::Status check_refusal(const VoidPayment& claimed, const PayeeCredential& credential,
                           const Payment& payment, const Terms& terms,
                           const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(const SignedDocument document, SignedDocument::decode(claimed.refusal));
  CAFE_ASSIGN_OR_RETURN(const TerminalCertificate terminal, credential.open(anchors, std::nullopt));
  CAFE_RETURN_IF_ERROR(document.check(terminal.key));
  CAFE_ASSIGN_OR_RETURN(const Refusal refusal, Refusal::decode(document.frame));
  if (refusal.terms_digest != payment.terms.digest() || refusal.acquirer_id != terms.acquirer_id ||
      refusal.payee_id != terms.payee_id || refusal.terminal_id != terms.terminal_id) {
    return invalid("REFUSAL_MISMATCH", "The refusal is of other terms than the payment's.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckedVoidPayment> check_void_payment(const VoidPayment& claimed,
                                                      FindDenomination find,
                                                      const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(Payment payment, Payment::decode(claimed.payment));
  CAFE_ASSIGN_OR_RETURN(const PayeeCredential credential,
                        PayeeCredential::decode(claimed.credential));
  uint64_t deposit_until = 0;
  for (const Coin& coin : payment.coins) {
    const Denomination* denomination = find(coin.denom_id);
    if (denomination == nullptr) return unknown_denomination();
    deposit_until = std::max(deposit_until, denomination->deposit_until);
  }
  CAFE_ASSIGN_OR_RETURN(Terms terms, check_evidence_payment(payment, credential, find, anchors));
  const bool refused = !claimed.refusal.empty();
  if (refused) {
    CAFE_RETURN_IF_ERROR(check_refusal(claimed, credential, payment, terms, anchors));
  }
  return CheckedVoidPayment{std::move(payment), std::move(terms), refused, deposit_until};
}

namespace {

// What the payments of a claim pay, by coin and slot.
using Paid = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

absl::StatusOr<Paid> paid_slots(const Claim& claim, std::span<const CheckedVoidPayment> payments) {
  absl::flat_hash_map<CoinId, uint32_t> places;
  for (uint32_t n = 0; n < claim.coins.size(); ++n) places.emplace(claim.coins[n].id(), n);
  Paid paid;
  for (const CheckedVoidPayment& checked : payments) {
    for (const Spend& spend : checked.payment.spends) {
      const auto place = places.find(checked.payment.coins[spend.coin].id());
      if (place == places.end() ||
          !paid.try_emplace({place->second, spend.slot}, worth_of(spend)).second) {
        return payment_mismatch();
      }
    }
  }
  return paid;
}

}  // namespace

absl::StatusOr<std::vector<ClaimedSlot>> claimed_slots(
    const Claim& claim, FindDenomination find, std::span<const CheckedVoidPayment> payments) {
  if (payments.size() != claim.payments.size()) return payment_mismatch();
  CAFE_ASSIGN_OR_RETURN(const Paid paid, paid_slots(claim, payments));
  std::vector<ClaimedSlot> slots;
  for (uint32_t n = 0; n < claim.coins.size(); ++n) {
    const ClaimedCoin& coin = claim.coins[n];
    const Denomination* denomination = find(coin.denom_id);
    if (denomination == nullptr) return unknown_denomination();
    const bool is_cheque = denomination->kind == Kind::kCheque;
    if (claim.kind != ClaimKind::kPayments && is_cheque != (claim.kind == ClaimKind::kCheques)) {
      return invalid("WRONG_KIND", "Coins and cheques are claimed apart from each other.");
    }
    for (uint32_t j = 0; j < kMaxSlots; ++j) {
      if ((coin.slots >> j & 1) == 0) continue;
      if (j >= denomination->slot_values.size()) {
        return invalid("SLOT_OUTSIDE_COIN", "A claim names a slot that its coin does not have.");
      }
      uint64_t value = is_cheque ? 0 : denomination->slot_values[j];
      if (claim.kind == ClaimKind::kPayments) {
        const auto at = paid.find({n, j});
        if (at == paid.end()) return payment_mismatch();
        value = at->second;
      }
      slots.push_back({n, j, denomination, value});
    }
  }
  if (claim.kind == ClaimKind::kPayments && slots.size() != paid.size()) return payment_mismatch();
  return slots;
}

namespace {

using Sums = std::map<std::string, uint64_t>;

absl::Status add_to(Sums& sums, const std::string& currency, uint64_t amount) {
  uint64_t& sum = sums[currency];
  CAFE_ASSIGN_OR_RETURN(sum, checked_add(sum, amount));
  return absl::OkStatus();
}

std::vector<CurrencyAmount> list_of(const Sums& sums) {
  std::vector<CurrencyAmount> out;
  for (const auto& [currency, amount] : sums) {
    if (amount > 0) out.push_back({currency, amount});
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<CurrencyAmount>> claimed_amounts(std::span<const ClaimedSlot> slots) {
  Sums sums;
  for (const ClaimedSlot& slot : slots) {
    CAFE_RETURN_IF_ERROR(add_to(sums, slot.denomination->currency, slot.value));
  }
  return list_of(sums);
}

absl::StatusOr<std::vector<CurrencyAmount>> loaded_amounts(std::span<const Load> loads) {
  Sums sums;
  for (const Load& load : loads) CAFE_RETURN_IF_ERROR(add_to(sums, load.currency, load.amount));
  return list_of(sums);
}

uint64_t deducted_value(ClaimKind kind, const ClaimedSlot& slot, const Spend& paid) {
  const uint64_t worth = worth_of(paid);
  return kind == ClaimKind::kCheques ? worth : std::min(worth, slot.value);
}

Deduction::Code deduction_code(const Claim& claim, const Terms& paid) {
  return paid.time_ms > claim.time_ms ? Deduction::Code::kPaidAfter : Deduction::Code::kPaidBefore;
}

absl::StatusOr<std::vector<ClaimTotal>> claim_totals(std::span<const CurrencyAmount> claimed,
                                                     std::span<const ClaimedSlot> slots,
                                                     std::span<const Deduction> deductions) {
  Sums deducted, charged;
  for (const Deduction& deduction : deductions) {
    const auto at = std::lower_bound(slots.begin(), slots.end(), deduction,
                                     [](const ClaimedSlot& a, const Deduction& b) {
                                       return std::pair(a.coin, a.slot) < std::pair(b.coin, b.slot);
                                     });
    if (at == slots.end() || at->coin != deduction.coin || at->slot != deduction.slot) {
      return invalid("DEDUCTION_UNPROVED", "A deduction is of a slot that was not claimed.");
    }
    CAFE_RETURN_IF_ERROR(add_to(deduction.charged ? charged : deducted, at->denomination->currency,
                                deduction.value));
  }
  std::vector<ClaimTotal> totals;
  for (const CurrencyAmount& sum : claimed) {
    ClaimTotal total{
        sum.currency,          sum.amount, std::min(deducted[sum.currency], sum.amount), 0,
        charged[sum.currency], 0};
    total.credited = total.claimed - total.deducted;
    if (total.charged > total.credited) {
      return invalid("SUM_MISMATCH", "More is charged to a claimant than she was credited.");
    }
    totals.push_back(std::move(total));
  }
  return totals;
}

}  // namespace cafe::protocol
