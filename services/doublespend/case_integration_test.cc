// Cases from the double spend to the closed account.
#include "libs/protocol/case_file.h"
#include "libs/protocol/status.h"
#include "services/doublespend/testing/case_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using cafe::testing::eventually;
using cafe::testing::Guardian;
using protocol::to_string;
using std::chrono::seconds;
using Stub = v1::DoubleSpend::Stub;
constexpr auto DOUBLE = v1::RecordVerdict::DOUBLE;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;

TEST_F(CaseTest, ADoubleSpenderIsProvedAndTheAccountClosedWithThatVeryEvidence) {
  start();
  const uint64_t number = spend_twice(coin_);
  ASSERT_TRUE(reaches_state(number, "proved")) << get_case(number).summary().note();
  expect_convicted(number);
  EXPECT_TRUE(get_case(number).summary().first_of_account());
  ASSERT_TRUE(account_gets_closed());
  EXPECT_EQ(peers_.closed(), std::vector<std::string>{get_case(number).signed_case()});
}

// A cheque's secret belongs to the account's other identity point.
TEST_F(CaseTest, AChequeWrittenTwiceConvicts) {
  start();
  cafe::testing::WithdrawnCoin cheque = market_.take(wallet_, market_.cheque);
  const auto write = [&](uint64_t value) {
    return archive(market_.pay(wallet_, {{&cheque, 0, value}}, Guardian::kForgetful));
  };
  const auto verdicts = record({write(700), write(1200)});
  ASSERT_EQ(verdicts[1].outcome(), DOUBLE);
  expect_caught(verdicts[1].case_number(), protocol::Kind::kCheque);
}

TEST_F(CaseTest, ACallPaidTwiceConvictsHoweverManyTicksWereShown) {
  start();
  cafe::testing::WithdrawnCoin cheque = market_.take(wallet_, market_.cheque);
  const auto call = [&] { return market_.open_call(wallet_, cheque, 5, 20, Guardian::kForgetful); };
  const auto first = call(), second = call();
  const auto verdicts = record({archive(first.shown(3)), archive(first.shown(9)),
                                archive(second.shown(1)), archive(second.shown(20))});
  EXPECT_EQ(verdicts[0].outcome(), FRESH);
  EXPECT_EQ(verdicts[1].outcome(), v1::RecordVerdict::REPEAT);
  EXPECT_EQ(verdicts[1].ticks_before(), 3u);
  ASSERT_EQ(verdicts[2].outcome(), DOUBLE);
  EXPECT_EQ(verdicts[3].case_number(), verdicts[2].case_number());
  expect_caught(verdicts[2].case_number(), protocol::Kind::kCheque);
}

// She pays a shop, and then pays the same coin back into an account.
TEST_F(CaseTest, ACoinPaidBackAfterItWasSpentConvicts) {
  start();
  const auto holder = market_.make_wallet();
  protocol::Terms terms = market_.make_terms(500);
  terms.payee_id = protocol::holder_payee_id(holder.account.account);
  terms.terminal_id = protocol::holder_terminal_id(holder.account.account);
  protocol::Payment back = market_.pay(wallet_, {{&coin_, 0, 500}}, terms, Guardian::kForgetful);
  back.terms = protocol::SignedDocument::sign(terms.encode(), holder.identity.account_key);
  const auto verdicts = record({pay(coin_), archive(back, market_.credential_of(holder))});
  ASSERT_EQ(verdicts[1].outcome(), DOUBLE);
  expect_caught(verdicts[1].case_number(), protocol::Kind::kCoin);
}

TEST_F(CaseTest, OnlyTheFirstCaseOfAnAccountClosesIt) {
  start();
  const uint64_t first = spend_twice(coin_);
  ASSERT_TRUE(reaches_state(first, "proved"));
  ASSERT_TRUE(account_gets_closed());
  cafe::testing::WithdrawnCoin other = market_.take(wallet_, market_.coin);
  const uint64_t second = spend_twice(other);
  ASSERT_TRUE(reaches_state(second, "proved"));
  expect_convicted(second);
  EXPECT_FALSE(get_case(second).summary().first_of_account());
  // A third, so that the worker has been through the second once more.
  cafe::testing::WithdrawnCoin third = market_.take(wallet_, market_.coin);
  ASSERT_TRUE(reaches_state(spend_twice(third), "proved"));
  EXPECT_EQ(peers_.closed().size(), 1u);
}

TEST_F(CaseTest, TheDatabaseKeepsOneFirstCaseForAnAccountAndEvidenceUnchanged) {
  start();
  const uint64_t first = spend_twice(coin_);
  ASSERT_TRUE(reaches_state(first, "proved"));
  cafe::testing::WithdrawnCoin other = market_.take(wallet_, market_.coin);
  const uint64_t second = spend_twice(other);
  ASSERT_TRUE(reaches_state(second, "proved"));
  for (const char* sql : {
           "INSERT INTO coinstore.cases SELECT (jsonb_populate_record(c, '{\"number\": 999}')).* "
           "FROM coinstore.cases c WHERE first_of_account",
           "UPDATE coinstore.cases SET first_of_account = true WHERE NOT first_of_account",
           "UPDATE coinstore.cases SET signed_case = '\\x00' WHERE first_of_account",
           "UPDATE coinstore.cases SET state = 'open', account_id = NULL, signed_case = NULL, "
           "first_of_account = false, account_closed_ms = NULL",
           "UPDATE coinstore.cases SET second_batch = 77",
       }) {
    const absl::Status status = superuser().transaction(
        {}, [&](storage::Transaction& tx) { return tx.query(sql).status(); });
    const std::string reason = protocol::reason_of(status);
    EXPECT_TRUE(reason == "UNIQUE_VIOLATION" || reason == "CASE_IS_PROVED" ||
                reason == "CASE_IS_FIXED")
        << sql << ": " << status;
  }
}

