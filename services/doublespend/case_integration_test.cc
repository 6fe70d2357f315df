// Cases from the double spend to the closed account, callers' identities, and the service killed in
// the middle.
#include <csignal>
#include <thread>

#include "libs/platform/client.h"
#include "libs/platform/testdata/certificates.h"
#include "libs/protocol/case_file.h"
#include "libs/protocol/status.h"
#include "services/doublespend/testing/double_spender.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using cafe::testing::eventually;
using cafe::testing::Guardian;
using protocol::to_string;
using std::chrono::seconds;
using Stub = v1::DoubleSpend::Stub;
constexpr auto FRESH = v1::RecordVerdict::FRESH;
constexpr auto DOUBLE = v1::RecordVerdict::DOUBLE;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;

// A registered account whose guardian forgets, with payments that are archived at deposit.
class CaseTest : public ServiceFixture {
 protected:
  CaseTest() { peers_.add_account(wallet_); }

  // Pays with one slot and archives it as payment 2 of a batch of its own.
  SpendRow pay(cafe::testing::WithdrawnCoin& coin, uint32_t slot = 0) {
    const protocol::Payment payment = market_.pay(
        wallet_, {{&coin, slot, coin.denomination.slot_values[slot]}}, Guardian::kForgetful);
    const Place place{.batch = next_batch_++, .position = 2 * 128};
    peers_.add_payment(place.batch, place.payment(), payment, market_.terminal_credential);
    const SpendRow dates = rows_.spend({}, 0, {});
    return row_of(market_, payment, place, dates.key.deposit_until, dates.claim_until);
  }
  // The case of one coin spent twice.
  uint64_t spend_twice(cafe::testing::WithdrawnCoin& coin) {
    const auto verdicts = record({pay(coin), pay(coin)});
    EXPECT_EQ(verdicts[1].outcome(), DOUBLE);
    return verdicts[1].case_number();
  }
  // Verifies the stored evidence with public keys alone.
  void expect_convicted(uint64_t number) {
    const auto stored = get_case(number);
    EXPECT_EQ(stored.summary().state(), "proved");
    EXPECT_EQ(stored.summary().account_id(), to_string(wallet_.account.account));
    const auto signed_case = protocol::SignedCase::decode(protocol::view_of(stored.signed_case()));
    ASSERT_TRUE(signed_case.ok()) << signed_case.status();
    const auto verdict = protocol::verify_case(*signed_case, market_.anchors);
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_EQ(verdict->account, wallet_.account.account);
    EXPECT_EQ(to_string(verdict->coin_id), stored.summary().coin_id());
    EXPECT_EQ(verdict->slot, stored.summary().slot());
  }
  bool account_gets_closed() {
    return eventually(seconds(60), [&] {
      clock_.advance(absl::Seconds(1));
      return count("SELECT count(*) FROM coinstore.cases WHERE account_closed_ms IS NOT NULL") > 0;
    });
  }

  cafe::testing::WorldWallet wallet_ = market_.make_wallet();
  cafe::testing::WithdrawnCoin coin_ = market_.take(wallet_, market_.coin);
  uint64_t next_batch_ = 1;
};

