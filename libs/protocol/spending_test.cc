// What a wallet refuses to do, so that neither a broken guardian nor a forgetful one convicts or
// betrays its owner.
#include "libs/protocol/spending.h"

#include "gtest/gtest.h"
#include "libs/protocol/testing/market.h"

namespace cafe::protocol {
namespace {

using testing::Guardian;
using testing::Market;
using testing::WithdrawnCoin;
using testing::WorldWallet;

TEST(PromiseTest, ASlotIsPromisedOnce) {
  const Bytes request{1, 2, 3}, other{1, 2, 4};
  const auto promised = promise_slot({}, request);
  ASSERT_TRUE(promised.ok());
  EXPECT_EQ(promised->request, request);
  const auto again = promise_slot(*promised, request);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->request, request);
  EXPECT_EQ(reason_of(promise_slot(*promised, other).status()), "SLOT_PROMISED");
}

TEST(PromiseTest, EveryFieldOfAChequesRequestIsPromised) {
  const ChequeRequest request{"issuer-a.example", "EUR", 100, {1}, {2}};
  const WalletSlot slot = promise_slot({}, request.encode()).value();
  std::vector<ChequeRequest> others(5, request);
  others[0].issuer_id = "issuer-b.example";
  others[1].currency = "USD";
  others[2].value = 99;
  others[3].spend[0] = 9;
  others[4].y[0] = 9;
  for (const ChequeRequest& other : others) {
    EXPECT_EQ(reason_of(promise_slot(slot, other.encode()).status()), "SLOT_PROMISED");
  }
  const TickRequest ticks{"issuer-a.example", "EUR", 100, 1, {3}, {1}, {2}};
  EXPECT_EQ(reason_of(promise_slot(slot, ticks.encode()).status()), "SLOT_PROMISED");
}

class WalletTest : public ::testing::Test {
 protected:
  // The wallet's way of paying: promise first, then ask. The attacker is whoever makes the wallet
  // pay a second time with the slot; its guardian forgets.
  absl::StatusOr<Payment> pay(WalletSlot& slot, const Terms& terms) {
    const Scalar d =
        spend_challenge(coin_.denomination, 500, spend_digest(coin_.coin.id(), 0, terms.digest()));
    CAFE_ASSIGN_OR_RETURN(slot, promise_slot(slot, d.bytes()));
    return market_.pay(wallet_, {{&coin_, 0, 500}}, terms, Guardian::kForgetful);
  }
  absl::StatusOr<SpendResponse> respond(const Scalar& answer, const Scalar& d) {
    return wallet_respond(answer, d, coin_.secrets.slots[0], wallet_.identity.u1, coin_.secrets.s,
                          wallet_.guardian_point(Kind::kCoin), coin_.B_O[0]);
  }

  Market market_{"wallet"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin coin_ = market_.take(wallet_, market_.coin);
};

// [guard] A guardian that forgets must not make an honest wallet convict itself.
TEST_F(WalletTest, AForgetfulGuardianDoesNotConvictAnHonestWallet) {
  const Terms first_terms = market_.make_terms(500), second_terms = market_.make_terms(500);
  WalletSlot slot;
  const auto first = pay(slot, first_terms);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(reason_of(pay(slot, second_terms).status()), "SLOT_PROMISED");
  // The same payment again, after a crash, gives the same bytes: nothing to divide by.
  const auto again = pay(slot, first_terms);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->spends, first->spends);
  // The attack, without the promise: the wallet's secret is out.
  WalletSlot forgotten;
  const auto second = pay(forgotten, second_terms);
  const auto secret = extract_secret(market_.trace(*first), market_.trace(*second));
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(multiply(*secret, g1()), wallet_.account.points.I_coin);
}

TEST_F(WalletTest, AWrongAnswerOfTheGuardianIsNotSentOn) {
  const Scalar d = market_.rng.scalar();
  const Scalar asked = coin_request(d, coin_.secrets.slots[0]);
  const Scalar good = guardian_answer(wallet_.guardian.o_coin, coin_.slots[0].o2, asked);
  EXPECT_TRUE(respond(good, d).ok());
  const Scalar wrong[] = {good + Scalar::from_u64(1), -good, Scalar(),
                          guardian_answer(wallet_.guardian.o_cheque, coin_.slots[0].o2, asked),
                          guardian_answer(wallet_.guardian.o_coin, coin_.slots[0].o2, d)};
  for (const Scalar& answer : wrong) {
    EXPECT_EQ(reason_of(respond(answer, d).status()), "GUARDIAN_WRONG");
  }
}

// What the terminal gets is what the equations of section 5 say, and fits the coin.
TEST_F(WalletTest, ResponsesFitTheCoin) {
  const Scalar d = market_.rng.scalar();
  const SlotSecrets& x = coin_.secrets.slots[0];
  const Scalar answer =
      guardian_answer(wallet_.guardian.o_coin, coin_.slots[0].o2, coin_request(d, x));
  const auto response = respond(answer, d);
  ASSERT_TRUE(response.ok());
  const Scalar& s = coin_.secrets.s;
  EXPECT_EQ(response->r1, s * answer + d * wallet_.identity.u1 * s + x.x1);
  EXPECT_EQ(response->r2, d * s + x.x2);
  EXPECT_TRUE(combination_equals({{response->r1, g1()}, {response->r2, g2()}, {-d, coin_.coin.A}},
                                 coin_.secrets.B[0]));
}

// A guardian that chose ρ after it saw y could choose the salt, and so tell the payee something.
TEST_F(WalletTest, ASaltThatTheGuardianDidNotCommitToIsRefused) {
  const Bytes32 rho = market_.rng.array<32>(), y = market_.rng.array<32>();
  const Bytes32 commitment = salt_commitment(rho);
  const auto salt = wallet_salt(commitment, rho, y);
  ASSERT_TRUE(salt.ok());
  EXPECT_EQ(*salt, xor32(rho, y));
  Bytes32 other = rho;
  other[5] ^= 1;
  EXPECT_EQ(reason_of(wallet_salt(commitment, other, y).status()), "GUARDIAN_WRONG");
}

TEST_F(WalletTest, ATickThatTheGuardianDidNotPrepareIsRefused) {
  const Scalar t = market_.rng.scalar();
  const Point P = *multiply(t, g1());
  const Bytes32 y_seed = market_.rng.array<32>();
  const auto blinded = wallet_tick(t, P, y_seed, 3);
  ASSERT_TRUE(blinded.ok());
  EXPECT_EQ(*blinded, t + tick_blind(y_seed, 3));
  EXPECT_EQ(reason_of(wallet_tick(t + Scalar::from_u64(1), P, y_seed, 3).status()),
            "GUARDIAN_WRONG");
  EXPECT_EQ(reason_of(wallet_tick(Scalar(), P, y_seed, 3).status()), "GUARDIAN_WRONG");
}

}  // namespace
}  // namespace cafe::protocol
