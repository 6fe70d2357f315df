// A batch's movements as postings of the ledger.
#pragma once

#include "libs/storage/ledger.h"
#include "services/deposit/decide_batch.h"

namespace cafe::deposit {

// One posting for each currency, kind "deposit", reference u64 batch ‖ currency:
//   coins of each denomination -X, loss -Y, payee +(sum of all). AMOUNT_OVERFLOW where that does
// not fit a ledger entry.
absl::StatusOr<std::vector<storage::Posting>> postings_of(
    uint64_t batch, const protocol::PayeeId& payee_id,
    const std::map<std::string, Movement>& movements);

}  // namespace cafe::deposit
