#include "libs/storage/ledger.h"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

#include "libs/storage/fake_ledger.h"
#include "libs/storage/ledger_fixture.h"

namespace cafe::storage {
namespace {

using protocol::reason_of;
using ::testing::IsEmpty;

using LedgerTest = LedgerFixture;

TEST_F(LedgerTest, TheLifeOfACoin) {
  const AccountRef cash = account("cash"), alice = account("customer"), coins = account("coins"),
                   shop = account("payee"), loss = account("loss");
  auto teller = open("cafe_operator"), withdrawal = open("cafe_withdrawal"),
       deposit = open("cafe_deposit");
  ASSERT_TRUE(post(*teller, "fund", {{cash, -1000}, {alice, 1000}}).ok());
  ASSERT_TRUE(post(*withdrawal, "order", {{alice, -700}, {coins, 700}}).ok());
  ASSERT_TRUE(post(*deposit, "batch", {{coins, -300}, {shop, 300}}).ok());
  ASSERT_TRUE(post(*deposit, "double", {{loss, -100}, {shop, 100}}).ok());
  EXPECT_EQ(balance(cash), -1000);
  EXPECT_EQ(balance(alice), 300);
  EXPECT_EQ(balance(coins), 400);
  EXPECT_EQ(balance(shop), 400);
  EXPECT_EQ(balance(loss), -100);
  EXPECT_EQ(balance(account("payee", 9)), 0);
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(LedgerTest, APostingHappensOnceHoweverOftenItIsSent) {
  const AccountRef cash = account("cash"), alice = account("customer");
  const auto first = post(*root_, "r", {{cash, -5}, {alice, 5}});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*post(*root_, "r", {{alice, 5}, {cash, -5}}), *first);
  EXPECT_EQ(*post(*root_, "r", {{alice, 2}, {cash, -5}, {alice, 3}}), *first);
  EXPECT_EQ(balance(alice), 5);
  EXPECT_NE(*post(*root_, "r", {{cash, -5}, {alice, 5}}, "other_kind"), *first);
  const std::vector<LedgerLine> others[] = {
      {{cash, -6}, {alice, 6}},
      {{cash, -5}, {account("customer", 1), 5}},
      {{cash, -5}, {alice, 4}, {account("customer", 1), 1}},
  };
  for (const auto& lines : others) {
    const absl::Status status = post(*root_, "r", lines).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(reason_of(status), "POSTING_CONFLICT");
  }
}

TEST_F(LedgerTest, TheSamePostingFromManyThreadsHappensOnce) {
  const AccountRef cash = account("cash"), alice = account("customer");
  std::vector<std::thread> threads;
  std::array<int64_t, 8> ids{};
  for (int64_t& id : ids) {
    threads.emplace_back([&] { id = post(*root_, "r", {{cash, -5}, {alice, 5}}).value_or(-1); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(ids[0], 0);
  for (const int64_t id : ids) EXPECT_EQ(id, ids[0]);
  EXPECT_EQ(balance(alice), 5);
}

TEST_F(LedgerTest, NobodySpendsWhatIsNotThere) {
  const AccountRef cash = account("cash"), alice = account("customer"), coins = account("coins");
  ASSERT_TRUE(post(*root_, "fund", {{cash, -10}, {alice, 10}}).ok());
  const absl::Status poor = post(*root_, "a", {{alice, -11}, {coins, 11}}).status();
  EXPECT_EQ(poor.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(reason_of(poor), "INSUFFICIENT_FUNDS") << poor;
  EXPECT_EQ(reason_of(post(*root_, "b", {{coins, -1}, {alice, 1}}).status()), "OVERDRAWN");
  EXPECT_EQ(
      reason_of(post(*root_, "c", {{account("cheques"), -1}, {account("payee"), 1}}).status()),
      "OVERDRAWN");
  ASSERT_TRUE(post(*root_, "d", {{alice, -10}, {coins, 10}}).ok());
  EXPECT_EQ(balance(alice), 0);
}

TEST_F(LedgerTest, BalancesDoNotWrap) {
  const AccountRef cash = account("cash"), clearing = account("clearing"),
                   alice = account("customer");
  ASSERT_TRUE(post(*root_, "a", {{cash, -(INT64_MAX / 16)}, {alice, INT64_MAX / 16}}).ok());
  EXPECT_EQ(reason_of(post(*root_, "b", {{clearing, -INT64_MAX}, {alice, INT64_MAX}}).status()),
            "BALANCE_OVERFLOW");
  EXPECT_EQ(reason_of(post(*root_, "c", {{clearing, -INT64_MAX}, {cash, INT64_MAX}}).status()),
            "BALANCE_OVERFLOW");
  EXPECT_EQ(balance(alice), INT64_MAX / 16);
}

TEST_F(LedgerTest, AThousandLinesInOnePosting) {
  std::vector<LedgerLine> lines{{account("cash"), -1000}};
  for (int i = 0; i < 1000; ++i) {
    AccountRef one = account("customer");
    one.owner[0] = static_cast<uint8_t>(i >> 8);
    one.owner[1] = static_cast<uint8_t>(i);
    lines.push_back({one, 1});
  }
  const auto id = post(*root_, "r", lines);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*post(*root_, "r", lines), *id);
  EXPECT_EQ(balance(lines.back().account), 1);
  EXPECT_THAT(audit(), IsEmpty());
}

// Eight sessions, each with a shard of its own, fill an account and then empty it. What each finds
// in its shard does not suffice, so they move money between the shards all the time; the sum must
// come out exactly.
TEST_F(LedgerTest, AnAccountSpreadOverShardsGivesExactlyWhatItHolds) {
  constexpr int kThreads = 8, kCoins = 300;
  const AccountRef cash = account("cash"), coins = account("coins"), shop = account("payee");
  ASSERT_TRUE(post(*root_, "fund", {{cash, -kCoins}, {coins, kCoins}}).ok());
  std::atomic<int> given{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCoins; ++i) {
        const absl::Status status =
            post(*root_, std::to_string(t) + "/" + std::to_string(i), {{coins, -1}, {shop, 1}})
                .status();
        if (status.ok()) {
          ++given;
          continue;
        }
        ASSERT_EQ(reason_of(status), "OVERDRAWN") << status;
        ++refused;
        break;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(given, kCoins);
  EXPECT_EQ(refused, kThreads);
  EXPECT_EQ(balance(coins), 0);
  EXPECT_EQ(balance(shop), kCoins);
  EXPECT_EQ(root_->stats().retried, 0) << "a posting deadlocked";
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(LedgerTest, PostingsThatCrossEachOtherDoNotDeadlock) {
  constexpr int kThreads = 8, kPostings = 60;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < kPostings; ++i) {
        std::vector<AccountRef> picked;
        for (uint8_t owner = 0; owner < 5; ++owner) picked.push_back(account("clearing", owner));
        for (uint8_t owner = 0; owner < 5; ++owner) picked.push_back(account("customer", owner));
        std::shuffle(picked.begin(), picked.begin() + 5, random);
        std::shuffle(picked.begin() + 5, picked.end(), random);
        const absl::Status status =
            post(*root_, std::to_string(t) + "/" + std::to_string(i),
                 {{picked[5], 1}, {picked[0], -2}, {picked[6], 2}, {picked[1], -1}})
                .status();
        ASSERT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(root_->stats().retried, 0) << "postings deadlocked";
  EXPECT_THAT(audit(), IsEmpty());
}

TEST_F(LedgerTest, TheFakeDecidesAsTheLedgerDoes) {
  FakeLedger fake;
  FakeTransaction no_tx;
  std::mt19937 random(7);
  const char* const kinds[] = {"customer", "payee", "coins", "cash", "loss", "claims"};
  const auto pick = [&](int below) { return static_cast<int>(random() % below); };
  int agreed_ok = 0, agreed_refused = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string reference = currency_ + std::to_string(pick(200));
    Posting posting{"test", {reference.begin(), reference.end()}, {}};
    int64_t sum = 0;
    for (int line = pick(3); line >= 0; --line) {
      posting.lines.push_back({account(kinds[pick(6)], pick(2)), pick(21) - 10});
      sum += posting.lines.back().amount;
    }
    posting.lines.push_back({account("cash"), pick(20) == 0 ? 1 : -sum});
    const auto real =
        root_->transaction({}, [&](Transaction& tx) { return ledger_->post(tx, posting); });
    const auto faked = fake.post(no_tx, posting);
    ASSERT_EQ(reason_of(real.status()), reason_of(faked.status())) << real.status();
    ASSERT_EQ(real.status().code(), faked.status().code());
    ++(real.ok() ? agreed_ok : agreed_refused);
  }
  EXPECT_GT(agreed_ok, 50);
  EXPECT_GT(agreed_refused, 50);
  for (const char* kind : kinds) {
    for (const uint8_t owner : {0, 1}) {
      EXPECT_EQ(balance(account(kind, owner)), *fake.balance(no_tx, account(kind, owner)));
    }
  }
}

}  // namespace
}  // namespace cafe::storage
