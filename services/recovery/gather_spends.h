// What payments took from a claim so far, asked of the coin store and of deposit before a step of
// the claim is decided.
#pragma once

#include "services/recovery/claim_store.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

// A claim with what has been deducted already, and what was spent since.
struct ClaimAtHand {
  StoredClaim stored;
  protocol::ClaimFile file;
  ClaimContent content;
  std::vector<Deducted> before;           // by coin and slot
  std::vector<PaidSlot> spent;            // claimed slots, none of `before`
  std::vector<ArchivedPayment> payments;  // what `spent` stands on, each once
};

// Asks for the spends of a claim as it is stored: of cheques deposit, which keeps them for good, of
// the rest the coin store. Of cheques, slots that an earlier claim of
// payments has and nobody deposited are spent by those payments. Errors: the database's and the
// peers'.
absl::StatusOr<ClaimAtHand> gather_spends(const RecoveryParts& parts, StoredClaim stored);

}  // namespace cafe::recovery
