// What becomes of payments: protocol.md section 9, and the alarm of section 4.
#include <gmock/gmock.h>

#include <thread>

#include "services/deposit/testing/deposit_fixture.h"

namespace cafe::deposit {
namespace {

using protocol::Bytes;
using protocol::Payment;
using protocol::PaymentVerdict;
using protocol::Receipt;
using protocol::VerdictCode;
using testing::DepositTest;
using ::testing::HasSubstr;
using testing::TestCoin;
using testing::Till;

TEST_F(DepositTest, CreditsAPaymentOnceHoweverOftenItIsDeposited) {
  const TestCoin coin = shop.mint(shop.five);
  const Bytes payment = shop.pay(till, {{&coin, 0}});
  const Receipt receipt = deposit(till, {payment, payment});
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kAccepted);
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kRepeat);
  EXPECT_EQ(deposit_one(till, payment).code, VerdictCode::kRepeat);
  EXPECT_EQ(back_end.credited(till), 500);
}

TEST_F(DepositTest, CreditsAPayeeThatTookASpentCoinInGoodFaithAndGivesEvidence) {
  const Till other = shop.make_till();
  back_end.enrol(other);
  const TestCoin coin = shop.mint(shop.five);
  ASSERT_EQ(deposit_one(other, shop.pay(other, {{&coin, 0}})).code, VerdictCode::kAccepted);

  const Payment payment = shop.make_payment(till, {{&coin, 0}});
  const std::vector<Bytes> payments = {payment.encode()};
  const auto response = payee->deposit(shop, till, new_key(), payments);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(back_end.receipt(*response).verdicts[0],
            (PaymentVerdict{VerdictCode::kCreditedSpentBefore,
                            "",
                            500,
                            "EUR",
                            {{VerdictCode::kCreditedSpentBefore, 500, 1}}}));
  EXPECT_EQ(back_end.credited(till), 500);
  EXPECT_EQ(back_end.loss(), 500);
  EXPECT_EQ(back_end.outstanding(shop.five), 1'000'000 - 500);

  // What the payee can check with its own copy of the coin: r1·G1 + r2·G2 = d·A + B.
  ASSERT_EQ(response->evidence_size(), 1);
  const v1::SpentBeforeEvidence& evidence = response->evidence(0);
  const auto scalar = [](const std::string& bytes) {
    return *protocol::Scalar::decode(protocol::view_of(bytes));
  };
  const protocol::Scalar d = scalar(evidence.d());
  EXPECT_FALSE(d == challenge_of(shop.five.denomination, coin.coin, payment.spends[0],
                                 payment.terms.digest()));
  EXPECT_TRUE(combination_equals({{scalar(evidence.r1()), protocol::g1()},
                                  {scalar(evidence.r2()), protocol::g2()},
                                  {-d, coin.coin.A}},
                                 coin.B[0]));
}

