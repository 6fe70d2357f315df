#include "loadtest/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadtest/pacer.h"
#include "loadtest/testing/fake_server.h"

namespace cafe::loadtest {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Runs against a server that is fresh each time.
class CampaignTest : public ::testing::Test {
 protected:
  Campaign run(const CampaignOptions& options) {
    const auto campaign = run_campaign(options, [&](const RunRequest& request) {
      requests_.push_back(request);
      FakeClock clock;
      FakeServerOptions server_options = server_;
      // What a short step does not show.
      if (request.measure_s > 20) server_options.service_ns = long_run_service_ns_;
      FakeServer server(server_options, clock);
      const RunShape shape{.requests_per_s = request.items_per_s / server_.items_per_request,
                           .items_per_request = server_.items_per_request,
                           .warmup_s = request.warmup_s,
                           .measure_s = request.measure_s};
      const auto recorder = std::make_shared<Recorder>(shape, clock.now_ns());
      const std::atomic<bool> stop = false;
      run_load(server, {}, clock, recorder, stop);
      RunResult result = recorder->result();
      result.purpose = request.purpose;
      result.stopped = requests_.size() == stopped_run_;
      return absl::StatusOr<RunResult>(result);
    });
    return *campaign;
  }

  std::vector<std::string> purposes() const {
    std::vector<std::string> all;
    for (const RunRequest& request : requests_) all.push_back(request.purpose);
    return all;
  }

  // 2,000 requests/s, 20,000 items/s.
  FakeServerOptions server_{.workers = 2, .service_ns = 1'000'000, .items_per_request = 10};
  int64_t long_run_service_ns_ = 1'000'000;
  std::vector<RunRequest> requests_;
  size_t stopped_run_ = 0;
};

TEST_F(CampaignTest, FindsTheHighestSustainedRateAndConfirmsItInAFullRun) {
  const Campaign campaign =
      run({.find_rate = true, .limits = {.p99_ms = 50}, .measure_s = 30, .warmup_s = 5});
  EXPECT_LE(campaign.sustained_per_s, 20'500);
  EXPECT_GE(campaign.sustained_per_s, 19'000);
  EXPECT_EQ(campaign.runs.back().purpose, "confirm");
  EXPECT_DOUBLE_EQ(campaign.runs.back().shape.measure_s, 30);
  EXPECT_LE(campaign.runs.back().p99_ms(), 50);
  EXPECT_THAT(campaign.wrong, IsEmpty());
}

TEST_F(CampaignTest, ARateThatDoesNotHoldInAFullRunIsLowered) {
  long_run_service_ns_ = 1'100'000;  // 18,182 items/s
  const Campaign campaign = run({.find_rate = true, .limits = {.p99_ms = 50}});
  EXPECT_LE(campaign.sustained_per_s, 18'300);
  EXPECT_GE(campaign.sustained_per_s, 17'000);
  EXPECT_THAT(purposes(), Contains("confirm").Times(Gt(1)));
  EXPECT_THAT(campaign.wrong, IsEmpty());
}

TEST_F(CampaignTest, FailsWhereNoRateIsSustained) {
  server_.fail_every = 2;
  const Campaign campaign = run({.find_rate = true, .limits = {.p99_ms = 50}});
  EXPECT_EQ(campaign.sustained_per_s, 0);
  EXPECT_THAT(campaign.wrong, ElementsAre(HasSubstr("no rate was sustained")));
}

TEST_F(CampaignTest, ASweepGoesFromATenthToTwiceTheFoundRate) {
  server_.most_waiting = 500;
  const Campaign campaign = run({.find_rate = true, .sweep = true, .limits = {.p99_ms = 50}});
  std::vector<double> shares;
  for (const RunRequest& request : requests_) {
    if (request.purpose == "sweep")
      shares.push_back(request.items_per_s / campaign.sustained_per_s);
  }
  ASSERT_EQ(shares.size(), std::size(kSweepShares));
  for (size_t i = 0; i < shares.size(); ++i) EXPECT_NEAR(shares[i], kSweepShares[i], 1e-9);
  EXPECT_THAT(campaign.wrong, IsEmpty());  // overload is what a sweep is for
}

TEST_F(CampaignTest, ASweepAroundAChosenRateNeedsNoSearch) {
  run({.rates = {10'000}, .sweep = true});
  EXPECT_EQ(requests_.size(), 1 + std::size(kSweepShares));
  EXPECT_DOUBLE_EQ(requests_.back().items_per_s, 20'000);
}

TEST_F(CampaignTest, AChosenRateFailsOnFailuresAndOnLatencyOnlyWhereALimitIsSet) {
  EXPECT_THAT(run({.rates = {22'000}}).wrong, IsEmpty());
  EXPECT_THAT(run({.rates = {22'000}, .limits = {.p99_ms = 100}}).wrong,
              Contains(HasSubstr("p99 is")));
  server_.fail_every = 100;
  EXPECT_THAT(run({.rates = {5'000}}).wrong, ElementsAre(HasSubstr("(FAKE)")));
}

TEST_F(CampaignTest, RequestsWithoutAnAnswerFailTheTest) {
  server_.answers = false;
  EXPECT_THAT(run({.rates = {100}}).wrong, ElementsAre(HasSubstr("had no answer")));
}

TEST_F(CampaignTest, OverloadMayBeRefusedButNotFail) {
  server_.fail_every = 1'000'000'000;  // the first request
  EXPECT_THAT(run({.rates = {1'000, 40'000}}).wrong,
              Contains(HasSubstr("at 1000/s: 1 requests failed")));
  EXPECT_THAT(run({.rates = {10'000}, .sweep = true}).wrong,
              Contains(HasSubstr("at 20000/s: 1 requests failed")));
  server_.fail_every = 0;
  server_.most_waiting = 500;
  EXPECT_THAT(run({.rates = {1'000, 40'000}, .sweep = true}).wrong, IsEmpty());
}

TEST_F(CampaignTest, NothingIsStartedAfterAStop) {
  stopped_run_ = 3;
  const Campaign campaign = run({.find_rate = true, .sweep = true, .limits = {.p99_ms = 50}});
  EXPECT_EQ(requests_.size(), 3u);
  EXPECT_THAT(campaign.wrong, Contains(HasSubstr("stopped")));
}

TEST(ShortfallsTest, AServerThatRefusesMuchSustainsNothing) {
  RunResult run;
  run.tally.due = {1'000, 1'000};
  run.tally.done = run.tally.ok = {998, 998};
  run.tally.refused = {2, 2};
  EXPECT_THAT(shortfalls(run, {}), ElementsAre(HasSubstr("refused")));
  EXPECT_THAT(shortfalls(run, {.refused_share = 0.01}), IsEmpty());
}

TEST(ShortfallsTest, ABacklogShowsEvenWithoutALimitOfLatency) {
  RunResult run;
  run.tally.due = {1'000, 1'000};
  run.tally.ok = {1'000, 1'000};
  run.tally.done = {700, 700};
  EXPECT_THAT(shortfalls(run, {}), ElementsAre(HasSubstr("were done")));
}

}  // namespace
}  // namespace cafe::loadtest