TEST_F(CaseTest, ADoubleSpenderIsProvedAndTheAccountClosedWithThatVeryEvidence) {
  start();
  const uint64_t number = spend_twice(coin_);
  ASSERT_TRUE(reaches_state(number, "proved")) << get_case(number).summary().note();
  expect_convicted(number);
  EXPECT_TRUE(get_case(number).summary().first_of_account());
  ASSERT_TRUE(account_gets_closed());
  EXPECT_EQ(peers_.closed(), std::vector<std::string>{get_case(number).signed_case()});
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

// Who may call ----------------------------------------------------------------------------------

class CallerTest : public CaseTest {
 protected:
  CallerTest() {
    options_.tls = identity_of("doublespend");
    start();
  }
  platform::TlsOptions identity_of(const std::string& service) {
    return platform::testdata::write_tls_files(
        folder_.path(), service,
        platform::testdata::make_certificate(ca_, service,
                                             {"DNS:" + platform::service_dns_name(service)}),
        ca_);
  }
  // Calls as a service, or as nobody in particular.
  void become(const std::string& service) {
    platform::TlsOptions tls = options_.tls;
    tls.cert.clear();
    tls.key.clear();
    if (!service.empty()) tls = identity_of(service);
    const auto channel =
        platform::connect("127.0.0.1:" + std::to_string(host_->grpc_port()), "doublespend", tls);
    ASSERT_TRUE(channel.ok()) << channel.status();
    stub_ = v1::DoubleSpend::NewStub(*channel);
  }
  template <typename Request, typename Response>
  bool may_call(Method<Request, Response> method) {
    Response response;
    const Called called = call(method, Request(), response);
    if (called.reason() == "CALLER_NOT_ALLOWED") return false;
    // The empty request got as far as being read.
    EXPECT_TRUE(called.status.code() == absl::StatusCode::kInvalidArgument ||
                called.status.code() == absl::StatusCode::kNotFound)
        << called.status;
    return true;
  }

  const platform::testdata::KeyAndCertificate ca_ = platform::testdata::make_ca("test ca");
};

TEST_F(CallerTest, EachMethodChecksTheCallersCertificate) {
  const struct {
    const char* caller;
    bool records, reads_cases;
  } cases[] = {
      {"", false, false},
      {"deposit", true, true},
      {"settlement", true, false},
      {"operator", false, true},
      {"withdrawal", false, false},
      {"recovery", false, false},
      {"doublespend", false, false},
  };
  for (const auto& c : cases) {
    become(c.caller);
    EXPECT_EQ(may_call(&Stub::Record), c.records) << c.caller;
    EXPECT_EQ(may_call(&Stub::Reserve), c.records) << c.caller;
    EXPECT_EQ(may_call(&Stub::GetCase), c.reads_cases) << c.caller;
    EXPECT_EQ(may_call(&Stub::ListCases), c.reads_cases) << c.caller;
    EXPECT_TRUE(may_call(&Stub::Lookup)) << c.caller;
  }
}

// Killed in the middle --------------------------------------------------------------------------

class KillTest : public CaseTest {
 protected:
  static constexpr int kKilled = 128 + SIGKILL;
  int64_t spent() { return count("SELECT count(*) FROM coinstore.spent"); }
  int64_t cases() { return count("SELECT count(*) FROM coinstore.cases"); }

  // Three fresh rows and a double spend of the first.
  std::vector<SpendRow> make_request() {
    std::vector<SpendRow> rows = rows_.spends(3, 10);
    rows.push_back(rows_.spend(rows[0].key.coin_id, 0, {11, 0}));
    return rows;
  }
  void die_while_recording(const std::string& failpoint, const std::vector<SpendRow>& rows) {
    start_program(failpoint + "=crash");
    v1::RecordResponse response;
    EXPECT_EQ(try_record(rows, response).status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(wait_for_end(), kKilled);
  }
  void expect_finished_by_retry(const std::vector<SpendRow>& rows) {
    start_program();
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(outcomes(rows), (Outcomes{FRESH, FRESH, FRESH, DOUBLE}));
    }
    EXPECT_EQ(spent(), 3);
    EXPECT_EQ(cases(), 1);
    EXPECT_EQ(program_->terminate().value_or(-1), 0) << "and it drains: " << program_->output();
  }
};

TEST_F(KillTest, BeforeTheCommitNothingIsThereAndARetryRecordsAll) {
  peers_.set_down(true);
  const auto rows = make_request();
  die_while_recording("doublespend/after-insert-before-commit", rows);
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(cases(), 0);
  expect_finished_by_retry(rows);
}

TEST_F(KillTest, AfterTheCommitAllIsThereAndARetryGetsTheSameAnswer) {
  peers_.set_down(true);
  const auto rows = make_request();
  die_while_recording("doublespend/after-commit", rows);
  EXPECT_EQ(spent(), 3);
  EXPECT_EQ(cases(), 1);
  expect_finished_by_retry(rows);
}

TEST_F(KillTest, BeforeTheEvidenceIsStoredTheCaseIsTakenUpAgain) {
  start_program("doublespend/case-before-store=crash");
  v1::RecordResponse response;
  // The worker may kill the service before the answer is out.
  const std::vector<SpendRow> rows{pay(coin_), pay(coin_)};
  try_record(rows, response).status.IgnoreError();
  EXPECT_EQ(wait_for_end(), kKilled);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases WHERE state = 'open'"), 1);
  EXPECT_TRUE(peers_.closed().empty());

  start_program();
  const uint64_t number = record(rows)[1].case_number();
  ASSERT_TRUE(reaches_state(number, "proved")) << program_->output();
  expect_convicted(number);
  ASSERT_TRUE(account_gets_closed());
  EXPECT_EQ(peers_.closed(), std::vector<std::string>{get_case(number).signed_case()});
}

TEST_F(KillTest, AfterTheEvidenceIsStoredTheAccountIsClosedAllTheSame) {
  start_program("doublespend/case-after-store=crash");
  v1::RecordResponse response;
  const std::vector<SpendRow> rows{pay(coin_), pay(coin_)};
  try_record(rows, response).status.IgnoreError();
  EXPECT_EQ(wait_for_end(), kKilled);
  EXPECT_EQ(count("SELECT count(*) FROM coinstore.cases WHERE state = 'proved' AND "
                  "account_closed_ms IS NULL"),
            1);
  EXPECT_TRUE(peers_.closed().empty());

  start_program();
  ASSERT_TRUE(account_gets_closed()) << program_->output();
  const uint64_t number = record(rows)[1].case_number();
  expect_convicted(number);
  EXPECT_EQ(peers_.closed(), std::vector<std::string>{get_case(number).signed_case()});
}

TEST_F(KillTest, RecordingGoesOnWhenTheDatabaseWasGone) {
  start_program();
  peers_.set_down(true);
  const auto rows = rows_.spends(5, 1);
  EXPECT_EQ(outcomes(rows), Outcomes(5, FRESH));
  shared_postgres().kill();
  v1::RecordResponse response;
  EXPECT_EQ(try_record(rows, response).status.code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(shared_postgres().start_again().ok());
  EXPECT_TRUE(eventually(seconds(60), [&] { return try_record(rows, response).ok(); }));
  EXPECT_EQ(outcomes(rows), Outcomes(5, FRESH));
}

}  // namespace
}  // namespace cafe::doublespend::testing
