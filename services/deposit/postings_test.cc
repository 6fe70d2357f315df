#include "services/deposit/postings.h"

#include <gtest/gtest.h>

#include "libs/storage/ledger_accounts.h"
#include "services/deposit/overdraft.h"

namespace cafe::deposit {
namespace {

using protocol::DenomId;
using protocol::PayeeId;

TEST(Postings, BalanceInEachCurrency) {
  DenomId denom;
  denom.bytes[0] = 5;
  PayeeId payee;
  payee.bytes[0] = 6;
  const auto postings =
      postings_of(3, {payee, {}}, {{"EUR", {{{denom, 700}}, 300}}, {"USD", {{}, 50}}});
  ASSERT_TRUE(postings.ok()) << postings.status();
  ASSERT_EQ(postings->size(), 2u);
  for (const storage::Posting& posting : *postings) {
    int64_t sum = 0;
    for (const storage::LedgerLine& line : posting.lines) sum += line.amount;
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(posting.kind, "deposit");
  }
  const storage::Posting& eur = (*postings)[0];
  ASSERT_EQ(eur.lines.size(), 3u);
  EXPECT_EQ(eur.lines[0].account.kind, "coins");
  EXPECT_EQ(eur.lines[0].amount, -700);
  EXPECT_EQ(eur.lines[1].account.kind, "loss");
  EXPECT_EQ(eur.lines[1].amount, -300);
  EXPECT_EQ(eur.lines[2].account.kind, "payee");
  EXPECT_EQ(eur.lines[2].amount, 1000);
  EXPECT_NE(eur.reference, (*postings)[1].reference);
}

TEST(Postings, TakeChequesFromTheirIssuersLoads) {
  const auto postings = postings_of(
      3, {}, {{"EUR", {.coins = {}, .loss = 5, .cheques = {{"a.example", 70}, {"b.example", 0}}}}});
  ASSERT_TRUE(postings.ok()) << postings.status();
  const auto& lines = postings->at(0).lines;
  ASSERT_EQ(lines.size(), 3u);
  const auto cheques = storage::cheques_account("a.example", "EUR");
  EXPECT_EQ(lines[0].account.kind, cheques.kind);
  EXPECT_EQ(lines[0].account.owner, cheques.owner);
  EXPECT_EQ(lines[0].amount, -70);
  EXPECT_EQ(lines[1].account.kind, "loss");
  EXPECT_EQ(lines[1].amount, -5);
  EXPECT_EQ(lines[2].account.kind, "payee");
  EXPECT_EQ(lines[2].amount, 75);
}

TEST(Postings, CreditAHoldersOwnAccount) {
  protocol::AccountId account;
  account.bytes[0] = 9;
  DenomId denom;
  const auto postings =
      postings_of(3, {.payee_id = {}, .holder = account}, {{"EUR", {{{denom, 70}}, 0}}});
  ASSERT_TRUE(postings.ok()) << postings.status();
  const auto& line = postings->at(0).lines.at(1);
  EXPECT_EQ(line.account.kind, "customer");
  EXPECT_EQ(line.account.owner, protocol::to_bytes(account));
  EXPECT_EQ(line.amount, 70);
}

// What the loads of guardians lack is borne by the issuer, to the cent.
TEST(Overdraft, IsBornePartly) {
  std::map<std::string, Movement> movements = {
      {"EUR", {.coins = {}, .loss = 5, .cheques = {{"a.example", 100}, {"b.example", 40}}}},
      {"USD", {.coins = {}, .loss = 0, .cheques = {{"a.example", 30}}}}};
  const std::map<std::pair<protocol::Bytes, std::string>, int64_t> loaded = {
      {{storage::cheques_account("a.example", "EUR").owner, "EUR"}, 99},
      {{storage::cheques_account("b.example", "EUR").owner, "EUR"}, 40},
      {{storage::cheques_account("a.example", "USD").owner, "USD"}, 0}};
  const auto alarms =
      bear_overdraft(movements, [&](const storage::AccountRef& account) -> absl::StatusOr<int64_t> {
        EXPECT_EQ(account.kind, "cheques");
        return loaded.at({account.owner, account.currency});
      });
  ASSERT_TRUE(alarms.ok()) << alarms.status();
  EXPECT_EQ(*alarms, (std::vector<ChequeAlarm>{{"EUR", "a.example", 1}, {"USD", "a.example", 30}}));
  EXPECT_EQ(movements.at("EUR"),
            (Movement{.coins = {}, .loss = 6, .cheques = {{"a.example", 99}, {"b.example", 40}}}));
  EXPECT_EQ(movements.at("USD"),
            (Movement{.coins = {}, .loss = 30, .cheques = {{"a.example", 0}}}));
}

TEST(Postings, NoneWhereNothingMoves) { EXPECT_TRUE(postings_of(3, {}, {})->empty()); }

TEST(Postings, RefuseASumThatDoesNotFit) {
  DenomId a, b;
  a.bytes[0] = 1;
  const uint64_t most = INT64_MAX;
  EXPECT_EQ(protocol::reason_of(postings_of(3, {}, {{"EUR", {{{a, most}, {b, 1}}, 0}}}).status()),
            "AMOUNT_OVERFLOW");
}

}  // namespace
}  // namespace cafe::deposit
