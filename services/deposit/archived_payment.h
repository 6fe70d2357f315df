// One payment out of the archive, with the chain of the key that signed its terms: what a case is
// made of.
#pragma once

#include "services/deposit/parts.h"
#include "services/deposit/store.h"

namespace cafe::deposit {

struct ArchivedPayment {
  protocol::Bytes payment;
  protocol::Bytes terminal_credential;
  protocol::PayeeId payee_id;
  uint64_t received_ms;
};

// NOT_FOUND: UNKNOWN_BATCH; UNKNOWN_PAYMENT where the batch has fewer payments, or this one is not
// of an enrolled terminal (it was refused).
absl::StatusOr<ArchivedPayment> find_archived_payment(storage::Database& database, uint64_t batch,
                                                      uint32_t payment);

}  // namespace cafe::deposit
