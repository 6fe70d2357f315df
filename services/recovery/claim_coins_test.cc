// Claims of coins, from filing to the end: what was paid before shrinks them, what is paid later is
// charged, and whatever interrupts a step, it happens once.
#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/platform/failpoint.h"
#include "services/recovery/testing/recovery_fixture.h"

namespace cafe::recovery::testing {
namespace {

using protocol::SignedDocument;
using Total = protocol::ClaimTotal;

class ClaimCoinsTest : public RecoveryTest {
 protected:
  // 5.00 of the plain coin and, of 4+2+1+1+1, all slots but the third: 13.00.
  SignedDocument claim_all() {
    return claim(next_, ClaimKind::kCoins,
                 {claimed(plain_, plain_.order), claimed(split_, split_.order, 0b11011)});
  }
  void later(uint64_t ms) { advance_to(now_ms() + ms); }

  WithdrawnCoin plain_ = take(lost_, market_.coin);
  WithdrawnCoin split_ = take(lost_, market_.split_coin);
};

TEST_F(ClaimCoinsTest, AreHeldThenCreditedThenFinal) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  EXPECT_EQ(receipt.number, 1u);
  EXPECT_EQ(receipt.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 1300}}));
  EXPECT_EQ(receipt.held_until_ms, now_ms() + kWeek_ms);
  EXPECT_EQ(receipt.final_at_ms, market_.coin.denomination.deposit_until * 1000 + kWeek_ms);
  EXPECT_EQ(coin_store_.marked.at(plain_.coin.id()), 1u);
  EXPECT_EQ(coin_store_.marked.at(split_.coin.id()), 0b11011u);
  EXPECT_EQ(judged(document, next_).state, ClaimState::kHeld);

  advance_to(receipt.held_until_ms - 1);
  work();
  EXPECT_EQ(customer(next_), 0);
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 0, 1300, 0, 0}));
  EXPECT_EQ(customer(next_), 1300);
  EXPECT_EQ(customer(lost_), 0);
  EXPECT_EQ(advances(market_.coin), 500);
  EXPECT_EQ(advances(market_.split_coin), 800);
  EXPECT_EQ(outstanding(market_.coin), 500) << "an advance takes nothing from what was issued";

  advance_to(receipt.final_at_ms - 1);
  work();
  EXPECT_EQ(judged(document, next_).state, ClaimState::kCredited);
  advance_to(receipt.final_at_ms);
  work();
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(advances(market_.coin), 0);
  EXPECT_EQ(advances(market_.split_coin), 0);
  EXPECT_EQ(outstanding(market_.coin), 0);
  EXPECT_EQ(outstanding(market_.split_coin), 100);
  work();
  EXPECT_EQ(file_of(document, next_).statements.size(), 2u);
}

TEST_F(ClaimCoinsTest, ShrinkByWhatWasPaidBeforeAndAreChargedForWhatComesLater) {
  const protocol::Payment before = pay({{&split_, 1, 200}});
  later(3600'000);
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  deposit(before);
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 0, 0}));
  EXPECT_EQ(customer(next_), 1100);

  // A thief pays with what was claimed: the payee is paid, and the claimant charged.
  later(kDay_s * 1000);
  deposit(pay({{&split_, 4, 100}}));
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 100, 0}));
  EXPECT_EQ(customer(next_), 1000);
  EXPECT_EQ(judged(document, next_).paid_after.size(), 1u);

  // What the account does not hold any more, the issuer bears.
  spend_from(next_, 700);
  deposit(pay({{&plain_, 0, 500}}));
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 600, 200}));
  EXPECT_EQ(customer(next_), 0);
  EXPECT_EQ(loss(), 200);
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(file_of(document, next_).statements.size(), 3u) << "nothing new, nothing stated";

  // One more comes in just before the end.
  advance_to(receipt.final_at_ms);
  deposit(before);  // again: the slot is charged no second time
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 600, 200}));
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(advances(market_.coin), 0);
  EXPECT_EQ(advances(market_.split_coin), 0);
  EXPECT_EQ(outstanding(market_.coin), 0);
  EXPECT_EQ(outstanding(market_.split_coin), 100);
}

TEST_F(ClaimCoinsTest, AChargeOfNothingLeftIsBorneWhole) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  advance_to(filed(document).held_until_ms);
  work();
  spend_from(next_, 1300);
  deposit(pay({{&plain_, 0, 500}}));
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 0, 1300, 500, 500}));
  EXPECT_EQ(loss(), 500);
}

