#include "services/doublespend/reservation.h"

#include <algorithm>

namespace cafe::doublespend {

SlotState decide_slot(const protocol::Bytes32& d, const SlotFacts& facts, uint64_t now_ms) {
  if (facts.spent_d.has_value()) {
    return *facts.spent_d == d ? SlotState::kSpentBySame : SlotState::kSpent;
  }
  if (facts.hold.has_value() && facts.hold->d != d && facts.hold->until_ms > now_ms) {
    return SlotState::kHeld;
  }
  return SlotState::kReserved;
}

bool is_granted(std::span<const SlotState> states) {
  return std::all_of(states.begin(), states.end(),
                     [](SlotState state) { return state == SlotState::kReserved; });
}

}  // namespace cafe::doublespend
