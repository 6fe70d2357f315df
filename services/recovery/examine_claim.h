// Looks into a claim: fetches what its checks need, and makes of a good one what is filed.
#pragma once

#include "services/recovery/account.h"
#include "services/recovery/claim_content.h"
#include "services/recovery/claim_fault.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

// A good claim.
struct ExaminedClaim {
  ClaimContent content;
  DueTimes due;
  protocol::ClaimFile file;  // lacks the claim's receipt
};

// Either is set.
struct Examination {
  std::optional<ClaimFault> fault;
  std::optional<ExaminedClaim> good;
};

// `document` is the signed claim of somebody who may speak for `account`. Everything but what other
// claims have to do with it. Errors: the peers'.
absl::StatusOr<Examination> examine_claim(const RecoveryParts& parts,
                                          const protocol::SignedDocument& document,
                                          protocol::Claim claim, const Account& account,
                                          uint64_t now_ms, absl::Time deadline);

// Voids the terms of the claim's refused payments, so that nobody can deposit them any more, and
// says whether a payment was deposited before (ALREADY_DEPOSITED). Of other kinds nothing.
absl::StatusOr<std::optional<ClaimFault>> void_payments(const RecoveryParts& parts,
                                                        const ClaimContent& content,
                                                        absl::Time deadline);

}  // namespace cafe::recovery