TEST_F(ClaimCoinsTest, AreCreditedToWhoeverSucceedsTheClaimant) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  WorldWallet third = market_.make_wallet();
  withdrawal_.add(third);
  withdrawal_.lose(next_);
  withdrawal_.replace(next_, third);
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(customer(third), 1300);
  EXPECT_EQ(customer(next_), 0);
  EXPECT_EQ(total(document, next_).credited, 1300u) << "the claimant still sees it";
  EXPECT_EQ(total(document, third).credited, 1300u);
}

// Who spent twice gets nothing to another account of hers.
TEST_F(ClaimCoinsTest, OfAnAccountThatIsConvictedAreCreditedToItself) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  withdrawal_.convict(lost_);
  advance_to(receipt.held_until_ms);
  work();
  EXPECT_EQ(total(document, next_).credited, 1300u);
  EXPECT_EQ(customer(lost_), 1300);
  EXPECT_EQ(customer(next_), 0);
  later(1);
  deposit(pay({{&split_, 4, 100}}));
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 0, 1300, 100, 0}));
  EXPECT_EQ(customer(lost_), 1200) << "charged where it was credited";
  advance_to(receipt.final_at_ms);
  work();
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(customer(lost_), 1200);
}

TEST_F(ClaimCoinsTest, CreditedBeforeAConvictionAreChargedToTheSuccessor) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  advance_to(filed(document).held_until_ms);
  work();
  withdrawal_.convict(lost_);
  later(1);
  deposit(pay({{&split_, 4, 100}}));
  later(kDay_s * 1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 0, 1300, 100, 0}));
  EXPECT_EQ(customer(next_), 1200);
  EXPECT_EQ(customer(lost_), 0);
}

TEST_F(ClaimCoinsTest, TheHolderOfACardClaimsWithoutASuccessor) {
  withdrawal_.lose(lost_);
  const SignedDocument document = claim(lost_, ClaimKind::kCoins, {claimed(plain_, plain_.order)});
  advance_to(filed(document).held_until_ms);
  work();
  EXPECT_EQ(customer(lost_), 500);
  EXPECT_EQ(judged(document, lost_).by, lost_.account.account);
}

TEST_F(ClaimCoinsTest, PastTheirDeadlineAreCreditedAtOnce) {
  lose_and_replace();
  advance_to((market_.coin.denomination.deposit_until + kDay_s) * 1000);
  const SignedDocument document = claim_all();
  EXPECT_EQ(filed(document).held_until_ms, now_ms());
  work();
  EXPECT_EQ(customer(next_), 1300);
}

TEST_F(ClaimCoinsTest, TheSameClaimGetsTheSameReceipt) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  const FilingAnswer first = file(document);
  advance_to(now_ms() + 30 * kDay_s * 1000);
  work();
  const FilingAnswer again = file(document);
  EXPECT_FALSE(again.refused);
  EXPECT_EQ(again.document, first.document);
  EXPECT_EQ(again.key_certificate, first.key_certificate);
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), 1);
}

TEST_F(ClaimCoinsTest, OfClaimsThatRaceForACoinOneIsTaken) {
  lose_and_replace();
  std::vector<SignedDocument> claims;
  for (int i = 0; i < 4; ++i) {
    claims.push_back(claim_all());
    later(1);
  }
  std::vector<std::string> results(claims.size());
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < claims.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = refused(claims[i]); });
    }
  }
  EXPECT_EQ(std::ranges::count(results, "not refused"), 1);
  EXPECT_EQ(std::ranges::count(results, "CLAIMED_BEFORE@0"), 3);
  EXPECT_EQ(number("SELECT max(number) FROM recovery.claim"), 1) << "no number is lost";
}

TEST_F(ClaimCoinsTest, TheSameClaimSentAtOnceIsFiledOnce) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  std::vector<protocol::Bytes> answers(4);
  {
    std::vector<std::jthread> threads;
    for (auto& answer : answers) {
      threads.emplace_back([&] { answer = file(document).document; });
    }
  }
  for (const auto& answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), 1);
}

TEST_F(ClaimCoinsTest, TwoWorkersCreditOnce) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  advance_to(filed(document).held_until_ms);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { work(); });
  }
  EXPECT_EQ(customer(next_), 1300);
  EXPECT_EQ(file_of(document, next_).statements.size(), 1u);
}

