// What comes next of a claim.
#pragma once

#include "services/recovery/claim_store.h"

namespace cafe::recovery {

enum class Step {
  kFile,     // mark its slots and let the receipt out
  kWait,     // nothing yet
  kCredit,   // what is left is the claimant's
  kSettle,   // the same, and final at once: cheques are credited when all are settled
  kCharge,   // see whether something was paid since the credit
  kFinish,   // the same, and final
  kNothing,  // it is final
};

Step plan_step(Stage stage, protocol::ClaimKind kind, const DueTimes& due, uint64_t now_ms);

}  // namespace cafe::recovery
