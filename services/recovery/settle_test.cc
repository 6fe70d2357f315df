// What payments take from a claim, what is left, and how that moves in the ledger.
#include "services/recovery/settle.h"

#include "libs/protocol/hash.h"
#include "libs/protocol/testing/claim_fixture.h"
#include "libs/storage/fake_ledger.h"
#include "libs/storage/ledger_accounts.h"
#include "services/recovery/postings.h"

namespace cafe::recovery {
namespace {

using protocol::ClaimKind;
using protocol::ClaimTotal;
using protocol::Deduction;
using storage::AccountRef;

class SettleTest : public cafe::testing::ClaimFixture {
 protected:
  ClaimContent content(const protocol::ClaimFile& file) {
    auto out = content_of(file);
    EXPECT_TRUE(out.ok()) << out.status();
    return *std::move(out);
  }
  PaidSlot paid(const ClaimContent& content, const Payment& payment, uint32_t spend, SlotKey key) {
    auto out = read_paid_slot(key, content.ids[key.coin], payment.encode(), spend);
    EXPECT_TRUE(out.ok()) << out.status();
    return *std::move(out);
  }
  std::vector<ClaimTotal> totals(const ClaimContent& content, std::vector<Deducted> deducted) {
    return totals_of(content, deducted).value();
  }
  AccountRef account(std::string_view kind, protocol::ByteView owner) {
    return {std::string(kind), protocol::to_bytes(owner), "EUR"};
  }
  AccountRef cheques(std::string_view kind) {
    return {std::string(kind), storage::cheques_account(kIssuer, "EUR").owner, "EUR"};
  }
  static constexpr std::string_view kIssuer = cafe::testing::World::kIssuer;
};

TEST_F(SettleTest, APaymentTakesWhatItsSlotClaimed) {
  const ClaimContent claim = content(coins_claim());
  EXPECT_EQ(claim.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 1300}}));
  const Payment payment = pay({{&split_, 1, 200}});
  const std::optional<Deducted> before = deduct(claim, paid(claim, payment, 0, {1, 1}), false);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->deduction, (Deduction{1, 1, Deduction::Code::kPaidBefore, false, 200,
                                          protocol::sha256(payment.encode())}));
  EXPECT_EQ(before->currency, "EUR");
  const Payment late = pay({{&split_, 0, 400}}, /*after=*/true);
  EXPECT_EQ(deduct(claim, paid(claim, late, 0, {1, 0}), true)->deduction.code,
            Deduction::Code::kPaidAfter);
}

TEST_F(SettleTest, ASlotThatIsNotClaimedTakesNothing) {
  const ClaimContent claim = content(coins_claim());
  const Payment payment = pay({{&split_, 2, 100}});
  EXPECT_EQ(deduct(claim, paid(claim, payment, 0, {1, 2}), false), std::nullopt);
}

TEST_F(SettleTest, AnArchivedPaymentOfAnotherSlotIsAnError) {
  const ClaimContent claim = content(coins_claim());
  const protocol::Bytes payment = pay({{&split_, 1, 200}, {&plain_, 0, 500}}).encode();
  EXPECT_TRUE(read_paid_slot({1, 1}, claim.ids[1], payment, 0).ok());
  for (const auto& [key, id, spend] :
       {std::tuple(SlotKey{1, 0}, claim.ids[1], 0U), std::tuple(SlotKey{1, 1}, claim.ids[0], 0U),
        std::tuple(SlotKey{1, 1}, claim.ids[1], 1U), std::tuple(SlotKey{1, 1}, claim.ids[1], 2U)}) {
    EXPECT_EQ(protocol::reason_of(read_paid_slot(key, id, payment, spend).status()),
              "PAYMENT_MISMATCH");
  }
}

TEST_F(SettleTest, ChequesDeductAllThatTheySpentUpToTheLoads) {
  const ClaimContent claim = content(cheques_claim());
  const Payment cheque = pay({{&cheque_, 0, 1234}});
  const Payment call = market_.open_call(lost_, call_cheque_, 10, 8).shown(3);
  std::vector<Deducted> deducted = {*deduct(claim, paid(claim, cheque, 0, {0, 0}), false),
                                    *deduct(claim, paid(claim, call, 0, {1, 0}), false)};
  EXPECT_EQ(totals(claim, deducted), (std::vector<ClaimTotal>{{"EUR", 5000, 1264, 3736, 0, 0}}));
  EXPECT_EQ(left_of(claim, deducted)->at("EUR").cheques, 3736u);
  deducted[0].deduction.value = 6000;
  EXPECT_EQ(totals(claim, deducted), (std::vector<ClaimTotal>{{"EUR", 5000, 5000, 0, 0, 0}}));
  EXPECT_TRUE(left_of(claim, deducted)->empty());
}

