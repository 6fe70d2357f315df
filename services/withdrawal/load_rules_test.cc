#include "services/withdrawal/load_rules.h"

#include <gmock/gmock.h>

#include "libs/protocol/testing/world.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;
using testing::World;

// [guard] of section 5: exactly one more than the last.
TEST(LoadRules, SequenceGoesOnByOne) {
  EXPECT_TRUE(check_load_sequence(0, 1).ok());
  EXPECT_TRUE(check_load_sequence(41, 42).ok());
  for (const uint64_t sequence : {0UL, 41UL, 43UL, UINT64_MAX}) {
    const absl::Status status = check_load_sequence(41, sequence);
    EXPECT_EQ(reason_of(status), "LOAD_SEQUENCE") << sequence;
    EXPECT_NE(status.message().find("42"), std::string::npos) << "says which one is expected";
  }
}

TEST(LoadRules, OnlyWhatChequesCanPayIsLoaded) {
  World world("load rules");
  const auto reason = [&](std::string_view currency, uint64_t now_s = kWorldNow_s) {
    return reason_of(check_load_currency(world.list, currency, now_s));
  };
  EXPECT_EQ(reason("EUR"), "");
  EXPECT_EQ(reason("USD"), "CURRENCY_UNSUPPORTED");
  // Withdrawal is over, but those that were withdrawn can be spent.
  const uint64_t spend_until = world.cheque.denomination.spend_until;
  EXPECT_EQ(reason("EUR", spend_until - 1), "");
  EXPECT_EQ(reason("EUR", spend_until), "CURRENCY_UNSUPPORTED");
  world.list.compromised = {world.cheque.id};
  EXPECT_EQ(reason("EUR"), "CURRENCY_UNSUPPORTED");
  world.list.compromised = {world.coin.id};
  EXPECT_EQ(reason("EUR"), "");
}

TEST(LoadRules, PostingMovesTheAmountToWhatChequesMayTake) {
  const protocol::AccountId account{{7, 8, 9}};
  const auto posting = posting_of({"issuer-a.example", account, "EUR", 2'500, 3});
  ASSERT_TRUE(posting.ok()) << posting.status();
  EXPECT_EQ(posting->kind, "load");
  ASSERT_EQ(posting->reference.size(), 40U);
  EXPECT_EQ(posting->reference.back(), 3);
  EXPECT_THAT(posting->lines,
              ::testing::ElementsAre(
                  storage::LedgerLine{{"customer", protocol::to_bytes(account), "EUR"}, -2'500},
                  storage::LedgerLine{storage::cheques_account("issuer-a.example", "EUR"), 2'500}));
  EXPECT_NE(storage::cheques_account("issuer-a.example", "EUR").owner,
            storage::cheques_account("issuer-b.example", "EUR").owner);
}

TEST(LoadRules, AmountThatNoLedgerEntryHoldsIsRefused) {
  constexpr uint64_t kMost = INT64_MAX;
  EXPECT_TRUE(posting_of({"issuer-a.example", {}, "EUR", kMost, 1}).ok());
  EXPECT_EQ(reason_of(posting_of({"issuer-a.example", {}, "EUR", kMost + 1, 1}).status()),
            "AMOUNT_OVERFLOW");
}

}  // namespace
}  // namespace cafe::withdrawal
