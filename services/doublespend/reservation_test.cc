#include "services/doublespend/reservation.h"

#include <gtest/gtest.h>

namespace cafe::doublespend {
namespace {

using protocol::Bytes32;

Bytes32 payment(uint8_t fill) {
  Bytes32 d;
  d.fill(fill);
  return d;
}

TEST(ReservationTest, DecidesEachSlot) {
  constexpr uint64_t kNow_ms = 1000;
  const Bytes32 own = payment(1);
  const Bytes32 other = payment(2);
  const struct {
    const char* behaviour;
    SlotFacts facts;
    SlotState expected;
  } cases[] = {
      {"a free slot", {}, SlotState::kReserved},
      {"held by itself", {{}, Hold{own, kNow_ms + 1}}, SlotState::kReserved},
      {"held by another", {{}, Hold{other, kNow_ms + 1}}, SlotState::kHeld},
      {"a hold ends at its time", {{}, Hold{other, kNow_ms}}, SlotState::kReserved},
      {"spent by another", {other, {}}, SlotState::kSpent},
      {"spent by itself", {own, {}}, SlotState::kSpentBySame},
      {"its own hold does not undo a spend", {other, Hold{own, kNow_ms + 1}}, SlotState::kSpent},
      {"a spend stands before another's hold",
       {own, Hold{other, kNow_ms + 1}},
       SlotState::kSpentBySame},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(decide_slot(own, c.facts, kNow_ms), c.expected) << c.behaviour;
  }
}

TEST(ReservationTest, GrantsAllOrNothing) {
  using enum SlotState;
  EXPECT_TRUE(is_granted(std::vector{kReserved, kReserved}));
  for (const SlotState bad : {kSpent, kSpentBySame, kHeld}) {
    EXPECT_FALSE(is_granted(std::vector{kReserved, bad, kReserved}));
  }
}

}  // namespace
}  // namespace cafe::doublespend
