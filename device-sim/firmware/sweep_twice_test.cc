// A second interruption while the parties recover from the first.
#include "device-sim/firmware/sweep_fixture.h"

namespace cafe::testing {
namespace {

constexpr size_t kMost = 1000;  // pairs of each sweep

class SweepTwiceTest : public SweepTest {
 protected:
  static void expect_paid(SweepWorld& w, uint64_t amount) {
    EXPECT_EQ(w.bank().credited(), amount);
    EXPECT_EQ(w.wallet().payments().size(), 1u);
  }
};

TEST_F(SweepTwiceTest, InARegistration) {
  report(sweep_twice(
             world_, join, [](SweepWorld& w) { EXPECT_EQ(w.bank().accounts(), 1u); }, kMost),
         300);
}

TEST_F(SweepTwiceTest, InAnOrderThatDies) {
  joined();
  world_.bank().restart_before_completion();
  const auto order = [](SweepWorld& w) {
    return withdraw(w, {{w.world().coin.id, 1}, {w.world().cheque.id, 1}});
  };
  report(sweep_twice(
             world_, order, [](SweepWorld& w) { EXPECT_EQ(w.wallet().coin_count(), 2u); }, kMost),
         300);
}

TEST_F(SweepTwiceTest, InALoad) {
  with_money();
  report(sweep_twice(
             world_, [](SweepWorld& w) { return load(w, 600, kLoadedOnce + 600); },
             [](SweepWorld& w) { EXPECT_EQ(w.device().counter(), kLoadedOnce + 600); }, kMost),
         100);
}

TEST_F(SweepTwiceTest, InAPayment) {
  with_money(50);
  report(sweep_twice(
             world_, [](SweepWorld& w) { return pay(w, 534); },
             [](SweepWorld& w) { expect_paid(w, 534); }, kMost),
         300);
}

TEST_F(SweepTwiceTest, InAPaymentThatIsGivenUp) {
  with_money(50);
  report(sweep_twice(
             world_, [](SweepWorld& w) { return pay_or_leave(w, 534); }, [](SweepWorld&) {}, kMost),
         300);
}

TEST_F(SweepTwiceTest, InACall) {
  with_money();
  const Talk of{.tick_value = 20, .most_ticks = 4, .ticks = 2};
  report(sweep_twice(
             world_, [&](SweepWorld& w) { return talk(w, of); },
             [&](SweepWorld& w) { expect_paid(w, of.ticks * of.tick_value); }, kMost),
         300);
}

TEST_F(SweepTwiceTest, InMoneyThatGoesBack) {
  with_money(50);
  report(sweep_twice(
             world_, [](SweepWorld& w) { return pay_back(w, 534); },
             [](SweepWorld& w) { EXPECT_EQ(w.wallet().payments().size(), 1u); }, kMost),
         100);
}

TEST_F(SweepTwiceTest, InADeposit) {
  with_money();
  quietly([](SweepWorld& w) { return pay(w, 500); });
  quietly([](SweepWorld& w) { return talk(w, {.tick_value = 20, .most_ticks = 4, .ticks = 2}); });
  report(sweep_twice(
             world_, deposit, [](SweepWorld& w) { EXPECT_EQ(w.bank().credited(), 540u); }, kMost),
         20);
}

}  // namespace
}  // namespace cafe::testing
