#include "device-sim/firmware/testing/sweep.h"

#include <gmock/gmock.h>

#include <set>

#include "device-sim/firmware/testing/errands.h"

namespace cafe::testing {

using protocol::Bytes32;

namespace {

using wallet::PaymentState;

// All orders, loads, payments and calls came to an end.
void expect_finished(SweepWorld& world) {
  wallet::Wallet& wallet = world.wallet();
  EXPECT_EQ(wallet.order_phase(), wallet::OrderPhase::kNone);
  EXPECT_FALSE(wallet.pending_load_bytes().ok());
  EXPECT_FALSE(wallet.pending_pay_back(kWorldNow_ms).ok());
  for (const wallet::PastPayment& past : wallet.payments()) {
    EXPECT_NE(past.state, PaymentState::kPromised);
    EXPECT_NE(past.state, PaymentState::kReady);
    EXPECT_FALSE(past.kind == wallet::PaymentKind::kCall && past.state == PaymentState::kAccepted);
  }
  EXPECT_TRUE(world.terminal().running_calls().empty());
  EXPECT_EQ(world.terminal().waiting_payments(), 0u);
}

// The guardian holds the slots of what is in the wallet, and nothing else.
void expect_guardian_in_order(SweepWorld& world) {
  size_t unspent = 0;
  uint64_t booked = 0;
  for (const wallet::Balance& balance : world.wallet().balances(world.now_s)) {
    unspent += balance.slots + balance.cheques;
    booked += balance.counter;
  }
  wallet::GuardianClient guardian(world.device().chip);
  const auto slots = *guardian.list_slots();
  EXPECT_EQ(slots.size(), unspent);
  for (const wallet::ListedSlot& slot : slots) EXPECT_FALSE(slot.ticks_drawn);
  const guardian::Records records(world.device().chip.memory());
  for (size_t i = 0; i < guardian::kCalls; ++i) {
    guardian::Call call;
    EXPECT_TRUE(records.load(i, call));
    EXPECT_EQ(call.state, guardian::CallState::kFree);
  }
  const uint64_t lack = world.device().counter() - booked;
  EXPECT_TRUE(lack == 0 || (world.guardian_was_reset && lack == world.conceded))
      << "the wallet's books show " << booked << ", the guardian " << world.device().counter();
}

}  // namespace

void expect_sound(SweepWorld& world, uint64_t wealth) {
  const absl::Status deposited = world.run(deposit);
  EXPECT_TRUE(deposited.ok()) << deposited;
  world.restart_all();
  expect_finished(world);
  expect_guardian_in_order(world);
  const uint64_t lost = wealth - world.wealth();
  EXPECT_TRUE(lost == 0 || (world.guardian_was_reset && lost == world.conceded))
      << "there was " << wealth << ", there is " << world.wealth();
  EXPECT_THAT(world.watch().violations(), ::testing::IsEmpty());
  EXPECT_THAT(world.bank().complaints(), ::testing::IsEmpty());
}

// --- Sweeps --------------------------------------------------------------------------------------

namespace {

// One run from `before`; false where it failed.
bool run_once(SweepWorld& world, const SweepWorld::Image& before, uint64_t wealth,
              const Errand& errand, const Check& check, const std::vector<Point>& points) {
  world.put_back(before);
  const absl::Status status = world.run(errand, points);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(world.interrupted(), points.size()) << "the run took another way";
  if (::testing::Test::HasFailure()) return false;
  expect_sound(world, wealth);
  check(world);
  return !::testing::Test::HasFailure();
}

// What the parties hold at the beginning, with what waits at the terminal. A wallet that is off has
// nothing yet.
uint64_t wealth_before(SweepWorld& world, const SweepWorld::Image& before) {
  if (world.device().wallet == nullptr) return SweepWorld::kFunds;
  EXPECT_TRUE(world.run(deposit).ok());
  const uint64_t wealth = world.wealth();
  world.put_back(before);
  return wealth;
}

}  // namespace

Swept sweep(SweepWorld& world, const Errand& errand, const Check& check) {
  const auto before = world.save();
  const uint64_t wealth = wealth_before(world, *before);
  if (!run_once(world, *before, wealth, errand, check, {})) return {};
  world.put_back(*before);
  EXPECT_TRUE(world.run(errand).ok());
  const std::vector<Point> points = points_of(world.counts());
  for (const Point& point : points) {
    SCOPED_TRACE(name_of(point));
    if (!run_once(world, *before, wealth, errand, check, {point})) return {};
  }
  return {points.size()};
}

Swept sweep_twice(SweepWorld& world, const Errand& errand, const Check& check, size_t most) {
  const auto before = world.save();
  const uint64_t wealth = wealth_before(world, *before);
  world.put_back(*before);
  EXPECT_TRUE(world.run(errand).ok());
  std::vector<std::vector<Point>> pairs;
  std::set<Bytes32> seen;
  for (const Point& first : points_of(world.counts())) {
    if (first.site == Site::kGuardianAlone) continue;
    // The state that it leaves, and then the way back from it.
    world.put_back(*before);
    EXPECT_TRUE(world.run(errand, {first}).ok());
    const std::vector<Point> seconds = points_of(world.counts());
    if (!seen.insert(world.first_state()).second) continue;
    for (const Point& second : seconds) pairs.push_back({first, second});
  }
  const size_t step = pairs.size() / most + 1;
  size_t runs = 0;
  for (size_t n = 0; n < pairs.size(); n += step, ++runs) {
    SCOPED_TRACE(name_of(pairs[n][0]) + ", then " + name_of(pairs[n][1]));
    if (!run_once(world, *before, wealth, errand, check, pairs[n])) return {};
  }
  return {runs};
}

}  // namespace cafe::testing