TEST_F(SettleTest, WhatIsLeftIsDrawnFromEachDenomination) {
  const ClaimContent claim = content(coins_claim());
  const Deducted one = *deduct(claim, paid(claim, pay({{&split_, 1, 200}}), 0, {1, 1}), false);
  EXPECT_EQ(left_of(claim, {&one, 1})->at("EUR"),
            (Left{.coins = {{market_.coin.id, 500}, {market_.split_coin.id, 600}}}));
  Deducted whole = *deduct(claim, paid(claim, pay({{&plain_, 0, 500}}), 0, {0, 0}), true);
  whole.uncollected = 300;
  const std::vector<Deducted> both = {whole, one};
  EXPECT_EQ(left_of(claim, both)->at("EUR"), (Left{.coins = {{market_.split_coin.id, 600}}}));
  EXPECT_EQ(totals(claim, both), (std::vector<ClaimTotal>{{"EUR", 1300, 200, 1100, 500, 300}}));
}

TEST_F(SettleTest, PaymentsAreDrawnFromCoinsAndCheques) {
  const ClaimContent claim = content(refused_claim());
  EXPECT_EQ(claim.claimed, (std::vector<protocol::CurrencyAmount>{{"EUR", 1834}}));
  EXPECT_EQ(
      left_of(claim, {})->at("EUR"),
      (Left{.coins = {{market_.coin.id, 500}, {market_.split_coin.id, 100}}, .cheques = 1234}));
  EXPECT_EQ(claim.paid_by({2, 0})->spend, 2u);
  EXPECT_FALSE(claim.paid_by({1, 1}).has_value());
}

TEST_F(SettleTest, AdvancesComeBackToNothing) {
  const ClaimContent claim = content(refused_claim());
  storage::FakeLedger ledger;
  storage::FakeTransaction tx;
  const auto post = [&](const storage::Posting& posting) {
    ASSERT_TRUE(ledger.post(tx, posting).ok());
  };
  const auto balance = [&](const AccountRef& of) { return ledger.balance(tx, of).value(); };
  const protocol::AccountId& heir = next_.account.account;
  const AccountRef customer = account("customer", heir);
  for (const AccountRef& from : {account("coins", market_.coin.id),
                                 account("coins", market_.split_coin.id), cheques("cheques")}) {
    post({.kind = "test",
          .reference = from.owner,
          .lines = {{{"cash", {}, "EUR"}, -1234}, {from, 1234}}});
  }
  for (const auto& posting : credit_postings(9, heir, kIssuer, left_of(claim, {}).value())) {
    post(posting);
  }
  EXPECT_EQ(balance(customer), 1834);
  EXPECT_EQ(balance(account("claims", market_.coin.id)), -500);
  EXPECT_EQ(balance(cheques("claims")), -1234);

  Deducted charged =
      *deduct(claim, paid(claim, claim.payments[0].payment, 2, {2, 0}), /*charged=*/true);
  post(charge_posting(
      9, heir, kIssuer,
      {.key = {2, 0}, .denomination = &claim.denomination(2), .value = 1234, .collected = 1000}));
  EXPECT_EQ(balance(customer), 834);
  EXPECT_EQ(balance({"loss", {}, "EUR"}), -234);
  EXPECT_EQ(balance(cheques("claims")), 0);

  std::map<std::string, FinalDraw> draws;
  draws["EUR"].left = left_of(claim, {&charged, 1})->at("EUR");
  for (const auto& posting : final_postings(9, kIssuer, draws)) post(posting);
  EXPECT_EQ(balance(account("claims", market_.coin.id)), 0);
  EXPECT_EQ(balance(account("claims", market_.split_coin.id)), 0);
  EXPECT_EQ(balance(account("coins", market_.coin.id)), 1234 - 500);
  EXPECT_EQ(balance(cheques("cheques")), 1234) << "the deposit takes these";
}

TEST_F(SettleTest, PostingsAreNamedAfterTheirClaim) {
  const ClaimContent claim = content(coins_claim());
  const auto left = left_of(claim, {}).value();
  EXPECT_EQ(credit_postings(258, next_.account.account, kIssuer, left)[0].reference,
            (protocol::Bytes{0, 0, 0, 0, 0, 0, 1, 2, 'E', 'U', 'R'}));
  const auto charge = charge_posting(
      258, next_.account.account, kIssuer,
      {.key = {3, 4}, .denomination = &claim.denomination(0), .value = 5, .collected = 0});
  EXPECT_EQ(charge.reference, (protocol::Bytes{0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4}));
  EXPECT_EQ(charge.lines.size(), 2u) << "nothing is taken from an empty account";
}

TEST_F(SettleTest, WhatTheLoadsLackIsBorne) {
  const std::map<std::string, FinalDraw> draws = {
      {"EUR", {.left = {.coins = {}, .cheques = 700}, .borne = 700}}};
  const auto postings = final_postings(1, kIssuer, draws);
  ASSERT_EQ(postings.size(), 1u);
  EXPECT_EQ(postings[0].lines, (std::vector<storage::LedgerLine>{{{"loss", {}, "EUR"}, -700},
                                                                 {cheques("claims"), 700}}));
}

}  // namespace
}  // namespace cafe::recovery
