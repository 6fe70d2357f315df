// The decision of Reserve: which payments may hold their slots.
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
  kHeld,         // reserved by another payment, or claimed
};

struct SlotToReserve {
  SlotKey key;
  protocol::Bytes32 d{};  // of the payment that asks
};

// What one payment asks for.
struct ReserveOrder {
  std::vector<SlotToReserve> slots;  // none named twice
  uint64_t until_ms = 0;             // exclusive
};

struct Hold {
  protocol::Bytes32 d{};
  uint64_t until_ms = 0;  // exclusive
};

struct SlotHold {
  protocol::CoinId coin_id;
  uint32_t slot = 0;
  Hold hold;
};

// What the store holds of a slot.
struct SlotFacts {
  std::optional<protocol::Bytes32> spent_d;
  std::optional<Hold> hold;
  bool claimed = false;  // its owner gave it up
};

// A spend stands before any reservation; what is claimed is reserved for nobody any more; a
// reservation stands against other payments' only, and only until its time.
SlotState decide_slot(const protocol::Bytes32& d, const SlotFacts& facts, uint64_t now_ms);

// All or nothing.
bool is_granted(std::span<const SlotState> states);

struct ReserveResult {
  std::vector<SlotState> states;  // one for each slot, in order
  bool granted = false;
};

struct ReserveDecision {
  std::vector<ReserveResult> results;  // one for each order
  std::vector<SlotHold> holds;         // of those that are granted, sorted, no slot twice
};

// Decides orders that came together as if one came after the other, in their order, and each saw
// the holds of those before. `facts`: of each slot of each order, in order.
ReserveDecision decide_orders(std::span<const ReserveOrder> orders,
                              std::span<const SlotFacts> facts, uint64_t now_ms);

}  // namespace cafe::doublespend
