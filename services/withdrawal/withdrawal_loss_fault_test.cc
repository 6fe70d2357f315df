// Losses and replacements under concurrency, and when the service dies around the commit: what a
// statement counts is all there ever is, and money moves once.
#include <atomic>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>

#include "libs/platform/failpoint.h"
#include "services/withdrawal/loss_fixture.h"

namespace cafe::withdrawal {
namespace {

using protocol::reason_of;
using testing::kWorldNow_s;

constexpr auto kPatience = std::chrono::seconds(20);

/// A service whose sweeper is always at work.
WithdrawalOptions sweeping(const TestIssuer& issuer) {
  WithdrawalOptions options = issuer.options;
  options.replacement_interval_ms = 5;
  return options;
}

// Race
// -----------------------------------------------------------------------------------------------

// One order of each wallet is opened; then its Complete is sent again and again by several, to two
// replicas, beside loads and the report.
TEST(LossRace, HundredCompletesAndLoadsBesideAReportLeaveNothingAfterItsNumbers) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess one(issuer, clock), two(issuer, clock);
  size_t before_the_loss = 0, after_it = 0;
  for (int round = 0; round < 8; ++round) {
    Wallet wallet(issuer);
    wallet.join(one.stub());
    const auto opened = wallet.open(one.stub(), {{issuer.coin.id, 1}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const PreparedOrder order = wallet.prepare(*opened);
    std::vector<absl::StatusOr<std::string>> answers(100, absl::UnknownError("not answered"));
    std::string statement;
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < answers.size(); ++i) {
        threads.emplace_back([&, i] {
          Stub& stub = i % 3 == 0 ? one.stub() : two.stub();
          answers[i] = i % 2 == 0 ? wallet.complete(stub, order)
                                  : wallet.load(stub, wallet.load_order(100, 1));
        });
        // Later in each round.
        if (i == static_cast<size_t>(round) * 12) {
          threads.emplace_back([&] {
            statement = call_report(two.stub(), loss_report(issuer, wallet)).value_or("");
          });
        }
      }
    }
    const protocol::LossRecorded recorded = open_recorded(issuer, statement);
    for (size_t i = 0; i < answers.size(); ++i) {
      const uint64_t last = i % 2 == 0 ? recorded.last_order : recorded.last_load;
      EXPECT_EQ(answers[i].ok(), last == 1) << answers[i].status();
      if (answers[i].ok()) {
        ++before_the_loss;
      } else {
        EXPECT_EQ(reason_of(answers[i].status()), "ACCOUNT_CLOSED");
        ++after_it;
      }
    }
    EXPECT_EQ(issuer.balance(wallet.account()),
              100'000 - 500 * static_cast<int64_t>(recorded.last_order) -
                  100 * static_cast<int64_t>(recorded.last_load));
  }
  RecordProperty("before", static_cast<int>(before_the_loss));
  RecordProperty("after", static_cast<int>(after_it));
  EXPECT_EQ(issuer.audit(), "");
}

// Wallets that withdraw and load for all they are worth, in groups with each other, until their
// loss is reported.
TEST(LossRace, WalletsInGroupsStopWhereTheirStatementsSay) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock);
  Stub& stub = service.stub();
  struct Lost {
    explicit Lost(TestIssuer& issuer) : wallet(issuer) {}
    Wallet wallet;
    std::atomic<uint64_t> ordered = 0, loaded = 0;
    absl::Status order_end, load_end;
    std::string statement;
  };
  std::mutex drawing;  // what the wallets draw comes from one generator
  const auto withdraw = [&](Wallet& wallet) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(const auto opened, wallet.open(stub, {{issuer.coin.id, 1}}));
    const PreparedOrder order = [&] {
      const std::lock_guard lock(drawing);
      return wallet.prepare(opened);
    }();
    CAFE_RETURN_IF_ERROR(wallet.complete(stub, order).status());
    ++wallet.next_order;
    return absl::OkStatus();
  };
  std::vector<std::unique_ptr<Lost>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(std::make_unique<Lost>(issuer));
    all.back()->wallet.join(stub, 10'000'000);
  }
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < all.size(); ++i) {
      Lost& lost = *all[i];
      threads.emplace_back([&] {
        for (;;) {
          lost.order_end = withdraw(lost.wallet);
          if (!lost.order_end.ok()) return;
          ++lost.ordered;
        }
      });
      threads.emplace_back([&] {
        for (;;) {
          lost.load_end =
              lost.wallet.load(stub, lost.wallet.load_order(1, lost.loaded + 1)).status();
          if (!lost.load_end.ok()) return;
          ++lost.loaded;
        }
      });
      threads.emplace_back([&, i] {
        // In the midst of it: once the wallet has got on so far.
        EXPECT_TRUE(
            testing::eventually(kPatience, [&] { return lost.ordered + lost.loaded >= 3 + i; }));
        lost.statement = call_report(stub, loss_report(issuer, lost.wallet)).value_or("");
      });
    }
  }
  for (const auto& lost : all) {
    const protocol::LossRecorded recorded = open_recorded(issuer, lost->statement);
    EXPECT_EQ(recorded.last_order, lost->ordered);
    EXPECT_EQ(recorded.last_load, lost->loaded);
    EXPECT_EQ(reason_of(lost->order_end), "ACCOUNT_CLOSED");
    EXPECT_EQ(reason_of(lost->load_end), "ACCOUNT_CLOSED");
    EXPECT_EQ(issuer.count("withdrawal.completed_order WHERE account_id = " +
                           sql_id(lost->wallet.account())),
              static_cast<int64_t>(recorded.last_order));
  }
  EXPECT_EQ(issuer.audit(), "");
}

