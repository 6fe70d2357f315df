// Claims of all cheques of a lost wallet: its loads less what its cheques spent.
#include "services/recovery/testing/recovery_fixture.h"

namespace cafe::recovery::testing {
namespace {

using protocol::DenominationKey;
using protocol::SignedDocument;
using Total = protocol::ClaimTotal;

class ClaimChequesTest : public RecoveryTest {
 protected:
  ClaimChequesTest() {
    load(lost_, 3000);
    load(lost_, 2000);
  }
  SignedDocument claim_all() {
    std::vector<protocol::ClaimedCoin> all;
    for (const WithdrawnCoin* cheque : {&written_, &called_, &blank_}) {
      all.push_back(claimed(*cheque, cheque->order));
    }
    return claim(next_, ClaimKind::kCheques, std::move(all));
  }
  uint64_t settled() const { return market_.cheque.denomination.deposit_until * 1000 + kWeek_ms; }

  WithdrawnCoin coin_ = take(lost_, market_.coin);  // in an order of its own
  WithdrawnCoin written_ = take(lost_, market_.cheque);
  WithdrawnCoin called_ = take(lost_, market_.cheque);
  WithdrawnCoin blank_ = take(lost_, market_.cheque);
};

TEST_F(ClaimChequesTest, AreCreditedLessWhatTheySpentWhenAllAreSettled) {
  const protocol::Payment payment = pay({{&written_, 0, 1234}});
  const cafe::testing::TickCall call = market_.open_call(lost_, called_, 10, 8);
  deposit(call.shown(2));
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  EXPECT_EQ(receipt.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 5000}}));
  EXPECT_EQ(receipt.held_until_ms, settled());
  EXPECT_EQ(receipt.final_at_ms, settled());
  deposit(payment);
  deposit(call.shown(3));  // credited one tick more
  advance_to(settled() - 1);
  work();
  EXPECT_EQ(customer(next_), 0);
  EXPECT_EQ(loaded(), 5000 - 1234 - 30);

  advance_to(settled());
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 1264, 3736, 0, 0}));
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(customer(next_), 3736);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(cheque_advances(), 0);
  work();
  EXPECT_EQ(file_of(document, next_).statements.size(), 1u);
}

// The last of them could be claimed until a year ago; no list names them any more, and the coin
// store has dropped what they spent.
TEST_F(ClaimChequesTest, AreClaimedHoweverOldTheyAre) {
  const protocol::Denomination& old = market_.cheque.denomination;
  const cafe::testing::TickCall call = market_.open_call(lost_, called_, 10, 8);
  deposit(pay({{&written_, 0, 1234}, {&coin_, 0, 500}}));
  deposit(call.shown(2));
  deposit(call.shown(5));
  const uint64_t late_s = old.claim_until + 365 * kDay_s;
  advance_to(late_s * 1000);
  renew_key();
  coin_store_.drop_all(old.claim_until);
  withdrawal_.older_lists.emplace(market_.list.number, market_.signed_list);
  const DenominationKey& young = market_.add_denomination(protocol::Kind::kCheque, {700});
  market_.list.issued_at = late_s;
  market_.list.denominations = {young.denomination};
  market_.signed_list = SignedDocument::sign(market_.list.encode(), market_.master_key);
  lose_and_replace();

  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  EXPECT_EQ(receipt.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 5000}}));
  EXPECT_EQ(receipt.held_until_ms, now_ms()) << "all are settled";
  EXPECT_TRUE(coin_store_.marked.empty()) << "its month is gone";
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 1284, 3716, 0, 0}));
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(customer(next_), 3716);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(refused(claim(next_, ClaimKind::kCoins, {claimed(coin_, coin_.order)})),
            "CLAIM_EXPIRED@0");
}

// Nobody takes them any more, so nothing is marked; the last deposits are waited for.
TEST_F(ClaimChequesTest, AfterTheirDeadlineAreHeldUntilTheyAreSettled) {
  const protocol::Payment payment = pay({{&written_, 0, 1234}});
  advance_to(market_.cheque.denomination.deposit_until * 1000);
  lose_and_replace();
  const SignedDocument document = claim_all();
  EXPECT_EQ(filed(document).held_until_ms, settled());
  EXPECT_TRUE(coin_store_.marked.empty());
  deposit(payment);  // was handed in before, and is settled now
  advance_to(settled());
  work();
  EXPECT_EQ(customer(next_), 5000 - 1234);
}

TEST_F(ClaimChequesTest, WaitForDepositWhereItDoesNotAnswer) {
  deposit(pay({{&written_, 0, 1234}}));
  lose_and_replace();
  filed(claim_all());
  advance_to(settled());
  deposit_.down = true;
  EXPECT_TRUE(absl::IsUnavailable(try_work()));
  EXPECT_EQ(customer(next_), 0);
  deposit_.down = false;
  advance_to(now_ms() + kWeek_ms);
  work();
  EXPECT_EQ(customer(next_), 5000 - 1234);
}

TEST_F(ClaimChequesTest, ACallOfWhichNoTickWasShownTakesNothing) {
  const cafe::testing::TickCall call = market_.open_call(lost_, called_, 10, 8);
  deposit_.credit_cheque(call.opening.coins[0].id(), 1, 0);
  deposit_.archive.push_back(
      {call.opening.encode(), protocol::PayeeCredential(market_.terminal_credential).encode()});
  lose_and_replace();
  const SignedDocument document = claim_all();
  filed(document);
  advance_to(settled());
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 0, 5000, 0, 0}));
}

