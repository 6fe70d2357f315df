// One step of a claim that was filed: its credit, charges for payments that came in later, its end.
// Each step is one transaction with a signed statement, under the claim's lock; what it rests on is
// gathered before, and if the claim has gone on meanwhile nothing is done. So any number of workers
// may try, and may be killed anywhere.
#pragma once

#include "services/recovery/parts.h"

namespace cafe::recovery {

// Does what is due of the claim and says when to look at it next. Errors: the database's and the
// peers', OVERDRAWN (more coins would come back than were issued: an alarm); nothing was done then.
absl::Status advance_claim(const RecoveryParts& parts, uint64_t number);

}  // namespace cafe::recovery
