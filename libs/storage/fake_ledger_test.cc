#include "libs/storage/fake_ledger.h"

#include <gtest/gtest.h>

#include "libs/protocol/status.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;

const AccountRef kCash{"cash", {}, "EUR"};
const AccountRef kAlice{"customer", std::vector<uint8_t>(32, 1), "EUR"};
const AccountRef kCoin{"coins", std::vector<uint8_t>(32, 2), "EUR"};

class FakeLedgerTest : public ::testing::Test {
 protected:
  absl::StatusOr<int64_t> post(uint8_t reference, std::vector<LedgerLine> lines) {
    return ledger_.post(tx_, {"test", {reference}, std::move(lines)});
  }
  FakeTransaction tx_;
  FakeLedger ledger_;
};

TEST_F(FakeLedgerTest, MovesMoneyOnceForEachReference) {
  EXPECT_EQ(*post(1, {{kCash, -100}, {kAlice, 100}}), 1);
  EXPECT_EQ(*post(1, {{kAlice, 100}, {kCash, -100}}), 1);
  EXPECT_EQ(reason_of(post(1, {{kCash, -50}, {kAlice, 50}}).status()), "POSTING_CONFLICT");
  EXPECT_EQ(*ledger_.balance(tx_, kAlice), 100);
  EXPECT_EQ(*ledger_.balance(tx_, kCash), -100);
  EXPECT_EQ(*ledger_.balance(tx_, kCoin), 0);
  EXPECT_EQ(ledger_.postings().size(), 1);
}

TEST_F(FakeLedgerTest, ARefusedPostingMovesNothing) {
  ASSERT_TRUE(post(1, {{kCash, -100}, {kAlice, 100}}).ok());
  EXPECT_EQ(reason_of(post(2, {{kAlice, -101}, {kCoin, 101}}).status()), "INSUFFICIENT_FUNDS");
  EXPECT_EQ(reason_of(post(2, {{kCoin, -1}, {kAlice, 1}}).status()), "OVERDRAWN");
  EXPECT_EQ(reason_of(post(2, {{kCash, -INT64_MAX}, {kAlice, INT64_MAX}}).status()),
            "BALANCE_OVERFLOW");
  EXPECT_EQ(*ledger_.balance(tx_, kAlice), 100);
  EXPECT_EQ(*ledger_.balance(tx_, kCoin), 0);
}

TEST_F(FakeLedgerTest, RefusesWhatIsNoPosting) {
  const AccountRef dollars{"customer", {}, "USD"}, lower{"customer", {}, "eur"},
      unknown{"piggy_bank", {}, "EUR"}, long_owner{"customer", std::vector<uint8_t>(65), "EUR"},
      bad_kind{"Customer{}", {}, "EUR"};
  const std::vector<LedgerLine> bad[] = {
      {},
      {{kCash, -1}},
      {{kCash, -1}, {kAlice, 2}},
      {{kCash, 0}, {kAlice, 0}},
      {{kCash, INT64_MIN}, {kAlice, INT64_MAX}, {kCoin, 1}},
      {{kCash, -1}, {dollars, 1}},
      {{lower, -1}, {lower, 1}},
      {{kCash, -1}, {unknown, 1}},
      {{kCash, -1}, {long_owner, 1}},
      {{kCash, -1}, {bad_kind, 1}},
      {{kCash, -1}, {kCash, 1}},
      {{kAlice, INT64_MAX}, {kAlice, 1}, {kCash, -INT64_MAX}, {kCoin, -1}},
  };
  for (const auto& lines : bad) {
    EXPECT_EQ(reason_of(post(1, lines).status()), "BAD_POSTING");
  }
  EXPECT_EQ(reason_of(ledger_.post(tx_, {"test", {}, {{kCash, -1}, {kAlice, 1}}}).status()),
            "BAD_POSTING");
  EXPECT_EQ(reason_of(ledger_.post(tx_, {"T", {1}, {{kCash, -1}, {kAlice, 1}}}).status()),
            "BAD_POSTING");
}

TEST_F(FakeLedgerTest, RunsNoStatement) {
  EXPECT_EQ(reason_of(tx_.query("SELECT 1").status()), "NO_DATABASE");
  EXPECT_EQ(reason_of(tx_.run_script("SELECT 1")), "NO_DATABASE");
}

}  // namespace
}  // namespace cafe::storage
