// Everything that a wallet does with its issuer, interrupted at every write of its memories and at
// every message, each in a run of its own: it completes or is undone on both sides.
#include "device-sim/firmware/sweep_fixture.h"

namespace cafe::testing {
namespace {

using SweepIssuerTest = SweepTest;

TEST_F(SweepIssuerTest, OfARegistration) {
  report(sweep(world_, join,
               [](SweepWorld& w) {
                 EXPECT_TRUE(w.wallet().registered());
                 EXPECT_EQ(w.bank().accounts(), 1u);
                 // The PUK that the owner noted last is the guardian's.
                 const auto unblocked = w.wallet().unblock_pin(wallet::PinKind::kWithdrawal);
                 EXPECT_TRUE(unblocked.ok()) << unblocked;
                 // And the account is of use.
                 const auto used = w.run([](SweepWorld& v) {
                   return withdraw(v, {{v.world().coin.id, 1}});
                 });
                 EXPECT_TRUE(used.ok()) << used;
                 EXPECT_EQ(w.wallet().coin_count(), 1u);
                 EXPECT_THAT(w.watch().violations(), ::testing::IsEmpty());
               }),
         60);
}

TEST_F(SweepIssuerTest, OfAnOrder) {
  joined();
  report(sweep(
             world_, [this](SweepWorld& w) { return withdraw(w, first_order()); },
             [](SweepWorld& w) {
               EXPECT_EQ(w.wallet().coin_count(), 6u);
               EXPECT_EQ(w.bank().completed(), 1u);
               EXPECT_EQ(w.watch().blindings(), 6u);
             }),
         60);
}

// The issuer's database was started anew between Open and Complete: the order is voided, and its
// number opened again with other nonces.
TEST_F(SweepIssuerTest, OfAnOrderThatDies) {
  joined();
  world_.bank().restart_before_completion();
  report(sweep(
             world_, [this](SweepWorld& w) { return withdraw(w, first_order()); },
             [](SweepWorld& w) {
               EXPECT_EQ(w.wallet().coin_count(), 6u);
               EXPECT_EQ(w.bank().completed(), 1u);
               EXPECT_EQ(w.watch().blindings(), 12u);
             }),
         100);
}

TEST_F(SweepIssuerTest, OfALoad) {
  with_money();
  report(sweep(
             world_, [](SweepWorld& w) { return load(w, 600, kLoadedOnce + 600); },
             [](SweepWorld& w) { EXPECT_EQ(w.device().counter(), kLoadedOnce + 600); }),
         20);
}

TEST_F(SweepIssuerTest, OfMoneyThatGoesBack) {
  with_money(300);  // too little for a cheque alone
  report(sweep(
             world_, [](SweepWorld& w) { return pay_back(w, 1234); },
             [start = world_.bank().balance()](SweepWorld& w) {
               EXPECT_EQ(w.bank().balance(), start + 1234);
             }),
         60);
}

// Several payments and a call wait at the terminal.
TEST_F(SweepIssuerTest, OfADeposit) {
  with_money();
  for (const uint64_t amount : {uint64_t{500}, uint64_t{234}, uint64_t{200}}) {
    quietly([amount](SweepWorld& w) { return pay(w, amount); });
  }
  quietly([](SweepWorld& w) { return talk(w, {.tick_value = 20, .most_ticks = 10, .ticks = 2}); });
  ASSERT_EQ(world_.terminal().waiting_payments(), 4u);
  report(sweep(world_, deposit,
               [](SweepWorld& w) {
                 EXPECT_EQ(w.bank().credited(), 500u + 234 + 200 + 2 * 20);
                 EXPECT_EQ(w.terminal().receipts().size(), 2u);
               }),
         20);
}

}  // namespace
}  // namespace cafe::testing
