// Claims as they stand in the recovery service's tables, for the operator's commands and the audit.
#pragma once

#include "libs/protocol/claim_file.h"
#include "libs/storage/postgres.h"

namespace cafe::cafectl {

struct StoredClaim {
  uint64_t number;
  protocol::Bytes32 digest;
  protocol::AccountId account;
  protocol::AccountId claimant;
  std::string kind;
  std::string state;  // "filed", "held", "credited", "final"
  uint64_t time_ms;
  uint64_t filed_ms;
  uint64_t held_until_ms;
  uint64_t final_at_ms;
  uint32_t coins;
  uint32_t sequence;  // of its last statement
  std::string note;   // what holds it up
};

// By number, after `after`; at most `limit`.
absl::StatusOr<std::vector<StoredClaim>> list_claims(storage::Transaction& tx, uint64_t after,
                                                     uint32_t limit);
// NOT_FOUND (UNKNOWN_CLAIM).
absl::StatusOr<StoredClaim> find_claim(storage::Transaction& tx, uint64_t number);

// Everything that was signed about a claim, with the payments that its last statement rests on.
// NOT_FOUND (UNKNOWN_CLAIM), DATA_LOSS (PAYMENT_MISSING) where one of them is not stored, and the
// decoders' reasons.
absl::StatusOr<protocol::ClaimFile> load_claim_file(storage::Transaction& tx, uint64_t number);

}  // namespace cafe::cafectl
