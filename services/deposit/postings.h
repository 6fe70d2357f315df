// A batch's movements as postings of the ledger.
#pragma once

#include "libs/storage/ledger.h"
#include "services/deposit/decide_batch.h"

namespace cafe::deposit {

// Whose account is credited: the payee's, or the customer's own where she is an account holder.
struct Beneficiary {
  protocol::PayeeId payee_id;
  std::optional<protocol::AccountId> holder;
};

// One posting for each currency, kind "deposit", reference u64 batch ‖ currency:
//   coins of each denomination -X, cheques of each issuer -Z, loss -Y, payee or customer +(sum of
//   all). AMOUNT_OVERFLOW where that does not fit a ledger entry.
absl::StatusOr<std::vector<storage::Posting>> postings_of(
    uint64_t batch, const Beneficiary& beneficiary,
    const std::map<std::string, Movement>& movements);

}  // namespace cafe::deposit
