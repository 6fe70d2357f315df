// Step 4 of a deposit: verdicts, ledger and receipt in one transaction.
#pragma once

#include <functional>

#include "services/deposit/parts.h"
#include "services/deposit/store.h"

namespace cafe::deposit {

// A stored batch with what the checks made of it.
struct CheckedBatch {
  StoredBatch stored;
  std::vector<CheckedPayment> payments;
};

// Credits the batch and signs its receipt, unless that was done before; either way the answer.
// `recorded` are the coin store's answers for the slots of the valid payments.
//
// Where the ledger would give back more coins of a denomination than were issued, its key is
// compromised: the denomination is stopped (denomination_stop, an error in the log, a metric,
// `on_stop`) and its payments are refused, DENOMINATION_STOPPED; the rest of the batch is credited.
// Cheques beyond what guardians were loaded with are credited all the same: what is missing comes
// from the losses, with an alarm (cheque_alarm, an error in the log, a metric).
absl::StatusOr<BatchAnswer> credit_batch(const DepositParts& parts, const CheckedBatch& batch,
                                         std::span<const RecordedSlot> recorded,
                                         const std::function<void()>& on_stop);

}  // namespace cafe::deposit