TEST_F(ClaimCoinsTest, AClaimWaitsForPeersThatAreDown) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  coin_store_.down = true;
  EXPECT_TRUE(
      absl::IsUnavailable(file_claim(parts_, document.encode(), absl::InfiniteFuture()).status()));
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim WHERE state = 'filed'"), 1);
  coin_store_.down = false;
  later(1000);
  work();
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim WHERE state = 'held'"), 1)
      << "the worker finishes what nobody asks for again";
  advance_to(filed(document).held_until_ms);
  deposit_.down = true;
  withdrawal_.down = true;
  EXPECT_FALSE(try_work().ok());
  EXPECT_EQ(customer(next_), 0);
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim WHERE note LIKE 'PEER_DOWN%'"), 1);
  withdrawal_.down = false;
  later(1000);
  work();
  EXPECT_EQ(customer(next_), 1300);
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claim WHERE note = ''"), 1);
}

TEST_F(ClaimCoinsTest, NeverDrawMoreThanWasIssued) {
  lose_and_replace();
  const SignedDocument document = claim_all();
  const protocol::ClaimReceipt receipt = filed(document);
  advance_to(receipt.held_until_ms);
  work();
  // Forged coins came back meanwhile.
  drain_coins(market_.coin, 400);
  advance_to(receipt.final_at_ms);
  EXPECT_EQ(protocol::reason_of(try_work()), "OVERDRAWN");
  EXPECT_EQ(judged(document, next_).state, ClaimState::kCredited) << "the claim waits for people";
  EXPECT_NE(metrics_.expose().find("cafe_recovery_coins_overdrawn_total{service=\"recovery\"} 1"),
            std::string::npos);
  EXPECT_EQ(outstanding(market_.split_coin), 900) << "all of the step, or nothing";
}

// Every boundary between two commits of a claim's way.
class InterruptedTest : public ClaimCoinsTest, public ::testing::WithParamInterface<const char*> {
 protected:
  ~InterruptedTest() override { EXPECT_TRUE(platform::arm_failpoints("").ok()); }
};

TEST_P(InterruptedTest, EveryStepHappensOnce) {
  const protocol::Payment before = pay({{&split_, 1, 200}});
  later(1000);
  lose_and_replace();
  const SignedDocument document = claim_all();
  deposit(before);
  ASSERT_TRUE(platform::arm_failpoints(absl::StrCat(GetParam(), "=error@1")).ok());
  (void)file_claim(parts_, document.encode(), absl::InfiniteFuture());
  const protocol::ClaimReceipt receipt = filed(document);
  advance_to(receipt.held_until_ms);
  (void)try_work();
  later(1000);
  work();
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 0, 0}));
  EXPECT_EQ(customer(next_), 1100);

  deposit(pay({{&plain_, 0, 500}}));
  ASSERT_TRUE(platform::arm_failpoints(absl::StrCat(GetParam(), "=error@1")).ok());
  for (int pass = 0; pass < 3; ++pass) {
    later(kDay_s * 1000);
    (void)try_work();
  }
  EXPECT_EQ(total(document, next_), (Total{"EUR", 1300, 200, 1100, 500, 0}));
  EXPECT_EQ(customer(next_), 600);

  advance_to(receipt.final_at_ms);
  ASSERT_TRUE(platform::arm_failpoints(absl::StrCat(GetParam(), "=error@1")).ok());
  (void)try_work();
  later(1000);
  work();
  EXPECT_EQ(judged(document, next_).state, ClaimState::kFinal);
  EXPECT_EQ(customer(next_), 600);
  EXPECT_EQ(advances(market_.coin), 0);
  EXPECT_EQ(advances(market_.split_coin), 0);
  EXPECT_EQ(outstanding(market_.coin), 0);
  EXPECT_EQ(outstanding(market_.split_coin), 900 - 200 - 600);
  EXPECT_EQ(file_of(document, next_).statements.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(AtEveryBoundary, InterruptedTest,
                         ::testing::Values("recovery/after-check", "recovery/after-file",
                                           "recovery/after-mark", "recovery/after-hold",
                                           "recovery/before-statement-commit",
                                           "recovery/after-statement"));

}  // namespace
}  // namespace cafe::recovery::testing