TEST(ReplacementRace, BalancesMoveOnceHoweverManyAskAtOnce) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess one(issuer, clock, sweeping(issuer)), two(issuer, clock, sweeping(issuer));
  Wallet lost(issuer), heir(issuer), rival(issuer);
  lost.join(one.stub(), 5'000);
  issuer.fund(lost.account(), 600, "USD");
  issuer.fund(lost.account(), 70, "CHF");
  heir.join(one.stub(), 1);
  rival.join(one.stub(), 1);
  must(call_report(one.stub(), loss_report(issuer, lost)));
  std::vector<absl::StatusOr<std::string>> answers(60, absl::UnknownError("not answered"));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        Stub& stub = i % 2 == 0 ? one.stub() : two.stub();
        const Wallet& successor = i % 5 == 4 ? rival : heir;
        answers[i] = i % 3 == 0 ? call_replace(stub, lost.account(), successor.account())
                                : call_replace(stub, replacement(issuer, lost, successor, i));
      });
    }
  }
  std::vector<std::string> statements;
  for (const auto& answer : answers) {
    if (answer.ok()) {
      statements.push_back(*answer);
    } else {
      EXPECT_EQ(reason_of(answer.status()), "REPLACED_BEFORE") << answer.status();
    }
  }
  ASSERT_FALSE(statements.empty());
  EXPECT_THAT(statements, ::testing::Each(statements.front())) << "there is one statement";
  const protocol::Replaced replaced = open_replaced(issuer, statements.front());
  EXPECT_EQ(statements.size(), replaced.successor == heir.account() ? 48U : 12U);
  EXPECT_EQ(issuer.balance(replaced.successor), 5'001);
  EXPECT_EQ(issuer.balance(replaced.successor, "USD"), 600);
  EXPECT_EQ(issuer.balance(replaced.successor, "CHF"), 70);
  EXPECT_EQ(issuer.balance(lost.account()), 0);
  EXPECT_EQ(issuer.count("withdrawal.replacement_move"), 3);
  EXPECT_EQ(issuer.audit(), "");
}

// A pay-back that was under way is credited to the account that it was meant for.
TEST(ReplacementRace, WhatIsCreditedLaterFollowsThroughTheChain) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess one(issuer, clock, sweeping(issuer)), two(issuer, clock, sweeping(issuer));
  Stub& stub = one.stub();
  Wallet first(issuer), second(issuer), third(issuer), convicted(issuer);
  for (Wallet* wallet : {&first, &second, &third, &convicted}) wallet->join(stub, 0);
  for (const auto& [lost, successor] :
       {std::pair(&first, &second), std::pair(&convicted, &third), std::pair(&second, &third)}) {
    must(call_report(stub, loss_report(issuer, *lost)));
    must(call_replace(stub, replacement(issuer, *lost, *successor)));
  }
  run_sql(issuer, "UPDATE withdrawal.account SET closed_case = 1 WHERE account_id = " +
                      sql_id(convicted.account()));
  {
    // While both sweepers work.
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 25; ++k) {
          must(issuer.admin().transaction({}, [&](Transaction& tx) {
            return tx
                .query(
                    "SELECT ledger.post('funding', sha256(random()::text::bytea), $2, "
                    "ARRAY['cash', 'customer'], ARRAY[''::bytea, $1], ARRAY[-7, 7]::bigint[])",
                    first.account().bytes, k % 2 == 0 ? "EUR" : "USD")
                .status();
          }));
        }
      });
    }
  }
  issuer.fund(convicted.account(), 900);
  const auto arrived = [&] {
    return issuer.balance(third.account()) == 4 * 13 * 7 &&
           issuer.balance(third.account(), "USD") == 4 * 12 * 7;
  };
  EXPECT_TRUE(testing::eventually(kPatience, arrived))
      << issuer.balance(third.account()) << " " << issuer.balance(second.account());
  EXPECT_EQ(issuer.balance(first.account()), 0);
  EXPECT_EQ(issuer.balance(second.account()), 0);
  EXPECT_EQ(issuer.balance(convicted.account()), 900) << "a case convicts it";
  EXPECT_EQ(issuer.audit(), "");
}

