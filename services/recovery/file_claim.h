// Filing a claim: (1) check it, (2) store it with its receipt, (3) mark its slots in the coin
// store, (4) let the receipt out. After each step the next one may be done by whoever comes: the
// claimant who asks again, or the worker.
#pragma once

#include "services/recovery/claim_store.h"
#include "services/recovery/parts.h"

namespace cafe::recovery {

struct FilingAnswer {
  bool refused;
  protocol::Bytes document;         // signed document: claim-receipt or claim-refused
  protocol::Bytes key_certificate;  // signed document
};

// Files a signed Claim. The same again gets the same receipt, however late. Refusals of a
// holder's well-formed claim are answers; WRONG_ISSUER, UNKNOWN_ACCOUNT, NOT_THE_HOLDER,
// BAD_SIGNATURE and what the bytes or the peers have wrong are errors.
absl::StatusOr<FilingAnswer> file_claim(const RecoveryParts& parts, protocol::ByteView document,
                                        absl::Time deadline);

// Steps 3 and 4 of a claim that is stored. Any number of times, by several at once.
absl::Status finish_filing(const RecoveryParts& parts, uint64_t number, absl::Time deadline);

}  // namespace cafe::recovery
