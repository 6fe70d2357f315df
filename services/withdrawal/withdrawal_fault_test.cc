// Attempts to make the issuer answer one nonce twice (section 4 [guard]): by concurrency, by a
// crash between commit and answer, by a database that was killed, restored, promoted or put back.
#include <thread>

#include <gmock/gmock.h>

#include "services/withdrawal/wallet_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;

// Orders of one answer to Open whose challenges all differ.
std::vector<PreparedOrder> rivals(TestIssuer& issuer, const Wallet& wallet,
                                  const protocol::OpenAnswer& opened, size_t count) {
  std::vector<PreparedOrder> orders;
  for (size_t i = 0; i < count; ++i) {
    orders.push_back(wallet.prepare(opened, issuer.market.rng.seed()));
  }
  return orders;
}

TEST(NonceReuse, HundredConcurrentCompletesOfOneNumberGetAnswersToOneOfThem) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess one(issuer, clock), two(issuer, clock);
  Wallet wallet(issuer);
  wallet.join(one.stub());
  const auto opened = wallet.open(one.stub(), {{issuer.coin.id, 2}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<PreparedOrder> orders = rivals(issuer, wallet, *opened, 100);

  // Each order is sent twice, to either replica.
  std::vector<absl::StatusOr<std::string>> answers(200, absl::UnknownError("not answered"));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        answers[i] = wallet.complete(i % 3 == 0 ? one.stub() : two.stub(), orders[i % 100]);
      });
    }
  }
  std::vector<size_t> winners;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      winners.push_back(i);
    } else {
      EXPECT_EQ(reason_of(answers[i].status()), "ORDER_COMPLETED_DIFFERENTLY")
          << answers[i].status();
    }
  }
  ASSERT_EQ(winners.size(), 2U) << "one order, sent twice";
  EXPECT_EQ(winners[0] % 100, winners[1] % 100);
  EXPECT_EQ(*answers[winners[0]], *answers[winners[1]]);
  EXPECT_TRUE(wallet.unblind(orders[winners[0] % 100], *answers[winners[0]]).ok());
  EXPECT_EQ(issuer.balance(wallet.account()), 100'000 - 1'000);
  EXPECT_EQ(issuer.count("withdrawal.completed_order"), 1);
  EXPECT_EQ(issuer.audit(), "");
}

TEST(NonceReuse, VoidAndCompleteOfOneOrderNeverBothHappen) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock);
  const uint64_t slot = protocol::time_slot_of(kWorldNow_s);
  std::vector<std::unique_ptr<Wallet>> wallets;
  std::vector<PreparedOrder> orders;
  for (int i = 0; i < 40; ++i) {
    wallets.push_back(std::make_unique<Wallet>(issuer));
    wallets.back()->join(service.stub());
    const auto opened = wallets.back()->open(service.stub(), {{issuer.coin.id, 1}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    orders.push_back(wallets.back()->prepare(*opened));
  }
  std::vector<absl::StatusOr<std::string>> completed(wallets.size(), absl::UnknownError(""));
  std::vector<absl::StatusOr<v1::VoidOrderResponse>> voided(wallets.size(), absl::UnknownError(""));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < wallets.size(); ++i) {
      threads.emplace_back(
          [&, i] { completed[i] = wallets[i]->complete(service.stub(), orders[i]); });
      threads.emplace_back([&, i] { voided[i] = wallets[i]->ask_void(service.stub(), 1, slot); });
    }
  }
  for (size_t i = 0; i < wallets.size(); ++i) {
    ASSERT_TRUE(voided[i].ok()) << voided[i].status();
    if (completed[i].ok()) {
      EXPECT_EQ(voided[i]->completion(), *completed[i]);
    } else {
      EXPECT_EQ(reason_of(completed[i].status()), "ORDER_VOID");
      EXPECT_TRUE(wallets[i]->is_void_statement(voided[i]->void_statement(), 1, slot));
    }
  }
  EXPECT_EQ(issuer.audit(), "");
}

// The system's clock from here on: the service is a program of its own.
uint64_t system_now_s() { return platform::unix_seconds(platform::SystemClock()); }

class Crash : public ::testing::Test {
 protected:
  Crash() : issuer_(system_now_s()), wallet_(issuer_) {}

