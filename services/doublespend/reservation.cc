#include "services/doublespend/reservation.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cafe::doublespend {

SlotState decide_slot(const protocol::Bytes32& d, const SlotFacts& facts, uint64_t now_ms) {
  if (facts.spent_d.has_value()) {
    return *facts.spent_d == d ? SlotState::kSpentBySame : SlotState::kSpent;
  }
  if (facts.claimed) return SlotState::kHeld;
  const bool held = facts.hold.has_value() && facts.hold->until_ms > now_ms && facts.hold->d != d;
  return held ? SlotState::kHeld : SlotState::kReserved;
}

bool is_granted(std::span<const SlotState> states) {
  return std::all_of(states.begin(), states.end(),
                     [](SlotState state) { return state == SlotState::kReserved; });
}

ReserveDecision decide_orders(std::span<const ReserveOrder> orders,
                              std::span<const SlotFacts> facts, uint64_t now_ms) {
  ReserveDecision decision;
  std::map<std::pair<protocol::CoinId, uint32_t>, Hold> granted;  // by those before
  const auto name = [](const SlotKey& key) { return std::pair(key.coin_id, key.slot); };
  auto next_facts = facts.begin();
  for (const ReserveOrder& order : orders) {
    ReserveResult result;
    for (const SlotToReserve& slot : order.slots) {
      SlotFacts known = *next_facts++;
      if (const auto before = granted.find(name(slot.key)); before != granted.end()) {
        known.hold = before->second;
      }
      result.states.push_back(decide_slot(slot.d, known, now_ms));
    }
    result.granted = is_granted(result.states);
    if (result.granted) {
      for (const SlotToReserve& slot : order.slots) {
        // Where an earlier order granted the slot it was the same payment's: the longer one stands.
        Hold& hold = granted[name(slot.key)];
        hold = {.d = slot.d, .until_ms = std::max(hold.until_ms, order.until_ms)};
      }
    }
    decision.results.push_back(std::move(result));
  }
  for (const auto& [slot, hold] : granted) {
    decision.holds.push_back({slot.first, slot.second, hold});
  }
  return decision;
}

}  // namespace cafe::doublespend
