// Payments that came to nothing: whether each is a good payment, and whether its payee refused it
// or cannot deposit it any more. That they pay with just the claimed slots, claimed_slots checks.
#pragma once

#include "libs/protocol/claim_value.h"
#include "services/recovery/claim_fault.h"
#include "services/recovery/due.h"

namespace cafe::recovery {

struct PaymentFacts {
  std::string_view issuer_id;
  const protocol::TrustAnchors& anchors;
  const protocol::DenominationTable& denominations;
  const Periods& periods;
  uint64_t now_ms;
};

// Opens all of the claim's payments into `checked`. Each is as a judge asks (the reasons of
// check_void_payment): whether its payee should have taken it is not asked, since the slots are
// gone either way. A refused one names this issuer as acquirer (WRONG_ACQUIRER: another one would
// have to void it), any other one is one settlement period past its deposit deadline (NOT_DUE).
// Each item is a payment.
std::optional<ClaimFault> check_void_payments(const protocol::Claim& claim,
                                              const PaymentFacts& facts,
                                              std::vector<protocol::CheckedVoidPayment>& checked);

}  // namespace cafe::recovery
