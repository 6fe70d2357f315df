// Compares what the tables say of a claim with what was signed: services go by rows, courts by
// documents.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "tools/cafectl/audit_claim_sums.h"
#include "tools/cafectl/claim_store.h"

namespace cafe::cafectl {

// The successor of each lost account that has one.
using Successors = absl::flat_hash_map<protocol::AccountId, protocol::AccountId>;
absl::StatusOr<Successors> load_successors(storage::Transaction& tx);

// The rows of claim, coins, statements and deductions; CLAIM_MISMATCH says which of them differs.
// What the documents do not say: whom each statement credited, who must be the claimant or who took
// her place later; and what the issuer bore.
absl::StatusOr<ClaimBooks> check_claim_rows(storage::Transaction& tx, const StoredClaim& row,
                                            const protocol::ClaimFile& file,
                                            const OpenedClaim& claim, const Successors& successors);

// Every claimed slot is held by one claim, and marked for it in the coin store while that is kept;
// nothing else is marked.
absl::Status check_marks(storage::Transaction& tx, AuditCheck& check);

// Whether an error is about documents, and not about the database.
bool is_of_documents(const absl::Status& status);

}  // namespace cafe::cafectl
