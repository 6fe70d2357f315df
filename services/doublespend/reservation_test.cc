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
      {"a claimed slot", {{}, {}, true}, SlotState::kHeld},
      {"its own hold does not outlast a claim",
       {{}, Hold{own, kNow_ms + 1}, true},
       SlotState::kHeld},
      {"a spend stands before a claim", {own, {}, true}, SlotState::kSpentBySame},
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

// Orders that came together, each of one payment.
class DecideOrdersTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kNow_ms = 1000;

  static SlotToReserve slot(uint8_t coin, uint32_t number, const Bytes32& d) {
    SlotToReserve made{.key = {}, .d = d};
    made.key.coin_id.bytes.fill(coin);
    made.key.slot = number;
    made.key.deposit_until = 1;
    return made;
  }
  static std::vector<bool> granted(const ReserveDecision& decision) {
    std::vector<bool> out;
    for (const ReserveResult& result : decision.results) out.push_back(result.granted);
    return out;
  }
  const Bytes32 a_ = payment(1), b_ = payment(2), c_ = payment(3);
};

TEST_F(DecideOrdersTest, EachSeesTheHoldsOfThoseBefore) {
  const std::vector<ReserveOrder> orders = {{{slot(1, 0, a_), slot(2, 0, a_)}, 2000},
                                            {{slot(3, 0, b_), slot(2, 0, b_)}, 2000},
                                            {{slot(3, 0, c_)}, 3000}};
  const ReserveDecision decision = decide_orders(orders, std::vector<SlotFacts>(5), kNow_ms);
  EXPECT_EQ(granted(decision), (std::vector{true, false, true}));
  EXPECT_EQ(decision.results[1].states, (std::vector{SlotState::kReserved, SlotState::kHeld}));
  ASSERT_EQ(decision.holds.size(), 3u) << "what was not granted holds nothing";
  EXPECT_EQ(decision.holds[2].hold.d, c_);
  EXPECT_EQ(decision.holds[2].hold.until_ms, 3000u);
}

TEST_F(DecideOrdersTest, HoldsAreSortedAndNameEachSlotOnce) {
  const std::vector<ReserveOrder> orders = {
      {{slot(9, 1, a_), slot(9, 0, a_), slot(1, 5, a_)}, 5000}, {{slot(9, 1, a_)}, 2000}};
  const ReserveDecision decision = decide_orders(orders, std::vector<SlotFacts>(4), kNow_ms);
  EXPECT_EQ(granted(decision), (std::vector{true, true})) << "the same payment again";
  ASSERT_EQ(decision.holds.size(), 3u);
  EXPECT_EQ(decision.holds[0].slot, 5u);
  EXPECT_EQ(decision.holds[1].slot, 0u);
  EXPECT_EQ(decision.holds[2].slot, 1u);
  EXPECT_EQ(decision.holds[2].hold.until_ms, 5000u) << "a shorter hold does not cut a longer one";
}

TEST_F(DecideOrdersTest, WhatIsSpentOrHeldIsRefusedAndFreesNothing) {
  std::vector<SlotFacts> facts(4);
  facts[0].spent_d = b_;
  facts[2].hold = Hold{b_, kNow_ms + 1};
  const std::vector<ReserveOrder> orders = {
      {{slot(1, 0, a_), slot(2, 0, a_)}, 2000}, {{slot(3, 0, a_)}, 2000}, {{slot(2, 0, c_)}, 2000}};
  const ReserveDecision decision = decide_orders(orders, facts, kNow_ms);
  EXPECT_EQ(granted(decision), (std::vector{false, false, true}));
  EXPECT_EQ(decision.holds.size(), 1u);
}

// A caller that gives one coin two deadlines must not make the statement name a row twice.
TEST_F(DecideOrdersTest, ADeadlineDoesNotMakeAnotherSlot) {
  SlotToReserve moved = slot(1, 0, b_);
  moved.key.deposit_until = 2;
  const std::vector<ReserveOrder> orders = {{{slot(1, 0, a_)}, 2000}, {{moved}, 2000}};
  const ReserveDecision decision = decide_orders(orders, std::vector<SlotFacts>(2), kNow_ms);
  EXPECT_EQ(granted(decision), (std::vector{true, false}));
  EXPECT_EQ(decision.holds.size(), 1u);
}

}  // namespace
}  // namespace cafe::doublespend
