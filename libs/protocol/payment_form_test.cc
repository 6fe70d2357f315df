// A payment is written in one way only, and no slot pays twice in it.
#include <functional>

#include "gtest/gtest.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

class PaymentFormTest : public ::testing::Test {
 protected:
  // Coins 0 (plain, slot 0) and 1 (split, slots 1 and 3).
  Payment payment() {
    return market_.pay(wallet_, {{&plain_, 0, 500}, {&split_, 1, 200}, {&split_, 3, 100}});
  }
  Market market_{"form"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin plain_ = market_.take(wallet_, market_.coin);
  WithdrawnCoin split_ = market_.take(wallet_, market_.split_coin);
};

TEST_F(PaymentFormTest, OtherWritingsOfAPaymentAreRefused) {
  const Payment good = payment();
  const struct {
    std::string_view what;
    std::function<void(Payment&)> alter;
    std::string_view reason;
  } kCases[] = {
      {"no slots", [](Payment& p) { p.spends.clear(); }, "NOT_CANONICAL"},
      {"129 slots", [](Payment& p) { p.spends.assign(129, Spend(p.spends[0])); }, "TOO_MANY_ITEMS"},
      {"unused coin", [](Payment& p) { p.spends.erase(p.spends.begin() + 1, p.spends.end()); },
       "NOT_CANONICAL"},
      {"no coin", [](Payment& p) { p.coins.pop_back(); }, "NOT_CANONICAL"},
      {"coins out of order",
       [](Payment& p) {
         std::swap(p.coins[0], p.coins[1]);
         p.spends[0].coin = 1;
         p.spends[1].coin = p.spends[2].coin = 0;
       },
       "NOT_CANONICAL"},
      {"coin twice",
       [](Payment& p) {
         p.coins.push_back(p.coins[1]);
         p.spends[2].coin = 2;
       },
       "NOT_CANONICAL"},
      {"coin index outside", [](Payment& p) { p.spends[2].coin = 7; }, "NOT_CANONICAL"},
      {"slot twice", [](Payment& p) { p.spends[2] = p.spends[1]; }, "SLOT_TWICE"},
  };
  for (const auto& c : kCases) {
    Payment altered = good;
    c.alter(altered);
    EXPECT_EQ(reason_of(Payment::decode(altered.encode()).status()), c.reason) << c.what;
    EXPECT_FALSE(check_payment(altered, market_.context()).ok()) << c.what;
  }
}

TEST_F(PaymentFormTest, TermsThatNobodyCanReadMakeNoPayment) {
  Payment altered = payment();
  altered.terms.frame.pop_back();
  EXPECT_EQ(reason_of(Payment::decode(altered.encode()).status()), "TRUNCATED");
}

// [guard] A wallet that withdrew twice with the same secrets has two signatures on one coin.
TEST_F(PaymentFormTest, ACoinUnderTwoSignaturesDoesNotPayTwice) {
  const Terms terms = market_.make_terms(1000);
  WithdrawnCoin again = plain_;
  again.coin = market_.sign_coin(market_.coin, plain_.coin.A, plain_.coin.root);
  ASSERT_NE(again.coin, plain_.coin);
  ASSERT_EQ(again.coin.id(), plain_.coin.id());
  const Payment attack = market_.pay(wallet_, {{&plain_, 0, 500}, {&again, 0, 500}}, terms);
  // Each spend alone is in order.
  EXPECT_TRUE(check_spends(std::vector{market_.check(attack, 0)})[0].ok());
  EXPECT_TRUE(check_spends(std::vector{market_.check(attack, 1)})[0].ok());
  EXPECT_EQ(reason_of(check_payment(attack, market_.context()).status()), "NOT_CANONICAL");
  EXPECT_EQ(reason_of(Payment::decode(attack.encode()).status()), "NOT_CANONICAL");
}

}  // namespace
}  // namespace cafe::protocol