// Section 9: what is credited though spent before, and what is not.
class SpentBeforeTest : public DepositTest {
 protected:
  SpentBeforeTest() { back_end.enrol(first, 100'000); }
  // A coin that `first` has deposited.
  const TestCoin& spent_coin(const protocol::DenominationKey& denomination) {
    coins.push_back(std::make_unique<TestCoin>(shop.mint(denomination)));
    EXPECT_EQ(deposit_one(first, shop.pay(first, {{coins.back().get(), 0}})).code,
              VerdictCode::kAccepted);
    return *coins.back();
  }
  VerdictCode deposit_again(const Till& at, const TestCoin& coin) {
    return deposit_one(at, shop.pay(at, {{&coin, 0}})).code;
  }

  Till first = shop.make_till();
  std::vector<std::unique_ptr<TestCoin>> coins;
};

TEST_F(SpentBeforeTest, NotToThePayeeOfTheFirstPayment) {
  EXPECT_EQ(deposit_again(first, spent_coin(shop.five)), VerdictCode::kSpentBefore);
  EXPECT_EQ(back_end.loss(), 0);
}

TEST_F(SpentBeforeTest, NotASecondTimeToAPayeeAlsoFromAnotherOfItsTerminals) {
  const TestCoin& coin = spent_coin(shop.five);
  EXPECT_EQ(deposit_again(till, coin), VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(deposit_again(till, coin), VerdictCode::kSpentBefore);
  const Till second = shop.make_till(till.payee_id);
  back_end.enrol(second);
  EXPECT_EQ(deposit_again(second, coin), VerdictCode::kSpentBefore);
  EXPECT_EQ(back_end.loss(), 500);
}

TEST_F(SpentBeforeTest, NotTwiceWithinABatch) {
  const TestCoin& coin = spent_coin(shop.five);
  const Receipt receipt =
      deposit(till, {shop.pay(till, {{&coin, 0}}), shop.pay(till, {{&coin, 0}})});
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kSpentBefore);
  EXPECT_NE(receipt.verdicts[0].slots[0].case_number, receipt.verdicts[1].slots[0].case_number);
}

TEST_F(SpentBeforeTest, NotWhereBothPaymentsComeInOneBatch) {
  const TestCoin coin = shop.mint(shop.five);
  const Receipt receipt =
      deposit(till, {shop.pay(till, {{&coin, 0}}), shop.pay(till, {{&coin, 0}})});
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kAccepted);
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kSpentBefore);
}

TEST_F(SpentBeforeTest, WithinADayOfTheFirstDeposit) {
  const TestCoin& coin = spent_coin(shop.five);
  clock.advance(absl::Hours(24));
  EXPECT_EQ(deposit_again(till, coin), VerdictCode::kCreditedSpentBefore);
}

TEST_F(SpentBeforeTest, NotAfterADay) {
  const TestCoin& coin = spent_coin(shop.five);
  clock.advance(absl::Hours(24) + absl::Milliseconds(1));
  EXPECT_EQ(deposit_again(till, coin), VerdictCode::kSpentBefore);
  // A payment that was not credited was this payee's first of the slot all the same.
  clock.advance(-absl::Hours(1));
  EXPECT_EQ(deposit_again(till, coin), VerdictCode::kSpentBefore);
  EXPECT_EQ(back_end.loss(), 0);
}

TEST_F(SpentBeforeTest, UpToTheCoverWhichIsFreeAgainAfter30Days) {
  EXPECT_EQ(deposit_again(till, spent_coin(shop.five)), VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(deposit_again(till, spent_coin(shop.five)), VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(deposit_again(till, spent_coin(shop.split)), VerdictCode::kSpentBefore);
  clock.advance(absl::Hours(24 * 30) - absl::Milliseconds(1));
  EXPECT_EQ(deposit_again(till, spent_coin(shop.five)), VerdictCode::kSpentBefore);
  clock.advance(absl::Milliseconds(1));
  EXPECT_EQ(deposit_again(till, spent_coin(shop.five)), VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(back_end.loss(), 1500);
}

TEST_F(SpentBeforeTest, NotInACurrencyThatTheContractDoesNotCover) {
  EXPECT_EQ(deposit_again(till, spent_coin(shop.dollar)), VerdictCode::kSpentBefore);
}

TEST_F(SpentBeforeTest, UpToTheCoverAlsoByManyAtOnce) {
  constexpr int kClients = 8;  // 8 · 5.00 against a cover of 10.00
  std::vector<Bytes> payments, orders;
  for (int i = 0; i < kClients; ++i) {
    payments.push_back(shop.pay(till, {{&spent_coin(shop.five), 0}}));
  }
  for (const Bytes& payment : payments) {
    orders.push_back(shop.order(till, new_key(), {&payment, 1}));
  }
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        EXPECT_TRUE(payee->deposit(orders[i], {&payments[i], 1}).ok());
      });
    }
  }
  EXPECT_EQ(back_end.loss(), 1000);
  EXPECT_EQ(back_end.credited(till), 1000);
}

