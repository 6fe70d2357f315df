// The identification limit (section 10 "limits"): above it the payer says who she is, below it
// nobody may.
#include "gtest/gtest.h"
#include "libs/protocol/payment.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

class IdentifiedPaymentTest : public ::testing::Test {
 protected:
  IdentifiedPaymentTest() {
    DenominationList list = market_.list;
    list.limits = {{"EUR", 400, 700}};
    table_.add(list);
  }

  PaymentContext context() {
    PaymentContext context = market_.context();
    context.denominations = &table_;
    context.authorized = true;
    return context;
  }
  Payment pay(uint64_t amount) {
    WithdrawnCoin cheque = market_.take(wallet_, market_.cheque);
    return market_.pay(wallet_, {{&cheque, 0, amount}});
  }
  void identify(Payment& payment, const WorldWallet& payer, const WorldWallet& signer) {
    payment.identification =
        Identification::make(market_.credential_of(payer), Market::kIssuer, payer.account.account,
                             payment.terms.digest(), signer.identity.account_key);
  }
  std::string verdict(const Payment& payment) {
    return reason_of(check_payment(payment, context()).status());
  }

  Market market_{"identified"};
  WorldWallet wallet_ = market_.make_wallet();
  WorldWallet other_ = market_.make_wallet();
  DenominationTable table_;
};

TEST_F(IdentifiedPaymentTest, AboveTheLimitThePayerSaysWhoSheIs) {
  Payment payment = pay(701);
  EXPECT_EQ(verdict(payment), "IDENTIFICATION_NEEDED");
  identify(payment, wallet_, wallet_);
  const auto decoded = Payment::decode(payment.encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, payment);
  const auto prepared = check_payment(*decoded, context());
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->payer, wallet_.account.account);
}

TEST_F(IdentifiedPaymentTest, AtTheLimitNobodyMay) {
  Payment payment = pay(700);
  EXPECT_EQ(verdict(payment), "");
  EXPECT_EQ(check_payment(payment, context())->payer, std::nullopt);
  identify(payment, wallet_, wallet_);
  EXPECT_EQ(verdict(payment), "IDENTIFICATION_UNASKED");
}

TEST_F(IdentifiedPaymentTest, NobodyIdentifiesAnother) {
  Payment payment = pay(701);
  identify(payment, wallet_, other_);
  EXPECT_EQ(verdict(payment), "IDENTIFICATION_WRONG");
  // Made for another payment of the same payer's.
  Payment second = pay(702);
  identify(second, wallet_, wallet_);
  payment.identification = second.identification;
  EXPECT_EQ(verdict(payment), "IDENTIFICATION_WRONG");
  // Without anchors nobody is known.
  PaymentContext blind = context();
  blind.anchors = nullptr;
  EXPECT_EQ(reason_of(check_payment(second, blind).status()), "IDENTIFICATION_WRONG");
}

TEST_F(IdentifiedPaymentTest, BothLimitsAreJudgedSeparately) {
  PaymentContext off_line = context();
  off_line.authorized = false;
  Payment payment = pay(701);
  identify(payment, wallet_, wallet_);
  EXPECT_EQ(reason_of(check_payment(payment, off_line).status()), "AUTHORIZATION_NEEDED");
  // Slots of several coins count together.
  WithdrawnCoin first = market_.take(wallet_, market_.coin);
  WithdrawnCoin second = market_.take(wallet_, market_.coin);
  EXPECT_EQ(verdict(market_.pay(wallet_, {{&first, 0, 500}, {&second, 0, 500}})),
            "IDENTIFICATION_NEEDED");
}

// Between two lists with different limits, whoever keeps to either is right.
TEST_F(IdentifiedPaymentTest, WhileTheLimitChangesThePayerMayOrMayNot) {
  DenominationList newer = market_.list;
  newer.number = 2;
  newer.issued_at = testing::kWorldNow_s - 60;
  newer.limits = {{"EUR", 400, 900}};
  table_.add(newer);
  Payment payment = pay(800);
  EXPECT_EQ(verdict(payment), "");
  identify(payment, wallet_, wallet_);
  EXPECT_EQ(verdict(payment), "");
  identify(payment, wallet_, other_);
  EXPECT_EQ(verdict(payment), "IDENTIFICATION_WRONG");
  EXPECT_EQ(verdict(pay(901)), "IDENTIFICATION_NEEDED");
  Payment small = pay(700);
  identify(small, wallet_, wallet_);
  EXPECT_EQ(verdict(small), "IDENTIFICATION_UNASKED");
}

}  // namespace
}  // namespace cafe::protocol
