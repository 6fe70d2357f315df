// Everything between a wallet and a terminal, interrupted at every write of wallet, guardian and
// terminal and at every transmission, each in a run of its own: it completes or is undone on both
// sides, and nobody pays twice.
#include "device-sim/firmware/sweep_fixture.h"

namespace cafe::testing {
namespace {

using wallet::PaymentState;

class SweepPaymentTest : public SweepTest {
 protected:
  static void expect_paid(SweepWorld& w, uint64_t amount) {
    ASSERT_EQ(w.wallet().payments().size(), 1u);
    const wallet::PastPayment past = w.wallet().payments().front();
    EXPECT_EQ(past.state, PaymentState::kAccepted);
    EXPECT_EQ(past.amount, amount);
    EXPECT_EQ(w.bank().credited(), amount);
  }
  static void expect_talked(SweepWorld& w, const Talk& talk) {
    ASSERT_EQ(w.wallet().payments().size(), 1u);
    const wallet::PastPayment past = w.wallet().payments().front();
    EXPECT_EQ(past.state, PaymentState::kEnded);
    EXPECT_EQ(past.ticks, talk.ticks);
    EXPECT_EQ(w.bank().credited(), talk.ticks * talk.tick_value);
    EXPECT_EQ(w.device().counter(), kLoadedOnce - talk.ticks * talk.tick_value);
    EXPECT_FALSE(w.wallet().call_end(past.terms_digest)->empty());
  }
};

// By coins of one slot and of several, and by a cheque: the counter holds too little for it all.
constexpr uint64_t kMixed = 1234;
constexpr uint64_t kLittle = 300;

TEST_F(SweepPaymentTest, OfCoinsAndCheques) {
  with_money(kLittle);
  report(sweep(
             world_, [](SweepWorld& w) { return pay(w, kMixed); },
             [](SweepWorld& w) {
               expect_paid(w, kMixed);
               const auto past = w.wallet().payments().front();
               const auto payment =
                   *protocol::Payment::decode(*w.wallet().payment_bytes(past.terms_digest));
               const auto by_cheque = std::count_if(payment.spends.begin(), payment.spends.end(),
                                                    [](const auto& s) { return !s.salt.empty(); });
               EXPECT_GT(by_cheque, 0);
               EXPECT_LT(by_cheque, static_cast<ptrdiff_t>(payment.spends.size()));
             }),
         100);
}

// Memories in which all records move to the other half on the way.
TEST_F(SweepPaymentTest, InMemoriesThatAreNearlyFull) {
  with_money(kLittle);
  world_.fill_journals(4000);
  report(sweep(
             world_, [](SweepWorld& w) { return pay(w, kMixed); },
             [](SweepWorld& w) { expect_paid(w, kMixed); }),
         200);
}

// What may be paid without the payment PIN leaves the guardian with the payment.
TEST_F(SweepPaymentTest, ThatNeedsThePaymentPin) {
  with_money(kLittle);
  quietly([](SweepWorld& w) { return w.wallet().change_pin(wallet::PinKind::kPayment); });
  report(sweep(
             world_, [](SweepWorld& w) { return pay(w, kMixed); },
             [](SweepWorld& w) {
               expect_paid(w, kMixed);
               // What was unlocked and not paid can be locked again, and then nothing is left.
               EXPECT_TRUE(w.wallet().lock_payments().ok());
               EXPECT_EQ(w.device().chip.allowances()["EUR"].second, 0u);
             }),
         100);
}

TEST_F(SweepPaymentTest, AboveTheOffLineLimit) {
  with_money();
  constexpr uint64_t kLarge = 15'500;
  report(sweep(
             world_, [](SweepWorld& w) { return pay(w, kLarge); },
             [](SweepWorld& w) { expect_paid(w, kLarge); }),
         100);
}

// Whoever is interrupted does not try again: the shop withdraws its bill.
TEST_F(SweepPaymentTest, ThatIsGivenUp) {
  with_money(kLittle);
  size_t paid = 0, refused = 0, undone = 0;
  report(sweep(
             world_, [](SweepWorld& w) { return pay_or_leave(w, kMixed); },
             [&](SweepWorld& w) {
               const auto payments = w.wallet().payments();
               if (payments.empty()) {
                 ++undone;
                 EXPECT_EQ(w.device().counter(), kLittle);
                 EXPECT_EQ(w.bank().credited(), 0u);
                 return;
               }
               ASSERT_EQ(payments.size(), 1u);
               const bool accepted = payments.front().state == PaymentState::kAccepted;
               ++(accepted ? paid : refused);
               EXPECT_EQ(w.bank().credited(), accepted ? kMixed : 0);
             }),
         100);
  EXPECT_GT(paid, 0u);
  EXPECT_GT(refused, 0u);
  EXPECT_GT(undone, 0u);
}

TEST_F(SweepPaymentTest, OfACallThatThePayeeEnds) {
  with_money();
  const Talk of{.tick_value = 20, .most_ticks = 10, .ticks = 3};
  report(sweep(
             world_, [&](SweepWorld& w) { return talk(w, of); },
             [&](SweepWorld& w) { expect_talked(w, of); }),
         200);
}

TEST_F(SweepPaymentTest, OfACallThatTheCallerEnds) {
  with_money();
  const Talk of{.tick_value = 20, .most_ticks = 10, .ticks = 2, .caller_hangs_up = true};
  report(sweep(
             world_, [&](SweepWorld& w) { return talk(w, of); },
             [&](SweepWorld& w) { expect_talked(w, of); }),
         200);
}

// The caller does not go on after an interruption: what was released arrives first, and the payee
// takes what it is owed. Where the guardian alone was reset, nobody asks it for that tick again.
TEST_F(SweepPaymentTest, OfACallThatIsGivenUp) {
  with_money();
  const Talk of{.tick_value = 20, .most_ticks = 10, .ticks = 2};
  world_.conceded = of.tick_value;
  report(sweep(
             world_, [&](SweepWorld& w) { return talk_or_hang_up(w, of); },
             [&](SweepWorld& w) {
               const uint64_t spent = kLoadedOnce - w.device().counter();
               EXPECT_LE(spent, (of.ticks + 1) * of.tick_value);
               const uint64_t lost = spent - w.bank().credited();
               EXPECT_TRUE(lost == 0 || (w.guardian_was_reset && lost == of.tick_value)) << lost;
             }),
         200);
}

}  // namespace
}  // namespace cafe::testing