// One slot, paid to a payee twice, deposited in two batches at once.
TEST_F(SpentBeforeTest, OnceForASlotAlsoByManyAtOnce) {
  constexpr int kClients = 6;
  const TestCoin& coin = spent_coin(shop.split);  // 4.00 against a cover of 10.00
  std::vector<Bytes> payments, orders;
  for (int i = 0; i < kClients; ++i) payments.push_back(shop.pay(till, {{&coin, 0}}));
  for (const Bytes& payment : payments) {
    orders.push_back(shop.order(till, new_key(), {&payment, 1}));
  }
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        EXPECT_TRUE(payee->deposit(orders[i], {&payments[i], 1}).ok());
      });
    }
  }
  EXPECT_EQ(back_end.loss(), 400);
}

TEST_F(DepositTest, DecidesEachSlotOfAPaymentByItself) {
  const Till other = shop.make_till();
  back_end.enrol(other);
  const TestCoin five = shop.mint(shop.five), split = shop.mint(shop.split);
  deposit(other, {shop.pay(other, {{&split, 1}})});
  const PaymentVerdict verdict =
      deposit_one(till, shop.pay(till, {{&five, 0}, {&split, 0}, {&split, 1}, {&split, 4}}));
  EXPECT_EQ(verdict.code, VerdictCode::kCreditedSpentBefore);
  EXPECT_EQ(verdict.credited, 1200u);
  const std::vector<protocol::SlotVerdict> expected = {{VerdictCode::kAccepted, 500, 0},
                                                       {VerdictCode::kAccepted, 400, 0},
                                                       {VerdictCode::kCreditedSpentBefore, 200, 1},
                                                       {VerdictCode::kAccepted, 100, 0}};
  EXPECT_EQ(verdict.slots, expected);
  EXPECT_EQ(back_end.credited(till), 1200);
  EXPECT_EQ(back_end.loss(), 200);
}

TEST_F(DepositTest, CreditsEachCurrencyAndRefusesWhatIsWrongInOneBatch) {
  const TestCoin five = shop.mint(shop.five), split = shop.mint(shop.split),
                 dollar = shop.mint(shop.dollar), unlisted = shop.mint(shop.unlisted);
  Payment invalid = shop.make_payment(till, {{&split, 3}});
  invalid.spends[0].r1 = invalid.spends[0].r2;
  const Receipt receipt =
      deposit(till, {shop.pay(till, {{&five, 0}, {&split, 0}}), shop.pay(till, {{&dollar, 0}}),
                     invalid.encode(), Bytes{1, 2, 3}, shop.pay(till, {{&unlisted, 0}}),
                     shop.pay(till, {{&split, 2}})});
  ASSERT_EQ(receipt.verdicts.size(), 6u);
  EXPECT_EQ(receipt.verdicts[0].credited, 900u);
  EXPECT_EQ(receipt.verdicts[1].currency, "USD");
  EXPECT_EQ(receipt.verdicts[1].credited, 100u);
  EXPECT_EQ(receipt.verdicts[2].reason, "SPEND_INVALID");
  EXPECT_EQ(receipt.verdicts[3].code, VerdictCode::kRefused);
  EXPECT_EQ(receipt.verdicts[3].currency, "");
  EXPECT_EQ(receipt.verdicts[4].reason, "UNKNOWN_DENOMINATION");
  EXPECT_EQ(receipt.verdicts[5].code, VerdictCode::kAccepted);
  EXPECT_EQ(back_end.credited(till, "EUR"), 1000);
  EXPECT_EQ(back_end.credited(till, "USD"), 100);
  EXPECT_EQ(back_end.outstanding(shop.five), 1'000'000 - 500);
  EXPECT_EQ(back_end.outstanding(shop.split), 1'000'000 - 500);
  EXPECT_EQ(back_end.outstanding(shop.dollar), 1'000'000 - 100);
  EXPECT_EQ(back_end.peers.coin_store.spent(), 4u);  // nothing of what was refused
}