  // Opens and prepares an order with a service that will crash at `failpoint`.
  void open_with(ChildProcess& service) {
    wallet_.join(service.stub());
    const auto opened = wallet_.open(service.stub(), {{issuer_.coin.id, 2}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    orders_ = rivals(issuer_, wallet_, *opened, 2);
    slot_ = opened->time_slot;
  }

  TestIssuer issuer_;
  Wallet wallet_;
  std::vector<PreparedOrder> orders_;
  uint64_t slot_ = 0;
};

TEST_F(Crash, BetweenCommitAndAnswerLeavesTheAnswerThatWasCommitted) {
  ChildProcess dying(issuer_, "withdrawal/complete-after-commit=crash@1");
  open_with(dying);
  EXPECT_FALSE(wallet_.complete(dying.stub(), orders_[0]).ok());
  dying.expect_crash();

  ChildProcess service(issuer_);
  EXPECT_EQ(reason_of(wallet_.complete(service.stub(), orders_[1]).status()),
            "ORDER_COMPLETED_DIFFERENTLY");
  const auto answer = wallet_.complete(service.stub(), orders_[0]);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(wallet_.unblind(orders_[0], *answer).ok());
  EXPECT_EQ(*answer, *wallet_.complete(service.stub(), orders_[0]));
  const auto settled = wallet_.ask_void(service.stub(), 1, slot_);
  ASSERT_TRUE(settled.ok()) << settled.status();
  EXPECT_EQ(settled->completion(), *answer);
  EXPECT_EQ(issuer_.balance(wallet_.account()), 100'000 - 1'000);
  EXPECT_EQ(issuer_.audit(), "");
  service.terminate();
}

TEST_F(Crash, BeforeCommitLeavesNothing) {
  ChildProcess dying(issuer_, "withdrawal/complete-before-commit=crash@1");
  open_with(dying);
  const std::string before = issuer_.rows();
  EXPECT_FALSE(wallet_.complete(dying.stub(), orders_[0]).ok());
  dying.expect_crash();
  EXPECT_EQ(issuer_.rows(), before);

  // The answer that was computed never left: another challenge may be answered now.
  ChildProcess service(issuer_);
  const auto answer = wallet_.complete(service.stub(), orders_[1]);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(wallet_.unblind(orders_[1], *answer).ok());
  EXPECT_EQ(reason_of(wallet_.complete(service.stub(), orders_[0]).status()),
            "ORDER_COMPLETED_DIFFERENTLY");
  EXPECT_EQ(issuer_.balance(wallet_.account()), 100'000 - 1'000);
  EXPECT_EQ(issuer_.audit(), "");
}

TEST_F(Crash, OfAVoidLeavesItAllOrNothing) {
  ChildProcess before(issuer_, "withdrawal/void-before-commit=crash@1");
  open_with(before);
  EXPECT_FALSE(wallet_.ask_void(before.stub(), 1, slot_).ok());
  before.expect_crash();
  EXPECT_EQ(issuer_.count("withdrawal.order_slot"), 0);

  ChildProcess after(issuer_, "withdrawal/void-after-commit=crash@1");
  EXPECT_FALSE(wallet_.ask_void(after.stub(), 1, slot_).ok());
  after.expect_crash();
  ChildProcess service(issuer_);
  EXPECT_EQ(reason_of(wallet_.complete(service.stub(), orders_[0]).status()), "ORDER_VOID");
  const auto statement = wallet_.ask_void(service.stub(), 1, slot_);
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_TRUE(wallet_.is_void_statement(statement->void_statement(), 1, slot_));
}

// What the database forgets, the issuer never answers again
// -------------------------------------------

class Lineage : public ::testing::Test {
 protected:
  // After the server was away its connections are broken: asks until it answers.
  template <typename F>
  auto ask(F&& call) {
    auto answer = call();
    testing::eventually(std::chrono::seconds(30), [&] {
      if (answer.status().code() == absl::StatusCode::kUnavailable) answer = call();
      return answer.status().code() != absl::StatusCode::kUnavailable;
    });
    return answer;
  }
  auto open(const Wallet& wallet) {
    return ask([&] { return wallet.open(stub(), {{issuer_.coin.id, 2}}); });
  }
  auto complete(const Wallet& wallet, const PreparedOrder& order) {
    return ask([&] { return wallet.complete(stub(), order); });
  }
  Stub& stub() { return service_.stub(); }

  // No nonce of `before` is behind any commitment of `after`, although both are answers for the
  // same account, number, time slot, denominations and indexes.
  static void expect_other_nonces(const protocol::OpenAnswer& before,
                                  const protocol::OpenAnswer& after) {
    ASSERT_EQ(before.order, after.order);
    ASSERT_EQ(before.time_slot, after.time_slot);
    ASSERT_EQ(before.lines.size(), after.lines.size());
    for (size_t line = 0; line < before.lines.size(); ++line) {
      ASSERT_EQ(before.lines[line].denom_id, after.lines[line].denom_id);
      EXPECT_EQ(before.lines[line].z, after.lines[line].z);
      for (const auto& old_pair : before.lines[line].coins) {
        for (const auto& new_pair : after.lines[line].coins) {
          for (const auto& old_clause : old_pair) {
            EXPECT_NE(old_clause.a, new_pair[0].a);
            EXPECT_NE(old_clause.a, new_pair[1].a);
          }
        }
      }
    }
  }

  TestIssuer issuer_;
  platform::ManualClock clock_{absl::FromUnixSeconds(kWorldNow_s)};
  InProcess service_{issuer_, clock_};
};

TEST_F(Lineage, RestoredOlderCopyNeverAnswersAnOldNonceAgain) {
  Wallet wallet(issuer_);
  wallet.join(stub());
  const testing::TemporaryFolder copies;
  must(issuer_.postgres->stop());
  must(issuer_.postgres->copy_cold(copies.path() / "older"));
  must(issuer_.postgres->start_again());

  // An order completes after the copy was made...
  const auto opened = open(wallet);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto orders = rivals(issuer_, wallet, *opened, 2);
  const auto answered = complete(wallet, orders[0]);
  ASSERT_TRUE(answered.ok()) << answered.status();

  // ... and is lost with the restore.
  must(issuer_.postgres->stop());
  must(issuer_.postgres->restore_cold(copies.path() / "older"));
  must(issuer_.postgres->start_again());
  ASSERT_TRUE(
      testing::eventually(std::chrono::seconds(30), [&] { return issuer_.admin().ping().ok(); }));
  ASSERT_EQ(issuer_.count("withdrawal.completed_order"), 0);

  // The clock stands still, so that only the lineage stands between the wallet and x.
  EXPECT_EQ(reason_of(complete(wallet, orders[1]).status()), "ORDER_DEAD");
  EXPECT_EQ(reason_of(complete(wallet, orders[0]).status()), "ORDER_DEAD");
  const auto anew = open(wallet);
  ASSERT_TRUE(anew.ok()) << anew.status();
  expect_other_nonces(*opened, *anew);
  EXPECT_EQ(reason_of(complete(wallet, orders[1]).status()), "ORDER_DEAD")
      << "also once the new epoch is drawn";
  EXPECT_TRUE(complete(wallet, wallet.prepare(*anew)).ok());
  EXPECT_EQ(issuer_.audit(), "");
}

TEST_F(Lineage, SameCopyRestoredTwiceGivesTwoLineages) {
  Wallet wallet(issuer_);
  wallet.join(stub());
  const testing::TemporaryFolder copies;
  must(issuer_.postgres->stop());
  must(issuer_.postgres->copy_cold(copies.path() / "older"));
  std::vector<protocol::OpenAnswer> answers;
  for (int i = 0; i < 2; ++i) {
    must(issuer_.postgres->restore_cold(copies.path() / "older"));
    must(issuer_.postgres->start_again());
    const auto opened = open(wallet);
    ASSERT_TRUE(opened.ok()) << opened.status();
    answers.push_back(*opened);
    must(issuer_.postgres->stop());
  }
  expect_other_nonces(answers[0], answers[1]);
  must(issuer_.postgres->start_again());
}

TEST_F(Lineage, RenewalByTheOperatorKillsWhatWasOpenedBefore) {
  Wallet wallet(issuer_);
  wallet.join(stub());
  const auto opened = open(wallet);
  ASSERT_TRUE(opened.ok()) << opened.status();
  issuer_.renew_lineage();
  EXPECT_EQ(reason_of(complete(wallet, wallet.prepare(*opened)).status()), "ORDER_DEAD");
  const auto anew = open(wallet);
  ASSERT_TRUE(anew.ok()) << anew.status();
  expect_other_nonces(*opened, *anew);
  EXPECT_TRUE(complete(wallet, wallet.prepare(*anew)).ok());
}

TEST_F(Lineage, PromotedStandbyGivesAnotherLineage) {
  Wallet wallet(issuer_);
  wallet.join(stub());
  const auto opened = open(wallet);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto timeline = [&] {
    return must(issuer_.admin().transaction(
                    {.idempotent = true},
                    [](Transaction& tx) { return storage::read_incarnation(tx); }))
        .timeline;
  };
  const uint32_t before = timeline();
  must(issuer_.postgres->stop());
  testing::Subprocess::Options touch{
      .command = {"touch", (issuer_.postgres->data_folder() / "standby.signal").string()},
      .user = testing::server_user()};
  must(testing::run_command(touch).status());
  must(issuer_.postgres->start_again());
  must(issuer_.admin().transaction({.read_only = true, .idempotent = true}, [](Transaction& tx) {
    return tx.query("SELECT pg_promote()").status();
  }));
  ASSERT_TRUE(testing::eventually(std::chrono::seconds(30), [&] { return timeline() > before; }));
  EXPECT_EQ(reason_of(complete(wallet, wallet.prepare(*opened)).status()), "ORDER_DEAD");
  const auto anew = open(wallet);
  ASSERT_TRUE(anew.ok()) << anew.status();
  expect_other_nonces(*opened, *anew);
}

// The server is killed while orders complete: each is there whole or not at all, and an answer that
// left stands.
TEST_F(Lineage, KilledDatabaseLosesNoAnswerThatLeft) {
  constexpr size_t kWallets = 24;
  std::vector<std::unique_ptr<Wallet>> wallets;
  std::vector<PreparedOrder> orders, others;
  for (size_t i = 0; i < kWallets; ++i) {
    wallets.push_back(std::make_unique<Wallet>(issuer_));
    wallets.back()->join(stub());
    const auto opened = open(*wallets.back());
    ASSERT_TRUE(opened.ok()) << opened.status();
    auto two = rivals(issuer_, *wallets.back(), *opened, 2);
    orders.push_back(std::move(two[0]));
    others.push_back(std::move(two[1]));
  }
  std::vector<absl::StatusOr<std::string>> answers(kWallets, absl::UnknownError(""));
  std::atomic<size_t> answered = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kWallets; ++i) {
      threads.emplace_back([&, i] {
        answers[i] = wallets[i]->complete(stub(), orders[i]);
        ++answered;
      });
    }
    EXPECT_TRUE(testing::eventually(std::chrono::seconds(30), [&] { return answered >= 4; }));
    issuer_.postgres->kill();
  }
  must(issuer_.postgres->start_again());
  ASSERT_TRUE(
      testing::eventually(std::chrono::seconds(30), [&] { return issuer_.admin().ping().ok(); }));
  int64_t completed = 0;
  for (size_t i = 0; i < kWallets; ++i) {
    const auto other = complete(*wallets[i], others[i]);
    const auto again = complete(*wallets[i], orders[i]);
    if (answers[i].ok()) {
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(*again, *answers[i]);
    }
    if (again.ok()) {
      ++completed;
      EXPECT_EQ(reason_of(other.status()), "ORDER_COMPLETED_DIFFERENTLY");
      EXPECT_EQ(issuer_.balance(wallets[i]->account()), 100'000 - 1'000);
    } else {
      EXPECT_EQ(reason_of(again.status()), "ORDER_DEAD");
      EXPECT_EQ(reason_of(other.status()), "ORDER_DEAD");
      EXPECT_EQ(issuer_.balance(wallets[i]->account()), 100'000);
    }
  }
  EXPECT_EQ(issuer_.count("withdrawal.completed_order"), completed);
  EXPECT_EQ(issuer_.audit(), "");
}

}  // namespace
}  // namespace cafe::withdrawal
