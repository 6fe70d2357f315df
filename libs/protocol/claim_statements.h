// What a judge checks of an issuer's statements about a claim: for verify_claim_file, which
// claim_file.h declares.
#pragma once

#include "libs/protocol/case_payment.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/claim_value.h"

namespace cafe::protocol {

// An issuer's keys for withdrawals and recoveries, present and past, by their certificates.
class CertifiedKeys {
 public:
  // Signatures under the master key (BAD_SIGNATURE), purposes (WRONG_PURPOSE), all of this issuer
  // (DOCUMENT_MISMATCH).
  static absl::StatusOr<CertifiedKeys> open(std::span<const SignedDocument> certificates,
                                            const std::string& issuer_id,
                                            const TrustAnchors& anchors);
  // That one of them for `purpose` signed it (BAD_SIGNATURE), which was valid at `at_s`, where that
  // is known (KEY_EXPIRED).
  absl::Status check(const SignedDocument& document, std::string_view purpose,
                     std::optional<uint64_t> at_s) const;

 private:
  std::vector<KeyCertificate> certificates_;
};

absl::Status sum_mismatch();

// The last of a claim's statements, once all of them are checked: signed, about this claim,
// numbered from 1 (STATEMENT_ORDER); each has what the one before deducted and nothing after the
// final one (STATEMENT_MISMATCH), and sums that follow from it (SUM_MISMATCH). Without any, what
// the receipt says is held.
absl::StatusOr<ClaimStatement> last_statement(std::span<const SignedDocument> statements,
                                              const CertifiedKeys& keys, const Claim& claim,
                                              const ClaimReceipt& receipt,
                                              std::span<const ClaimedSlot> slots);

// Every deduction stands on a valid payment of its slot, at the time and of the value that it says
// (DEDUCTION_UNPROVED), and every payment on a deduction (NOT_CANONICAL).
absl::Status check_deductions(std::span<const Deduction> deductions,
                              std::span<const CasePayment> payments, const Claim& claim,
                              std::span<const ClaimedSlot> slots, FindDenomination find,
                              const TrustAnchors& anchors);

}  // namespace cafe::protocol