TEST_F(DepositTest, TakesABatchOfNothingButRefusals) {
  const Receipt receipt = deposit(till, {Bytes{}, Bytes{7}});
  EXPECT_EQ(receipt.verdicts[0].code, VerdictCode::kRefused);
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kRefused);
  EXPECT_EQ(back_end.credited(till), 0);
}

// As after a key was stolen: more coins of a denomination come back than were issued.
class OverdrawnTest : public DepositTest {
 protected:
  OverdrawnTest() {
    back_end.issue(forged, 500);
    back_end.peers.withdrawal.set_list(protocol::to_string(shop.next_list(forged).encode()));
    clock.advance(absl::Seconds(2));  // an unknown denomination is looked for again
  }
  // Issues 5.00, takes 3.00 back, then lets 3.00 more come.
  Receipt overdraw() {
    EXPECT_EQ(deposit_one(till, shop.pay(till, {{&a, 0}})).code, VerdictCode::kAccepted);
    return deposit(till, {shop.pay(till, {{&b, 0}}), shop.pay(till, {{&good, 0}}),
                          shop.pay(till, {{&b, 0}, {&good, 0}})});
  }
  int64_t acknowledged() {
    return back_end.number(
        "SELECT count(*) FROM deposit.denomination_stop WHERE acknowledged_ms IS NOT NULL");
  }

  protocol::DenominationKey& forged = shop.unlisted;
  TestCoin a = shop.mint(forged), b = shop.mint(forged), good = shop.mint(shop.five);
};

TEST_F(OverdrawnTest, StopsTheDenominationAndRefusesItsPaymentsOnly) {
  const Receipt receipt = overdraw();
  EXPECT_EQ(receipt.verdicts[0].reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(receipt.verdicts[1].code, VerdictCode::kAccepted);
  EXPECT_EQ(receipt.verdicts[2].reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(back_end.outstanding(forged), 200);
  EXPECT_EQ(back_end.credited(till), 800);
  EXPECT_EQ(back_end.number("SELECT count(*) FROM deposit.denomination_stop"), 1);
  EXPECT_THAT(service->metrics(), HasSubstr("cafe_deposit_denominations_overdrawn_total{"
                                            "service=\"deposit\"} 1"));
  EXPECT_THAT(log_so_far(), HasSubstr("ALARM"));

  // From now on its payments are refused before they are recorded.
  const size_t spent = back_end.peers.coin_store.spent();
  const TestCoin c = shop.mint(forged);
  EXPECT_EQ(deposit_one(till, shop.pay(till, {{&c, 0}})).reason, "DENOMINATION_STOPPED");
  EXPECT_EQ(back_end.peers.coin_store.spent(), spent);
}

TEST_F(OverdrawnTest, TellsWithdrawalUntilItHasHeardIt) {
  deposit(till, {shop.pay(till, {{&good, 0}}), shop.pay(till, {{&a, 0}})});  // has the new list
  back_end.peers.withdrawal.down = true;
  deposit(till, {shop.pay(till, {{&b, 0}})});
  ASSERT_TRUE(cafe::testing::eventually(std::chrono::seconds(20),
                                        [&] { return back_end.peers.withdrawal.stop_calls > 0; }));
  EXPECT_EQ(acknowledged(), 0);
  // Also after a restart.
  service.reset();
  back_end.peers.withdrawal.down = false;
  DepositOptions options = back_end.options();
  options.sweep_interval_ms = 20;
  start(options);
  EXPECT_TRUE(
      cafe::testing::eventually(std::chrono::seconds(20), [&] { return acknowledged() == 1; }));
  EXPECT_TRUE(back_end.peers.withdrawal.stopped().contains(protocol::to_string(forged.id)));
}

}  // namespace
}  // namespace cafe::deposit