// A broken guardian of somebody else's wrote out what these loads should have paid.
TEST_F(ClaimChequesTest, WhatTheLoadsDoNotHoldIsBorneWithAnAlarm) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  filed(document);
  drain_loads(4200);
  advance_to(settled());
  work();
  EXPECT_EQ(customer(next_), 5000) << "the claimant could not know";
  EXPECT_EQ(loss(), 4200);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(cheque_advances(), 0);
  EXPECT_EQ(number("SELECT amount FROM recovery.cheque_alarm WHERE number = 1"), 4200);
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
}

TEST_F(ClaimChequesTest, HerOwnBrokenGuardianLeavesNothing) {
  load(next_, 100'000);  // others'
  const protocol::Payment first = pay({{&written_, 0, 4000}});
  const protocol::Payment second = pay({{&called_, 0, 4000}});
  lose_and_replace();
  const SignedDocument document = claim_all();
  filed(document);
  deposit(first);
  deposit(second);
  advance_to(settled());
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 5000, 0, 0, 0}));
  EXPECT_EQ(customer(next_), 0);
}

TEST_F(ClaimChequesTest, MustAllBeNamedAndOnlyOnce) {
  lose_and_replace();
  const auto some = [&](std::vector<const WithdrawnCoin*> cheques) {
    std::vector<protocol::ClaimedCoin> coins;
    for (const WithdrawnCoin* cheque : cheques) coins.push_back(claimed(*cheque, cheque->order));
    advance_to(now_ms() + 1);
    return claim(next_, ClaimKind::kCheques, std::move(coins));
  };
  EXPECT_EQ(refused(some({&written_, &called_})), "CHEQUES_MISSING");
  EXPECT_EQ(refused(some({&written_, &called_, &blank_, &coin_})), "WRONG_KIND@3");
  filed(some({&blank_, &called_, &written_}));
  EXPECT_EQ(refused(some({&written_, &called_, &blank_})), "CLAIMED_BEFORE");
}

TEST_F(ClaimChequesTest, WithoutALoadThereIsNothingToClaim) {
  WorldWallet poor = market_.make_wallet();
  withdrawal_.add(poor);
  const WithdrawnCoin cheque = take(poor, market_.cheque);
  withdrawal_.lose(poor);
  const protocol::Claim claim{.issuer_id = std::string(ClaimMarket::kIssuer),
                              .account = poor.account.account,
                              .by = poor.account.account,
                              .kind = ClaimKind::kCheques,
                              .time_ms = now_ms(),
                              .coins = {claimed(cheque, cheque.order)},
                              .payments = {}};
  EXPECT_EQ(refused(SignedDocument::sign(claim.encode(), poor.identity.account_key)),
            "NOTHING_CLAIMED");
}

// A cheque that paid what came to nothing is claimed by that payment; all cheques, claimed later,
// give it once all the same.
class ClaimedBeforeTest : public ClaimChequesTest {
 protected:
  // Claims the payment while the wallet still works, and sees its credit.
  void claim_payment() {
    payment_claim_ = claim(lost_, ClaimKind::kPayments, {claimed(written_, written_.order)},
                           {market_.void_payment(payment_, /*refused=*/true)});
    EXPECT_EQ(filed(*payment_claim_).claimed,
              (std::vector<protocol::CurrencyAmount>{{"EUR", 1234}}));
    advance_to(now_ms() + kWeek_ms);
    work();
    EXPECT_EQ(customer(lost_), 1234);
    EXPECT_EQ(cheque_advances(), 1234);
    lose_and_replace();
  }

  protocol::Payment payment_ = pay({{&written_, 0, 1234}});
  std::optional<SignedDocument> payment_claim_;
};

TEST_F(ClaimedBeforeTest, AChequeOfAVoidPaymentIsDeductedAsThatPayment) {
  claim_payment();
  const SignedDocument document = claim_all();
  filed(document);
  EXPECT_EQ(coin_store_.marked.size(), 3u);
  advance_to(settled());
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 1234, 3766, 0, 0}));
  EXPECT_EQ(customer(next_) + customer(lost_), 5000);
  advance_to(now_ms() + 2000);
  work();
  EXPECT_EQ(judged(*payment_claim_, next_).state, ClaimState::kFinal);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(cheque_advances(), 0);
}

TEST_F(ClaimedBeforeTest, AndChargedToThatClaimWhereItIsDepositedAfterAll) {
  claim_payment();
  const SignedDocument document = claim_all();
  filed(document);
  deposit(payment_);
  advance_to(settled());
  work();
  advance_to(now_ms() + 2000);
  work();
  // The heir of both is charged what the first claim had been credited.
  EXPECT_EQ(total(document, next_), (Total{"EUR", 5000, 1234, 3766, 0, 0}));
  EXPECT_EQ(total(*payment_claim_, next_).charged, 1234u);
  EXPECT_EQ(loaded(), 0);
  EXPECT_EQ(cheque_advances(), 0);
  EXPECT_EQ(customer(next_) + customer(lost_) - loss(), 3766);
}

TEST_F(ClaimedBeforeTest, NoPaymentIsClaimedOnceAllChequesAre) {
  lose_and_replace();
  filed(claim_all());
  EXPECT_EQ(refused(claim(next_, ClaimKind::kPayments, {claimed(written_, written_.order)},
                          {market_.void_payment(payment_, /*refused=*/true)})),
            "CLAIMED_BEFORE@0");
  EXPECT_TRUE(deposit_.voided.empty()) << "a claim that is refused changes nothing";
}

}  // namespace
}  // namespace cafe::recovery::testing
