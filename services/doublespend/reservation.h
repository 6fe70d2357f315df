// The decision of Reserve: whether a payment may hold a slot.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "services/doublespend/spend_row.h"

namespace cafe::doublespend {

enum class SlotState {
  kReserved,     // free, or held by the same payment
  kSpent,        // by another payment
  kSpentBySame,  // by this payment, which was deposited already
  kHeld,         // reserved by another payment
};

struct SlotToReserve {
  SlotKey key;
  protocol::Bytes32 d{};  // of the payment that asks
};

struct Hold {
  protocol::Bytes32 d{};
  uint64_t until_ms = 0;  // exclusive
};

// What the store holds of a slot.
struct SlotFacts {
  std::optional<protocol::Bytes32> spent_d;
  std::optional<Hold> hold;
};

// A spend stands before any reservation; a reservation stands against other payments' only, and
// only until its time.
SlotState decide_slot(const protocol::Bytes32& d, const SlotFacts& facts, uint64_t now_ms);

// All or nothing.
bool is_granted(std::span<const SlotState> states);

struct ReserveResult {
  std::vector<SlotState> states;  // one for each slot, in order
  bool granted = false;
};

}  // namespace cafe::doublespend