TEST(ReplacementRace, SweepThatFailsMovesNothingAndTheNextOneMovesOnce) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(kWorldNow_s));
  InProcess service(issuer, clock, sweeping(issuer));
  Wallet lost(issuer), heir(issuer);
  lost.join(service.stub(), 0);
  heir.join(service.stub(), 0);
  must(call_report(service.stub(), loss_report(issuer, lost)));
  must(call_replace(service.stub(), replacement(issuer, lost, heir)));
  must(platform::arm_failpoints("withdrawal/move-before-commit=error"));
  issuer.fund(lost.account(), 250);
  const auto failed = [&] {
    return ::testing::Matches(::testing::ContainsRegex(
        "cafe_background_runs_total\\{[^}]*outcome=\"failed\"[^}]*worker=\"replaced-accounts\"[^}]*"
        "\\} [1-9]"))(service.metrics().expose());
  };
  EXPECT_TRUE(testing::eventually(kPatience, failed)) << service.metrics().expose();
  EXPECT_EQ(issuer.balance(lost.account()), 250);
  EXPECT_EQ(issuer.count("withdrawal.replacement_move"), 0);
  must(platform::arm_failpoints(""));
  EXPECT_TRUE(
      testing::eventually(kPatience, [&] { return issuer.balance(heir.account()) == 250; }));
  EXPECT_EQ(issuer.count("withdrawal.replacement_move"), 1);
  EXPECT_EQ(issuer.audit(), "");
}

// Crash: the system's clock from here on, the service is a program of its own
// -----------------------------------------------------------------------------------------------

class LossCrash : public ::testing::Test {
 protected:
  LossCrash()
      : issuer_(platform::unix_seconds(platform::SystemClock())), lost_(issuer_), heir_(issuer_) {}

  void join(Stub& stub) {
    lost_.join(stub, 4'000);
    heir_.join(stub, 30);
    must(lost_.withdraw(stub, {{issuer_.coin.id, 1}}));
  }

  TestIssuer issuer_;
  Wallet lost_, heir_;
};

TEST_F(LossCrash, BetweenCommitAndAnswerLeavesTheStatementThatWasCommitted) {
  const auto report = loss_report(issuer_, lost_);
  {
    ChildProcess dying(issuer_, "withdrawal/loss-after-commit=crash@1");
    join(dying.stub());
    EXPECT_FALSE(call_report(dying.stub(), report).ok());
    dying.expect_crash();
  }
  const std::string before = issuer_.rows();
  ChildProcess service(issuer_);
  const auto told = call_account(service.stub(), lost_.account());
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->standing(), v1::GetAccountResponse::LOST) << "it was recorded";
  const auto statement = call_report(service.stub(), report);
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(*statement, told->loss_recorded());
  EXPECT_EQ(open_recorded(issuer_, *statement).report_digest, report.digest());
  EXPECT_EQ(open_recorded(issuer_, *statement).last_order, 1U);
  EXPECT_EQ(issuer_.rows(), before);
  EXPECT_EQ(reason_of(lost_.load(service.stub(), lost_.load_order(1, 1)).status()),
            "ACCOUNT_CLOSED");
  EXPECT_EQ(issuer_.audit(), "");
  service.terminate();
}

TEST_F(LossCrash, BeforeCommitLeavesTheAccountOpen) {
  const auto report = loss_report(issuer_, lost_);
  {
    ChildProcess dying(issuer_, "withdrawal/loss-before-commit=crash@1");
    join(dying.stub());
    EXPECT_FALSE(call_report(dying.stub(), report).ok());
    dying.expect_crash();
  }
  ChildProcess service(issuer_);
  EXPECT_TRUE(lost_.load(service.stub(), lost_.load_order(1, 1)).ok());
  const auto statement = call_report(service.stub(), report);
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(open_recorded(issuer_, *statement).last_load, 1U)
      << "the one that was signed before never left";
  EXPECT_EQ(issuer_.audit(), "");
  service.terminate();
}

TEST_F(LossCrash, ReplacementMovesBalancesOnceOnWhicheverSideOfTheCommit) {
  const auto request = replacement(issuer_, lost_, heir_);
  {
    ChildProcess dying(issuer_, "withdrawal/replace-before-commit=crash@1");
    join(dying.stub());
    must(call_report(dying.stub(), loss_report(issuer_, lost_)));
    EXPECT_FALSE(call_replace(dying.stub(), request).ok());
    dying.expect_crash();
  }
  EXPECT_EQ(issuer_.balance(lost_.account()), 3'500);
  EXPECT_EQ(issuer_.count("withdrawal.replacement"), 0);
  {
    ChildProcess dying(issuer_, "withdrawal/replace-after-commit=crash@1");
    EXPECT_FALSE(call_replace(dying.stub(), request).ok());
    dying.expect_crash();
  }
  EXPECT_EQ(issuer_.balance(lost_.account()), 0);
  EXPECT_EQ(issuer_.balance(heir_.account()), 3'530);
  const std::string before = issuer_.rows();
  ChildProcess service(issuer_);
  const auto statement = call_replace(service.stub(), request);
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_THAT(call_account(service.stub(), lost_.account())->replacements(),
              ::testing::ElementsAre(*statement));
  EXPECT_EQ(issuer_.rows(), before);
  EXPECT_EQ(issuer_.audit(), "");
  service.terminate();
}

}  // namespace
}  // namespace cafe::withdrawal
