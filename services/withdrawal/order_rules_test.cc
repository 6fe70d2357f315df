#include "services/withdrawal/order_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/protocol/testing/world.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;
using testing::World;

class OrderRules : public ::testing::Test {
 protected:
  OrderRules() : dollars_(world_.make_denomination(protocol::Kind::kCoin, {300})) {
    dollars_ = *protocol::DenominationKey::create(in_dollars(dollars_.denomination), dollars_.x);
    world_.list.denominations.push_back(dollars_.denomination);
    book_ = open({&world_.coin, &world_.split_coin, &world_.cheque, &dollars_});
  }
  static protocol::Denomination in_dollars(protocol::Denomination denomination) {
    denomination.currency = "USD";
    return denomination;
  }
  std::shared_ptr<const DenominationBook> open(
      std::vector<const protocol::DenominationKey*> keys) const {
    storage::DenominationSecrets secrets{std::string(World::kIssuer), {}, {}};
    for (const auto* key : keys) secrets.keys.emplace_back(key->denomination.H, key->x);
    const auto document = protocol::SignedDocument::sign(world_.list.encode(), world_.master_key);
    return DenominationBook::open(document, world_.master_key.public_key(), secrets, nullptr)
        .value();
  }
  std::string reason(std::vector<protocol::OrderLine> lines, uint64_t now_s = kWorldNow_s,
                     uint64_t slack_s = 0, const DenomSet& stopped = {}) const {
    return reason_of(select_lines(*book_, stopped, lines, now_s, slack_s).status());
  }

  World world_{"order rules"};
  protocol::DenominationKey dollars_;
  std::shared_ptr<const DenominationBook> book_;
};

TEST_F(OrderRules, ChainGoesOnByOne) {
  EXPECT_TRUE(check_chain(0, 1).ok());
  EXPECT_TRUE(check_chain(41, 42).ok());
  for (const uint64_t n : {0UL, 41UL, 43UL, UINT64_MAX}) {
    const absl::Status status = check_chain(41, n);
    EXPECT_EQ(reason_of(status), "ORDER_NUMBER") << n;
    EXPECT_NE(status.message().find("42"), std::string::npos) << "says which one is expected";
  }
}

TEST_F(OrderRules, GoodLinesAreSelectedInOrder) {
  const std::vector<protocol::OrderLine> lines = {{world_.split_coin.id, 7}, {world_.coin.id, 1}};
  const auto entries = select_lines(*book_, {}, lines, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0]->id, world_.split_coin.id);
  EXPECT_EQ((*entries)[1]->id, world_.coin.id);
}

// [guard]s of section 4: eight coins on one m, and nonces of one denomination in two lines.
TEST_F(OrderRules, EightCoinsOrADenominationTwiceAreRefused) {
  EXPECT_EQ(reason({{world_.coin.id, 8}}), "TOO_MANY_COINS");
  EXPECT_EQ(reason({{world_.coin.id, 0}}), "BAD_ORDER");
  EXPECT_EQ(reason({{world_.coin.id, 1}, {world_.split_coin.id, 1}, {world_.coin.id, 1}}),
            "DENOMINATION_TWICE");
  EXPECT_EQ(reason({}), "BAD_ORDER");
}

TEST_F(OrderRules, OnlyWhatIsKnownAndOnOfferIsIssued) {
  EXPECT_EQ(reason({{protocol::DenomId{}, 1}}), "UNKNOWN_DENOMINATION");
  EXPECT_EQ(reason({{world_.coin.id, 1}}, kWorldNow_s, 0, {world_.coin.id}),
            "DENOMINATION_STOPPED");
  EXPECT_EQ(reason({{world_.coin.id, 1}}, kWorldNow_s, 0, {world_.split_coin.id}), "");
  book_ = open({&world_.split_coin});
  EXPECT_EQ(reason({{world_.coin.id, 1}}), "KEY_UNAVAILABLE");
}

TEST_F(OrderRules, CompromisedDenominationIsStopped) {
  world_.list.compromised = {world_.coin.id};
  book_ = open({&world_.coin});
  EXPECT_EQ(reason({{world_.coin.id, 1}}), "DENOMINATION_STOPPED");
}

