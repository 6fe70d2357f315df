// Loads under concurrency, and when the service dies around the commit: an account is debited once
// for each sequence, and its guardian can always be loaded with what was debited.
#include <thread>

#include <gmock/gmock.h>

#include "services/withdrawal/wallet_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;

TEST(LoadRace, HundredConcurrentLoadsOfOneSequenceGetTheAnswerToOneOfThem) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess one(issuer, clock), two(issuer, clock);
  Wallet wallet(issuer);
  wallet.join(one.stub());
  // Fifty orders of different amounts, each sent twice, to either replica.
  std::vector<absl::StatusOr<std::string>> answers(100, absl::UnknownError("not answered"));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        answers[i] =
            wallet.load(i % 3 == 0 ? one.stub() : two.stub(), wallet.load_order(1'000 + i % 50, 1));
      });
    }
  }
  std::vector<size_t> winners;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      winners.push_back(i);
    } else {
      EXPECT_EQ(reason_of(answers[i].status()), "LOAD_CLASH") << answers[i].status();
    }
  }
  ASSERT_EQ(winners.size(), 2U) << "one order, sent twice";
  EXPECT_EQ(winners[0] % 50, winners[1] % 50);
  EXPECT_EQ(*answers[winners[0]], *answers[winners[1]]);
  EXPECT_EQ(wallet.find_load(one.stub(), 0).value_or(""), *answers[winners[0]]);
  EXPECT_EQ(issuer.balance(wallet.account()),
            100'000 - 1'000 - static_cast<int64_t>(winners[0] % 50));
  EXPECT_EQ(issuer.count("withdrawal.load"), 1);
  EXPECT_EQ(issuer.audit(), "");
}

// Orders and loads of one account share its lock and its money.
TEST(LoadRace, LoadsAndOrdersTogetherTakeNoMoreThanThereIs) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock);
  Stub& stub = service.stub();
  for (int round = 0; round < 10; ++round) {
    Wallet wallet(issuer);
    wallet.join(stub, 1'000);
    const auto opened = wallet.open(stub, {{issuer.coin.id, 2}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const PreparedOrder order = wallet.prepare(*opened);
    absl::Status completed, loaded;
    {
      std::jthread first([&] { completed = wallet.complete(stub, order).status(); });
      std::jthread second([&] { loaded = wallet.load(stub, wallet.load_order(1, 1)).status(); });
    }
    EXPECT_NE(completed.ok(), loaded.ok()) << completed << loaded;
    EXPECT_EQ(reason_of(completed.ok() ? loaded : completed), "INSUFFICIENT_FUNDS");
    EXPECT_EQ(issuer.balance(wallet.account()), completed.ok() ? 0 : 999);
  }
  EXPECT_EQ(issuer.audit(), "");
}

// The system's clock from here on: the service is a program of its own.
class LoadCrash : public ::testing::Test {
 protected:
  LoadCrash() : issuer_(platform::unix_seconds(platform::SystemClock())), wallet_(issuer_) {}

  TestIssuer issuer_;
  Wallet wallet_;
};

TEST_F(LoadCrash, BetweenCommitAndAnswerLeavesTheAnswerThatWasCommitted) {
  ChildProcess dying(issuer_, "withdrawal/load-after-commit=crash@1");
  wallet_.join(dying.stub());
  const auto order = wallet_.load_order(2'500, 1);
  EXPECT_FALSE(wallet_.load(dying.stub(), order).ok());
  dying.expect_crash();
  EXPECT_EQ(issuer_.balance(wallet_.account()), 97'500) << "it was debited";

  ChildProcess service(issuer_);
  const auto fetched = wallet_.find_load(service.stub(), 0);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(wallet_.load(service.stub(), order).value_or(""), *fetched);
  EXPECT_EQ(reason_of(wallet_.load(service.stub(), wallet_.load_order(2'600, 1)).status()),
            "LOAD_CLASH");
  EXPECT_TRUE(wallet_.load(service.stub(), wallet_.load_order(2'600, 2)).ok());
  EXPECT_EQ(issuer_.balance(wallet_.account()), 94'900) << "and once only";
  EXPECT_EQ(issuer_.audit(), "");
  service.terminate();
}

TEST_F(LoadCrash, BeforeCommitLeavesNothing) {
  ChildProcess dying(issuer_, "withdrawal/load-before-commit=crash@1");
  wallet_.join(dying.stub());
  const std::string before = issuer_.rows();
  EXPECT_FALSE(wallet_.load(dying.stub(), wallet_.load_order(2'500, 1)).ok());
  dying.expect_crash();
  EXPECT_EQ(issuer_.rows(), before);

  // The answer that was signed never left: another order may take the sequence now.
  ChildProcess service(issuer_);
  EXPECT_TRUE(wallet_.load(service.stub(), wallet_.load_order(2'600, 1)).ok());
  EXPECT_EQ(issuer_.balance(wallet_.account()), 97'400);
  EXPECT_EQ(issuer_.audit(), "");
}

// A database without its newest records makes the same load again, byte for byte: the guardian
// takes it once, whichever copy it sees first.
TEST_F(LoadCrash, SameOrderIsAnsweredTheSameWhoeverAnswersIt) {
  ChildProcess service(issuer_);
  wallet_.join(service.stub());
  const auto order = wallet_.load_order(2'500, 1);
  const auto first = wallet_.load(service.stub(), order);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string account = "'\\x" + wallet_.account().hex() + "'";
  must(issuer_.admin().transaction({}, [&](Transaction& tx) {
    return tx.run_script(
        "DELETE FROM withdrawal.load WHERE account_id = " + account +
        "; UPDATE withdrawal.account SET last_load = 0 WHERE account_id = " + account);
  }));
  EXPECT_EQ(wallet_.load(service.stub(), order).value_or(""), *first);
}

}  // namespace
}  // namespace cafe::withdrawal
