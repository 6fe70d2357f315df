// The service, and its database, killed in the middle.
#include <csignal>

#include "services/doublespend/testing/case_fixture.h"

namespace cafe::doublespend::testing {
namespace {

using cafe::testing::eventually;
using std::chrono::seconds;
constexpr auto DOUBLE = v1::RecordVerdict::DOUBLE;
using Outcomes = std::vector<v1::RecordVerdict::Outcome>;

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