TEST_F(CaseTest, WithThePeersDownRecordWorksAndTheCaseWaits) {
  peers_.set_down(true);
  start();
  const uint64_t number = spend_twice(coin_);
  ASSERT_TRUE(eventually(seconds(60), [&] { return !get_case(number).summary().note().empty(); }));
  EXPECT_EQ(get_case(number).summary().state(), "open");
  EXPECT_EQ(outcomes(rows_.spends(3, 50)), Outcomes(3, FRESH));
  peers_.set_down(false);
  ASSERT_TRUE(reaches_state(number, "proved"));
  EXPECT_EQ(get_case(number).summary().note(), "");
  EXPECT_TRUE(account_gets_closed());
}

TEST_F(CaseTest, ASplitCoinConvictsForTheSlotThatWasSpentTwice) {
  start();
  cafe::testing::WithdrawnCoin coin = market_.take(wallet_, market_.split_coin);
  const auto verdicts = record({pay(coin, 1), pay(coin, 3), pay(coin, 3)});
  EXPECT_EQ(verdicts[1].outcome(), FRESH);
  ASSERT_EQ(verdicts[2].outcome(), DOUBLE);
  ASSERT_TRUE(reaches_state(verdicts[2].case_number(), "proved"));
  expect_convicted(verdicts[2].case_number());
  EXPECT_EQ(get_case(verdicts[2].case_number()).summary().slot(), 3u);
}

TEST_F(CaseTest, WhatCannotBeRaisesAnAlarm) {
  start();
  SpendRow first = pay(coin_);
  SpendRow second = pay(coin_);
  second.trace.r2 = first.trace.r2;
  const uint64_t equal_r2 = record({first, second})[1].case_number();
  const SpendRow made_up = rows_.spend(rows_.coin(), 0, {70, 0});
  const uint64_t nobody =
      record({made_up, rows_.spend(made_up.key.coin_id, 0, {71, 0})})[1].case_number();
  ASSERT_TRUE(reaches_state(equal_r2, "alarm"));
  ASSERT_TRUE(reaches_state(nobody, "alarm"));
  EXPECT_NE(get_case(equal_r2).summary().note().find("EQUAL_R2"), std::string::npos);
  EXPECT_NE(get_case(nobody).summary().note().find("NO_ACCOUNT"), std::string::npos);
  EXPECT_TRUE(get_case(nobody).signed_case().empty());
  EXPECT_TRUE(peers_.closed().empty());
  for (const char* reason : {"EQUAL_R2", "NO_ACCOUNT"}) {
    auto& alarms =
        host_->metrics().counter("cafe_coinstore_alarms_total", "", {{"reason", reason}});
    EXPECT_TRUE(eventually(seconds(60), [&] { return alarms.Value() == 1; })) << reason;
  }
  auto& gauge = host_->metrics().gauge("cafe_coinstore_cases", "", {{"state", "alarm"}});
  EXPECT_TRUE(eventually(seconds(60), [&] { return gauge.Value() == 2; }));
}

TEST_F(CaseTest, CasesAreListedInTheOrderOfTheirNumbers) {
  peers_.set_down(true);
  start();
  const SpendRow first = rows_.spend(rows_.coin(), 0, {1, 0});
  std::vector<SpendRow> rows{first};
  for (uint32_t i = 1; i <= 5; ++i) rows.push_back(rows_.spend(first.key.coin_id, 0, {1, i}));
  record(rows);
  v1::ListCasesRequest request;
  request.set_limit(3);
  std::vector<uint64_t> numbers;
  for (;;) {
    v1::ListCasesResponse response;
    ASSERT_TRUE(call(&Stub::ListCases, request, response).ok());
    if (response.cases().empty()) break;
    EXPECT_LE(response.cases_size(), 3);
    for (const auto& summary : response.cases()) {
      numbers.push_back(summary.number());
      EXPECT_EQ(summary.state(), "open");
      EXPECT_EQ(summary.coin_id(), to_string(first.key.coin_id));
    }
    request.set_after_number(numbers.back());
  }
  EXPECT_EQ(numbers.size(), 5u);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));

  v1::ListCasesResponse response;
  request.set_limit(0);
  EXPECT_EQ(call(&Stub::ListCases, request, response).reason(), "BAD_LIMIT");
  request.set_limit(1001);
  EXPECT_EQ(call(&Stub::ListCases, request, response).reason(), "BAD_LIMIT");
  v1::GetCaseRequest unknown;
  unknown.set_number(12345);
  v1::GetCaseResponse nothing;
  EXPECT_EQ(call(&Stub::GetCase, unknown, nothing).reason(), "NO_SUCH_CASE");
}

}  // namespace
}  // namespace cafe::doublespend::testing
