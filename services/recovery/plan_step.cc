#include "services/recovery/plan_step.h"

namespace cafe::recovery {

Step plan_step(Stage stage, protocol::ClaimKind kind, const DueTimes& due, uint64_t now_ms) {
  switch (stage) {
    case Stage::kFiled:
      return Step::kFile;
    case Stage::kHeld:
      if (now_ms < due.held_until_ms) return Step::kWait;
      return kind == protocol::ClaimKind::kCheques ? Step::kSettle : Step::kCredit;
    case Stage::kCredited:
      return now_ms < due.final_at_ms ? Step::kCharge : Step::kFinish;
    case Stage::kFinal:
      break;
  }
  return Step::kNothing;
}

}  // namespace cafe::recovery
