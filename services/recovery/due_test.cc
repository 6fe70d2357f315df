// When a claim is credited, final, and looked at again.
#include "services/recovery/due.h"

#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"
#include "services/recovery/fresh.h"
#include "services/recovery/plan_step.h"

namespace cafe::recovery {
namespace {

using protocol::ClaimKind;
using protocol::Denomination;

constexpr uint64_t kDay_ms = 86'400'000;
constexpr Periods kPeriods{.holding_ms = 7 * kDay_ms, .settlement_ms = 3 * kDay_ms};

class DueTest : public ::testing::Test {
 protected:
  DueTest() {
    early_.deposit_until = 10 * 86400;
    late_.deposit_until = 40 * 86400;
  }
  DueTimes due(ClaimKind kind, uint64_t now_ms, bool any_refused = false) {
    const Denomination* const both[] = {&late_, &early_};
    return due_times(kind, both, any_refused, now_ms, kPeriods);
  }

  cafe::testing::World world_;
  Denomination early_ = world_.coin.denomination;
  Denomination late_ = world_.coin.denomination;
};

TEST_F(DueTest, CoinsAreHeldToTheFirstDeadlineAtMost) {
  EXPECT_EQ(due(ClaimKind::kCoins, 1 * kDay_ms), (DueTimes{8 * kDay_ms, 43 * kDay_ms}));
  EXPECT_EQ(due(ClaimKind::kCoins, 5 * kDay_ms), (DueTimes{10 * kDay_ms, 43 * kDay_ms}));
  EXPECT_EQ(due(ClaimKind::kCoins, 12 * kDay_ms), (DueTimes{12 * kDay_ms, 43 * kDay_ms}));
  EXPECT_EQ(due(ClaimKind::kCoins, 50 * kDay_ms), (DueTimes{50 * kDay_ms, 50 * kDay_ms}));
}

TEST_F(DueTest, ChequesAreHeldUntilAllAreSettled) {
  EXPECT_EQ(due(ClaimKind::kCheques, 1 * kDay_ms), (DueTimes{43 * kDay_ms, 43 * kDay_ms}));
  EXPECT_EQ(due(ClaimKind::kCheques, 50 * kDay_ms), (DueTimes{50 * kDay_ms, 50 * kDay_ms}));
}

TEST_F(DueTest, PaymentsAreHeldWhereOneWasRefused) {
  EXPECT_EQ(due(ClaimKind::kPayments, 1 * kDay_ms, true), (DueTimes{8 * kDay_ms, 43 * kDay_ms}));
  EXPECT_EQ(due(ClaimKind::kPayments, 45 * kDay_ms), (DueTimes{45 * kDay_ms, 45 * kDay_ms}));
}

TEST_F(DueTest, LooksBecomeRarerAndEndWithTheClaim) {
  const DueTimes times{.held_until_ms = 10 * kDay_ms, .final_at_ms = 100 * kDay_ms};
  EXPECT_EQ(next_look_ms(times, 10 * kDay_ms, 60'000), 10 * kDay_ms + 60'000);
  EXPECT_EQ(next_look_ms(times, 11 * kDay_ms, 60'000), 11 * kDay_ms + kDay_ms / 64);
  EXPECT_EQ(next_look_ms(times, 50 * kDay_ms, 60'000), 50 * kDay_ms + 3'600'000);
  EXPECT_EQ(next_look_ms(times, 100 * kDay_ms - 1, 60'000), 100 * kDay_ms);
  EXPECT_EQ(next_look_ms(times, 101 * kDay_ms, 60'000), 101 * kDay_ms) << "at once: it is over";
}

TEST(Fresh, ACallersClockIsNotAheadAsOursMayBe) {
  EXPECT_TRUE(check_fresh(400'000, callers_now_ms(400'000, 1'000'000, 0)).ok());
  EXPECT_FALSE(check_fresh(399'999, callers_now_ms(399'999, 1'000'000, 0)).ok());
  const uint64_t now = 10 * kDay_ms;
  const uint64_t ahead = 9 * kDay_ms;
  for (const uint64_t time :
       {kDay_ms, kDay_ms + kQueryClock_ms, kDay_ms - kQueryClock_ms, now, now + kQueryClock_ms}) {
    EXPECT_TRUE(check_fresh(time, callers_now_ms(time, now, ahead)).ok()) << time;
  }
  for (const uint64_t time :
       {kDay_ms + kQueryClock_ms + 1, 5 * kDay_ms, now + kQueryClock_ms + 1}) {
    EXPECT_FALSE(check_fresh(time, callers_now_ms(time, now, ahead)).ok()) << time;
  }
}

TEST(PlanStep, FollowsTheClaimToItsEnd) {
  const DueTimes due{.held_until_ms = 100, .final_at_ms = 200};
  const auto plan = [&](Stage stage, uint64_t now_ms, ClaimKind kind = ClaimKind::kCoins) {
    return plan_step(stage, kind, due, now_ms);
  };
  EXPECT_EQ(plan(Stage::kFiled, 300), Step::kFile);
  EXPECT_EQ(plan(Stage::kHeld, 99), Step::kWait);
  EXPECT_EQ(plan(Stage::kHeld, 100), Step::kCredit);
  EXPECT_EQ(plan(Stage::kHeld, 300), Step::kCredit) << "the credit first, then the end";
  EXPECT_EQ(plan(Stage::kHeld, 100, ClaimKind::kPayments), Step::kCredit);
  EXPECT_EQ(plan(Stage::kHeld, 99, ClaimKind::kCheques), Step::kWait);
  EXPECT_EQ(plan(Stage::kHeld, 100, ClaimKind::kCheques), Step::kSettle);
  EXPECT_EQ(plan(Stage::kCredited, 199), Step::kCharge);
  EXPECT_EQ(plan(Stage::kCredited, 200), Step::kFinish);
  EXPECT_EQ(plan(Stage::kFinal, 300), Step::kNothing);
}

}  // namespace
}  // namespace cafe::recovery
