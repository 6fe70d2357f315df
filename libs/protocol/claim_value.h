// What a claim is for, and what becomes of it (section 8): the sums that the issuer states and a
// judge computes again.
//
//   payments: check_void_payment of each             (claims of payments only)
//   slots   = claimed_slots(claim, find, payments)   what is claimed, slot by slot
//   claimed = claimed_amounts(slots)                 the receipt's; of cheques: loaded_amounts
//   totals  = claim_totals(claimed, slots, deductions)
#pragma once

#include <span>

#include "libs/protocol/case_payment.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/load_order.h"

namespace cafe::protocol {

// A payment that came to nothing, checked.
struct CheckedVoidPayment {
  Payment payment;
  Terms terms;
  bool refused;            // false: it says that it was not deposited in time
  uint64_t deposit_until;  // unix seconds; the latest of its denominations
};

// The payment is valid in itself, of denominations that are known (UNKNOWN_DENOMINATION), its terms
// are signed by the credential's terminal or holder, and the refusal, where there is one, is signed
// by the same key and of these terms (REFUSAL_MISMATCH). The reasons of check_evidence_payment.
absl::StatusOr<CheckedVoidPayment> check_void_payment(const VoidPayment& payment,
                                                      FindDenomination find,
                                                      const TrustAnchors& anchors);

// A slot that a claim names.
struct ClaimedSlot {
  uint32_t coin;  // in the claim
  uint32_t slot;
  const Denomination* denomination;
  // Minor units: of a coin's slot its value, of a payment's slot what it pays; 0 for cheques, which
  // are claimed all together.
  uint64_t value;
};

// All slots that the claim names, ascending by coin and slot. UNKNOWN_DENOMINATION; WRONG_KIND
// where coins and cheques do not go with the claim's kind; SLOT_OUTSIDE_COIN; PAYMENT_MISMATCH
// where the payments' slots are not just those that are claimed, each once. `payments` are those of
// the claim, in order; none for other kinds.
absl::StatusOr<std::vector<ClaimedSlot>> claimed_slots(
    const Claim& claim, FindDenomination find, std::span<const CheckedVoidPayment> payments);

// Sums by currency, ascending and none of them 0 (AMOUNT_OVERFLOW): of slots, and of loads.
absl::StatusOr<std::vector<CurrencyAmount>> claimed_amounts(std::span<const ClaimedSlot> slots);
absl::StatusOr<std::vector<CurrencyAmount>> loaded_amounts(std::span<const Load> loads);

// What a payment of a claimed slot takes from the claim: of cheques what it is worth, otherwise at
// most what the slot was claimed for.
uint64_t deducted_value(ClaimKind kind, const ClaimedSlot& slot, const Spend& paid);

// After the claim's time by its terms, or before.
Deduction::Code deduction_code(const Claim& claim, const Terms& paid);

// One total for each currency of `claimed`: deducted is what was spent before the credit, at most
// all; credited the rest; charged what was taken back of it. Uncollected is 0: what the account did
// not hold, only its books know. DEDUCTION_UNPROVED where one is of a slot that is not in `slots`
// (ascending), SUM_MISMATCH where more is charged than was credited, AMOUNT_OVERFLOW.
absl::StatusOr<std::vector<ClaimTotal>> claim_totals(std::span<const CurrencyAmount> claimed,
                                                     std::span<const ClaimedSlot> slots,
                                                     std::span<const Deduction> deductions);

}  // namespace cafe::protocol
