// Cheques, and the issuer's limits: authorization above one, identification above the other.
#include "device-sim/firmware/pos/call_fixture.h"

namespace cafe::pos {
namespace {

using protocol::Bytes;
using protocol::Identification;
using protocol::Payment;
using protocol::reason_of;
using testing::Caller;
using testing::kWorldNow_ms;
using testing::terms_of;
using testing::WorldWallet;

// Off line up to 10 EUR, without a name up to 30 EUR.
class LimitsTest : public TerminalCallTest {
 protected:
  void SetUp() override { set_limits(1000, 3000); }
  Payment pay_cheque(uint64_t amount) {
    return pay(offer(amount), {{&take(market_.cheque), 0, amount}});
  }
  Identification identify(const Payment& payment, const WorldWallet& payer,
                          const WorldWallet& signer) {
    return Identification::make(market_.credential_of(payer), testing::World::kIssuer,
                                payer.account.account, payment.terms.digest(),
                                signer.identity.account_key);
  }
  Payment identified(Payment payment) {
    payment.identification = identify(payment, alice_, alice_);
    return payment;
  }
  // A call that may come to `tick_value`·kTicks.
  Payment call_of(uint64_t tick_value) {
    const Bytes offer =
        *till_.terminal->make_call_offer("EUR", tick_value, kTicks, "10 s", kWorldNow_ms);
    return caller(terms_of(offer), {tick_value, kTicks}).payment();
  }
  std::string outcome(const Payment& payment) {
    const PaymentResult result = decide(payment.encode());
    if (result.decision == Decision::kAuthorize) return "authorize";
    return result.decision == Decision::kAccepted ? "accepted" : result.reason;
  }
};

TEST_F(LimitsTest, ChequesArePaymentsLikeCoins) {
  testing::WithdrawnCoin& cheque = take(market_.cheque);
  const Payment payment = pay(offer(731), {{&cheque, 0, 731}});
  EXPECT_EQ(outcome(payment), "accepted");
  EXPECT_EQ(till_.terminal->next_deposit()->value().payments.at(0), payment.encode());
  EXPECT_EQ(outcome(pay(offer(100), {{&cheque, 0, 100}}, testing::Guardian::kForgetful)),
            "SLOT_TAKEN");
  // A coin and a cheque together.
  EXPECT_EQ(
      outcome(pay(offer(507), {{&take(market_.coin), 0, 500}, {&take(market_.cheque), 0, 7}})),
      "accepted");
}

// [guard] What a cheque is written out for stands in the challenge.
TEST_F(LimitsTest, AChequesValueAndSaltCannotBeAltered) {
  Payment payment = pay_cheque(100);
  payment.spends[0].salt[3] ^= 1;
  EXPECT_EQ(outcome(payment), "SPEND_INVALID");
  const Bytes dear = offer(900);
  payment = pay(dear, {{&take(market_.cheque), 0, 100}});
  EXPECT_EQ(outcome(payment), "AMOUNT_MISMATCH");
  const Bytes dearer = offer(900);
  payment = pay(dearer, {{&take(market_.cheque), 0, 100}});
  payment.spends[0].value = 900;
  EXPECT_EQ(outcome(payment), "SPEND_INVALID");
  payment = pay_cheque(100);
  payment.spends[0].salt.clear();
  EXPECT_EQ(outcome(payment), "BAD_COMBINATION");
}

TEST_F(LimitsTest, AboveTheOffLineLimitTheAcquirerIsAsked) {
  EXPECT_EQ(outcome(pay_cheque(1000)), "accepted");
  const Payment payment = pay_cheque(1001);
  EXPECT_EQ(outcome(payment), "authorize");
  EXPECT_EQ(authorize(payment.encode(), true, market_.deposit_key)->decision, Decision::kAccepted);
  EXPECT_EQ(till_.terminal->waiting_payments(), 2u);
}

// Ticks count with all that they may come to, before the first was shown.
TEST_F(LimitsTest, ACallCountsWithAllItsTicks) {
  EXPECT_EQ(outcome(call_of(50)), "accepted");
  const Payment payment = call_of(51);
  const auto terms = payment.terms.digest();
  EXPECT_EQ(outcome(payment), "authorize");
  EXPECT_EQ(reason_of(till_.terminal->next_tick_demand(terms, kWorldNow_ms).status()),
            "CALL_NOT_OPEN");
  ASSERT_TRUE(till_.restart().ok());
  EXPECT_EQ(authorize(payment.encode(), true, market_.deposit_key)->decision, Decision::kAccepted);
  EXPECT_TRUE(till_.terminal->next_tick_demand(terms, kWorldNow_ms).ok());
  // Nothing of it is due before a tick came.
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(LimitsTest, ACallThatIsNotAuthorizedOrHungUpOnIsNotOpened) {
  const Payment denied = call_of(51);
  outcome(denied);
  EXPECT_EQ(authorize(denied.encode(), false, market_.deposit_key)->decision, Decision::kRefused);
  EXPECT_EQ(
      reason_of(till_.terminal->next_tick_demand(denied.terms.digest(), kWorldNow_ms).status()),
      "CALL_NOT_OPEN");
  const Payment given_up = call_of(51);
  outcome(given_up);
  const Bytes refusal =
      *till_.terminal->on_hang_up(firmware::HangUp{given_up.terms.digest()}.encode(), kWorldNow_ms);
  EXPECT_FALSE(firmware::PaymentAnswer::decode(refusal)->accepted);
  EXPECT_EQ(authorize(given_up.encode(), true, market_.deposit_key)->decision, Decision::kRefused);
}

TEST_F(LimitsTest, AboveTheIdentificationLimitThePayerSaysWhoSheIs) {
  EXPECT_EQ(outcome(pay_cheque(3000)), "authorize");
  EXPECT_EQ(outcome(pay_cheque(3001)), "IDENTIFICATION_NEEDED");
  const Payment payment = identified(pay_cheque(3001));
  EXPECT_EQ(outcome(payment), "authorize");
  EXPECT_EQ(authorize(payment.encode(), true, market_.deposit_key)->decision, Decision::kAccepted);
  EXPECT_EQ(till_.terminal->next_deposit()->value().payments.at(0), payment.encode());
}

TEST_F(LimitsTest, SomeCoinsAndAChequeAreSummedUp) {
  const auto both = [&](uint64_t cheque) {
    return pay(offer(500 + cheque),
               {{&take(market_.coin), 0, 500}, {&take(market_.cheque), 0, cheque}});
  };
  EXPECT_EQ(outcome(both(500)), "accepted");
  EXPECT_EQ(outcome(both(501)), "authorize");
  EXPECT_EQ(outcome(both(2501)), "IDENTIFICATION_NEEDED");
}

TEST_F(LimitsTest, BelowTheLimitNobodyMaySayWhoSheIs) {
  EXPECT_EQ(outcome(identified(pay_cheque(3000))), "IDENTIFICATION_UNASKED");
  EXPECT_EQ(outcome(identified(pay_cheque(5))), "IDENTIFICATION_UNASKED");
  EXPECT_EQ(outcome(identified(call_of(1))), "IDENTIFICATION_UNASKED");
}

TEST_F(LimitsTest, NobodyIsIdentifiedByAnother) {
  const WorldWallet bob = market_.make_wallet();
  Payment payment = pay_cheque(3001);
  payment.identification = identify(payment, alice_, bob);
  EXPECT_EQ(outcome(payment), "IDENTIFICATION_WRONG") << "signed with another's key";
  payment = pay_cheque(3001);
  payment.identification = identify(pay_cheque(3001), alice_, alice_);
  EXPECT_EQ(outcome(payment), "IDENTIFICATION_WRONG") << "made for other terms";
  payment = identified(pay_cheque(3001));
  payment.identification->credential.receipt = protocol::SignedDocument::sign(
      payment.identification->credential.receipt.frame, testing::make_key(market_.rng));
  EXPECT_EQ(outcome(payment), "IDENTIFICATION_WRONG") << "no issuer registered her";
  EXPECT_EQ(till_.terminal->waiting_payments(), 0u);
}

TEST_F(LimitsTest, ACallIdentifiesItsPayerByAllThatItMayComeTo) {
  EXPECT_EQ(outcome(call_of(150)), "authorize");
  EXPECT_EQ(outcome(call_of(151)), "IDENTIFICATION_NEEDED");
  const Payment payment = identified(call_of(151));
  EXPECT_EQ(outcome(payment), "authorize");
  EXPECT_EQ(authorize(payment.encode(), true, market_.deposit_key)->decision, Decision::kAccepted);
}

}  // namespace
}  // namespace cafe::pos