TEST_F(OrderRules, DatesBoundWithdrawalToTheSecond) {
  const protocol::Denomination& d = world_.coin.denomination;
  struct Case {
    uint64_t now_s;
    uint64_t slack_s;
    const char* reason;
  };
  const Case cases[] = {
      {d.withdraw_from - 1, 0, "DENOMINATION_NOT_OPEN"},
      {d.withdraw_from - 1, kCompletionSlack_s, "DENOMINATION_NOT_OPEN"},
      {d.withdraw_from, 0, ""},
      {d.withdraw_until - 1, 0, ""},
      {d.withdraw_until, 0, "DENOMINATION_NOT_OPEN"},
      {d.withdraw_until, kCompletionSlack_s, ""},
      {d.withdraw_until + 119, kCompletionSlack_s, ""},
      {d.withdraw_until + 120, kCompletionSlack_s, "DENOMINATION_NOT_OPEN"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(reason({{world_.coin.id, 1}}, c.now_s, c.slack_s), c.reason)
        << c.now_s << " slack " << c.slack_s;
  }
}

TEST_F(OrderRules, PriceSumsByCurrencyAscending) {
  const std::vector<protocol::OrderLine> lines = {
      {dollars_.id, 2}, {world_.coin.id, 3}, {world_.split_coin.id, 2}};
  const auto entries = select_lines(*book_, {}, lines, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  const auto debits = price(*entries, lines);
  ASSERT_TRUE(debits.ok());
  EXPECT_THAT(*debits, ::testing::ElementsAre(protocol::Completion::Debit{"EUR", 3 * 500 + 2 * 900},
                                              protocol::Completion::Debit{"USD", 600}));
}

TEST_F(OrderRules, BlankChequesCostNothing) {
  const std::vector<protocol::OrderLine> cheques = {{world_.cheque.id, 7}};
  const auto blank = select_lines(*book_, {}, cheques, kWorldNow_s, 0);
  ASSERT_TRUE(blank.ok()) << blank.status();
  EXPECT_EQ(line_value(*(*blank)[0], 7).value(), 0U);
  EXPECT_TRUE(price(*blank, cheques).value().empty());
  EXPECT_TRUE(postings_of({}, 1, *blank, cheques).value().empty());

  const std::vector<protocol::OrderLine> mixed = {{world_.cheque.id, 2}, {world_.coin.id, 3}};
  const auto entries = select_lines(*book_, {}, mixed, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(price(*entries, mixed).value(),
              ::testing::ElementsAre(protocol::Completion::Debit{"EUR", 1500}));
  const auto postings = postings_of({}, 1, *entries, mixed);
  ASSERT_TRUE(postings.ok());
  ASSERT_EQ(postings->size(), 1U);
  EXPECT_EQ((*postings)[0].lines.size(), 2U) << "customer and coins, no line of cheques";
}

TEST_F(OrderRules, PostingsBalanceAndNameTheOrder) {
  const protocol::AccountId account{{1, 2, 3}};
  const std::vector<protocol::OrderLine> lines = {
      {dollars_.id, 2}, {world_.coin.id, 3}, {world_.split_coin.id, 2}};
  const auto entries = select_lines(*book_, {}, lines, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok());
  const auto postings = postings_of(account, 9, *entries, lines);
  ASSERT_TRUE(postings.ok());
  ASSERT_EQ(postings->size(), 2U);
  const storage::Posting& euros = (*postings)[0];
  EXPECT_EQ(euros.kind, "withdrawal");
  EXPECT_EQ(euros.reference.size(), 32U + 8 + 3);
  EXPECT_NE(euros.reference, (*postings)[1].reference);
  const auto bytes = [](const auto& id) { return protocol::to_bytes(id); };
  EXPECT_THAT(euros.lines,
              ::testing::ElementsAre(
                  storage::LedgerLine{{"customer", bytes(account), "EUR"}, -3300},
                  storage::LedgerLine{{"coins", bytes(world_.coin.id), "EUR"}, 1500},
                  storage::LedgerLine{{"coins", bytes(world_.split_coin.id), "EUR"}, 1800}));
  EXPECT_THAT(
      (*postings)[1].lines,
      ::testing::ElementsAre(storage::LedgerLine{{"customer", bytes(account), "USD"}, -600},
                             storage::LedgerLine{{"coins", bytes(dollars_.id), "USD"}, 600}));
}

TEST_F(OrderRules, ValueThatNoLedgerEntryHoldsIsRefused) {
  protocol::DenominationKey huge =
      world_.make_denomination(protocol::Kind::kCoin, {uint64_t{1} << 62});
  world_.list.denominations.push_back(huge.denomination);
  book_ = open({&huge});
  const std::vector<protocol::OrderLine> lines = {{huge.id, 2}};
  const auto entries = select_lines(*book_, {}, lines, kWorldNow_s, 0);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_EQ(reason_of(price(*entries, lines).status()), "AMOUNT_OVERFLOW");
  EXPECT_EQ(reason_of(postings_of({}, 1, *entries, lines).status()), "AMOUNT_OVERFLOW");
}

}  // namespace
}  // namespace cafe::withdrawal
