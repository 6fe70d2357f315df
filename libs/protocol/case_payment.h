// A payment as evidence (sections 7 and 8): what a judge sees of it, with the chain of the key that
// signed its terms.
#pragma once

#include "absl/functional/function_ref.h"
#include "libs/protocol/payee_credential.h"
#include "libs/protocol/payment.h"

namespace cafe::protocol {

// The denomination of an id; nullptr where it is unknown.
using FindDenomination = absl::FunctionRef<const Denomination*(const DenomId&)>;

struct CasePayment {
  Payment payment;
  uint32_t spend;  // which of its spends
  PayeeCredential terminal;

  Bytes encode() const;  // frame("cafe/v1/case-payment", payment, u32 spend, credential)
  static absl::StatusOr<CasePayment> decode(ByteView bytes);
};

// The terms of a payment, which a certified terminal or an account holder signed as payee of the
// acquirer's (BAD_SIGNATURE, WRONG_TERMINAL, the credential's reasons). A certificate's dates are
// not judged: what counts is what the payee answered to, not whether it was still entitled to ask.
absl::StatusOr<Terms> open_terms(const Payment& payment, const PayeeCredential& payee,
                                 const TrustAnchors& anchors);

// The payment's form, its terms, and all its spends of coins that `find` knows: valid, and of the
// time in the terms. Other issuers' coins prove nothing here. The reasons of check_form,
// open_terms, check_spend_dates and check_spends.
absl::StatusOr<Terms> check_evidence_payment(const Payment& payment, const PayeeCredential& payee,
                                             FindDenomination find, const TrustAnchors& anchors);

}  // namespace cafe::protocol
