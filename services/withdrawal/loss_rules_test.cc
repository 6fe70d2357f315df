#include "services/withdrawal/loss_rules.h"

#include <gmock/gmock.h>

#include "libs/protocol/bytes.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/status.h"

namespace cafe::withdrawal {
namespace {

using protocol::AccountId;
using protocol::reason_of;

AccountId account(uint8_t first) {
  AccountId id{};
  id.bytes[0] = first;
  return id;
}

TEST(LossRules, StandingIsConvictedWheneverACaseConvicts) {
  struct Case {
    bool closed, convicted, lost;
    Standing standing;
  };
  for (const Case& c :
       {Case{false, false, false, Standing::kOpen}, Case{true, false, true, Standing::kLost},
        Case{true, true, true, Standing::kConvicted}, Case{true, true, false, Standing::kConvicted},
        // Closed by hand in the database: nothing is paid back for that.
        Case{true, false, false, Standing::kConvicted}}) {
    EXPECT_EQ(standing_of(c.closed, c.convicted, c.lost), c.standing)
        << c.closed << c.convicted << c.lost;
  }
}

TEST(LossRules, IdentificationIsTextOfOneToTwoHundredBytes) {
  EXPECT_TRUE(check_identification("x").ok());
  EXPECT_TRUE(check_identification(std::string(200, 'x')).ok());
  for (const std::string& text :
       {std::string(), std::string(201, 'x'), std::string("seen\0by", 7)}) {
    EXPECT_EQ(reason_of(check_identification(text)), "BAD_IDENTIFICATION") << text.size();
  }
}

TEST(LossRules, OnlyALostAccountIsReplacedOnceByAnOpenOne) {
  const ReplacementFacts good{
      .lost = true, .convicted = false, .successor_closed = false, .recorded = {}};
  const auto fresh = decide_replacement(good, account(1));
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_FALSE(fresh->has_value());

  const auto reason = [](ReplacementFacts facts) {
    return reason_of(decide_replacement(facts, account(1)).status());
  };
  ReplacementFacts facts = good;
  facts.lost = false;
  EXPECT_EQ(reason(facts), "NOT_REPORTED_LOST");
  facts.convicted = true;
  EXPECT_EQ(reason(facts), "ACCOUNT_CONVICTED");
  facts = good;
  facts.convicted = true;
  EXPECT_EQ(reason(facts), "ACCOUNT_CONVICTED") << "lost before it was convicted";
  facts = good;
  facts.successor_closed = true;
  EXPECT_EQ(reason(facts), "SUCCESSOR_CLOSED");
  facts = good;
  facts.recorded = {account(2), {{1, 2}, {3}}};
  const absl::Status other = decide_replacement(facts, account(1)).status();
  EXPECT_EQ(reason_of(other), "REPLACED_BEFORE");
  EXPECT_THAT(other.message(), ::testing::HasSubstr(account(2).hex())) << "says by which";
}

// However late, and whatever became of the two since.
TEST(LossRules, SameReplacementAgainGetsWhatWasStated) {
  const ReplacementFacts facts{.lost = true,
                               .convicted = true,
                               .successor_closed = true,
                               .recorded = {{account(1), {{1, 2}, {3}}}}};
  const auto again = decide_replacement(facts, account(1));
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((*again)->document, (protocol::Bytes{1, 2}));
  EXPECT_EQ((*again)->key_certificate, (protocol::Bytes{3}));
}

TEST(LossRules, MoveIsPostedFromOneCustomerToTheOther) {
  const Move move{account(1), account(2), "EUR", 3, 1'250};
  const auto posting = posting_of(move);
  ASSERT_TRUE(posting.ok()) << posting.status();
  EXPECT_EQ(posting->kind, "replacement");
  protocol::Bytes reference = protocol::to_bytes(account(1));
  protocol::append(reference, protocol::encode_u64(3));
  protocol::append(reference, protocol::view_of("EUR"));
  EXPECT_EQ(posting->reference, reference);
  EXPECT_THAT(posting->lines,
              ::testing::ElementsAre(
                  storage::LedgerLine{{"customer", protocol::to_bytes(account(1)), "EUR"}, -1'250},
                  storage::LedgerLine{{"customer", protocol::to_bytes(account(2)), "EUR"}, 1'250}));
  EXPECT_EQ(reason_of(posting_of({account(1), account(2), "EUR", 1, uint64_t{1} << 63}).status()),
            "AMOUNT_OVERFLOW");
}

}  // namespace
}  // namespace cafe::withdrawal
