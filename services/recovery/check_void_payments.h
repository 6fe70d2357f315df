// Payments that came to nothing: whether each is a good payment of the claimed slots, and whether
// its payee refused it or never deposited it.
#pragma once

#include "libs/protocol/claim_documents.h"
#include "libs/protocol/payment.h"
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

// Each payment is valid in itself, as a deposit would find it (the reasons of check_payment), its
// terms are its payee's (those of PayeeCredential::open), it pays with claimed slots
// (SLOT_NOT_CLAIMED), none of which another one pays with (SLOT_TWICE); a refusal is the terminal's
// and of these terms (WRONG_REFUSAL, BAD_SIGNATURE; WRONG_ACQUIRER where another issuer would have
// to void them), and without one nobody can deposit it any more (NOT_DUE). Each item is a payment.
// SLOT_NOT_PAID, whose item is the coin, where no payment pays with a claimed slot.
std::optional<ClaimFault> check_void_payments(const protocol::Claim& claim,
                                              const PaymentFacts& facts);

}  // namespace cafe::recovery
